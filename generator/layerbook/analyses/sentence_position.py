"""A first picture of position: sentence means times the encoding of their place in the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Figure, Point, Scatter
from layerbook.core.parameters import Seed
from layerbook.core.prompts import PromptText
from layerbook.core.requests import (
    EMBED,
    ActivationCache,
    ActivationCaches,
    EmbeddingRows,
    Prompt,
    Request,
)
from layerbook.core.rounding import Exact, Gap
from layerbook.core.text import listed
from layerbook.core.vectors import (
    pool_texts,
    principal_components,
    shuffle_words,
    sinusoidal_encoding,
)


class SentencePoint(Record):
    """One sentence on one map, in the units of the embedding's numbers."""

    text: str = Field(description="The sentence as it was encoded.")
    x: float = Field(description="Coordinate along the first axis of its own set.")
    y: float = Field(description="Coordinate along the second axis of its own set.")


class SentenceSet(Record):
    """Some sentences on the first two axes of their own PCA."""

    points: tuple[SentencePoint, ...] = Field(description="The sentences, in the spec's order.")
    explained: tuple[float, ...] = Field(description="Share of the variance along each axis, 0..1.")


class SentenceMap(Record):
    """Two sets of sentences drawn over each other, each on its own axes."""

    written: SentenceSet = Field(description="The sentences as written.")
    shuffled: SentenceSet = Field(description="The same with their words shuffled.")


class SentencePositionResult(Result):
    """The two maps, and the effect of the multiplication. Changes are Euclidean lengths."""

    C: Exact = Field(description="The constant of the encoding.")
    without_encoding: SentenceMap = Field(description="Means that include the padding.")
    with_encoding: SentenceMap = Field(
        description="The same, times the encoding of each sentence's place in the list."
    )
    zeroed_share: float = Field(
        description="Share of the first sentence's numbers that become 0, 0..1."
    )
    permuted_change: Gap = Field(
        description="Largest move of an encoded sentence when its token ids are permuted."
    )
    reversed_list_change: float = Field(
        description="Largest move when the list is reversed and no sentence changes."
    )
    mean_length: float = Field(description="Mean length of an encoded sentence, for comparison.")


class SentencePosition(Analysis[SentencePositionResult]):
    """Sentence means, without and with the encoding of the sentence's place in the list.

    Shapes: N means [N, D], padding included, times PE [N, D], number by number; then a PCA per set,
        [N, 2].
    Units: coordinates are in the units of the embedding's numbers; explained variance is a share,
        0 to 1.
    Limits: it cannot show word order, since no token's position enters; two sets have two pairs of
        axes.
    Source: the encoding is that of Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, which adds
        it; multiplying is a first attempt.
    """

    prompts: Annotated[tuple[PromptText, ...], Field(min_length=2)] = Field(
        description="The sentences, one point each."
    )
    shuffle_seed: Seed = Field(description="The seed that shuffles their words.")
    C: float = Field(default=1.0, ge=1, le=1e9, description="The constant of the encoding.")

    def runs(self) -> dict[str, Request]:
        """Request the rows of each sentence, also with words shuffled and ids permuted; the pad."""
        requests: dict[str, Request] = {"pad": EmbeddingRows(Prompt(special="pad_token"))}
        shuffled = shuffle_words(self.prompts, self.shuffle_seed)
        for i, (text, words) in enumerate(zip(self.prompts, shuffled, strict=True)):
            requests[f"text-{i}"] = EmbeddingRows(Prompt(text=text))
            requests[f"words-{i}"] = EmbeddingRows(Prompt(text=words))
            requests[f"ids-{i}"] = EmbeddingRows(Prompt(text=text, shuffle_seed=self.shuffle_seed))
        return requests

    def measure(self, captures: ActivationCaches) -> SentencePositionResult:
        """Multiply the means by the encoding; then change the order of words, and of the list."""
        sentences, shuffled_sentences, permuted_sentences = (
            [captures[f"{kind}-{i}"] for i in range(len(self.prompts))]
            for kind in ("text", "words", "ids")
        )
        pad = captures["pad"][EMBED][0]  # [D]
        written = mean_vectors(sentences, pad)  # [N, D]
        shuffled = mean_vectors(shuffled_sentences, pad)  # [N, D]
        permuted = mean_vectors(permuted_sentences, pad)  # [N, D]

        N, D = written.shape
        PE = sinusoidal_encoding(N, D, self.C)  # [N, D]: row n belongs to sentence n
        encoded = written * PE  # [N, D]: multiplied, not added
        relisted = (written[::-1] * PE)[::-1]  # [N, D]: the list from last to first

        return SentencePositionResult(
            C=self.C,
            without_encoding=SentenceMap(
                written=project(sentences, written),
                shuffled=project(shuffled_sentences, shuffled),
            ),
            with_encoding=SentenceMap(
                written=project(sentences, encoded),
                shuffled=project(shuffled_sentences, shuffled * PE),
            ),
            zeroed_share=float((encoded[0] == 0).mean()),
            permuted_change=largest_move(encoded, permuted * PE),
            reversed_list_change=largest_move(encoded, relisted),
            mean_length=float(np.linalg.norm(encoded, axis=1).mean()),
        )

    def figures(self, result: SentencePositionResult) -> dict[str, Figure]:
        """`without` and `with` the encoding, both sets laid over each other."""
        with_title = f"Multiplied by the encoding, C = {result.C:g}"
        return {
            "without": _scatter(result.without_encoding, "Sentence means, padding averaged in"),
            "with": _scatter(result.with_encoding, with_title),
        }


def mean_vectors(
    sentences: Sequence[ActivationCache], pad: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Average the rows of each sentence, filled up with `pad` [D] to the longest: [N, D]."""
    return pool_texts([sentence[EMBED] for sentence in sentences], pad)


def largest_move(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """Return the largest distance between a sentence's vectors [N, D] before and after."""
    return float(np.linalg.norm(after - before, axis=1).max())


def project(sentences: Sequence[ActivationCache], rows: NDArray[np.float64]) -> SentenceSet:
    """Return the sentences, whose vectors are rows [N, D], on their own first two axes."""
    axes = principal_components(rows)
    points = [
        SentencePoint(text=sentence.text, x=x, y=y)
        for sentence, (x, y) in zip(sentences, axes.project(rows).tolist(), strict=True)
    ]
    return SentenceSet(points=tuple(points), explained=axes.explained)


def _scatter(sentences: SentenceMap, title: str) -> Scatter:
    written, shuffled = sentences.written, sentences.shuffled
    shares = [
        f"{a:.0%} and {b:.0%} of the variance"
        for a, b in zip(written.explained, shuffled.explained, strict=True)
    ]
    points = [Point(s.text, s.x, s.y, "as written") for s in written.points]
    points += [Point(s.text, s.x, s.y, "words shuffled") for s in shuffled.points]
    alt = (
        f"As written: {_coordinates(written.points)}. "
        f"Words shuffled, on other axes: {_coordinates(shuffled.points)}."
    )
    return Scatter(tuple(points), Axis("axis 1", shares[0]), Axis("axis 2", shares[1]), alt, title)


def _coordinates(points: tuple[SentencePoint, ...]) -> str:
    return listed([f"{p.text} ({p.x:.2f}, {p.y:.2f})" for p in points])
