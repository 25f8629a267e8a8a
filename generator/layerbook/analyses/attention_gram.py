"""The lecture's picture of attention: the Gram matrix of what attention writes, and how far it is from the pattern."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Layers,
    Prompts,
    Record,
    Result,
    as_prompt,
    prompt_name,
    resolved,
    shorten_prompt,
)
from layerbook.core.figures import Axis, Bars, Figure, Heatmap, Panels, Point, Scatter
from layerbook.core.requests import ActivationCaches, Forward, Request, Site
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import correlation


class PromptGram(Record):
    """The Gram matrices of one prompt, and what they do and do not go along with."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(
        description="The tokens, in order: rows and columns of the matrices."
    )
    gram: Array = Field(
        description="Dot products of the attention outputs by [layer][T][T]; `layers` indexes it."
    )
    pattern: Array = Field(
        description="The attention pattern, mean of the heads, by [layer][query][key], shares."
    )
    correlation: tuple[float | None, ...] = Field(
        description="By layer: r with `pattern` below the diagonal, -1..1."
    )
    length_correlation: tuple[float | None, ...] = Field(
        description="By layer: r there with the product of lengths."
    )
    leading: int = Field(
        description="How many tokens at the start equal the first; 1 if the second differs."
    )
    leading_difference: tuple[float, ...] = Field(
        description="By layer: their outputs' greatest distance, per length."
    )


class AttentionGramResult(Result):
    """Gram matrices of the attention output by prompt and layer."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the matrices.")
    prompts: tuple[PromptGram, ...] = Field(
        description="One entry per prompt, in the order of the spec."
    )


class AttentionGram(Analysis[AttentionGramResult]):
    """How alike the vectors are that attention adds at each two positions: a table of dot products, not of attention.

    Shapes: attn_out [T, d_model] -> Gram matrix attn_out · attn_outᵀ [T, T], symmetric; pattern [heads, T, T].
    Units: products of activations, which have no unit and no common scale between layers; r in -1..1.
    Limits: not attention: r compares only the T (T - 1) / 2 cells below the diagonal, and says nothing of causes.
    Source: the lecture; why outputs are not weights: Kobayashi et al. 2020 (arXiv:2004.10102), section 2.
    """

    result_type = AttentionGramResult
    prompts: Prompts = Field(description="The prompts, one matrix each.")
    layers: Layers = Field(description="Which layers; negative numbers count from the last.")

    def runs(self) -> dict[str, Request]:
        """One pass per prompt that keeps what attention adds, and its patterns."""
        keep = frozenset(
            Site(name, layer) for layer in resolved(self.layers) for name in ("attn_out", "pattern")
        )
        return {
            f"prompt-{i}": Forward(as_prompt(spec), keep) for i, spec in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> AttentionGramResult:
        """Multiply the outputs with each other, and hold the table against the pattern."""
        layers, prompts = resolved(self.layers), []
        for i, spec in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            out = run.stack("attn_out", layers)  # [layers, T, d_model]
            gram = out @ out.transpose(0, 2, 1)  # [layers, T, T]
            pattern = run.stack("pattern", layers).mean(axis=1)  # [layers, T, T]
            length = np.linalg.norm(out, axis=-1)  # [layers, T]
            size = (
                length[:, :, None] * length[:, None, :]
            )  # [layers, T, T]: all that lengths can explain
            below = np.tril_indices(len(run.tokens), k=-1)  # where one token can look at another
            leading = next(
                (n for n, token in enumerate(run.tokens) if token != run.tokens[0]), len(run.tokens)
            )
            moved = (
                np.linalg.norm(out[:, :leading] - out[:, :1], axis=-1).max(axis=-1) / length[:, 0]
            )  # [layers]
            prompts.append(
                PromptGram(
                    prompt=prompt_name(spec),
                    tokens=run.tokens,
                    gram=gram,
                    pattern=pattern,
                    correlation=tuple(
                        correlation(g[below], p[below]) for g, p in zip(gram, pattern, strict=True)
                    ),
                    length_correlation=tuple(
                        correlation(g[below], n[below]) for g, n in zip(gram, size, strict=True)
                    ),
                    leading=leading,
                    leading_difference=tuple(moved.tolist()),
                )
            )
        return AttentionGramResult(layers=layers, prompts=tuple(prompts))

    def figures(self, result: AttentionGramResult) -> dict[str, Figure]:
        """`prompt-N-layer-L`; `against-pattern`, a point per cell and a panel per matrix; `correlation` as bars."""
        charts, bars, clouds = dict[str, Figure](), list[tuple[str, float]](), list[Scatter]()
        for n, prompt in enumerate(result.prompts):
            for at, layer in enumerate(result.layers):
                where, r = f"layer {layer}, {shorten_prompt(prompt.prompt)}", prompt.correlation[at]
                said = f"r = {r:+.2f}" if r is not None else "r is undefined"
                bars.append((where if r is not None else f"{where}, undefined", r or 0.0))
                charts[f"prompt-{n}-layer-{layer}"] = heatmap(
                    prompt.gram[at], prompt.tokens, where, said
                )
                clouds.append(
                    cell_scatter(prompt.gram[at], prompt.pattern[at], prompt.tokens, f"{said}, {where}")
                )
        alt = (
            f"Gram matrix against attention pattern: {'; '.join(cloud.title for cloud in clouds)}."
        )
        charts["against-pattern"] = Panels(
            tuple(clouds), alt, "The cells below the diagonal as points", columns=2
        )
        axes = (
            Axis("layer and prompt"),
            Axis("correlation with the attention pattern", "Pearson's r"),
        )
        shown = tuple(where for where, _ in bars), tuple(r for _, r in bars)
        charts["correlation"] = Bars(
            *shown, *axes, alt, "Does the Gram matrix agree with the pattern?"
        )
        return charts


def heatmap(gram: Array, tokens: tuple[Token, ...], where: str, r: str) -> Heatmap:
    """One Gram matrix; both axes mean the same."""
    i, j = (int(k) for k in np.unravel_index(gram.argmax(), gram.shape))
    title, axis = f"Gram matrix of the attention output, {where}", Axis("token", labels=tokens)
    alt = f"{title}: symmetric, from {gram.min():.4g} to {gram.max():.4g}, largest between {visible(tokens[i])} at {i} "
    alt += f"and {visible(tokens[j])} at {j}. With the attention pattern, {r}."
    signed, few = bool(gram.min() < 0), len(tokens) <= 12
    return Heatmap(gram, axis, axis, "dot product", alt, "", title, diverging=signed, annotate=few)


def cell_scatter(gram: Array, pattern: Array, tokens: tuple[Token, ...], title: str) -> Scatter:
    """A point for each token and each one before it; the layers' scales differ, so dot products are shares here."""
    pairs = [(q, k) for q in range(len(tokens)) for k in range(q)]
    names = [f"{visible(tokens[q])} ({q}) at {visible(tokens[k])} ({k})" for q, k in pairs]
    points = tuple(
        Point(n, float(pattern[at]), float(gram[at] / gram.max()))
        for n, at in zip(names, pairs, strict=True)
    )
    axes = Axis("attention", "share"), Axis("dot product", "share of the largest")
    return Scatter(
        points, *axes, f"{len(points)} cells, {title}", title, equal=False, show_labels=False
    )
