"""A first picture of position: sentence means times the encoding of their place in the list."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Figure, Point, Scatter
from layerbook.core.parameters import Seed
from layerbook.core.prompts import PromptText
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Prompt, Request
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


class SentenceMap(Record):
    """Two sets of sentences drawn over each other, each on its own axes."""

    points: tuple[SentencePoint, ...] = Field(description="The sentences as written.")
    shuffled: tuple[SentencePoint, ...] = Field(description="The same with their words shuffled.")
    explained: tuple[float, ...] = Field(
        description="Share of the variance along each axis, as written, 0..1."
    )
    explained_shuffled: tuple[float, ...] = Field(description="The same for the shuffled set.")


class SentencePositionResult(Result):
    """The two maps, and the effect of the multiplication. Changes are Euclidean lengths."""

    C: Exact = Field(description="The constant of the encoding.")
    d_model: int = Field(description="Length of a vector.")
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

    result_type = SentencePositionResult
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
        pad = captures["pad"][EMBED][0]  # [D]
        written = pool_texts(self.rows(captures, "text"), pad)  # [N, D]
        shuffled = pool_texts(self.rows(captures, "words"), pad)  # [N, D]
        permuted = pool_texts(self.rows(captures, "ids"), pad)  # [N, D]

        N, D = written.shape
        PE = sinusoidal_encoding(N, D, self.C)  # [N, D]: row n belongs to sentence n
        encoded = written * PE  # [N, D]: multiplied, not added
        relisted = (written[::-1] * PE)[::-1]  # [N, D]: the list from last to first

        return SentencePositionResult(
            C=self.C,
            d_model=D,
            without_encoding=_sentence_map(captures, written, shuffled),
            with_encoding=_sentence_map(captures, encoded, shuffled * PE),
            zeroed_share=float((encoded[0] == 0).mean()),
            permuted_change=largest_move(encoded, permuted * PE),
            reversed_list_change=largest_move(encoded, relisted),
            mean_length=float(np.linalg.norm(encoded, axis=1).mean()),
        )

    def rows(self, captures: ActivationCaches, kind: str) -> list[NDArray[np.floating]]:
        """Return the embedding rows [T, D] of each sentence: `text`, `words` or `ids`."""
        return [captures[f"{kind}-{i}"][EMBED] for i in range(len(self.prompts))]

    def figures(self, result: SentencePositionResult) -> dict[str, Figure]:
        """`without` and `with` the encoding, both sets laid over each other."""
        with_title = f"Multiplied by the encoding, C = {result.C:g}"
        return {
            "without": _scatter(result.without_encoding, "Sentence means, padding averaged in"),
            "with": _scatter(result.with_encoding, with_title),
        }


def largest_move(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """Return the largest distance between a sentence's vectors [N, D] before and after."""
    return float(np.linalg.norm(after - before, axis=1).max())


def _sentence_map(
    captures: ActivationCaches, rows: NDArray[np.float64], shuffled: NDArray[np.float64]
) -> SentenceMap:
    """Return both sets [N, D], each on the axes of its own PCA."""
    points, explained = _principal_points(captures, "text", rows)
    shuffled_points, explained_shuffled = _principal_points(captures, "words", shuffled)
    return SentenceMap(
        points=points,
        shuffled=shuffled_points,
        explained=explained,
        explained_shuffled=explained_shuffled,
    )


def _principal_points(
    captures: ActivationCaches, kind: str, rows: NDArray[np.float64]
) -> tuple[tuple[SentencePoint, ...], tuple[float, ...]]:
    """Return the sentences [N, D] on their own first two axes, and the variance along these."""
    axes = principal_components(rows)
    points = [
        SentencePoint(text=captures[f"{kind}-{i}"].text, x=x, y=y)
        for i, (x, y) in enumerate(axes.project(rows).tolist())
    ]
    return tuple(points), axes.explained


def _scatter(sentences: SentenceMap, title: str) -> Scatter:
    shares = [
        f"{a:.0%} and {b:.0%} of the variance"
        for a, b in zip(sentences.explained, sentences.explained_shuffled, strict=True)
    ]
    points = [Point(s.text, s.x, s.y, "as written") for s in sentences.points]
    points += [Point(s.text, s.x, s.y, "words shuffled") for s in sentences.shuffled]
    alt = (
        f"As written: {_coordinates(sentences.points)}. "
        f"Words shuffled, on other axes: {_coordinates(sentences.shuffled)}."
    )
    return Scatter(tuple(points), Axis("axis 1", shares[0]), Axis("axis 2", shares[1]), alt, title)


def _coordinates(points: tuple[SentencePoint, ...]) -> str:
    return listed([f"{p.text} ({p.x:.2f}, {p.y:.2f})" for p in points])
