"""Attention patterns: how much of its attention each token gives to itself and earlier tokens."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import attention_heatmap, strongest_keys
from layerbook.core.distributions import Ranked, likeliest
from layerbook.core.figures import Figure, Heatmap, Panels
from layerbook.core.parameters import Heads, Layers, resolved
from layerbook.core.prompts import Prompts, as_prompt, prompt_name, prompt_title
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request, Site
from layerbook.core.rounding import snap
from layerbook.core.tokens import Token, leading_repeats, visible

MAX_ANNOTATED = 12  # tokens of a pattern with its numbers in the cells


class PromptPattern(Record):
    """One prompt. Means are over all heads, and over queries 1..T-1: query 0 has no choice."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens: rows and columns.")
    predicted: Ranked = Field(description="The most likely next token.")
    weights: Array = Field(description="Attention [layer][head][query][key]; each row sums to 1.")
    sink_share: tuple[float, ...] = Field(description="By layer: share of attention on position 0.")
    leading_equal_tokens: int = Field(description="Number of equal tokens at the start; 1 or more.")
    leading_share: tuple[float, ...] = Field(description="By layer: later queries' share on them.")
    uniform_leading_share: float = Field(description="`leading_share` of uniform attention.")
    distinct_keys: tuple[float, ...] = Field(description="By layer: mean count of preferred keys.")

    @property
    def leading_weights(self) -> Array:
        """Attention of each later query on each of the equal tokens at the start.

        The mean of the heads in `weights`: [layer][later query][equal token].
        """
        n = self.leading_equal_tokens
        return self.weights.mean(axis=1)[:, n:, :n]


class AttentionPatternResult(Result):
    """Attention patterns by prompt, layer and head."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `weights`.")
    heads: tuple[int | Literal["mean"], ...] = Field(description="The heads that index `weights`.")
    head_count: int = Field(description="Number of query heads in a layer.")
    prompts: tuple[PromptPattern, ...] = Field(description="One per prompt, in the spec's order.")


class AttentionPattern(Analysis[AttentionPatternResult]):
    """The share of its attention that each token gives to itself and to each token before it.

    Shapes: pattern [H, T, T] = softmax over keys of q·k / sqrt(d_head), with the future masked; a
        row is a query, a column is a key.
    Units: shares of one token's attention, 0 to 1; each row sums to 1.
    Limits: where a head reads, not what it moves: values differ in length, and a share of attention
        is not an effect.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), equation 1; sinks: Xiao et al. 2023
        (arXiv:2309.17453).
    """

    prompts: Prompts = Field(description="The prompts, one pattern each.")
    layers: Layers
    heads: Heads = Field(default="mean", description="`mean`, `all`, or a list of query heads.")

    def runs(self) -> dict[str, Request]:
        """Request one forward pass per prompt that keeps the patterns and the next-token logits."""
        patterns = {Site("pattern", layer) for layer in resolved(self.layers)}
        keep = frozenset({*patterns, NEXT_LOGITS})
        return {f"prompt-{i}": Forward(as_prompt(p), keep) for i, p in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> AttentionPatternResult:
        """Stack the patterns of each prompt, and summarize where their heads look."""
        layers = resolved(self.layers)
        prompts = []
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            pattern = run.stack("pattern", layers)  # [L, H, T, T]: query by key
            n = leading_repeats(run.tokens)
            prompts.append(
                PromptPattern(
                    prompt=prompt_name(prompt),
                    tokens=run.tokens,
                    predicted=likeliest(run, run[NEXT_LOGITS]),
                    weights=self.select_heads(pattern),
                    sink_share=share_on_first(pattern, 1),
                    leading_equal_tokens=n,
                    leading_share=share_on_first(pattern, n),
                    uniform_leading_share=uniform_share_on_first(n, len(run.tokens)),
                    distinct_keys=distinct_keys(pattern),
                )
            )
        return AttentionPatternResult(
            layers=layers,
            heads=("mean",) if self.heads == "mean" else resolved(self.heads),
            head_count=len(captures["prompt-0"][Site("pattern", layers[0])]),
            prompts=tuple(prompts),
        )

    def select_heads(self, pattern: Array) -> Array:
        """Return the mean of the heads, or the heads of the spec: [L, H, T, T] -> [L, h, T, T]."""
        if self.heads == "mean":
            return pattern.mean(axis=1, keepdims=True)
        return pattern[:, list(resolved(self.heads))]

    def figures(self, result: AttentionPatternResult) -> dict[str, Figure]:
        """`prompt-N-layer-L-mean`, `layer-L-mean` of all prompts, or `prompt-N-layer-L-heads`."""
        mean = result.heads == ("mean",)
        figures: dict[str, Figure] = {}
        for n, prompt in enumerate(result.prompts):
            for i, layer in enumerate(result.layers):
                name = f"prompt-{n}-layer-{layer}"
                place = f"layer {layer}, {prompt_title(self.prompts[n])}"
                if mean:
                    figures[f"{name}-mean"] = mean_heatmap(result, prompt, i, place)
                else:
                    figures[f"{name}-heads"] = head_panels(result, prompt, i, place)
        if mean:
            for i, layer in enumerate(result.layers):
                figures[f"layer-{layer}-mean"] = self.prompt_panels(result, i)
        return figures

    def prompt_panels(self, result: AttentionPatternResult, i: int) -> Panels:
        """Draw one panel per prompt, its mean pattern in the layer of this index."""
        panels = tuple(
            pattern_heatmap(prompt.weights[i, 0], prompt.tokens, prompt_title(spec))
            for spec, prompt in zip(self.prompts, result.prompts, strict=True)
        )
        alt = " ".join(f"{panel.title}: {panel.alt}" for panel in panels)
        return Panels(panels, alt, mean_title(result, f"layer {result.layers[i]}"))


def share_on_first(pattern: Array, n: int) -> tuple[float, ...]:
    """Average the attention of queries n..T-1 to the first n keys: [L, H, T, T] -> [L]."""
    if pattern.shape[-1] == n:  # no later query
        return (1.0,) * len(pattern)
    share = pattern[:, :, n:, :n].sum(axis=-1)  # [L, H, T - n]
    return tuple(share.mean(axis=(1, 2)).tolist())


def uniform_share_on_first(n: int, T: int) -> float:
    """Return what `share_on_first` would be if every query gave all its keys equal attention."""
    if n == T:
        return 1.0
    keys_seen = np.arange(n + 1, T + 1)  # [T - n]: query t sees t + 1 keys
    return float((n / keys_seen).mean())


def distinct_keys(pattern: Array) -> tuple[float, ...]:
    """Count the keys that heads prefer, mean of queries 1..T-1: [L, H, T, T] -> [L]."""
    queries = pattern[:, :, 1:] if pattern.shape[-1] > 1 else pattern
    preferred = np.sort(snap(queries).argmax(axis=-1), axis=1)  # [L, H, T - 1]
    count = 1 + (np.diff(preferred, axis=1) != 0).sum(axis=1)  # [L, T - 1]
    return tuple(count.mean(axis=-1).tolist())


def sink_sentence(prompt: PromptPattern, i: int, place: str) -> str:
    """Say how much attention the first token gets."""
    share, first = prompt.sink_share[i], visible(prompt.tokens[0])
    return (
        f"In {place}, the later tokens give {share:.0%} of their attention to the first, {first}."
    )


def mean_title(result: AttentionPatternResult, place: str) -> str:
    """Name the mean pattern of a layer, which may have a single head."""
    if result.head_count == 1:
        return f"The only head, {place}"
    return f"Mean of the {result.head_count} heads, {place}"


def pattern_heatmap(
    pattern: Array, tokens: tuple[Token, ...], title: str, *, alt: str = "", annotate: bool = False
) -> Heatmap:
    """Draw one pattern [query, key]; the alt text ends with the row of the last token."""
    alt = f"{alt} The last token gives {strongest_keys(pattern, tokens)}.".strip()
    return attention_heatmap(pattern, tokens, title=title, alt=alt, annotate=annotate)


def mean_heatmap(
    result: AttentionPatternResult, prompt: PromptPattern, i: int, place: str
) -> Heatmap:
    """Draw the mean pattern of a layer."""
    return pattern_heatmap(
        prompt.weights[i, 0],
        prompt.tokens,
        mean_title(result, place),
        alt=sink_sentence(prompt, i, place),
        annotate=len(prompt.tokens) <= MAX_ANNOTATED,
    )


def head_panels(
    result: AttentionPatternResult, prompt: PromptPattern, i: int, place: str
) -> Panels:
    """Draw one panel per head of a layer."""
    panels = tuple(
        pattern_heatmap(pattern, prompt.tokens, f"head {head}")
        for head, pattern in zip(result.heads, prompt.weights[i], strict=True)
    )
    alts = (f"{panel.title.capitalize()}: {panel.alt}" for panel in panels)
    alt = " ".join([sink_sentence(prompt, i, place), *alts])
    return Panels(panels, alt, f"Head by head, {place}")
