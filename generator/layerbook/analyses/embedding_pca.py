"""Words and sentences as points on a flat map: the mean of their token vectors, by principal components."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, PromptText, Record, Result, Seed
from layerbook.core.figures import Axis, Figure, Point, Scatter
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Prompt, Request
from layerbook.core.text import listed
from layerbook.core.tokens import Token
from layerbook.core.vectors import (
    closest_pair,
    correlation,
    pool_texts,
    principal_components,
    shuffle_words,
)


class TextPoint(Record):
    """One text on the map; coordinates are in the units of the embedding's numbers."""

    text: str = Field(description="The text as it was encoded.")
    tokens: tuple[Token, ...] = Field(description="Its tokens, padding left out.")
    padding: int = Field(
        description="Padding tokens it takes to be as long as the longest text of its set."
    )
    x: float = Field(description="Coordinate along the first axis.")
    y: float = Field(description="Coordinate along the second axis.")


class ShuffledTexts(Record):
    """The texts with their words shuffled; distances are Euclidean, one per text."""

    points: tuple[TextPoint, ...] = Field(
        description="The shuffled texts, in the order of the spec."
    )
    explained: tuple[float, ...] = Field(
        description="Share of the axes' own set's variance along each axis, 0..1."
    )
    axes_cosines: tuple[float, ...] = Field(
        description="|cosine| of each axis with that of the originals; 1: the same."
    )
    changed_tokens: int = Field(
        description="How many texts consist of other tokens once their words are shuffled."
    )
    moved: tuple[float, ...] = Field(description="How far each text moved, in all dimensions.")
    moved_on_map: tuple[float, ...] = Field(
        description="How far each text seems to have moved on the map."
    )
    permuted_difference: float = Field(
        description="Largest change of any number of any mean when the token ids, not the words, change places."
    )


class EmbeddingPcaResult(Result):
    """The map, and how far to trust it."""

    d_model: int = Field(description="Dimensions before the projection.")
    explained: tuple[float, ...] = Field(
        description="Share of the variance of `points` along each axis, 0..1."
    )
    explained_if_equal: float = Field(
        description="What two axes keep of N points that are equally far apart: 2/(N-1)."
    )
    points: tuple[TextPoint, ...] = Field(description="The texts, in the order of the spec.")
    nearest: tuple[int, int] = Field(
        description="Which two of `points` are closest in all dimensions."
    )
    nearest_on_map: tuple[int, int] = Field(
        description="Which two of `points` are closest on the map."
    )
    distances: Array = Field(
        description="Distance of each two of `points` in all dimensions: [N, N]."
    )
    pad: Token = Field(description="The token that the tokenizer pads with.")
    padding_correlation: float | None = Field(
        description="Pearson's r of x and `padding`; None if one is constant."
    )
    padding_alignment: float = Field(
        description="|cosine| of the first axis and the way from the tokens to the pad."
    )
    shuffled: ShuffledTexts | None = Field(
        description="The same with shuffled words; None without a seed."
    )


class EmbeddingPca(Analysis[EmbeddingPcaResult]):
    """Each text as one point, the mean of its token vectors, on the two axes along which the points differ most.

    Shapes: T token vectors [T, D] -> their mean [D]; N means [N, D] -> N points [N, 2]; D is d_model.
    Units: coordinates are in the units of the embedding's numbers; explained variance is a share, 0 to 1.
    Limits: a few points always fit a few dimensions; the map knows these texts only; a mean knows no order.
    Source: Pearson 1901 (doi:10.1080/14786440109462720); signs: each axis' largest loading is positive.
    """

    result_type = EmbeddingPcaResult
    prompts: Annotated[tuple[PromptText, ...], Field(min_length=2)] = Field(
        description="The texts, a point each."
    )
    pooling: Literal["mean", "mean-with-padding"] = Field(
        "mean", description="Whether padding is averaged in."
    )
    shuffle_seed: Seed | None = Field(
        None, description="Also show the texts with their words shuffled by this seed."
    )
    basis: Literal["first", "each"] = Field(
        "first", description="Shuffled texts on the first set's axes or their own."
    )

    def runs(self) -> dict[str, Request]:
        """Embedding rows: of each text, of its words shuffled, of its token ids permuted; and of the pad token."""
        prompts = {("text", i): Prompt(text=text) for i, text in enumerate(self.prompts)}
        if (seed := self.shuffle_seed) is not None:
            prompts |= {
                ("words", i): Prompt(text=t)
                for i, t in enumerate(shuffle_words(self.prompts, seed))
            }
            prompts |= {
                ("ids", i): Prompt(text=t, shuffle_seed=seed) for i, t in enumerate(self.prompts)
            }
        wanted: dict[str, Request] = {
            f"{kind}-{i}": EmbeddingRows(prompt) for (kind, i), prompt in prompts.items()
        }
        return wanted | {"pad": EmbeddingRows(Prompt(special="pad_token"))}

    def measure(self, captures: ActivationCaches) -> EmbeddingPcaResult:
        """One mean per text, the axes fitted to the means; then what the map does not tell by itself."""
        texts, words, ids = (
            _embedding_rows(captures, kind) for kind in ("text", "words", "ids")
        )  # N texts of [T, D] each
        pad = captures["pad"][EMBED][0]  # [D]
        filler = pad if self.pooling == "mean-with-padding" else None
        points = pool_texts(texts, filler)  # [N, D]
        basis = principal_components(
            points
        )  # two axes [2, D]: fitted here, used for everything that follows
        flat = basis.project(points)  # [N, 2]
        places = _text_points(captures, "text", flat)
        to_pad = pad - np.concatenate(texts).mean(
            axis=0
        )  # [D]: the way that padding would pull a mean
        shuffled = None
        if self.shuffle_seed is not None:
            other = pool_texts(words, filler)  # [N, D]
            own = basis if self.basis == "first" else principal_components(other)
            other_flat = own.project(other)  # [N, 2]
            other_places = _text_points(captures, "words", other_flat)
            shuffled = ShuffledTexts(
                points=other_places,
                explained=own.explained,
                axes_cosines=tuple(
                    np.minimum(1, np.abs((own.axes * basis.axes).sum(axis=1))).tolist()
                ),
                changed_tokens=sum(
                    _sorted_ids(a) != _sorted_ids(b)
                    for a, b in zip(places, other_places, strict=True)
                ),
                moved=tuple(np.linalg.norm(other - points, axis=1).tolist()),
                moved_on_map=tuple(np.linalg.norm(other_flat - flat, axis=1).tolist()),
                permuted_difference=float(np.abs(pool_texts(ids, filler) - points).max()),
            )
        return EmbeddingPcaResult(
            d_model=points.shape[1],
            explained=basis.explained,
            explained_if_equal=min(1.0, 2 / (len(points) - 1)),
            points=places,
            nearest=closest_pair(points),
            nearest_on_map=closest_pair(flat),
            distances=np.linalg.norm(points[:, None] - points, axis=-1),  # [N, N]
            pad=captures["pad"].tokens[0],
            padding_correlation=correlation(flat[:, 0], [place.padding for place in places]),
            padding_alignment=abs(float(basis.axes[0] @ to_pad)) / float(np.linalg.norm(to_pad)),
            shuffled=shuffled,
        )

    def figures(self, result: EmbeddingPcaResult) -> dict[str, Figure]:
        """`pca`, the map; `padding`, the first axis against the number of pads, where padding is averaged in."""
        places, shuffled = result.points, result.shuffled
        two = shuffled is not None and self.basis == "each"
        shares = [f"{share:.0%}" for share in result.explained]
        if two and shuffled:
            shares = [f"{a} and {b:.0%}" for a, b in zip(shares, shuffled.explained, strict=True)]
        x, y = (
            Axis(f"axis {n}", f"{share} of the variance") for n, share in enumerate(shares, start=1)
        )
        group = "as written" if shuffled else ""
        notes = _closest_tooltips(result)
        dots = [
            Point(
                p.text,
                p.x,
                p.y,
                group,
                None if two or not shuffled else len(places) + i,
                tooltip=notes[i],
            )
            for i, p in enumerate(places)
        ]
        alt = f"{len(places)} texts at {listed([f'{p.text} ({p.x:.2f}, {p.y:.2f})' for p in places])}."
        if shuffled:
            for p, there, seems in zip(
                shuffled.points, shuffled.moved, shuffled.moved_on_map, strict=True
            ):
                tooltip = f"Moved by {there:.3g} in all dimensions"
                tooltip += ", on a map of its own." if two else f", by {seems:.3g} on the map."
                dots.append(
                    Point(p.text, p.x, p.y, "words shuffled", show_label=two, tooltip=tooltip)
                )
            alt += f" Shuffled, they move by {min(shuffled.moved_on_map):.2f} to {max(shuffled.moved_on_map):.2f}"
            alt += ", but each set has axes of its own." if two else " on the same axes."
        averaged = (
            "padding averaged in"
            if self.pooling == "mean-with-padding"
            else "means of the token vectors"
        )
        charts: dict[str, Figure] = {
            "pca": Scatter(tuple(dots), x, y, alt, f"{len(places)} texts, {averaged}")
        }
        if self.pooling == "mean-with-padding":
            r = result.padding_correlation
            alt = f"Pads: {listed([f'{p.text} {p.padding}, axis 1 at {p.x:.2f}' for p in places])}."
            alt += (
                f" Their correlation is {r:.2f}."
                if r is not None
                else " One of the two does not vary."
            )
            dots = [Point(p.text, p.padding, p.x) for p in places]
            pads = Axis("padding tokens", "count")
            charts["padding"] = Scatter(
                tuple(dots), pads, x, alt, "Axis 1 against padding", equal=False
            )
        return charts


def _closest_tooltips(result: EmbeddingPcaResult) -> list[str]:
    """Of each text, which other one is closest in all dimensions, and which on the map."""
    flat = np.array([(p.x, p.y) for p in result.points])  # [N, 2]
    notes = []
    for i in range(len(flat)):
        found = []
        for apart in (result.distances[i], np.linalg.norm(flat - flat[i], axis=1)):
            other = min((j for j in range(len(flat)) if j != i), key=lambda j: float(apart[j]))
            found.append(f"{result.points[other].text} ({apart[other]:.3g} away)")
        notes.append(
            f"Closest in all {result.d_model} dimensions: {found[0]}; on the map: {found[1]}."
        )
    return notes


def _embedding_rows(captures: ActivationCaches, kind: str) -> list[NDArray[np.floating]]:
    """The token vectors of the texts of one kind, in order; none where there was no such kind."""
    return [
        captures[f"{kind}-{i}"][EMBED] for i in range(len(captures)) if f"{kind}-{i}" in captures
    ]


def _text_points(
    captures: ActivationCaches, kind: str, flat: NDArray[np.float64]
) -> tuple[TextPoint, ...]:
    """The texts of one kind where they lie on the map [N, 2]."""
    texts = [captures[f"{kind}-{i}"] for i in range(len(flat))]
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


def _sorted_ids(place: TextPoint) -> list[int]:
    """Which tokens, whatever their order."""
    return sorted(token.id for token in place.tokens)
