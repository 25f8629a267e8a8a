"""Embedding PCA: words and sentences as points on a map, by the mean of their token vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Figure, Heatmap, Point, Scatter
from layerbook.core.parameters import Seed
from layerbook.core.prompts import PromptText
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Prompt, Request
from layerbook.core.rounding import Gap
from layerbook.core.text import listed
from layerbook.core.tokens import Token
from layerbook.core.vectors import (
    PrincipalAxes,
    closest_pair,
    correlation,
    cosines,
    pool_texts,
    principal_components,
    shuffle_words,
)


class TextPoint(Record):
    """One text on the map; coordinates are in the units of the embedding's numbers."""

    text: str = Field(description="The encoded text.")
    tokens: tuple[Token, ...] = Field(description="Its tokens without padding.")
    padding: int = Field(description="Padding tokens up to the longest text of its set.")
    x: float = Field(description="Coordinate along the first axis.")
    y: float = Field(description="Coordinate along the second axis.")


class ShuffledTexts(Record):
    """The texts with their words shuffled; distances are Euclidean, one per text."""

    points: tuple[TextPoint, ...] = Field(description="The shuffled texts, in order.")
    explained: tuple[float, ...] = Field(description="Share of the variance along each axis, 0..1.")
    axes_cosines: tuple[float, ...] = Field(description="|cosine| of each axis with the original.")
    changed_tokens: int = Field(description="Number of texts with other tokens than before.")
    displacements: tuple[float, ...] = Field(description="Distance of each from its original.")
    displacements_on_map: tuple[float, ...] = Field(description="The same distances on the map.")
    permuted_difference: Gap = Field(description="Largest change of a mean if ids are permuted.")


class EmbeddingPcaResult(Result):
    """The map, and its limits."""

    d_model: int = Field(description="Dimensions before the projection.")
    explained: tuple[float, ...] = Field(description="Share of the variance along each axis, 0..1.")
    explained_if_equal: float = Field(description="The same if all distances were equal: 2/(N-1).")
    points: tuple[TextPoint, ...] = Field(description="The texts, in the order of the spec.")
    nearest: tuple[int, int] = Field(description="The closest two in all dimensions.")
    nearest_on_map: tuple[int, int] = Field(description="The closest two on the map.")
    distances: Array = Field(description="Distances of `points` in all dimensions: [N, N].")
    cosines: Array = Field(description="Cosines of `points` in all dimensions: [N, N].")
    pad: Token = Field(description="The tokenizer's padding token.")
    padding_correlation: float | None = Field(description="Pearson's r of x and `padding`.")
    padding_alignment: float = Field(description="|cosine| of axis 1 and the way to the pad.")
    shuffled: ShuffledTexts | None = Field(description="With shuffled words; null without a seed.")


class EmbeddingPca(Analysis[EmbeddingPcaResult]):
    """Each text as one point, the mean of its token vectors, on the two axes of largest variance.

    Shapes: T token vectors [T, D] -> their mean [D]; N means [N, D] -> N points [N, 2]; D is
        d_model.
    Units: coordinates are in the units of the embedding's numbers; explained variance is a share,
        0 to 1.
    Limits: a few points always fit a few dimensions; the map is fitted to these texts only; a mean
        has no order.
    Source: Pearson 1901 (doi:10.1080/14786440109462720); signs: each axis' largest loading is
        positive.
    """

    prompts: tuple[PromptText, ...] = Field(min_length=2, description="The texts, one point each.")
    pooling: Literal["mean", "mean-with-padding"] = Field(
        "mean", description="Mean of the tokens alone, or with padding to equal lengths."
    )
    shuffle_seed: Seed | None = Field(
        None, description="Also show the texts with their words shuffled by this seed."
    )
    basis: Literal["first", "each"] = Field(
        "first", description="Shuffled texts on the axes of the originals or on their own."
    )

    def runs(self) -> dict[str, Request]:
        """Request the embedding rows of the texts, also shuffled and permuted, and of the pad."""
        seed, texts = self.shuffle_seed, self.prompts
        prompts = {f"text-{i}": Prompt(text=text) for i, text in enumerate(texts)}
        if seed is not None:
            for i, words in enumerate(shuffle_words(texts, seed)):
                prompts[f"words-{i}"] = Prompt(text=words)
                prompts[f"ids-{i}"] = Prompt(text=texts[i], shuffle_seed=seed)
        prompts["pad"] = Prompt(special="pad_token")
        return {name: EmbeddingRows(prompt) for name, prompt in prompts.items()}

    def measure(self, captures: ActivationCaches) -> EmbeddingPcaResult:
        """Average each text, fit the axes to the means, and measure the limits of the map."""
        texts = [captures[f"text-{i}"] for i in range(len(self.prompts))]
        means = self.pool(captures, "text")  # [N, D]
        basis = principal_components(means)  # axes [2, D]
        flat = basis.project(means)  # [N, 2]
        points = self.place_texts(captures, "text", flat)

        pad = captures["pad"][EMBED][0]  # [D]
        every_token = np.concatenate([text[EMBED] for text in texts])  # [sum of T, D]
        to_pad = pad - every_token.mean(axis=0)  # [D]: the direction in which padding pulls a mean
        return EmbeddingPcaResult(
            d_model=means.shape[1],
            explained=basis.explained,
            explained_if_equal=min(1.0, 2 / (len(means) - 1)),
            points=points,
            nearest=closest_pair(means),
            nearest_on_map=closest_pair(flat),
            distances=np.linalg.norm(means[:, None] - means, axis=-1),  # [N, N]
            cosines=np.array([cosines(means, mean) for mean in means]),  # [N, N]
            pad=captures["pad"].tokens[0],
            padding_correlation=correlation(flat[:, 0], [point.padding for point in points]),
            padding_alignment=abs(float(basis.axes[0] @ to_pad)) / float(np.linalg.norm(to_pad)),
            shuffled=None if self.shuffle_seed is None else self.measure_shuffled(captures, basis),
        )

    def pool(self, captures: ActivationCaches, kind: str) -> Array:
        """Average the vectors of each text, with or without padding: N texts [T, D] -> [N, D]."""
        rows = [captures[f"{kind}-{i}"][EMBED] for i in range(len(self.prompts))]
        padded = self.pooling == "mean-with-padding"
        return pool_texts(rows, captures["pad"][EMBED][0] if padded else None)

    def place_texts(
        self, captures: ActivationCaches, kind: str, flat: Array
    ) -> tuple[TextPoint, ...]:
        """Return the texts at their places on the map [N, 2]."""
        texts = [captures[f"{kind}-{i}"] for i in range(len(self.prompts))]
        longest = max(len(text.tokens) for text in texts)
        return tuple(
            TextPoint(
                text=text.text,
                tokens=text.tokens,
                padding=longest - len(text.tokens),
                x=float(x),
                y=float(y),
            )
            for text, (x, y) in zip(texts, flat, strict=True)
        )

    def measure_shuffled(self, captures: ActivationCaches, basis: PrincipalAxes) -> ShuffledTexts:
        """Compare the texts with their words shuffled, and with their token ids permuted."""
        N = len(self.prompts)
        texts, words = ([captures[f"{kind}-{i}"] for i in range(N)] for kind in ("text", "words"))
        means, shuffled, permuted = (self.pool(captures, kind) for kind in ("text", "words", "ids"))
        axes = basis if self.basis == "first" else principal_components(shuffled)
        flat = axes.project(shuffled)  # [N, 2]
        axes_cosines = np.abs((axes.axes * basis.axes).sum(axis=1))  # [2]
        return ShuffledTexts(
            points=self.place_texts(captures, "words", flat),
            explained=axes.explained,
            axes_cosines=tuple(np.minimum(1, axes_cosines).tolist()),
            changed_tokens=sum(
                sorted_ids(a.tokens) != sorted_ids(b.tokens)
                for a, b in zip(texts, words, strict=True)
            ),
            displacements=row_distances(shuffled, means),
            displacements_on_map=row_distances(flat, basis.project(means)),
            permuted_difference=float(np.abs(permuted - means).max()),
        )

    def figures(self, result: EmbeddingPcaResult) -> dict[str, Figure]:
        """`pca`: the map; `cosines` of all pairs; `padding`: axis 1 against the pads, if any."""
        separate_axes = self.basis == "each"
        padded = self.pooling == "mean-with-padding"
        kind = "padding averaged in" if padded else "means of the token vectors"
        title = f"{len(result.points)} texts, {kind}"
        if all(len(point.tokens) == 1 for point in result.points):
            title = f"{len(result.points)} tokens on a map"
        figures: dict[str, Figure] = {
            "pca": text_map(result, title, separate_axes=separate_axes),
            "cosines": cosine_heatmap(result),
        }
        if padded:
            x, _ = map_axes(result, separate_axes=separate_axes)
            figures["padding"] = padding_scatter(result, x)
        return figures


def sorted_ids(tokens: tuple[Token, ...]) -> list[int]:
    """Return the ids of the tokens of a text, without their order."""
    return sorted(token.id for token in tokens)


def row_distances(a: Array, b: Array) -> tuple[float, ...]:
    """Return the Euclidean distance of each pair of rows: [N, D] twice -> [N]."""
    return tuple(np.linalg.norm(a - b, axis=1).tolist())


def map_axes(result: EmbeddingPcaResult, *, separate_axes: bool) -> tuple[Axis, Axis]:
    """Return the axes with their shares of the variance, of both sets if each has its own."""
    shares = [f"{share:.0%}" for share in result.explained]
    if result.shuffled and separate_axes:
        share_pairs = zip(shares, result.shuffled.explained, strict=True)
        shares = [f"{share} and {shuffled:.0%}" for share, shuffled in share_pairs]
    x, y = (Axis(f"axis {n}", f"{share} of the variance") for n, share in enumerate(shares, 1))
    return x, y


def text_map(result: EmbeddingPcaResult, title: str, *, separate_axes: bool) -> Scatter:
    """Draw the texts, with an arrow to each shuffled text if it is on the same axes."""
    shuffled, N = result.shuffled, len(result.points)
    places = listed([f"{p.text} ({p.x:.2f}, {p.y:.2f})" for p in result.points])
    alt = f"{len(result.points)} texts at {places}."
    points = [
        Point(
            p.text,
            p.x,
            p.y,
            group="as written" if shuffled else "",
            arrow_to=N + i if shuffled and not separate_axes else None,
            tooltip=closest_tooltip(result, i),
        )
        for i, p in enumerate(result.points)
    ]
    if shuffled:
        points += shuffled_points(shuffled, separate_axes=separate_axes)
        low, high = min(shuffled.displacements_on_map), max(shuffled.displacements_on_map)
        end = ", but each set has axes of its own." if separate_axes else " on the same axes."
        alt = f"{alt} Shuffled, they move by {low:.2f} to {high:.2f}{end}"
    x, y = map_axes(result, separate_axes=separate_axes)
    return Scatter(tuple(points), x, y, alt, title)


def shuffled_points(shuffled: ShuffledTexts, *, separate_axes: bool) -> Iterator[Point]:
    """Yield the shuffled texts, with the distances by which they moved."""
    for p, distance, on_map in zip(
        shuffled.points, shuffled.displacements, shuffled.displacements_on_map, strict=True
    ):
        end = ", on a map of its own." if separate_axes else f", by {on_map:.3g} on the map."
        tooltip = f"Moved by {distance:.3g} in all dimensions{end}"
        yield Point(p.text, p.x, p.y, "words shuffled", show_label=separate_axes, tooltip=tooltip)


def closest_tooltip(result: EmbeddingPcaResult, i: int) -> str:
    """Return the closest other text in all dimensions, and on the map."""
    flat = np.array([(p.x, p.y) for p in result.points])  # [N, 2]
    closest = []
    for distances in (result.distances[i], np.linalg.norm(flat - flat[i], axis=1)):
        j = int(np.where(np.arange(len(flat)) == i, np.inf, distances).argmin())
        closest.append(f"{result.points[j].text} ({distances[j]:.3g} away)")
    dimensions = f"all {result.d_model:,} dimensions"
    return f"Closest in {dimensions}: {closest[0]}; on the map: {closest[1]}."


def cosine_heatmap(result: EmbeddingPcaResult) -> Heatmap:
    """Draw the cosines of all pairs [N, N], written into the cells."""
    points = result.points
    labels = tuple(p.tokens[0] if len(p.tokens) == 1 else p.text for p in points)
    axis = Axis("text", labels=labels)
    pairs = [
        f"{a.text} and {b.text} {result.cosines[i][j]:.2f}"
        for i, a in enumerate(points)
        for j, b in enumerate(points[:i])
    ]
    return Heatmap(
        result.cosines,
        axis,
        axis,
        value="cosine",
        alt=f"Cosines of all pairs: {listed(pairs, 12)}.",
        title=f"How alike are these {len(labels)}?",
        scale=(min(0.0, float(result.cosines.min())), 1),
        annotate=True,
    )


def padding_scatter(result: EmbeddingPcaResult, axis: Axis) -> Scatter:
    """Draw the first axis against the number of padding tokens."""
    r = result.padding_correlation
    pads = listed([f"{p.text} {p.padding}, axis 1 at {p.x:.2f}" for p in result.points])
    varies = "One of the two does not vary." if r is None else f"Their correlation is {r:.2f}."
    return Scatter(
        tuple(Point(p.text, p.padding, p.x) for p in result.points),
        Axis("padding tokens", "count"),
        axis,
        f"Pads: {pads}. {varies}",
        "Axis 1 against padding",
        equal=False,
    )
