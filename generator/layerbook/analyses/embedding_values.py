"""Embedding values: the numbers that enter the model in place of each token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Figure, Heatmap
from layerbook.core.prompts import Prompts, as_prompt, prompt_name, prompt_title
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Request
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible

SHOWN_DIMENSIONS = 10  # of each vector, written out


class EmbeddedPrompt(Record):
    """One prompt's tokens and their rows of the embedding matrix."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens, in order.")
    shape: tuple[int, int] = Field(description="Shape of `values`: [T, d_model].")
    values: Array = Field(description="The vectors, one row per token: [T, d_model], no unit.")
    norms: tuple[float, ...] = Field(description="Length of each token's vector (Euclidean norm).")
    smallest: float = Field(description="The smallest number in `values`.")
    largest: float = Field(description="The largest number in `values`.")
    spread: float = Field(description="Standard deviation of all numbers in `values`.")


class EmbeddingValuesResult(Result):
    """Token vectors by prompt."""

    d_model: int = Field(description="Length of a token's vector.")
    prompts: tuple[EmbeddedPrompt, ...] = Field(description="One per prompt, in the spec's order.")


class EmbeddingValues(Analysis[EmbeddingValuesResult]):
    """The vector that stands for each token: its row of the embedding matrix.

    Shapes: the matrix is [d_vocab, d_model]; T token ids pick T of its rows, [T, d_model].
    Units: none; the numbers are learned. Norms are Euclidean lengths.
    Limits: a single column need not mean anything; the same token has the same row in every text.
    Source: Bengio et al. 2003 (JMLR 3, 1137-1155), section 2; Vaswani et al. 2017
        (arXiv:1706.03762), section 3.4.
    """

    prompts: Prompts = Field(description="The prompts whose tokens are looked up.")

    def runs(self) -> dict[str, Request]:
        """Request the embedding rows of each prompt; the model itself does not run."""
        return {f"prompt-{i}": EmbeddingRows(as_prompt(p)) for i, p in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> EmbeddingValuesResult:
        """Look up the vectors of each prompt, and measure their lengths and range."""
        prompts = []
        for i, prompt in enumerate(self.prompts):
            lookup = captures[f"prompt-{i}"]
            E = lookup[EMBED]  # [T, d_model]: one row of the embedding matrix per token
            prompts.append(
                EmbeddedPrompt(
                    prompt=prompt_name(prompt),
                    tokens=lookup.tokens,
                    shape=E.shape,
                    values=E,
                    norms=tuple(np.linalg.norm(E, axis=1).tolist()),
                    smallest=float(E.min()),
                    largest=float(E.max()),
                    spread=float(E.std()),
                )
            )
        return EmbeddingValuesResult(d_model=prompts[0].shape[1], prompts=tuple(prompts))

    def figures(self, result: EmbeddingValuesResult) -> dict[str, Figure]:
        """`prompt-N`: every number by color; `start-N`: the first few, written out."""
        figures: dict[str, Figure] = {}
        for n, (spec, prompt) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            name = prompt_title(spec)
            figures[f"prompt-{n}"] = values_heatmap(prompt, f"The token vectors of {name}")
            figures[f"start-{n}"] = start_heatmap(prompt, f"How the vectors of {name} begin")
        return figures


def values_heatmap(prompt: EmbeddedPrompt, title: str) -> Heatmap:
    """Draw all numbers of a prompt's vectors [T, d_model]."""
    T, D = prompt.shape
    tokens = pluralize(T, "token")
    norms = zip(prompt.tokens, prompt.norms, strict=True)
    lengths = listed([f"{visible(token)} {norm:.2f}" for token, norm in norms])
    return Heatmap(
        prompt.values,
        rows=Axis("token", labels=prompt.tokens),
        columns=Axis("dimension"),
        value="number in the vector",
        alt=f"{tokens} by {D:,} dimensions, values from {prompt.smallest:.2f} to "
        f"{prompt.largest:.2f}, their standard deviation {prompt.spread:.2f}. Lengths: {lengths}.",
        title=title,
        diverging=True,
    )


def start_heatmap(prompt: EmbeddedPrompt, title: str) -> Heatmap:
    """Draw the first numbers of a prompt's vectors, written into the cells."""
    start = prompt.values[:, :SHOWN_DIMENSIONS]
    vectors = zip(prompt.tokens, start, strict=True)
    numbers = listed([f"{visible(token)} starts {vector[0]:.3f}" for token, vector in vectors])
    return replace(
        values_heatmap(prompt, title),
        values=start,
        alt=f"The first {start.shape[1]} of {prompt.shape[1]:,} numbers of each token: {numbers}.",
        annotate=True,
    )
