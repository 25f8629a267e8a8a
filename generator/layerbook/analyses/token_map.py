"""The tokens of some texts as points on one map, each text as written and with its words shuffled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, PromptText, Record, Result, Seed
from layerbook.core.figures import Axis, Figure, Point, Scatter
from layerbook.core.requests import (
    EMBED,
    ActivationCache,
    ActivationCaches,
    EmbeddingRows,
    Prompt,
    Request,
)
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import principal_components, shuffle_words


class TokenPoint(Record):
    """One token where it stands, and where it lies; coordinates are in the units of the embedding's numbers."""

    text: int = Field(description="Which text it stands in, counted from 0.")
    shuffled: bool = Field(description="Whether in the text with its words shuffled.")
    position: int = Field(description="At which position of it, counted from 0.")
    token: Token = Field(description="The token.")
    x: float = Field(description="Coordinate along the first axis.")
    y: float = Field(description="Coordinate along the second axis.")
    becomes: int | None = Field(
        description="Of a token that the shuffled text has no more: which spot there is the same word otherwise cut."
    )


class TokenMapResult(Result):
    """Every token of every text on axes fitted to the different tokens of the texts as written, each once."""

    d_model: int = Field(description="Dimensions before the projection.")
    texts: tuple[str, ...] = Field(description="The texts as written.")
    shuffled: tuple[str, ...] = Field(description="The texts with their words shuffled.")
    explained: tuple[float, ...] = Field(
        description="Share of the different tokens' variance along each axis, 0..1."
    )
    spots: tuple[TokenPoint, ...] = Field(
        description="Text by text and token by token, first as written, then shuffled."
    )
    different: tuple[Token, ...] = Field(
        description="The different tokens, in the order of first appearance."
    )
    fitted: int = Field(
        description="How many of them the axes were fitted to: those of the texts as written."
    )
    closest: tuple[int, ...] = Field(
        description="For each different token, which other one is closest to it."
    )
    distance: tuple[float, ...] = Field(description="How far away that is, in all dimensions.")
    repeated: tuple[Token, ...] = Field(
        description="The tokens that stand in more than one text as written."
    )
    lost: int = Field(
        description="How many tokens of the texts as written their shuffled text has no more."
    )
    equal_apart: float = Field(
        description="Largest difference of any number of any two vectors of equal tokens."
    )


class TokenMap(Analysis[TokenMapResult]):
    """One point per token, wherever it stands: what the map of means is made from.

    Shapes: texts of T tokens [T, D] -> W different tokens [W, D], fitted; every token -> a point [2]; D is d_model.
    Units: coordinates and distances are in the units of the embedding's numbers; explained variance is a share.
    Limits: two axes keep little of so many points; the map shows rows of the embedding matrix, which know no context.
    Source: Pearson 1901 (doi:10.1080/14786440109462720); signs: each axis' largest loading is positive.
    """

    result_type = TokenMapResult
    prompts: Annotated[tuple[PromptText, ...], Field(min_length=2)] = Field(
        description="The texts."
    )
    shuffle_seed: Seed = Field(description="The seed that shuffles their words.")

    def runs(self) -> dict[str, Request]:
        """The embedding rows of each text, and of each with its words shuffled."""
        shuffled = shuffle_words(self.prompts, self.shuffle_seed)
        runs: dict[str, Request] = {
            f"text-{i}": EmbeddingRows(Prompt(text=t)) for i, t in enumerate(self.prompts)
        }
        return runs | {f"words-{i}": EmbeddingRows(Prompt(text=t)) for i, t in enumerate(shuffled)}

    def measure(self, captures: ActivationCaches) -> TokenMapResult:
        """Fit the axes to the different tokens as written; put every token of every text on them."""
        count = len(self.prompts)
        texts = [captures[f"{kind}-{i}"] for kind in ("text", "words") for i in range(count)]
        rows: dict[
            int, NDArray[np.float64]
        ] = {}  # by id: the vector [D] of the token where it first appears
        apart = 0.0
        for text in texts:
            for token, row in zip(text.tokens, text[EMBED].astype(np.float64), strict=True):
                apart = max(apart, float(np.abs(rows.setdefault(token.id, row) - row).max()))
        counts = [Counter(token.id for token in text.tokens) for text in texts]
        fitted = len(set().union(*counts[:count]))
        E = np.array(list(rows.values()))  # [W, D], in the order of first appearance
        basis = principal_components(E[:fitted])  # the reference: different tokens as written
        distances = np.linalg.norm(E[:, None] - E, axis=-1)  # [W, W]
        np.fill_diagonal(distances, np.inf if len(E) > 1 else 0)  # no token is its own neighbour
        flat = [basis.project(text[EMBED]) for text in texts]  # every text's tokens [T, 2]
        tokens = {token.id: token for text in texts for token in text.tokens}
        return TokenMapResult(
            d_model=E.shape[1],
            texts=self.prompts,
            shuffled=tuple(text.text for text in texts[count:]),
            explained=basis.explained,
            spots=_link_recut_words(_token_points(texts, flat)),
            different=tuple(tokens[id] for id in rows),
            fitted=fitted,
            closest=tuple(distances.argmin(axis=1).tolist()),
            distance=tuple(distances.min(axis=1).tolist()),
            repeated=tuple(
                tokens[id] for id in rows if sum(id in some for some in counts[:count]) > 1
            ),
            lost=sum((a - b).total() for a, b in zip(counts[:count], counts[count:], strict=True)),
            equal_apart=apart,
        )

    def figures(self, result: TokenMapResult) -> dict[str, Figure]:
        """`map`: every token, coloured by its text; an arrow where a word is cut otherwise once it was shuffled."""
        known = {token.id: n for n, token in enumerate(result.different)}
        named, points = set[int](), []
        for spot in result.spots:
            n = known[spot.token.id]
            order = "with its words shuffled" if spot.shuffled else "as written"
            other = visible(result.different[result.closest[n]])
            note = f"Token {spot.position} of the text {order}. Closest other token in all {result.d_model} dimensions"
            note += f": {other} ({result.distance[n]:.3g} away)."
            label, group = visible(spot.token), result.texts[spot.text]
            points.append(
                Point(label, spot.x, spot.y, group, spot.becomes, spot.token.id not in named, note)
            )
            named.add(spot.token.id)
        x, y = (
            Axis(f"axis {n}", f"{share:.0%} of the variance")
            for n, share in enumerate(result.explained, start=1)
        )
        places = [f"{p.label} ({p.x:.2f}, {p.y:.2f})" for p in points if p.show_label]
        shared = (
            f", of which {len(result.repeated)} stand in more than one text"
            if result.repeated
            else ""
        )
        alt = f"{len(points)} tokens in {len(places)} places{shared}: {listed(places)}."
        title = f"{len(result.different)} different tokens, axes fitted to the {result.fitted} of the texts as written"
        return {"map": Scatter(tuple(points), x, y, alt, title)}


def _token_points(texts: Sequence[ActivationCache], flat: Sequence[NDArray[np.float64]]) -> list[TokenPoint]:
    """Every token of the texts, the first half as written and then the same shuffled, where it lies: [T, 2] a text."""
    count = len(texts) // 2
    return [
        TokenPoint(
            text=n % count,
            shuffled=n >= count,
            position=i,
            token=token,
            x=float(x),
            y=float(y),
            becomes=None,
        )
        for n, (text, places) in enumerate(zip(texts, flat, strict=True))
        for i, (token, (x, y)) in enumerate(zip(text.tokens, places, strict=True))
    ]


def _link_recut_words(spots: Sequence[TokenPoint]) -> tuple[TokenPoint, ...]:
    """The spots, each whose token left its text when the words were shuffled knowing what the word became."""
    texts = [{(s.text, s.shuffled, s.token.id) for s in spots}]
    written = {(text, id) for text, shuffled, id in texts[0] if not shuffled}
    kept = {(text, id) for text, shuffled, id in texts[0] if shuffled}
    new = [i for i, s in enumerate(spots) if s.shuffled and (s.text, s.token.id) not in written]
    found = []
    for s in spots:
        gone = not s.shuffled and (s.text, s.token.id) not in kept
        same = [
            i for i in new if spots[i].text == s.text and _stripped_text(spots[i].token) == _stripped_text(s.token)
        ]
        found.append(s.model_copy(update={"becomes": same[0]}) if gone and same else s)
    return tuple(found)


def _stripped_text(token: Token) -> str:
    """What is the same of a token however it is spaced."""
    return token.text.strip()
