"""The Gram matrix of attention's output, which looks like a pattern, beside the real pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.figures import Axis, Bars, Figure, Heatmap, Panels, Point, Scatter
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import Prompts, as_prompt, prompt_name, prompt_title
from layerbook.core.requests import ActivationCaches, Forward, Request, Site
from layerbook.core.rounding import Rounding
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token, leading_repeats, visible
from layerbook.core.vectors import correlation


class PromptGram(Record):
    """The Gram matrices of one prompt, and their correlations."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens: rows and columns.")
    gram: Array = Field(description="Dot products of the attention outputs [layer][T][T].")
    pattern: Array = Field(description="Attention [layer][query][key], mean of the heads.")
    correlation: tuple[float | None, ...] = Field(
        description="By layer: Pearson's r of `gram` and `pattern` below the diagonal, -1..1."
    )
    length_correlation: tuple[float | None, ...] = Field(
        description="By layer: r of `gram` and the products of lengths there."
    )
    leading_equal_tokens: int = Field(description="Number of equal tokens at the start; 1 or more.")
    leading_difference: Annotated[tuple[float, ...], Rounding(gap=True)] = Field(
        description="By layer: largest distance of these tokens' outputs from the first output, "
        "relative to its length."
    )


class AttentionGramResult(Result):
    """Gram matrices by prompt and layer."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the matrices.")
    prompts: tuple[PromptGram, ...] = Field(description="One per prompt, in the spec's order.")


class AttentionGram(Analysis[AttentionGramResult]):
    """The likeness of attention's outputs at two positions: dot products, not attention.

    Shapes: attn_out [T, d_model] -> Gram matrix attn_out · attn_outᵀ [T, T], symmetric; pattern
        [H, T, T].
    Units: products of activations, without a unit or a scale common to all layers; r in -1..1.
    Limits: not attention: r compares only the T (T - 1) / 2 cells below the diagonal, and says
        nothing of causes.
    Source: why outputs are not weights: Kobayashi et al. 2020 (arXiv:2004.10102), section 2.
    """

    prompts: Prompts = Field(description="The prompts, one matrix each.")
    layers: Layers

    def runs(self) -> dict[str, Request]:
        """Request one forward pass per prompt that keeps the attention outputs and patterns."""
        names = ("attn_out", "pattern")
        keep = frozenset(Site(name, layer) for layer in resolved(self.layers) for name in names)
        return {f"prompt-{i}": Forward(as_prompt(p), keep) for i, p in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> AttentionGramResult:
        """Multiply the attention outputs with each other, and compare with the pattern."""
        layers = resolved(self.layers)
        prompts = []
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            out = run.stack("attn_out", layers)  # [L, T, d_model]
            gram = out @ out.transpose(0, 2, 1)  # [L, T, T]
            pattern = run.stack("pattern", layers).mean(axis=1)  # [L, T, T]: mean of the heads
            length = np.linalg.norm(out, axis=-1)  # [L, T]
            length_products = length[:, :, None] * length[:, None, :]  # [L, T, T]
            n = leading_repeats(run.tokens)
            prompts.append(
                PromptGram(
                    prompt=prompt_name(prompt),
                    tokens=run.tokens,
                    gram=gram,
                    pattern=pattern,
                    correlation=correlation_by_layer(gram, pattern),
                    length_correlation=correlation_by_layer(gram, length_products),
                    leading_equal_tokens=n,
                    leading_difference=difference_from_first(out[:, :n]),
                )
            )
        return AttentionGramResult(layers=layers, prompts=tuple(prompts))

    def figures(self, result: AttentionGramResult) -> dict[str, Figure]:
        """`prompt-N-layer-L`, `layer-L` of all prompts, `against-pattern`, `correlation`."""
        names = [prompt_title(prompt) for prompt in self.prompts]
        figures: dict[str, Figure] = {}
        maps: list[list[Heatmap]] = [[] for _ in result.layers]
        cells: list[Scatter] = []
        for n, prompt in enumerate(result.prompts):
            for i, layer in enumerate(result.layers):
                place = f"layer {layer}, {prompt_title(self.prompts[n])}"
                r = prompt.correlation[i]
                r_text = "r is undefined" if r is None else f"r = {r:+.2f}"
                maps[i].append(gram_heatmap(prompt, i, place, r_text))
                cells.append(cell_scatter(prompt, i, f"{r_text}, {place}"))
                figures[f"prompt-{n}-layer-{layer}"] = maps[i][n]
        for i, layer in enumerate(result.layers):
            figures[f"layer-{layer}"] = prompt_panels(maps[i], names, layer)

        titles = "; ".join(scatter.title for scatter in cells)
        alt = f"Gram matrix against attention pattern: {titles}."
        title = "The cells below the diagonal as points"
        figures["against-pattern"] = Panels(tuple(cells), alt, title, columns=2)
        bars = tuple(correlation_bars(result, names, i) for i in range(len(result.layers)))
        title = "Does the Gram matrix agree with the pattern?"
        figures["correlation"] = Panels(bars, alt, title, columns=1)
        return figures


def correlation_by_layer(a: Array, b: Array) -> tuple[float | None, ...]:
    """Return Pearson's r of two matrices below the diagonal, by layer: [L, T, T] twice -> [L]."""
    below = np.tril_indices(a.shape[-1], k=-1)
    return tuple(correlation(x[below], y[below]) for x, y in zip(a, b, strict=True))


def difference_from_first(out: Array) -> tuple[float, ...]:
    """Measure the largest distance from the first output in its lengths: [L, n, d_model] -> [L]."""
    distance = np.linalg.norm(out - out[:, :1], axis=-1)  # [L, n]
    return tuple((distance.max(axis=-1) / np.linalg.norm(out[:, 0], axis=-1)).tolist())


def gram_heatmap(prompt: PromptGram, i: int, place: str, r: str) -> Heatmap:
    """Draw one Gram matrix; both axes are the tokens."""
    gram, tokens = prompt.gram[i], prompt.tokens
    row, column = (int(k) for k in np.unravel_index(gram.argmax(), gram.shape))
    pair = f"{visible(tokens[row])} at {row} and {visible(tokens[column])} at {column}"
    title = f"Gram matrix of the attention output, {place}"
    return Heatmap(
        gram,
        rows=Axis("token", labels=tokens),
        columns=Axis("token", labels=tokens),
        value="dot product",
        alt=f"{title}: symmetric, from {gram.min():.4g} to {gram.max():.4g}, largest between "
        f"{pair}. With the attention pattern, {r}.",
        title=title,
        diverging=bool(gram.min() < 0),
        annotate=len(tokens) <= 12,
    )


def prompt_panels(maps: Sequence[Heatmap], titles: Sequence[str], layer: int) -> Panels:
    """Draw the matrices of all prompts in one layer, under one scale."""
    diverging = any(heatmap.diverging for heatmap in maps)
    panels = tuple(
        replace(heatmap, title=title, diverging=diverging)
        for heatmap, title in zip(maps, titles, strict=True)
    )
    alt = " ".join(panel.alt for panel in panels)
    return Panels(panels, alt, f"Gram matrices of the attention output, layer {layer}")


def cell_scatter(prompt: PromptGram, i: int, title: str) -> Scatter:
    """Draw a point for each query and earlier key; dot products are shares of the largest."""
    gram, pattern, tokens = prompt.gram[i], prompt.pattern[i], prompt.tokens
    largest = gram.max()
    points = tuple(
        Point(
            (tokens[q], f" ({q}) at ", tokens[k], f" ({k})"),
            float(pattern[q, k]),
            float(gram[q, k] / largest),
        )
        for q in range(len(tokens))
        for k in range(q)
    )
    cells = pluralize(len(points), "cell")
    return Scatter(
        points,
        x=probability_axis("attention"),
        y=Axis("dot product, of the largest", percent=True),
        alt=f"{cells}, {title}",
        title=title,
        equal=False,
        show_labels=False,
    )


def correlation_bars(result: AttentionGramResult, names: Sequence[str], i: int) -> Bars:
    """Draw the correlation of each prompt in the layer at index i."""
    values = [prompt.correlation[i] for prompt in result.prompts]
    labels = tuple(
        name if r is not None else f"{name}, undefined"
        for name, r in zip(names, values, strict=True)
    )
    title = f"layer {result.layers[i]}"
    texts = ["undefined" if r is None else f"{r:.2f}" for r in values]
    return Bars(
        labels=labels,
        values=tuple(r or 0.0 for r in values),
        label_axis=Axis("prompt"),
        value_axis=Axis("correlation with the attention pattern", "Pearson's r"),
        alt=f"{title}: " + ", ".join(f"{n} {r}" for n, r in zip(names, texts, strict=True)),
        title=title,
    )
