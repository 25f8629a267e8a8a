"""The tokens of some texts on one map, as written and with the words shuffled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Figure, Point, Scatter, label_text
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
from layerbook.core.rounding import snap
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import principal_components, shuffle_words


class TokenPoint(Record):
    """One token of a text on the map."""

    text: int = Field(description="Number of its text, from 0.")
    shuffled: bool = Field(description="True in the text with its words shuffled.")
    position: int = Field(description="Position in the text, from 0.")
    token: Token = Field(description="The token.")
    x: float = Field(description="Coordinate along the first axis.")
    y: float = Field(description="Coordinate along the second axis.")
    retokenized_as: int | None = Field(
        description="For a token that the shuffled text lacks: the spot of the same word "
        "there, cut differently."
    )


class TokenMapResult(Result):
    """Every token of every text on axes fitted to the tokens as written."""

    d_model: int = Field(description="Dimensions before the projection.")
    texts: tuple[str, ...] = Field(description="The texts as written.")
    shuffled: tuple[str, ...] = Field(description="The texts with their words shuffled.")
    explained: tuple[float, ...] = Field(
        description="Share of the distinct tokens' variance along each axis, 0..1."
    )
    points: tuple[TokenPoint, ...] = Field(
        description="Text by text and token by token, first as written, then shuffled."
    )
    distinct: tuple[Token, ...] = Field(
        description="The distinct tokens, in the order of first appearance."
    )
    fitted: int = Field(description="Number of distinct tokens that the axes are fitted to.")
    closest: tuple[int, ...] = Field(
        description="For each distinct token, the index of the closest other one."
    )
    distance: tuple[float, ...] = Field(description="The distance of that one, in all dimensions.")
    repeated: tuple[Token, ...] = Field(description="The tokens in more than one text as written.")
    tokens_lost: int = Field(
        description="Number of tokens as written that their shuffled text lacks."
    )
    equal_token_difference: float = Field(
        description="Largest difference of any number between vectors of equal tokens."
    )


class TokenMap(Analysis[TokenMapResult]):
    """One point per token: the points that a map of means is made from.

    Shapes: texts of T tokens [T, D] -> W distinct tokens [W, D], fitted; every token -> a point
        [2]; D is d_model.
    Units: coordinates and distances in the units of the embedding's numbers; explained variance is
        a share.
    Limits: two axes keep little of so many points; rows of the embedding matrix know no context.
    Source: Pearson 1901 (doi:10.1080/14786440109462720); signs: each axis' largest
        loading is positive.
    """

    result_type = TokenMapResult
    prompts: Annotated[tuple[PromptText, ...], Field(min_length=2)] = Field(
        description="The texts."
    )
    shuffle_seed: Seed = Field(description="The seed that shuffles their words.")

    def runs(self) -> dict[str, Request]:
        """Request the embedding rows of each text, as written and with its words shuffled."""
        shuffled = shuffle_words(self.prompts, self.shuffle_seed)
        runs: dict[str, Request] = {
            f"text-{i}": EmbeddingRows(Prompt(text=t)) for i, t in enumerate(self.prompts)
        }
        return runs | {f"words-{i}": EmbeddingRows(Prompt(text=t)) for i, t in enumerate(shuffled)}

    def measure(self, captures: ActivationCaches) -> TokenMapResult:
        """Fit the axes to the distinct tokens as written; project every token of every text."""
        written = [captures[f"text-{i}"] for i in range(len(self.prompts))]
        shuffled = [captures[f"words-{i}"] for i in range(len(self.prompts))]
        texts = [*written, *shuffled]

        tokens = {token.id: token for text in texts for token in text.tokens}
        rows = first_rows(texts)  # W rows [D] by id
        E = np.array(list(rows.values()))  # [W, D], in the order of first appearance
        fitted = len({token.id for text in written for token in text.tokens})
        axes = principal_components(E[:fitted])
        distances = np.linalg.norm(E[:, None] - E, axis=-1)  # [W, W]
        np.fill_diagonal(distances, np.inf if len(E) > 1 else 0)  # no token is its own neighbor

        points = [axes.project(text[EMBED]) for text in texts]  # [T, 2] per text
        return TokenMapResult(
            d_model=E.shape[1],
            texts=self.prompts,
            shuffled=tuple(text.text for text in shuffled),
            explained=axes.explained,
            points=_link_recut_words(_token_points(texts, points)),
            distinct=tuple(tokens[id] for id in rows),
            fitted=fitted,
            closest=tuple(snap(distances).argmin(axis=1).tolist()),
            distance=tuple(distances.min(axis=1).tolist()),
            repeated=tuple(tokens[id] for id in rows if appears_twice(id, written)),
            tokens_lost=sum(count_lost(a, b) for a, b in zip(written, shuffled, strict=True)),
            equal_token_difference=largest_difference(texts, rows),
        )

    def figures(self, result: TokenMapResult) -> dict[str, Figure]:
        """`map`: every token by text; an arrow where shuffling makes a word cut differently."""
        points = map_points(result)
        x, y = (
            Axis(f"axis {n}", f"{share:.0%} of the variance")
            for n, share in enumerate(result.explained, start=1)
        )
        places = [f"{label_text(p.label)} ({p.x:.2f}, {p.y:.2f})" for p in points if p.show_label]
        repeated = len(result.repeated)
        shared = f", {repeated} of them in more than one text" if repeated else ""
        alt = f"{len(points)} tokens in {len(places)} places{shared}: {listed(places)}."
        title = (
            f"{len(result.distinct)} different tokens, "
            f"axes fitted to the {result.fitted} of the texts as written"
        )
        return {"map": Scatter(points, x, y, alt, title)}


def first_rows(texts: Sequence[ActivationCache]) -> dict[int, NDArray[np.float64]]:
    """Return each token's vector [D], where it first appears, by id."""
    rows: dict[int, NDArray[np.float64]] = {}
    for text in texts:
        for token, row in zip(text.tokens, text[EMBED].astype(np.float64), strict=True):
            rows.setdefault(token.id, row)
    return rows


def largest_difference(
    texts: Sequence[ActivationCache], rows: Mapping[int, NDArray[np.float64]]
) -> float:
    """Return the largest difference of any number between a token's vectors, wherever it stands."""
    return max(
        float(np.abs(rows[token.id] - row).max())
        for text in texts
        for token, row in zip(text.tokens, text[EMBED].astype(np.float64), strict=True)
    )


def appears_twice(id: int, texts: Sequence[ActivationCache]) -> bool:
    """Return whether the token is in more than one of the texts."""
    return sum(any(token.id == id for token in text.tokens) for text in texts) > 1


def count_lost(written: ActivationCache, shuffled: ActivationCache) -> int:
    """Count the tokens of the text as written that the shuffled text lacks."""
    before, after = (Counter(token.id for token in text.tokens) for text in (written, shuffled))
    return (before - after).total()


def map_points(result: TokenMapResult) -> tuple[Point, ...]:
    """Return a point for each token; of equal tokens, the first has a label."""
    index = {token.id: n for n, token in enumerate(result.distinct)}
    labeled: set[int] = set()
    points = []
    for token_point in result.points:
        points.append(
            Point(
                token_point.token,
                token_point.x,
                token_point.y,
                group=result.texts[token_point.text],
                arrow_to=token_point.retokenized_as,
                show_label=token_point.token.id not in labeled,
                tooltip=_tooltip(token_point, index[token_point.token.id], result),
            )
        )
        labeled.add(token_point.token.id)
    return tuple(points)


def _tooltip(spot: TokenPoint, n: int, result: TokenMapResult) -> str:
    order = "with its words shuffled" if spot.shuffled else "as written"
    other = visible(result.distinct[result.closest[n]])
    return (
        f"Token {spot.position} of the text {order}. "
        f"Closest other token in all {result.d_model:,} dimensions: "
        f"{other} ({result.distance[n]:.3g} away)."
    )


def _token_points(
    texts: Sequence[ActivationCache], points: Sequence[NDArray[np.float64]]
) -> list[TokenPoint]:
    """Return every token on the map: points [T, 2] per text, the texts as written first."""
    count = len(texts) // 2
    return [
        TokenPoint(
            text=n % count,
            shuffled=n >= count,
            position=i,
            token=token,
            x=float(x),
            y=float(y),
            retokenized_as=None,
        )
        for n, (text, text_points) in enumerate(zip(texts, points, strict=True))
        for i, (token, (x, y)) in enumerate(zip(text.tokens, text_points, strict=True))
    ]


def _link_recut_words(token_points: Sequence[TokenPoint]) -> tuple[TokenPoint, ...]:
    """Link each token that its shuffled text lacks to the token there with the same letters."""
    written = {(point.text, point.token.id) for point in token_points if not point.shuffled}
    shuffled = {(point.text, point.token.id) for point in token_points if point.shuffled}
    index: dict[tuple[int, str], int] = {}
    for i, point in enumerate(token_points):
        if point.shuffled and (point.text, point.token.id) not in written:
            index.setdefault((point.text, point.token.text.strip()), i)
    return tuple(
        point
        if point.shuffled or (point.text, point.token.id) in shuffled
        else point.model_copy(
            update={"retokenized_as": index.get((point.text, point.token.text.strip()))}
        )
        for point in token_points
    )
