"""The tokens of some texts on one map, as written and with the words shuffled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
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
        description="For a token that the shuffled text lacks: the point of the same word there, "
        "cut differently, as an index of `points`."
    )


class TokenMapResult(Result):
    """Every token of every text on axes fitted to the tokens as written."""

    d_model: int = Field(description="Dimensions before the projection.")
    texts: tuple[str, ...] = Field(description="The texts as written.")
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
        tokens = [token for text in texts for token in text.tokens]  # N, of all texts
        rows = np.concatenate([text[EMBED] for text in texts]).astype(np.float64)  # [N, D]

        first = [tokens.index(token) for token in tokens]  # [N]: where each first appears
        distinct = list(dict.fromkeys(first))  # W of them
        E = rows[distinct]  # [W, D]
        fitted = len({token for text in written for token in text.tokens})
        axes = principal_components(E[:fitted])
        distances = np.linalg.norm(E[:, None] - E, axis=-1)  # [W, W]
        np.fill_diagonal(distances, np.inf if len(E) > 1 else 0)  # no token is its own neighbor

        text_counts = Counter(token for text in written for token in set(text.tokens))
        return TokenMapResult(
            d_model=E.shape[1],
            texts=self.prompts,
            explained=axes.explained,
            points=token_points(written, shuffled, axes.project(rows)),
            distinct=tuple(tokens[i] for i in distinct),
            fitted=fitted,
            closest=tuple(snap(distances).argmin(axis=1).tolist()),
            distance=tuple(distances.min(axis=1).tolist()),
            repeated=tuple(tokens[i] for i in distinct if text_counts[tokens[i]] > 1),
            tokens_lost=sum(count_lost(a, b) for a, b in zip(written, shuffled, strict=True)),
            equal_token_difference=float(np.abs(rows - rows[first]).max()),
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


def count_lost(written: ActivationCache, shuffled: ActivationCache) -> int:
    """Count the tokens of the text as written that the shuffled text lacks."""
    return (Counter(written.tokens) - Counter(shuffled.tokens)).total()


def token_points(
    written: Sequence[ActivationCache],
    shuffled: Sequence[ActivationCache],
    places: NDArray[np.float64],
) -> tuple[TokenPoint, ...]:
    """Return a point for each token, from the places [N, 2] of all tokens in this order."""
    texts = [*written, *shuffled]
    starts = [0, *accumulate(len(text.tokens) for text in texts)]
    points = []
    for n, text in enumerate(texts):
        is_shuffled = n >= len(written)
        same_words = {} if is_shuffled else find_recut_words(text, shuffled[n])
        for i, token in enumerate(text.tokens):
            x, y = places[starts[n] + i].tolist()
            link = starts[len(written) + n] + same_words[i] if i in same_words else None
            points.append(
                TokenPoint(
                    text=n % len(written),
                    shuffled=is_shuffled,
                    position=i,
                    token=token,
                    x=x,
                    y=y,
                    retokenized_as=link,
                )
            )
    return tuple(points)


def find_recut_words(written: ActivationCache, shuffled: ActivationCache) -> dict[int, int]:
    """Return where the tokens that the shuffled text lacks are in it, cut differently.

    By position in the text as written: the position of the first new token with the same letters.
    """
    new_tokens: dict[str, int] = {}
    for i, token in enumerate(shuffled.tokens):
        if token not in written.tokens:
            new_tokens.setdefault(token.text.strip(), i)
    return {
        i: new_tokens[token.text.strip()]
        for i, token in enumerate(written.tokens)
        if token not in shuffled.tokens and token.text.strip() in new_tokens
    }


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


def _tooltip(point: TokenPoint, n: int, result: TokenMapResult) -> str:
    order = "with its words shuffled" if point.shuffled else "as written"
    other = visible(result.distinct[result.closest[n]])
    return (
        f"Token {point.position} of the text {order}. "
        f"Closest other token in all {result.d_model:,} dimensions: "
        f"{other} ({result.distance[n]:.3g} away)."
    )
