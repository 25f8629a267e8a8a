"""Attention by layer on the first token, on other whitespace, and on everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Result
from layerbook.core.charts import layer_lines
from layerbook.core.figures import Axis, Figure, Lines
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptSpec, as_prompt, shorten_prompt
from layerbook.core.requests import ActivationCaches, Forward, Generate, Prompt, Request, Site
from layerbook.core.tokens import Token, is_whitespace


class WhitespaceAttentionResult(Result):
    """Shares of attention by layer, mean over heads and over queries 1..T-1."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the shares.")
    tokens: tuple[Token, ...] = Field(
        description="The tokens of the text: the prompt and its continuation."
    )
    whitespace: tuple[int, ...] = Field(description="Positions of tokens that are whitespace.")
    on_first: tuple[float, ...] = Field(
        description="By layer: share of attention on position 0, mean of queries 1..T-1."
    )
    on_other_whitespace: tuple[float, ...] = Field(
        description="By layer: share on whitespace at other positions."
    )
    on_whitespace: tuple[float, ...] = Field(description="By layer: share on all whitespace.")
    without_first: tuple[float, ...] = Field(
        description="By layer: `on_other_whitespace` as a share of what does not go to position 0."
    )
    uniform_without_first: float = Field(description="`without_first` if attention were uniform.")


class WhitespaceAttention(Analysis[WhitespaceAttentionResult]):
    """The attention that whitespace gets in each layer, beside the share under uniform attention.

    Shapes: pattern [heads, T, T] per layer -> mean over heads and queries 1..T-1 [T] -> sums over
        whitespace tokens.
    Units: shares of attention, 0 to 1.
    Limits: attention says where a head reads, not if it matters or what an MLP stores; one text.
    Source: Xiao et al. 2023 (arXiv:2309.17453), section 3.1, for the share of the first token.
    """

    prompt: PromptSpec = Field(description="The prompt, continued greedily.")
    max_new_tokens: int = Field(
        ge=1, description="Number of tokens to write, even past the end of the turn."
    )
    layers: Layers = "all"

    def runs(self) -> dict[str, Request]:
        """Request one forward pass over the finished text, keeping the patterns."""
        text = Generate(as_prompt(self.prompt), self.max_new_tokens, stop=False)
        keep = frozenset(Site("pattern", layer) for layer in resolved(self.layers))
        return {"text": Forward(Prompt(generated=text), keep)}

    def measure(self, captures: ActivationCaches) -> WhitespaceAttentionResult:
        """Average the patterns over heads and queries, and add up the share of whitespace."""
        run, layers = captures["text"], resolved(self.layers)
        pattern = run.stack("pattern", layers)  # [L, H, T, T]
        # Query 0 can only look at itself, so it does not count.
        attention = pattern[:, :, 1:].mean(axis=(1, 2), dtype=np.float64)  # [L, T]
        uniform = uniform_attention(len(run.tokens))  # [T]
        whitespace = np.array([is_whitespace(token) for token in run.tokens])  # [T]
        later = whitespace & (np.arange(len(whitespace)) > 0)  # [T]: after the first token
        others = attention[:, later].sum(axis=1)  # [L]
        return WhitespaceAttentionResult(
            layers=layers,
            tokens=run.tokens,
            whitespace=tuple(np.flatnonzero(whitespace).tolist()),
            on_first=tuple(attention[:, 0].tolist()),
            on_other_whitespace=tuple(others.tolist()),
            on_whitespace=tuple(attention[:, whitespace].sum(axis=1).tolist()),
            without_first=tuple((others / attention[:, 1:].sum(axis=1)).tolist()),
            uniform_without_first=float(uniform[later].sum() / uniform[1:].sum()),
        )

    def figures(self, result: WhitespaceAttentionResult) -> dict[str, Figure]:
        """`shares`: three lines over the layers that sum to 1; `rest`: without the first token."""
        name = f"“{shorten_prompt(self.prompt)}” and its continuation"
        return {"shares": _share_lines(result, name), "rest": _rest_lines(result, name)}


def uniform_attention(T: int) -> NDArray[np.float64]:
    """Return the mean attention on each key [T] if queries 1..T-1 gave all their keys the same."""
    pattern = np.tri(T) / np.arange(1, T + 1)[:, None]  # [T, T]
    return pattern[1:].mean(axis=0)


def _share_lines(result: WhitespaceAttentionResult, name: str) -> Lines:
    rest = 1 - np.array(result.on_first) - np.array(result.on_other_whitespace)  # [L]
    return layer_lines(
        result.layers,
        {
            "the first token": result.on_first,
            "other whitespace": result.on_other_whitespace,
            "all other tokens": rest,
        },
        Axis("share of attention", percent=True),
        title=f"Where attention goes: {name}",
        alt=f"In layer {result.layers[-1]} the first token gets {result.on_first[-1]:.0%}, "
        f"other whitespace {result.on_other_whitespace[-1]:.0%}, all other tokens {rest[-1]:.0%}.",
    )


def _rest_lines(result: WhitespaceAttentionResult, name: str) -> Lines:
    uniform = (result.uniform_without_first,) * len(result.layers)
    return layer_lines(
        result.layers,
        {"whitespace": result.without_first, "uniform attention": uniform},
        Axis("share of attention", percent=True),
        title=f"Attention on whitespace, without the first token: {name}",
        alt="Of what the first token leaves over, whitespace gets "
        f"{min(result.without_first):.0%} to {max(result.without_first):.0%} by layer; "
        f"uniform attention would give it {result.uniform_without_first:.0%}.",
    )
