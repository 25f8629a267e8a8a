"""Attention stages: from dot products of queries and keys to shares of attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import attention_heatmap, layer_lines, token_axes
from layerbook.core.distributions import entropy, softmax
from layerbook.core.figures import Axis, Figure, Frame, Frames, Heatmap, Lines
from layerbook.core.parameters import Head, Layer, Layers, resolved
from layerbook.core.prompts import PromptText, as_prompt, shorten_prompt
from layerbook.core.requests import ActivationCaches, Describe, Forward, ModelFacts, Request, Site
from layerbook.core.rounding import Gap, descending, snap
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import apply_rope, causal_mask

SITES = ("q", "k", "scores", "pattern")
MAX_ANNOTATED = 9  # tokens of a heatmap with the values in its cells


class HeadStages(Record):
    """The first and the last stage of one head; between them, `products` is scaled and masked."""

    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    kv_head: int = Field(description="Its key head, from 0.")
    products: Array = Field(description="q·k after RoPE [query][key], including later keys.")
    pattern: Array = Field(description="Shares [query][key], computed from `products`.")
    future_share: float = Field(description="Share on later keys without the mask, 0 to 1.")
    masked_maxima: int = Field(description="Rows whose largest product is with a later key.")


class AttentionStagesResult(Result):
    """The stages of some heads, and the effect of scale and mask on all heads."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens: the queries and keys.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the arrays.")
    d_head: int = Field(description="Length of a query or key.")
    queries_per_key: int = Field(description="Number of query heads that share one key head.")
    score_difference: Gap = Field(description="Largest difference to the model's scores.")
    pattern_difference: Gap = Field(description="Largest difference to the model's patterns.")
    reordered_rows: int = Field(description="Number of rows in which scaling reorders the keys.")
    entropy: Array = Field(description="Entropy of a row in bits [layer][head], queries 1..T-1.")
    unscaled_entropy: Array = Field(description="The same without the scale.")
    future_share: Array = Field(description="Share of later keys without the mask [layer][head].")
    uniform_future_share: float = Field(description="`future_share` if attention were uniform.")
    heads: tuple[HeadStages, ...] = Field(
        description="The head of the spec, and the one with the largest `future_share`."
    )

    @property
    def entropy_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `entropy` over the heads."""
        return tuple(self.entropy.mean(axis=1).tolist())

    @property
    def unscaled_entropy_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `unscaled_entropy` over the heads."""
        return tuple(self.unscaled_entropy.mean(axis=1).tolist())

    @property
    def future_by_layer(self) -> tuple[float, ...]:
        """By layer: the mean of `future_share` over the heads."""
        return tuple(self.future_share.mean(axis=1).tolist())


class AttentionStages(Analysis[AttentionStagesResult]):
    """From dot products of queries and keys to shares: raw, scaled, masked, through the softmax.

    Shapes: q [H, T, d] and k [K, T, d] after RoPE; every stage [H, T, T], queries by keys; H/K
        queries share a key.
    Units: products have none; shares of attention, 0 to 1; entropy in bits, at most log2 of the
        keys of a row.
    Limits: unscaled or unmasked rows are arithmetic on these scores; a model trained that way would
        have others.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.1; Ainslie et al. 2023
        (arXiv:2305.13245).
    """

    requires = frozenset({"plain scores"})

    prompt: PromptText = Field(description="The prompt.")
    layer: Layer = Field(description="The drawn head's layer; a negative one counts from the last.")
    head: Head = Field(description="The query head to draw.")
    layers: Layers = Field(default="all", description="Layers to measure; `layer` is always one.")

    def runs(self) -> dict[str, Request]:
        """Request one pass that keeps queries and keys before RoPE, scores and patterns."""
        keep = frozenset(Site(name, layer) for layer in self.measured_layers() for name in SITES)
        return {"model": Describe(), "run": Forward(as_prompt(self.prompt), keep)}

    def measured_layers(self) -> tuple[int, ...]:
        """Return `layers` and `layer`, sorted."""
        return tuple(sorted({*resolved(self.layers), self.layer}))

    def measure(self, captures: ActivationCaches) -> AttentionStagesResult:
        """Take all heads through the four stages; then leave out the scale, then the mask."""
        run, facts = captures["run"], captures["model"].facts
        layers, T = self.measured_layers(), len(run.tokens)
        q = np.array([rotate(run[Site("q", i)], facts, i) for i in layers])  # [L, H, T, d]
        k = np.array([rotate(run[Site("k", i)], facts, i) for i in layers])  # [L, K, T, d]
        k = k.repeat(facts.heads // facts.kv_heads, axis=1)  # [L, H, T, d]: some heads share keys
        seen = np.array([causal_mask(T, facts.windows[i]) for i in layers])[:, None]  # [L, 1, T, T]

        raw = q @ k.swapaxes(-1, -2)  # [L, H, T, T], as all stages
        scaled = raw / facts.d_head**0.5
        pattern = softmax(np.where(seen, scaled, -np.inf))

        without_scale = softmax(np.where(seen, raw, -np.inf))
        without_mask = softmax(scaled)
        future = share_of_later_keys(without_mask)  # [L, H]
        most = divmod(int(snap(future).argmax()), facts.heads)  # the head with the largest share
        score_difference = np.abs(scaled - run.stack("scores", layers)).max(where=seen, initial=0)

        return AttentionStagesResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layers=layers,
            d_head=facts.d_head,
            queries_per_key=facts.heads // facts.kv_heads,
            score_difference=float(score_difference),
            pattern_difference=float(np.abs(pattern - run.stack("pattern", layers)).max()),
            reordered_rows=count_reordered_rows(raw, scaled),
            entropy=mean_row_entropy(pattern),
            unscaled_entropy=mean_row_entropy(without_scale),
            future_share=future,
            uniform_future_share=uniform_share_of_later_keys(T),
            heads=tuple(
                HeadStages(
                    layer=layers[i],
                    head=head,
                    kv_head=head * facts.kv_heads // facts.heads,
                    products=raw[i, head],
                    pattern=pattern[i, head],
                    future_share=float(future[i, head]),
                    masked_maxima=count_masked_maxima(raw[i, head]),
                )
                for i, head in dict.fromkeys([(layers.index(self.layer), self.head), most])
            ),
        )

    def figures(self, result: AttentionStagesResult) -> dict[str, Figure]:
        """`layer-L-head-H`: the stages of a head; by layer, `entropy` and `future`."""
        stages = {
            f"layer-{head.layer}-head-{head.head}": stage_sequence(result, head)
            for head in result.heads
        }
        return {**stages, "entropy": entropy_lines(result), "future": future_lines(result)}


def rotate(rows: Array, facts: ModelFacts, layer: int) -> Array:
    """Turn queries or keys [H, T, d] by their positions, unless their layer has no RoPE."""
    rope, positions = facts.rope[layer], np.arange(rows.shape[1])
    return rows if rope is None else apply_rope(rows, positions, rope.speeds, rope.scale)


def share_of_later_keys(unmasked: Array) -> Array:
    """Average the attention of queries 0..T-2 to later keys: [L, H, T, T] -> [L, H]."""
    share = np.triu(unmasked, k=1).sum(axis=-1)  # [L, H, T]
    return share[..., : max(share.shape[-1] - 1, 1)].mean(axis=-1)


def uniform_share_of_later_keys(T: int) -> float:
    """Return what `share_of_later_keys` would be if every query gave all keys equal attention."""
    return float(1 - np.tri(T)[: max(T - 1, 1)].mean())


def count_reordered_rows(raw: Array, scaled: Array) -> int:
    """Count the rows in which the order of the keys differs: [L, H, T, T] twice."""
    return int((descending(raw) != descending(scaled)).any(axis=-1).sum())


def count_masked_maxima(raw: Array) -> int:
    """Count the queries whose largest product is with a later key: [T, T]."""
    return int((snap(raw).argmax(axis=-1) > np.arange(len(raw))).sum())


def mean_row_entropy(pattern: Array) -> Array:
    """Average the entropy of the rows of queries 1..T-1: [L, H, T, T] -> [L, H]."""
    rows = pattern[:, :, min(1, pattern.shape[-1] - 1) :]
    return np.apply_along_axis(entropy, -1, rows).mean(axis=-1)


def stage_sequence(result: AttentionStagesResult, head: HeadStages) -> Frames:
    """Draw the four stages of a head; the colors before the softmax are centered on zero."""
    few = len(result.tokens) <= MAX_ANNOTATED
    divided = head.products / result.d_head**0.5
    hidden = np.where(np.tri(len(divided)), divided, -np.inf)
    end = float(np.abs(divided).max())

    products = Heatmap(
        head.products,
        *token_axes(result.tokens),
        value="q·k",
        alt="",
        title="products",
        diverging=True,
        annotate=few,
    )
    scaled = replace(products, values=divided, value="q·k / √d", title="scaled", scale=(-end, end))
    masked = replace(scaled, values=hidden, title="masked", masked=True)
    shares = attention_heatmap(head.pattern, result.tokens, title="shares", alt="", annotate=few)

    stages = (products, scaled, masked, shares)
    frames = tuple(
        Frame(stage.title, replace(stage, alt=note), note)
        for stage, note in zip(stages, stage_notes(result, head), strict=True)
    )
    place = f"layer {head.layer}, head {head.head}: “{shorten_prompt(result.prompt)}”"
    alt = f"Four stages of {place}: the products, scaled, masked, and the resulting shares."
    return Frames(frames, alt, f"From products to shares, {place}", step="stage")


def stage_notes(result: AttentionStagesResult, head: HeadStages) -> tuple[str, str, str, str]:
    """Return a sentence about each stage of a head."""
    T, root = len(result.tokens), result.d_head**0.5
    largest = (head.products / root).max()
    low, high = (f"{x:.1f}".replace("-", "−") for x in (head.products.min(), head.products.max()))
    best = int(head.pattern[-1].argmax())
    query, key = visible(result.tokens[-1]), visible(result.tokens[best])
    return (
        f"The products of all queries with all keys, later ones too: {low} to {high}.",
        f"All divided by {root:.4g}, the square root of {result.d_head}: now the largest is "
        f"{largest:.1f}.",
        f"Minus infinity in {T * (T - 1) // 2} of {T * T} cells, those in which a token "
        "would look at a later one.",
        f"Each row is made to sum to one. {query} gives {head.pattern[-1, best]:.0%} to "
        f"{key}, more than to any other.",
    )


def entropy_lines(result: AttentionStagesResult) -> Lines:
    """Draw the entropy by layer, with the scale and without."""
    scaled, unscaled = result.entropy_by_layer, result.unscaled_entropy_by_layer
    return layer_lines(
        result.layers,
        {"with the scale": scaled, "without": unscaled},
        Axis("entropy of a row", "bits"),
        title=f"All heads by layer: “{shorten_prompt(result.prompt)}”",
        alt=f"The mean over all layers is {np.mean(scaled):.2f} bits with the scale, "
        f"{np.mean(unscaled):.2f} without it.",
    )


def future_lines(result: AttentionStagesResult) -> Lines:
    """Draw the share of later tokens by layer, without the mask."""
    mean = result.future_by_layer
    most = tuple(result.future_share.max(axis=1).tolist())
    least = tuple(result.future_share.min(axis=1).tolist())
    uniform = (result.uniform_future_share,) * len(mean)
    return layer_lines(
        result.layers,
        {"most": most, "mean": mean, "least": least, "uniform attention": uniform},
        Axis("share of later tokens", percent=True),
        title=f"All heads by layer: “{shorten_prompt(result.prompt)}”",
        alt=f"Without the mask, tokens that have later ones would give them {min(mean):.0%} to "
        f"{max(mean):.0%}, in the mean over the heads of a layer; single heads {min(least):.0%} to "
        f"{max(most):.0%}.",
    )
