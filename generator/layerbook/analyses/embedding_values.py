"""The numbers that enter the model in place of each token."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Prompts,
    Record,
    Result,
    as_prompt,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.figures import Axis, Figure, Heatmap
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingRows, Request
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible

SHOWN_DIMENSIONS = 10
"""How many numbers of each vector are written out."""


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
    prompts: tuple[EmbeddedPrompt, ...] = Field(
        description="One entry per prompt, in the order of the spec."
    )


class EmbeddingValues(Analysis[EmbeddingValuesResult]):
    """The vector that stands for each token: its row of the embedding matrix.

    Shapes: the matrix is [d_vocab, d_model]; T token ids pick T of its rows, [T, d_model].
    Units: none; the numbers are what training left there. Norms are Euclidean lengths.
    Limits: a single column need not mean anything; the same token has the same row in every sentence.
    Source: Bengio et al. 2003 (JMLR 3, 1137-1155), section 2; Vaswani et al. 2017 (arXiv:1706.03762), section 3.4.
    """

    result_type = EmbeddingValuesResult
    prompts: Prompts = Field(description="The prompts whose tokens are looked up.")

    def runs(self) -> dict[str, Request]:
        """The embedding rows of each prompt; the model itself does not run."""
        return {
            f"prompt-{i}": EmbeddingRows(as_prompt(spec)) for i, spec in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> EmbeddingValuesResult:
        """Look the vectors up, and see how long they are."""
        prompts = []
        for i, spec in enumerate(self.prompts):
            looked_up = captures[f"prompt-{i}"]
            E = looked_up[EMBED]  # [T, d_model]: one row of the embedding matrix per token
            norms = np.linalg.norm(E, axis=1)  # [T]
            prompts.append(
                EmbeddedPrompt(
                    prompt=prompt_name(spec),
                    tokens=looked_up.tokens,
                    shape=E.shape,
                    values=E,
                    norms=tuple(norms.tolist()),
                    smallest=float(E.min()),
                    largest=float(E.max()),
                    spread=float(E.std()),
                )
            )
        return EmbeddingValuesResult(d_model=E.shape[1], prompts=tuple(prompts))

    def figures(self, result: EmbeddingValuesResult) -> dict[str, Figure]:
        """`prompt-N`, every number of it by colour; `start-N`, the first few written out."""
        charts: dict[str, Figure] = {}
        for n, (spec, prompt) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            rows = Axis("token", labels=prompt.tokens)
            lengths = [
                f"{visible(t)} {norm:.2f}"
                for t, norm in zip(prompt.tokens, prompt.norms, strict=True)
            ]
            alt = (
                f"{prompt.shape[0]} tokens by {prompt.shape[1]} dimensions, values from {prompt.smallest:.2f} to "
                f"{prompt.largest:.2f}, their standard deviation {prompt.spread:.2f}. Lengths: {listed(lengths)}."
            )
            title = f"The token vectors of {shorten_prompt(spec)}"
            charts[f"prompt-{n}"] = Heatmap(
                prompt.values, rows, Axis("dimension"), "value", alt, title=title, diverging=True
            )
            start = prompt.values[:, :SHOWN_DIMENSIONS]
            first = [
                f"{visible(t)} starts {row[0]:.3f}"
                for t, row in zip(prompt.tokens, start, strict=True)
            ]
            charts[f"start-{n}"] = Heatmap(
                start,
                rows,
                Axis("dimension"),
                "value",
                f"The first {start.shape[1]} of {result.d_model} numbers of each token: {listed(first)}.",
                title=f"How the vectors of {shorten_prompt(spec)} begin",
                diverging=True,
                annotate=True,
            )
        return charts
