"""The lecture's original picture of position: sentence means multiplied by the encoding of their place in the list."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, PromptText, Record, Result, Seed
from layerbook.core.figures import Axis, Figure, Point, Scatter
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Prompt, Request
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
    """Two sets of sentences drawn over each other, each on axes of its own."""

    points: tuple[SentencePoint, ...] = Field(description="The sentences as written.")
    shuffled: tuple[SentencePoint, ...] = Field(description="The sentences with their words shuffled.")
    explained: tuple[float, ...] = Field(
        description="Share of the variance along each axis, as written, 0..1."
    )
    explained_shuffled: tuple[float, ...] = Field(description="The same of the shuffled set.")


class SentencePositionResult(Result):
    """The two maps, and what the multiplication did. Changes are Euclidean lengths."""

    C: float = Field(description="The constant of the encoding.")
    d_model: int = Field(description="Length of a vector.")
    without: SentenceMap = Field(description="Means, padding averaged in.")
    encoded: SentenceMap = Field(
        description="The same, multiplied by the encoding of each sentence's place in the list."
    )
    zeroed_share: float = Field(
        description="Share of the first sentence's numbers that became zero, 0..1."
    )
    permuted_change: float = Field(
        description="How far the encoded sentences move when each one's token ids change places: the largest."
    )
    relisted_change: float = Field(
        description="How far they move when the list is turned round, no sentence changed: the largest."
    )
    mean_length: float = Field(
        description="Average length of an encoded sentence's vector, to compare with."
    )


class SentencePosition(Analysis[SentencePositionResult]):
    """Sentence means, without and with an encoding of the sentence's place in the list, multiplied: the original.

    Shapes: N means [N, D], padding averaged in, times PE [N, D], number by number; then a PCA per set, [N, 2].
    Units: coordinates are in the units of the embedding's numbers; explained variance is a share, 0 to 1.
    Limits: it cannot show word order: no token's position enters; and two sets have two pairs of axes.
    Source: the lecture this book grew out of; the encoding: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5.
    """

    result_type = SentencePositionResult
    prompts: Annotated[tuple[PromptText, ...], Field(min_length=2)] = Field(
        description="The sentences, a point each."
    )
    shuffle_seed: Seed = Field(description="The seed that shuffles their words.")
    C: float = Field(default=1.0, ge=1, le=1e9, description="The constant of the encoding.")

    def runs(self) -> dict[str, Request]:
        """Embedding rows: of each sentence, of its words shuffled, of its token ids permuted; and of the pad token."""
        wanted: dict[str, Request] = {"pad": EmbeddingRows(Prompt(special="pad_token"))}
        for i, (text, words) in enumerate(
            zip(self.prompts, shuffle_words(self.prompts, self.shuffle_seed), strict=True)
        ):
            wanted[f"text-{i}"] = EmbeddingRows(Prompt(text=text))
            wanted[f"words-{i}"] = EmbeddingRows(Prompt(text=words))
            wanted[f"ids-{i}"] = EmbeddingRows(Prompt(text=text, shuffle_seed=self.shuffle_seed))
        return wanted

    def measure(self, captures: ActivationCaches) -> SentencePositionResult:
        """Do what the lecture does; then change the word order, and the order of the list, and see what counts."""
        pad, n = captures["pad"][EMBED][0], range(len(self.prompts))  # [D]
        texts, words, ids = (
            [captures[f"{kind}-{i}"][EMBED] for i in n] for kind in ("text", "words", "ids")
        )  # [T, D]
        written, shuffled, permuted = (
            pool_texts(texts, pad),
            pool_texts(words, pad),
            pool_texts(ids, pad),
        )  # [N, D] each
        N, D = written.shape
        PE = sinusoidal_encoding(N, D, self.C)  # [N, D]: row n belongs to sentence n, not to any word in it
        encoded = written * PE  # [N, D]: multiplied, not added
        relisted = (written[::-1] * PE)[
            ::-1
        ]  # [N, D]: the same sentences, listed from last to first
        return SentencePositionResult(
            C=self.C,
            d_model=D,
            without=_sentence_map(captures, written, shuffled),
            encoded=_sentence_map(captures, encoded, shuffled * PE),
            zeroed_share=float((encoded[0] == 0).mean()),
            permuted_change=float(np.linalg.norm(permuted * PE - encoded, axis=1).max()),
            relisted_change=float(np.linalg.norm(relisted - encoded, axis=1).max()),
            mean_length=float(np.linalg.norm(encoded, axis=1).mean()),
        )

    def figures(self, result: SentencePositionResult) -> dict[str, Figure]:
        """`without` and `with` the encoding, both sets laid over each other as the lecture does."""
        with_title = f"Multiplied by the encoding, C = {result.C:g}"
        return {
            "without": _scatter(result.without, "Sentence means, padding averaged in"),
            "with": _scatter(result.encoded, with_title),
        }


def _sentence_map(
    captures: ActivationCaches, rows: NDArray[np.float64], shuffled: NDArray[np.float64]
) -> SentenceMap:
    """Both sets [N, D], each on the axes of its own PCA."""
    spots, shares = {}, {}
    for kind, some in (("text", rows), ("words", shuffled)):
        own = principal_components(some)
        flat = enumerate(own.project(some).tolist())
        spots[kind] = tuple(SentencePoint(text=captures[f"{kind}-{i}"].text, x=x, y=y) for i, (x, y) in flat)
        shares[kind] = own.explained
    return SentenceMap(
        points=spots["text"],
        shuffled=spots["words"],
        explained=shares["text"],
        explained_shuffled=shares["words"],
    )


def _scatter(map: SentenceMap, title: str) -> Scatter:
    shares = [
        f"{a:.0%} and {b:.0%} of the variance"
        for a, b in zip(map.explained, map.explained_shuffled, strict=True)
    ]
    dots = [Point(s.text, s.x, s.y, "as written") for s in map.points]
    dots += [Point(s.text, s.x, s.y, "words shuffled") for s in map.shuffled]
    alt = (
        f"As written: {listed([f'{s.text} ({s.x:.2f}, {s.y:.2f})' for s in map.points])}. "
        f"Words shuffled, on other axes: {listed([f'{s.text} ({s.x:.2f}, {s.y:.2f})' for s in map.shuffled])}."
    )
    return Scatter(tuple(dots), Axis("axis 1", shares[0]), Axis("axis 2", shares[1]), alt, title)
