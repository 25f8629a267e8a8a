"""From dot products to shares: the four stages in which a head's attention pattern comes about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Head,
    Layer,
    Layers,
    PromptText,
    Record,
    Result,
    resolved,
    shorten_prompt,
)
from layerbook.core.distributions import entropy, softmax
from layerbook.core.figures import Axis, Figure, Frame, Frames, Heatmap, Lines, Series
from layerbook.core.requests import ActivationCaches, Describe, Forward, Prompt, Request, Site
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import apply_rope

SITES = ("q", "k", "scores", "pattern")


class HeadStages(Record):
    """The first stage of one head and the last; between them `raw` is scaled, and then masked."""

    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    kv_head: int = Field(description="The key head, from 0, that serves it.")
    raw: Array = Field(description="q·k after RoPE by [query][key], those of later keys too.")
    pattern: Array = Field(
        description="Shares by [query][key], computed from `raw`; rows sum to 1."
    )
    future: float = Field(description="Its number in the result's `future`.")
    taken: int = Field(
        description="In how many rows the largest product is one that the mask takes away."
    )


class AttentionStagesResult(Result):
    """How patterns come about, for some heads step by step, and for all of them in numbers."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="The tokens, in order: queries and keys.")
    layers: tuple[int, ...] = Field(
        description="The layers, from 0, that index the numbers by head."
    )
    d_head: int = Field(
        description="Length of a query or key; the products are divided by its square root."
    )
    sharing: int = Field(description="How many query heads share one key head.")
    score_difference: float = Field(
        description="Largest gap of our scaled products and the model's scores, all heads."
    )
    pattern_difference: float = Field(
        description="Largest gap of our softmax and the model's pattern, all heads."
    )
    reordered: int = Field(
        description="Rows, of all heads, in which scaling changes which key comes before which."
    )
    bits: Array = Field(
        description="By [layer][head]: entropy of a row in bits, mean over queries from position 1."
    )
    bits_unscaled: Array = Field(
        description="The same if the masked products went into the softmax unscaled."
    )
    future: Array = Field(
        description="By [layer][head]: share of later keys if not masked, mean of all rows but the last."
    )
    even_future: float = Field(description="What it would be if every token looked alike at all.")
    shown: tuple[HeadStages, ...] = Field(
        description="The head asked for, and the one of all with most `future`: one if they are one."
    )

    @property
    def bits_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `bits` over the heads."""
        return tuple(self.bits.mean(axis=1).tolist())

    @property
    def unscaled_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `bits_unscaled` over the heads."""
        return tuple(self.bits_unscaled.mean(axis=1).tolist())

    @property
    def future_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `future` over the heads."""
        return tuple(self.future.mean(axis=1).tolist())


class AttentionStages(Analysis[AttentionStagesResult]):
    """How dot products of queries and keys become shares: raw, scaled, masked, through the softmax.

    Shapes: q [H, T, d] and k [K, T, d] after RoPE; every stage [H, T, T], queries by keys; H/K queries share a key.
    Units: products have none; shares of attention, 0 to 1; entropy in bits, at most log2 of the keys a row has.
    Limits: unscaled or unmasked rows are arithmetic on these scores; a model trained that way would have others.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1; Ainslie et al. 2023 (arXiv:2305.13245).
    """

    result_type = AttentionStagesResult
    prompt: PromptText = Field(description="The prompt.")
    layer: Layer = Field(
        description="The layer of a head to draw; negative numbers count from the last."
    )
    head: Head = Field(description="Which query head of it to draw.")
    layers: Layers = Field(
        default="all", description="Which layers to measure, all their heads; this one comes along."
    )

    def runs(self) -> dict[str, Request]:
        """One pass with queries and keys before RoPE, and the model's own scores and patterns; the model's facts."""
        keep = frozenset(Site(name, layer) for layer in self.measured_layers() for name in SITES)
        return {"model": Describe(), "run": Forward(Prompt(text=self.prompt), keep)}

    def measured_layers(self) -> tuple[int, ...]:
        """The layers that are measured."""
        return tuple(sorted({*resolved(self.layers), self.layer}))

    def measure(self, captures: ActivationCaches) -> AttentionStagesResult:
        """Take all heads through the four stages, and once without the scale, and once without the mask."""
        facts, run, layers = captures["model"].facts, captures["run"], self.measured_layers()
        here, sharing = np.arange(len(run.tokens)), facts.heads // facts.kv_heads
        sees = np.tri(len(here), dtype=bool)  # [T, T]: whether the key is no later than the query
        q, k, scores, own = (run.stack(name, layers) for name in SITES)
        q = apply_rope(q, here, facts.rope_theta)  # [layers, H, T, d]
        k = apply_rope(k, here, facts.rope_theta).repeat(
            sharing, axis=1
        )  # [layers, H, T, d], out of [layers, K, T, d]
        raw = q @ k.swapaxes(-1, -2)  # [layers, H, T, T], as all that follow
        scaled = raw / facts.d_head**0.5
        masked = np.where(sees, scaled, -np.inf)
        pattern = softmax(masked)
        unscaled = softmax(np.where(sees, raw, -np.inf))
        ahead = np.where(sees, 0, softmax(scaled)).sum(
            axis=-1
        )  # [layers, H, T]: what later keys would take
        future = ahead[..., : max(len(here) - 1, 1)].mean(
            axis=-1
        )  # [layers, H]: nothing is later than the last
        moved = (raw.argsort(kind="stable") != scaled.argsort(kind="stable")).any(
            axis=-1
        )  # [layers, H, T]
        most = divmod(int(future.argmax()), facts.heads)  # the head that the mask takes most from
        drawn = dict.fromkeys([(layers.index(self.layer), self.head), most])
        return AttentionStagesResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layers=layers,
            d_head=facts.d_head,
            sharing=sharing,
            score_difference=float(np.abs(scaled - scores)[..., sees].max()),
            pattern_difference=float(np.abs(pattern - own).max()),
            reordered=int(moved.sum()),
            bits=mean_row_entropy(pattern),
            bits_unscaled=mean_row_entropy(unscaled),
            future=future,
            even_future=float(1 - sees[: max(len(here) - 1, 1)].mean()),
            shown=tuple(
                HeadStages(
                    layer=layers[at],
                    head=head,
                    kv_head=head // sharing,
                    raw=raw[at, head],
                    pattern=pattern[at, head],
                    future=float(future[at, head]),
                    taken=int((raw[at, head].argmax(axis=-1) > here).sum()),
                )
                for at, head in drawn
            ),
        )

    def figures(self, result: AttentionStagesResult) -> dict[str, Figure]:
        """`layer-L-head-H`: the stages of a head; by layer, `entropy` and `future`: what scale and mask do."""
        charts: dict[str, Figure] = {}
        for one in result.shown:
            where = f"layer {one.layer}, head {one.head}, {shorten_prompt(result.prompt)}"
            alt = f"Four stages of {where}: the products, scaled, masked, and the shares that come of them."
            steps = Frames(
                stage_frames(result, one), alt, f"From products to shares, {where}", step="stage"
            )
            charts[f"layer-{one.layer}-head-{one.head}"] = steps
        scaled, raw, ahead = result.bits_by_layer, result.unscaled_by_layer, result.future_by_layer
        alt = f"The mean over all layers is {np.mean(scaled):.2f} bits with the scale, {np.mean(raw):.2f} without it."
        charts["entropy"] = lines_by_layer(
            result, {"with the scale": scaled, "without": raw}, "entropy of a row, bits", alt
        )
        most, least = (
            tuple(result.future.max(axis=1).tolist()),
            tuple(result.future.min(axis=1).tolist()),
        )
        alt = f"Without the mask, tokens that have later ones would give them {min(ahead):.0%} to {max(ahead):.0%},"
        alt += f" in the mean over the heads of a layer; single heads {min(least):.0%} to {max(most):.0%}."
        lines = {
            "most": most,
            "mean": ahead,
            "least": least,
            "all alike": (result.even_future,) * len(ahead),
        }
        charts["future"] = lines_by_layer(result, lines, "share of later tokens", alt)
        return charts


def mean_row_entropy(pattern: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean entropy of the rows from position 1, where there is one: patterns [layers, H, T, T] -> [layers, H]."""
    free = pattern[:, :, min(1, pattern.shape[-1] - 1) :]
    return np.array([[np.mean([entropy(row) for row in head]) for head in layer] for layer in free])


def lines_by_layer(
    result: AttentionStagesResult, lines: dict[str, tuple[float, ...]], name: str, alt: str
) -> Lines:
    """Numbers by layer."""
    series = tuple(
        Series(key, tuple(map(float, result.layers)), values) for key, values in lines.items()
    )
    return Lines(
        series,
        Axis("layer"),
        Axis(name),
        alt,
        f"All heads by layer, {shorten_prompt(result.prompt)}",
    )


def stage_frames(result: AttentionStagesResult, one: HeadStages) -> tuple[Frame, ...]:
    """The stages of a head; before the softmax, colours are centred on zero and reach as far as the stage does."""
    axes = (
        Axis("token that looks", labels=result.tokens),
        Axis("token it looks at", labels=result.tokens),
    )
    T, root, few = len(result.tokens), result.d_head**0.5, len(result.tokens) <= 9
    divided, best = one.raw / root, int(one.pattern[-1].argmax())
    end, last, to = (
        float(np.abs(divided).max()),
        visible(result.tokens[-1]),
        visible(result.tokens[best]),
    )
    note = f"All queries by all keys, later ones too: {one.raw.min():.1f} to {one.raw.max():.1f}.".replace(
        "-", "−"
    )
    raw = Heatmap(one.raw, *axes, "q·k", note, title="products", diverging=True, annotate=few)
    note = f"All divided by {root:.4g}, the square root of {result.d_head}: now the largest is {divided.max():.1f}."
    scaled = replace(
        raw, values=divided, value="q·k / √d", alt=note, title="scaled", scale=(-end, end)
    )
    note = f"Minus infinity in {T * (T - 1) // 2} of {T * T} cells, those in which a token would look at a later one."
    hidden = np.where(np.tri(T, dtype=bool), divided, -np.inf)
    masked = replace(scaled, values=hidden, alt=note, title="masked", masked=True)
    note = f"Each row is made to sum to one. {last} gives {one.pattern[-1, best]:.0%} to {to}, more than to any other."
    shares = Heatmap(
        one.pattern, *axes, "attention", note, "share", "shares", (0, 1), annotate=few, causal=True
    )
    return tuple(Frame(map.title, map, map.alt) for map in (raw, scaled, masked, shares))
