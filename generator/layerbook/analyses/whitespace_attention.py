"""Where attention goes, layer by layer: to the first token, to the other whitespace, to everything else."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Layers,
    PromptSpec,
    Result,
    as_prompt,
    resolved,
    shorten_prompt,
)
from layerbook.core.figures import Axis, Figure, Lines, Series
from layerbook.core.requests import ActivationCaches, Forward, Generate, Prompt, Request, Site
from layerbook.core.tokens import Token


class WhitespaceAttentionResult(Result):
    """Shares of attention by layer, mean over heads and over all queries but the first, which has no choice."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the shares.")
    tokens: tuple[Token, ...] = Field(
        description="The tokens of the text: the prompt and its continuation."
    )
    whitespace: tuple[int, ...] = Field(
        description="The positions of tokens that are only whitespace."
    )
    first: tuple[float, ...] = Field(description="By layer: share of attention on position 0.")
    others: tuple[float, ...] = Field(
        description="By layer: share on whitespace at other positions."
    )
    total: tuple[float, ...] = Field(description="By layer: share on whitespace at any position.")
    even: float = Field(
        description="Share on whitespace but position 0, if each token looked at all it may see alike."
    )
    rest: tuple[float, ...] = Field(
        description="By layer: `others` as a share of all that does not go to position 0."
    )
    even_rest: float = Field(description="The same, if each token looked at all it may see alike.")


class WhitespaceAttention(Analysis[WhitespaceAttentionResult]):
    """How much attention whitespace gets in each layer, beside what it would get if attention were spread evenly.

    Shapes: pattern [heads, T, T] per layer -> mean over heads and queries 1..T-1 [T] -> sums over whitespace tokens.
    Units: shares of attention, 0 to 1.
    Limits: attention says where a head reads, not whether it matters or what an MLP stores; one text is one text.
    Source: Xiao et al. 2023 (arXiv:2309.17453), section 3.1, for the share of the first token.
    """

    result_type = WhitespaceAttentionResult
    prompt: PromptSpec = Field(
        description="The prompt that is continued, the likeliest token each time."
    )
    max_new_tokens: int = Field(
        ge=1, description="How many tokens to write, past the end of the turn if need be."
    )
    layers: Layers = Field(
        default="all", description="Which layers; negative numbers count from the last."
    )

    def runs(self) -> dict[str, Request]:
        """One pass over the finished text that keeps the patterns."""
        made = Generate(as_prompt(self.prompt), self.max_new_tokens, stop=False)
        keep = frozenset(Site("pattern", layer) for layer in resolved(self.layers))
        return {"text": Forward(Prompt(generated=made), keep)}

    def measure(self, captures: ActivationCaches) -> WhitespaceAttentionResult:
        """Average the patterns over heads and queries, and add up what whitespace gets."""
        run, layers = captures["text"], resolved(self.layers)
        pattern = run.stack("pattern", layers)  # [layers, heads, T, T]
        got = pattern[:, :, 1:].mean(
            axis=(1, 2), dtype=np.float64
        )  # [layers, T]: query 0 can only look at itself
        fair = (
            np.tri(len(run.tokens)) / np.arange(1, len(run.tokens) + 1)[:, None]
        )  # [T, T]: all keys alike
        even = fair[1:].mean(axis=0)  # [T]
        blank = np.array([token.text.isspace() for token in run.tokens])  # [T]
        later = blank & (
            np.arange(len(run.tokens)) > 0
        )  # [T]: whitespace that is not the first token
        return WhitespaceAttentionResult(
            layers=layers,
            tokens=run.tokens,
            whitespace=tuple(np.flatnonzero(blank).tolist()),
            first=tuple(got[:, 0].tolist()),
            others=tuple(got[:, later].sum(axis=1).tolist()),
            total=tuple(got[:, blank].sum(axis=1).tolist()),
            even=float(even[later].sum()),
            rest=tuple((got[:, later].sum(axis=1) / got[:, 1:].sum(axis=1)).tolist()),
            even_rest=float(even[later].sum() / even[1:].sum()),
        )

    def figures(self, result: WhitespaceAttentionResult) -> dict[str, Figure]:
        """`shares`: three lines over the layers that sum to 1; `rest`: what is left without the first token."""
        layers, shares = tuple(map(float, result.layers)), Axis("share of attention")
        other = tuple(
            1 - first - others for first, others in zip(result.first, result.others, strict=True)
        )
        lines = [
            ("the first token", result.first),
            ("other whitespace", result.others),
            ("all other tokens", other),
        ]
        last = f"In layer {result.layers[-1]} the first token gets {result.first[-1]:.0%}, other whitespace "
        last += f"{result.others[-1]:.0%}, all other tokens {other[-1]:.0%}."
        rest = (
            Series("whitespace", layers, result.rest),
            Series("if even", layers, (result.even_rest,) * len(layers)),
        )
        level = f"Of what the first token leaves over, whitespace gets {min(result.rest):.0%} to {max(result.rest):.0%} "
        level += f"by layer; evenly spread attention would give it {result.even_rest:.0%}."
        title = f"layer by layer, {shorten_prompt(self.prompt)} and its continuation"
        series = tuple(Series(name, layers, share) for name, share in lines)
        return {
            "shares": Lines(series, Axis("layer"), shares, last, f"Where attention goes, {title}"),
            "rest": Lines(rest, Axis("layer"), shares, level, f"Without the first token, {title}"),
        }
