"""Position added token by token: the same tokens in two orders, with and without encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Figure, Panels, Point, Scatter
from layerbook.core.parameters import Seed
from layerbook.core.prompts import Texts, shorten_prompt
from layerbook.core.requests import (
    EMBED,
    ActivationCache,
    ActivationCaches,
    EmbeddingRows,
    Prompt,
    Request,
)
from layerbook.core.rounding import ExactOrNone, Gap, snap
from layerbook.core.text import listed
from layerbook.core.tokens import Token
from layerbook.core.vectors import mean_pool, principal_components, sinusoidal_encoding

Constant = Annotated[float, Field(ge=1, le=1e9)]


class OrderedPrompt(Record):
    """One prompt and a second order of its tokens."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens as written.")
    new_positions: tuple[int, ...] = Field(
        description="The position of each token in the other order."
    )


class PromptMap(Record):
    """One prompt's tokens in both orders, on axes fitted to the order as written."""

    explained: tuple[float, ...] = Field(
        description="Share of the variance as written along each axis, 0..1."
    )
    written: Array = Field(description="Each token as written: [T, 2].")
    shuffled: Array = Field(description="The same token at position `new_positions`: [T, 2].")
    mean_displacement: float = Field(
        description="Distance that a token's vector moves in all dimensions, mean over tokens."
    )
    pooled_difference: Gap = Field(
        description="Largest difference of any number between both orders' means."
    )
    changed_position: int = Field(description="Number of tokens with another position there.")
    nearest_to_itself: int = Field(description="How many of them are nearest to themselves.")
    nearest_to_new_position: int = Field(
        description="How many are nearest to the token that was at their new position."
    )


class EncodingEffect(Record):
    """Every prompt with one C; counts and differences over all prompts."""

    C: ExactOrNone = Field(description="The constant of the encoding; None: no encoding.")
    maps: tuple[PromptMap, ...] = Field(description="One entry per prompt.")
    pooled_difference: Gap = Field(description="The largest of the prompts.")
    changed_position: int = Field(description="Sum over the prompts.")
    nearest_to_itself: int = Field(description="Sum over the prompts.")
    nearest_to_new_position: int = Field(description="Sum over the prompts.")


class TokenPositionResult(Result):
    """The effect of token order. Lengths are Euclidean, in units of the embedding's numbers."""

    embedding_norm: float = Field(
        description="Mean length of a token's vector, scaled if the spec says so."
    )
    encoding_norm: float = Field(description="Length of a position's vector.")
    prompts: tuple[OrderedPrompt, ...] = Field(
        description="One entry per prompt, in the order of the spec."
    )
    encodings: tuple[EncodingEffect, ...] = Field(
        description="First without an encoding, then each C."
    )
    pooled_difference_without: Gap = Field(
        description="Largest difference between both orders' means, without encoding."
    )
    pooled_difference_with: Gap = Field(description="The same with an encoding, over all C.")


class TokenPosition(Analysis[TokenPositionResult]):
    """Each token's vector plus the encoding of its position, as written and in another order.

    Shapes: E [T, D] plus PE [T, D], row t at position t; PCA axes [2, D] fitted as written, used
        for both orders.
    Units: those of the embedding's numbers; explained variance is a share, 0 to 1.
    Limits: the encoding is added outside the model, which uses RoPE and never sees these vectors.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), sections 3.4 (embeddings times sqrt(D)) and 3.5
        (positions added).
    """

    prompts: Texts = Field(
        description="The prompts; their token ids are permuted, so the tokens stay the same."
    )
    shuffle_seed: Seed = Field(description="The seed that permutes them.")
    C: Annotated[tuple[Constant, ...], Field(min_length=1, max_length=12)] = Field(
        description="The constants to try."
    )
    scale: Literal["none", "sqrt-d"] = Field(
        "none", description="Multiply the embeddings by sqrt(d_model) first."
    )

    def runs(self) -> dict[str, Request]:
        """Request the embedding rows of each prompt, in both orders; the model does not run."""
        runs: dict[str, Request] = {}
        for i, text in enumerate(self.prompts):
            shuffled = Prompt(text=text, shuffle_seed=self.shuffle_seed)
            runs[f"written-{i}"] = EmbeddingRows(Prompt(text=text))
            runs[f"shuffled-{i}"] = EmbeddingRows(shuffled)
        return runs

    def measure(self, captures: ActivationCaches) -> TokenPositionResult:
        """Compare both orders by token and by mean, without an encoding and with each C."""
        pairs = [
            Orders(captures[f"written-{i}"], captures[f"shuffled-{i}"])
            for i in range(len(self.prompts))
        ]
        D = pairs[0].written[EMBED].shape[1]
        scale = np.sqrt(D) if self.scale == "sqrt-d" else 1.0
        without, *effects = [measure_encoding(C, pairs, scale) for C in (None, *self.C)]

        norms = [np.linalg.norm(scale * pair.written[EMBED], axis=1).mean() for pair in pairs]
        PE = sinusoidal_encoding(1, D, self.C[-1])  # every position's vector has the same length
        return TokenPositionResult(
            embedding_norm=float(np.mean(norms)),
            encoding_norm=float(np.linalg.norm(PE[0])),
            prompts=tuple(
                OrderedPrompt(
                    prompt=text,
                    tokens=pair.written.tokens,
                    new_positions=tuple(pair.new_positions().tolist()),
                )
                for text, pair in zip(self.prompts, pairs, strict=True)
            ),
            encodings=(without, *effects),
            pooled_difference_without=without.pooled_difference,
            pooled_difference_with=max(effect.pooled_difference for effect in effects),
        )

    def figures(self, result: TokenPositionResult) -> dict[str, Figure]:
        """`points-N`: per prompt a map for each C; arrows lead to each token's new place."""
        figures: dict[str, Figure] = {}
        times = " times sqrt(d)" if self.scale == "sqrt-d" else ""
        for n, (text, prompt) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            maps = [(encoding_name(effect), effect.maps[n]) for effect in result.encodings]
            moves = [f"{name}: {prompt_map.mean_displacement:.1f}" for name, prompt_map in maps]
            panels = [_map_panel(prompt_map, prompt.tokens, name) for name, prompt_map in maps]
            figures[f"points-{n}"] = Panels(
                tuple(panels),
                f"The tokens of “{shorten_prompt(text)}” in two orders. "
                f"The mean distance that a token moves. {listed(moves, 13)}.",
                f"The tokens of “{shorten_prompt(text)}”: embeddings{times} plus encoding",
            )
        return figures


@dataclass(frozen=True)
class Orders:
    """The embedding rows of one prompt's tokens in both orders."""

    written: ActivationCache
    shuffled: ActivationCache

    def new_positions(self) -> NDArray[np.intp]:
        """Return the new position of each token [T]; equal tokens stay in order."""
        a = [token.id for token in self.written.tokens]
        b = [token.id for token in self.shuffled.tokens]
        to = np.empty(len(a), dtype=np.intp)
        to[np.argsort(a, kind="stable")] = np.argsort(b, kind="stable")
        return to


def measure_encoding(C: float | None, pairs: Sequence[Orders], scale: float) -> EncodingEffect:
    """Measure every prompt with one C, and add up the prompts."""
    maps = [map_prompt(pair, scale, C) for pair in pairs]
    return EncodingEffect(
        C=C,
        maps=tuple(maps),
        pooled_difference=max(m.pooled_difference for m in maps),
        changed_position=sum(m.changed_position for m in maps),
        nearest_to_itself=sum(m.nearest_to_itself for m in maps),
        nearest_to_new_position=sum(m.nearest_to_new_position for m in maps),
    )


def map_prompt(pair: Orders, scale: float, C: float | None) -> PromptMap:
    """Add positions to both orders, and project them on the axes of the order as written."""
    to = pair.new_positions()  # [T]
    T, D = pair.written[EMBED].shape
    PE = np.zeros((T, D)) if C is None else sinusoidal_encoding(T, D, C)  # [T, D]
    here = scale * pair.written[EMBED] + PE  # [T, D]: every token at its own position
    there = scale * pair.shuffled[EMBED] + PE  # [T, D]: the same rows, in another order
    axes = principal_components(here)

    changed = np.flatnonzero(to != np.arange(T))
    distances = {t: np.linalg.norm(here - there[to[t]], axis=1) for t in changed}
    nearest = {t: int(snap(distance).argmin()) for t, distance in distances.items()}
    return PromptMap(
        explained=axes.explained,
        written=axes.project(here),  # [T, 2]
        shuffled=axes.project(there)[to],  # [T, 2], row by row the same token
        mean_displacement=float(np.linalg.norm(there[to] - here, axis=1).mean()),
        pooled_difference=float(np.abs(mean_pool(there) - mean_pool(here)).max()),
        changed_position=len(changed),
        nearest_to_itself=sum(int(n == t) for t, n in nearest.items()),
        nearest_to_new_position=sum(int(n == to[t]) for t, n in nearest.items()),
    )


def encoding_name(effect: EncodingEffect) -> str:
    """Name the encoding by its constant."""
    return "no encoding" if effect.C is None else f"C = {effect.C:,.15g}"


def _map_panel(prompt_map: PromptMap, tokens: Sequence[Token], name: str) -> Scatter:
    """Draw a labeled point per token as written, with an arrow to the same token's new place."""
    written = [
        Point(token, x, y, "as written", arrow_to=len(tokens) + i)
        for i, (token, (x, y)) in enumerate(zip(tokens, prompt_map.written.tolist(), strict=True))
    ]
    shuffled = [
        Point(token, x, y, "shuffled", show_label=False)
        for token, (x, y) in zip(tokens, prompt_map.shuffled.tolist(), strict=True)
    ]
    first, second = (
        Axis(f"axis {n}", f"{share:.0%}") for n, share in enumerate(prompt_map.explained, start=1)
    )
    alt = f"{name}: a token moves by {prompt_map.mean_displacement:.1f} on average."
    return Scatter((*written, *shuffled), first, second, alt, name)
