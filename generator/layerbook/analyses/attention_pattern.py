"""Who looks at whom: attention patterns of chosen layers, averaged over the heads or head by head."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Heads,
    Layers,
    Prompts,
    Record,
    Result,
    as_prompt,
    prompt_name,
    resolved,
    shorten_prompt,
)
from layerbook.core.distributions import Ranked, ranked
from layerbook.core.figures import Axis, Figure, Heatmap, Panels
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request, Site
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible


class PromptPattern(Record):
    """The attention of one prompt; every mean leaves out at least the first query, which can only look at itself."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(
        description="The tokens, in order: rows and columns of the pattern."
    )
    predicted: Ranked = Field(description="The likeliest next token.")
    weights: Array = Field(
        description="Attention by [layer][head][query][key], shares in 0..1, rows summing to 1."
    )
    sink_share: tuple[float, ...] = Field(
        description="By layer: share on position 0, mean over heads and queries."
    )
    leading: int = Field(
        description="How many tokens at the start equal the first; 1 if the second differs."
    )
    leading_share: tuple[float, ...] = Field(
        description="By layer: share on these `leading` tokens, mean over heads and the queries after them, which "
        "have others to look at; 1 where there are none."
    )
    leading_even: float = Field(
        description="What `leading_share` would be if every token looked alike at all it sees."
    )
    distinct_keys: tuple[float, ...] = Field(
        description="By layer: different keys that heads look at most, per query."
    )


class AttentionPatternResult(Result):
    """Attention patterns by prompt, layer and head."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `weights`.")
    heads: tuple[int | Literal["mean"], ...] = Field(
        description="The query heads that index `weights`, or `mean`."
    )
    head_count: int = Field(
        description="How many query heads a layer has; the means are over all of them."
    )
    prompts: tuple[PromptPattern, ...] = Field(
        description="One entry per prompt, in the order of the spec."
    )


class AttentionPattern(Analysis[AttentionPatternResult]):
    """How much of its attention each token gives to itself and to each token before it.

    Shapes: pattern [heads, T, T] = softmax over keys of q·k / sqrt(d_head), future masked; rows look, columns are seen.
    Units: shares of one token's attention, 0 to 1; each row sums to 1.
    Limits: where a head reads, not what it moves: values differ in length, and a share of attention is not an effect.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), equation 1; sinks: Xiao et al. 2023 (arXiv:2309.17453).
    """

    result_type = AttentionPatternResult
    prompts: Prompts = Field(description="The prompts, one pattern each.")
    layers: Layers = Field(description="Which layers; negative numbers count from the last.")
    heads: Heads = Field(
        default="mean",
        description="`mean` over the heads, `all` of them, or a list of query heads.",
    )

    def runs(self) -> dict[str, Request]:
        """One pass per prompt that keeps the patterns and the logits."""
        keep = frozenset(
            {Site("pattern", layer) for layer in resolved(self.layers)} | {NEXT_LOGITS}
        )
        return {
            f"prompt-{i}": Forward(as_prompt(spec), keep) for i, spec in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> AttentionPatternResult:
        """Stack the patterns of the layers, average or choose heads, and count where the heads look."""
        layers, prompts = resolved(self.layers), []
        for i, spec in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            pattern = run.stack("pattern", layers)  # [layers, heads, T, T]
            mean = pattern.mean(axis=1, keepdims=True)  # [layers, 1, T, T]
            free = pattern[
                :, :, min(1, len(run.tokens) - 1) :
            ]  # [layers, heads, T - 1, T]: query 0 has no choice
            favourite = free.argmax(
                axis=-1
            )  # [layers, heads, T - 1]: the key that a head looks at most
            distinct = [
                np.mean([len(set(keys)) for keys in layer.T.tolist()]) for layer in favourite
            ]  # [layers]
            leading = next(
                (n for n, token in enumerate(run.tokens) if token != run.tokens[0]), len(run.tokens)
            )
            late = pattern[:, :, leading:, :leading].sum(axis=-1)  # [layers, heads, T - leading]
            even = [
                leading / seen for seen in range(leading + 1, len(run.tokens) + 1)
            ]  # [T - leading]
            prompts.append(
                PromptPattern(
                    prompt=prompt_name(spec),
                    tokens=run.tokens,
                    predicted=ranked(run, run[NEXT_LOGITS], 1)[0],
                    weights=mean
                    if self.heads == "mean"
                    else pattern[:, list(resolved(self.heads))],
                    sink_share=tuple(free[..., 0].mean(axis=(1, 2)).tolist()),
                    leading=leading,
                    leading_share=tuple(
                        late.mean(axis=(1, 2)).tolist() if even else [1.0] * len(layers)
                    ),
                    leading_even=float(np.mean(even or 1.0)),
                    distinct_keys=tuple(map(float, distinct)),
                )
            )
        heads = (self.heads,) if self.heads == "mean" else resolved(self.heads)
        return AttentionPatternResult(
            layers=layers, heads=heads, head_count=pattern.shape[1], prompts=tuple(prompts)
        )

    def figures(self, result: AttentionPatternResult) -> dict[str, Figure]:
        """`prompt-N-layer-L-mean`, or `-heads` with a panel per head; colours always run from 0 to 1."""
        charts: dict[str, Figure] = {}
        for n, prompt in enumerate(result.prompts):
            for weights, layer, sink in zip(
                prompt.weights, result.layers, prompt.sink_share, strict=True
            ):
                name, where = f"prompt-{n}-layer-{layer}", f"layer {layer}, {shorten_prompt(prompt.prompt)}"
                first = visible(prompt.tokens[0])
                alt = f"In {where}, the later tokens give {sink:.0%} of their attention to the first, {first}."
                if result.heads == ("mean",):
                    title, few = (
                        f"Mean of the {result.head_count} heads, {where}",
                        len(prompt.tokens) <= 12,
                    )
                    charts[f"{name}-mean"] = heatmap(
                        weights[0], prompt.tokens, title, alt, annotate=few
                    )
                else:
                    heads = zip(result.heads, weights, strict=True)
                    maps = tuple(heatmap(w, prompt.tokens, f"head {head}") for head, w in heads)
                    alt = " ".join([alt, *(f"{map.title.capitalize()}: {map.alt}" for map in maps)])
                    charts[f"{name}-heads"] = Panels(maps, alt, f"Head by head, {where}")
        return charts


def heatmap(
    pattern: Array, tokens: tuple[Token, ...], title: str, alt: str = "", annotate: bool = False
) -> Heatmap:
    """One pattern [query, key]; its alt text ends with where the last token looks, whose row decides the next one."""
    best = [
        f"{pattern[-1, k]:.0%} to {visible(tokens[k])} at {k}"
        for k in np.argsort(-pattern[-1], kind="stable")[:2]
    ]
    alt = f"{alt} The last token gives {listed(best)}.".strip()
    rows, columns = (
        Axis("token that looks", labels=tokens),
        Axis("token it looks at", labels=tokens),
    )
    return Heatmap(
        pattern,
        rows,
        columns,
        "attention",
        alt,
        "share",
        title,
        (0, 1),
        annotate=annotate,
        causal=True,
    )
