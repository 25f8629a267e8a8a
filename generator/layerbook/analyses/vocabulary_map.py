"""A map of the words of the vocabulary: many rows of the embedding matrix in two dimensions."""

from __future__ import annotations

import base64
import json
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, BigArray, Result
from layerbook.core.figures import Axis, Figure, Point, Scatter, Widget
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingMatrix, Request
from layerbook.core.rounding import descending, snap
from layerbook.core.text import listed
from layerbook.core.tokens import Vocabulary
from layerbook.core.vectors import principal_components

MAX_NEIGHBORS = 4  # neighbors of a token of the picture
BLOCK_SIZE = 500  # words that are compared with all others at a time
STEPS = 2000  # a coordinate of the widget is a whole number from -STEPS to STEPS


class VocabularyMapResult(Result):
    """Words on axes fitted to them, and the nearest other words of each."""

    d_model: int = Field(description="Dimensions before the projection.")
    explained: tuple[float, ...] = Field(description="Share of the variance along each axis, 0..1.")
    ids: tuple[int, ...] = Field(description="Ids of the W words, the lowest first.")
    texts: tuple[str, ...] = Field(description="Their texts, without the space before them.")
    places: BigArray = Field(description="Coordinates of each word: [W, 2].")
    neighbors: BigArray = Field(
        description="Numbers in `texts` of the nearest words by cosine, nearest first: [W, K]."
    )
    cosines: BigArray = Field(description="Their cosines: [W, K].")
    neighbors_kept: float = Field(
        description="Share of the words whose nearest word on the map is among their neighbors, "
        "0..1."
    )


class VocabularyMap(Analysis[VocabularyMapResult]):
    """The words of the vocabulary as points of a map, each with its true neighbors.

    Shapes: the rows of W words [W, D], each divided by its length -> points [W, 2]; D is d_model.
    Units: cosines from -1 to 1; the map has no unit; explained variance is a share.
    Limits: two axes keep little of so many points, so neighbors are not looked up on the map.
    Source: Pearson 1901 (doi:10.1080/14786440109462720); signs: each axis' largest
        loading is positive.
    """

    words: int = Field(
        default=8000, ge=2, le=8000, description="Most words to show, those with the lowest ids."
    )
    top_k: int = Field(default=5, ge=1, le=12, description="Number of neighbors of each word.")
    examples: Annotated[tuple[str, ...], Field(min_length=1, max_length=12)] = Field(
        description="Words to begin with; readers find them as buttons."
    )

    def runs(self) -> dict[str, Request]:
        """Request the whole embedding matrix."""
        return {"matrix": EmbeddingMatrix()}

    def measure(self, captures: ActivationCaches) -> VocabularyMapResult:
        """Project the words' directions on two axes, and compare each with all others."""
        vocabulary = captures["matrix"].vocabulary
        E = captures["matrix"][EMBED].astype(np.float64)  # [V, D]
        ids = word_ids(vocabulary, len(E))[: self.words]
        lengths = np.linalg.norm(E[ids], axis=1, keepdims=True)  # [W, 1]
        directions = E[ids] / np.maximum(lengths, np.finfo(float).tiny)  # [W, D]

        axes = principal_components(directions)
        nearest, cosines = nearest_words(directions, min(self.top_k, len(ids) - 1))  # [W, K]
        places = axes.project(directions)  # [W, 2]
        map_neighbors = [nearest_on_map(places, n) for n in range(len(ids))]
        return VocabularyMapResult(
            d_model=E.shape[1],
            explained=axes.explained,
            ids=tuple(ids),
            texts=tuple(vocabulary.token(id).text.strip() for id in ids),
            places=places,
            neighbors=nearest.astype(np.float64),
            cosines=cosines,
            neighbors_kept=float(
                np.mean([n in row for n, row in zip(map_neighbors, nearest, strict=True)])
            ),
        )

    def figures(self, result: VocabularyMapResult) -> dict[str, Figure]:
        """`map`: the examples with their nearest words; on screens, all words."""
        points: list[Point] = []
        added: set[int] = set()
        for example in self.known_examples(result):
            for n in (example, *result.neighbors[example, :MAX_NEIGHBORS].astype(int).tolist()):
                if n not in added:
                    points.append(map_point(result, n, result.texts[example]))
                    added.add(n)
        x, y = (
            Axis(f"axis {n}", f"{share:.0%} of the variance")
            for n, share in enumerate(result.explained, start=1)
        )
        names = listed([str(point.label) for point in points])
        data = map_data(result, self.known_examples(result))
        return {
            "map": Scatter(
                tuple(points),
                x,
                y,
                f"{len(points)} of {len(result.texts):,} words: {names}.",
                f"{len(result.texts):,} words",
                interactive=Widget("map", json.dumps(data), large=True),
            )
        }

    def known_examples(self, result: VocabularyMapResult) -> list[int]:
        """Return the examples that are words of the map; the first word if there are none."""
        indices = [result.texts.index(text) for text in self.examples if text in result.texts]
        return indices or [0]


def word_ids(vocabulary: Vocabulary, size: int) -> list[int]:
    """Return the ids of tokens of a space and three or more letters; all if there are none."""
    texts = [vocabulary.token(id).text for id in range(size)]
    words = [
        id
        for id, text in enumerate(texts)
        if text.startswith(" ") and len(text) > 3 and text[1:].isalpha()
    ]
    return words if len(words) > 1 else list(range(size))


def nearest_words(
    directions: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the nearest other rows of each row [W, D] by cosine, and the cosines: [W, count]."""
    nearest, cosines = [], []
    for start in range(0, len(directions), BLOCK_SIZE):
        block = directions[start : start + BLOCK_SIZE] @ directions.T  # [BLOCK_SIZE, W]
        rows = np.arange(len(block))
        block[rows, start + rows] = -np.inf  # no word is its own neighbor
        best = descending(block)[:, :count]
        nearest.append(best)
        cosines.append(np.take_along_axis(block, best, axis=1))
    return np.concatenate(nearest), np.concatenate(cosines)


def nearest_on_map(places: NDArray[np.float64], n: int) -> int:
    """Return the word whose place [W, 2] is nearest to that of another."""
    distances = np.linalg.norm(places - places[n], axis=1)  # [W]
    distances[n] = np.inf
    return int(snap(distances).argmin())


def map_point(result: VocabularyMapResult, n: int, group: str) -> Point:
    """Return one word on the map."""
    x, y = result.places[n].tolist()
    return Point(result.texts[n], x, y, group)


def map_data(result: VocabularyMapResult, examples: list[int]) -> dict[str, object]:
    """Return all words, their places in whole steps, and neighbors with cosines in hundredths."""
    largest = max(float(np.abs(result.places).max()), 1e-9)
    return {
        "texts": result.texts,
        "places": to_base64(result.places / largest * STEPS, "<i2"),
        "neighbors": to_base64(result.neighbors, "<u2"),
        "cosines": to_base64(100 * result.cosines, "i1"),
        "examples": examples,
    }


def to_base64(numbers: NDArray[np.floating], form: str) -> str:
    """Encode whole numbers in base64."""
    return base64.b64encode(np.rint(numbers).astype(form).tobytes()).decode("ascii")
