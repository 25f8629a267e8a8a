"""Position added token by token: the same tokens in two orders, without an encoding and with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result, Seed, Texts, shorten_prompt
from layerbook.core.figures import Axis, Figure, Panels, Point, Scatter
from layerbook.core.requests import EMBED, ActivationCaches, Forward, Prompt, Request, Site
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import mean_pool, principal_components, sinusoidal_encoding

AFTER_ATTENTION = Site("resid_mid", 0)
Constant = Annotated[float, Field(ge=1, le=1e9)]


class OrderedPrompt(Record):
    """One prompt and its tokens' other order."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens as written.")
    moved_to: tuple[int, ...] = Field(description="The position of each token in the other order.")
    after_attention: float = Field(
        description="Length of the difference of both orders' means after attention."
    )


class PromptMap(Record):
    """One prompt's tokens in both orders, on axes that were fitted to the order as written."""

    explained: tuple[float, ...] = Field(
        description="Share of the variance as written along each axis, 0..1."
    )
    written: Array = Field(description="Where each token lies as written: [T, 2].")
    shuffled: Array = Field(
        description="Where the same token lies once it stands at `moved_to`: [T, 2]."
    )
    moved: float = Field(
        description="How far a token's vector moves, mean over the tokens, in all dimensions."
    )
    pooled_difference: float = Field(
        description="Largest difference of any number of both orders' means."
    )
    changed_place: int = Field(description="How many tokens stand elsewhere in the other order.")
    like_itself: int = Field(
        description="How many of them are nearest to themselves as written, of all tokens."
    )
    like_its_place: int = Field(
        description="... nearest to the token that stood at their new position."
    )


class EncodingEffect(Record):
    """Every prompt with one C; counts and differences over all prompts."""

    C: float | None = Field(description="The constant of the encoding; None: no encoding.")
    maps: tuple[PromptMap, ...] = Field(description="One entry per prompt.")
    pooled_difference: float = Field(description="The largest of the prompts.")
    changed_place: int = Field(description="Sum over the prompts.")
    like_itself: int = Field(description="Sum over the prompts.")
    like_its_place: int = Field(description="Sum over the prompts.")


class TokenPositionResult(Result):
    """What the order of the tokens changes. Lengths are Euclidean, in the units of the embedding's numbers."""

    d_model: int = Field(description="Length of a vector.")
    embedding_norm: float = Field(
        description="Average length of a token's vector, scaled if the spec says so."
    )
    encoding_norm: float = Field(description="Length of a position's vector.")
    prompts: tuple[OrderedPrompt, ...] = Field(
        description="One entry per prompt, in the order of the spec."
    )
    sweeps: tuple[EncodingEffect, ...] = Field(description="Without an encoding, then one entry per C.")
    pooled_difference_without: float = Field(
        description="Largest difference of both orders' means, no encoding."
    )
    pooled_difference_with: float = Field(
        description="The same with an encoding added, over all C."
    )
    after_attention: float = Field(description="Smallest `after_attention` of all prompts.")
    after_attention_length: float = Field(
        description="Average length of a mean after attention, to compare with."
    )


class TokenPosition(Analysis[TokenPositionResult]):
    """Each token's vector plus the encoding of its own position, for the order as written and for another.

    Shapes: E [T, D] plus PE [T, D], row t at position t; PCA axes [2, D] fitted as written, used for both orders.
    Units: those of the embedding's numbers; explained variance is a share, 0 to 1.
    Limits: the encoding is added beside the model, which uses RoPE instead; only `after_attention` is its own doing.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), sections 3.4 (embeddings times sqrt(D)) and 3.5 (positions added).
    """

    result_type = TokenPositionResult
    prompts: Texts = Field(
        description="The prompts; their token ids are permuted, so that the tokens stay the same."
    )
    shuffle_seed: Seed = Field(description="The seed that permutes them.")
    C: Annotated[tuple[Constant, ...], Field(min_length=1, max_length=12)] = Field(
        description="The constants to try."
    )
    scale: Literal["none", "sqrt-d"] = Field(
        "none", description="Multiply the embeddings by sqrt(d_model) first."
    )

    def runs(self) -> dict[str, Request]:
        """Two passes per prompt, one per order: the embeddings, and the stream after the first attention."""
        keep, runs = frozenset({EMBED, AFTER_ATTENTION}), dict[str, Request]()
        for i, text in enumerate(self.prompts):
            runs[f"written-{i}"] = Forward(Prompt(text=text), keep)
            runs[f"shuffled-{i}"] = Forward(Prompt(text=text, shuffle_seed=self.shuffle_seed), keep)
        return runs

    def measure(self, captures: ActivationCaches) -> TokenPositionResult:
        """Add positions to both orders; compare single tokens, and means; then means after the model's attention."""
        pairs = [
            (captures[f"written-{i}"], captures[f"shuffled-{i}"]) for i in range(len(self.prompts))
        ]
        moves = [
            _moved_to(a.tokens, b.tokens) for a, b in pairs
        ]  # per prompt [T]: the new place of each token
        D = pairs[0][0][EMBED].shape[1]
        scale = np.sqrt(D) if self.scale == "sqrt-d" else 1.0
        sweeps = []
        for C in (None, *self.C):
            maps = []
            for (written, shuffled), to in zip(pairs, moves, strict=True):
                PE = np.zeros((len(to), D)) if C is None else sinusoidal_encoding(len(to), D, C)  # [T, D]
                here = scale * written[EMBED] + PE  # [T, D]: every token at its own position
                there = (
                    scale * shuffled[EMBED] + PE
                )  # [T, D]: the same rows in another order, the same positions
                basis = principal_components(here)  # fitted to the order as written, used for both
                maps.append(
                    PromptMap(
                        explained=basis.explained,
                        written=basis.project(here),  # [T, 2]
                        shuffled=basis.project(there)[to],  # [T, 2], row by row the same token
                        moved=float(np.linalg.norm(there[to] - here, axis=1).mean()),
                        pooled_difference=float(np.abs(mean_pool(there) - mean_pool(here)).max()),
                        **_count_nearest(here, there, to),
                    )
                )
            sweeps.append(_combine_prompts(C, maps))
        after = [
            [mean_pool(run[AFTER_ATTENTION]) for run in pair] for pair in pairs
        ]  # two means [D] per prompt
        changes = [float(np.linalg.norm(b - a)) for a, b in after]
        return TokenPositionResult(
            d_model=D,
            embedding_norm=float(
                np.mean([np.linalg.norm(scale * a[EMBED], axis=1).mean() for a, _ in pairs])
            ),
            encoding_norm=float(np.linalg.norm(PE[0])),
            prompts=_ordered_prompts(self.prompts, [a.tokens for a, _ in pairs], moves, changes),
            sweeps=tuple(sweeps),
            pooled_difference_without=sweeps[0].pooled_difference,
            pooled_difference_with=max(sweep.pooled_difference for sweep in sweeps[1:]),
            after_attention=min(changes),
            after_attention_length=float(np.mean([np.linalg.norm(a) for a, _ in after])),
        )

    def figures(self, result: TokenPositionResult) -> dict[str, Figure]:
        """`points-N`: per prompt a map for each C, each on axes of its own, an arrow per token to its new place."""
        charts: dict[str, Figure] = {}
        for n, (text, prompt) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            panels, moved = [], []
            for sweep in result.sweeps:
                name, drawn = (
                    "no encoding" if sweep.C is None else f"C = {sweep.C:,.15g}",
                    sweep.maps[n],
                )
                moved.append(f"{name}: {drawn.moved:.1f}")
                panels.append(_map_panel(drawn, prompt.tokens, name))
            alt = f"The tokens of {shorten_prompt(text)} in two orders. How far a token moves on average. {listed(moved, 13)}."
            times = " times sqrt(d)" if self.scale == "sqrt-d" else ""
            title = f"The tokens of {shorten_prompt(text)}: embeddings{times} plus encoding"
            charts[f"points-{n}"] = Panels(tuple(panels), alt, title)
        return charts


def _moved_to(written: Sequence[Token], shuffled: Sequence[Token]) -> NDArray[np.intp]:
    """The place in `shuffled` of each token of `written`; equal tokens keep their order among themselves."""
    a, b = ([token.id for token in order] for order in (written, shuffled))
    to = np.empty(len(a), dtype=np.intp)
    to[np.argsort(a, kind="stable")] = np.argsort(b, kind="stable")
    return to


def _count_nearest(
    here: NDArray[np.float64], there: NDArray[np.float64], to: NDArray[np.intp]
) -> dict[str, int]:
    """What the tokens [T, D] that changed place are nearest to as written: themselves, or their new position."""
    changed = np.flatnonzero(to != np.arange(len(to)))
    nearest = {t: int(np.linalg.norm(here - there[to[t]], axis=1).argmin()) for t in changed}
    itself = sum(n == t for t, n in nearest.items())
    place = sum(n == to[t] for t, n in nearest.items())
    return {"changed_place": len(changed), "like_itself": int(itself), "like_its_place": int(place)}


def _combine_prompts(C: float | None, maps: Sequence[PromptMap]) -> EncodingEffect:
    """One C over all prompts."""
    return EncodingEffect(
        C=C,
        maps=tuple(maps),
        pooled_difference=max(m.pooled_difference for m in maps),
        changed_place=sum(m.changed_place for m in maps),
        like_itself=sum(m.like_itself for m in maps),
        like_its_place=sum(m.like_its_place for m in maps),
    )


def _ordered_prompts(
    texts: Sequence[str],
    tokens: Sequence[tuple[Token, ...]],
    moves: Sequence[NDArray[np.intp]],
    changes: Sequence[float],
) -> tuple[OrderedPrompt, ...]:
    return tuple(
        OrderedPrompt(prompt=text, tokens=some, moved_to=tuple(to.tolist()), after_attention=change)
        for text, some, to, change in zip(texts, tokens, moves, changes, strict=True)
    )


def _map_panel(drawn: PromptMap, tokens: Sequence[Token], name: str) -> Scatter:
    """One map: a dot and a name per token as written, an arrow to where the same token went."""
    both = zip(tokens, drawn.written.tolist(), drawn.shuffled.tolist(), strict=True)
    pairs = [(visible(token), *here, *there) for token, here, there in both]
    dots = [
        Point(name, x, y, "as written", arrow_to=len(tokens) + i)
        for i, (name, x, y, *_) in enumerate(pairs)
    ]
    dots += [Point(name, x, y, "shuffled", show_label=False) for name, _, _, x, y in pairs]
    first, second = (
        Axis(f"axis {n}", f"{share:.0%}") for n, share in enumerate(drawn.explained, start=1)
    )
    alt = f"{name}: a token moves by {drawn.moved:.1f} on average."
    return Scatter(tuple(dots), first, second, alt, name)
