"""Continuation frames: the attention of the text so far, before each new token of the model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import attention_heatmap
from layerbook.core.distributions import Ranked, likeliest
from layerbook.core.figures import Axis, Figure, Frame, Frames, Heatmap
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptSpec, as_prompt, shorten_prompt
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Describe,
    Forward,
    Generate,
    Prompt,
    Request,
    Site,
)
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token, decode, is_whitespace, visible


class Pass(Record):
    """One pass through the model; each frame is the first rows and columns of a pass."""

    tokens: tuple[Token, ...] = Field(description="The T tokens of the pass, in order.")
    values: Array = Field(description="Mean attention or Gram matrix: [layer][T][T].")


class ContinuationStep(Record):
    """One frame: the tokens that the model saw, and the one that it wrote."""

    pass_index: int = Field(description="Index in `passes` of the pass that contains the frame.")
    length: int = Field(description="Number of tokens seen: the frame's rows and columns.")
    next_token: Ranked = Field(description="The token that it wrote next: the most likely one.")


class RowMeans(Record):
    """The mean cell of a Gram matrix's rows, by the token of the row."""

    first: float = Field(description="Of the first token's row.")
    whitespace: float | None = Field(description="Of later whitespace; null if none.")
    other_tokens: float | None = Field(description="Of all others; null if none.")


class ContinuationFramesResult(Result):
    """The frames of a continuation, and the passes that contain them."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `values`.")
    prompt_length: int = Field(description="Number of tokens of the prompt.")
    tokens: tuple[Token, ...] = Field(description="The tokens of the finished text.")
    continuation: str = Field(description="The continuation as text.")
    passes: tuple[Pass, ...] = Field(description="The passes that contain all frames.")
    frames: tuple[ContinuationStep, ...] = Field(description="One entry per written token.")
    rows: tuple[RowMeans, ...] = Field(
        description="By layer, in the frame `stop_at`, or else the last; empty for patterns, whose "
        "rows all sum to 1."
    )
    stop_at: int | None = Field(description="The first frame, from 0, whose token ends the turn.")
    retokenized_at: int | None = Field(description="The first frame with tokens cut anew.")


class ContinuationFrames(Analysis[ContinuationFramesResult]):
    """The attention of a layer over the text so far, before each new token that the model writes.

    Shapes: T prompt tokens; frame t is [T + t, T + t]: the heads' mean pattern, or the Gram matrix
        of attn_out.
    Units: `pattern`: shares of attention, 0 to 1; `gram`: products of activations, without a unit.
    Limits: no frame shows an MLP, or what a head moves; `gram` encodes the text anew each step,
        which can change its tokens.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.3: by the mask, later tokens change
        nothing earlier.
    """

    prompt: PromptSpec = Field(description="The prompt that is continued.")
    max_new_tokens: int = Field(ge=1, description="Tokens to write, past the end of the turn too.")
    layers: Layers
    show: Literal["gram", "pattern"] = Field(description="`gram` encodes the text anew each time.")

    def runs(self) -> dict[str, Request]:
        """Request the finished text, and one pass per step; the planner merges equal beginnings."""
        finished = Generate(
            as_prompt(self.prompt), self.max_new_tokens, stop=False, reencode=self.show == "gram"
        )
        name = "attn_out" if self.show == "gram" else "pattern"
        sites = {Site(name, layer) for layer in resolved(self.layers)}
        keep = frozenset({*sites, NEXT_LOGITS})
        frames = {
            f"frame-{t}": Forward(Prompt(generated=finished, frame=t), keep)
            for t in range(self.max_new_tokens)
        }
        return {"facts": Describe(), "finished": finished, **frames}

    def measure(self, captures: ActivationCaches) -> ContinuationFramesResult:
        """Keep each step's token and the passes that contain the frames of all steps."""
        finished, layers = captures["finished"], resolved(self.layers)
        runs = [captures[f"frame-{t}"] for t in range(self.max_new_tokens)]
        written = [likeliest(run, run[NEXT_LOGITS]) for run in runs]

        pass_of_frame = number_passes(runs)
        last_runs = dict(zip(pass_of_frame, runs, strict=True))  # a pass contains all its frames
        passes = tuple(self.measure_pass(run, layers) for run in last_runs.values())

        stop_ids = captures["facts"].facts.stop_ids
        stop_at = next((t for t, token in enumerate(written) if token.id in stop_ids), None)
        last_frame = len(runs) - 1 if stop_at is None else stop_at
        grams = passes[pass_of_frame[last_frame]].values if self.show == "gram" else ()

        return ContinuationFramesResult(
            layers=layers,
            prompt_length=finished.prompt_length,
            tokens=finished.tokens,
            continuation=decode([token.token for token in written]),
            passes=passes,
            frames=tuple(
                ContinuationStep(pass_index=p, length=len(run.tokens), next_token=token)
                for p, run, token in zip(pass_of_frame, runs, written, strict=True)
            ),
            rows=tuple(row_means(gram, runs[last_frame].tokens) for gram in grams),
            stop_at=stop_at,
            retokenized_at=first_retokenized(runs, written),
        )

    def measure_pass(self, run: ActivationCache, layers: tuple[int, ...]) -> Pass:
        """Multiply the attention outputs with each other, or average the patterns of the heads."""
        if self.show == "gram":
            out = run.stack("attn_out", layers)  # [L, T, d_model]
            values = out @ out.transpose(0, 2, 1)  # [L, T, T]
        else:
            values = run.stack("pattern", layers).mean(axis=1)  # [L, T, T]
        return Pass(tokens=run.tokens, values=values)

    def figures(self, result: ContinuationFramesResult) -> dict[str, Figure]:
        """`layer-L`: a frame per written token; the one that ends the turn is marked."""
        figures: dict[str, Figure] = {}
        kind = "Mean attention" if self.show == "pattern" else "Gram matrix of the output"
        text = shorten_prompt(result.continuation)
        for i, layer in enumerate(result.layers):
            title = f"{kind}, layer {layer}: “{shorten_prompt(self.prompt)}”"
            tokens = pluralize(len(result.frames), "token")
            alt = f"{title}, while the model writes {tokens}: {text}."
            frames = tuple(self.frame(result, i, t) for t in range(len(result.frames)))
            figures[f"layer-{layer}"] = Frames(frames, alt, title)
        return figures

    def frame(self, result: ContinuationFramesResult, i: int, t: int) -> Frame:
        """Draw frame t of a layer: the first rows and columns of its pass."""
        step = result.frames[t]
        tokens = result.passes[step.pass_index].tokens[: step.length]
        values = result.passes[step.pass_index].values[i, : step.length, : step.length]

        note = f"with {step.next_token.prob:.0%}."
        if t == result.retokenized_at:
            note += " Encoded anew, the text has other tokens here than before."
        count = pluralize(step.length, "token")
        label = f"{count} seen"
        alt = f"{label}, then {visible(step.next_token.token)} {note}"

        if self.show == "pattern":
            heatmap = attention_heatmap(values, tokens, alt=alt)
        else:
            scale = gram_range(result, i)
            axis = Axis("token", labels=tokens)
            heatmap = Heatmap(
                values, axis, axis, "dot product", alt, scale=scale, diverging=scale[0] < 0
            )
        return Frame(label, heatmap, note, step.next_token.token, stop=t == result.stop_at)


def number_passes(runs: Sequence[ActivationCache]) -> list[int]:
    """Return each frame's pass number; a frame that begins with other tokens gets a new pass."""
    numbers = [0]
    for before, run in pairwise(runs):
        continues = run.tokens[: len(before.tokens)] == before.tokens
        numbers.append(numbers[-1] if continues else numbers[-1] + 1)
    return numbers


def first_retokenized(runs: Sequence[ActivationCache], written: Sequence[Ranked]) -> int | None:
    """Return the first frame that is not the previous one plus the token written there."""
    for t in range(1, len(runs)):
        if runs[t].tokens != (*runs[t - 1].tokens, written[t - 1].token):
            return t
    return None


def row_means(gram: Array, tokens: tuple[Token, ...]) -> RowMeans:
    """Return the mean cell of these tokens' rows in a Gram matrix [T or more, T or more]."""
    T = len(tokens)
    rows = gram[:T, :T].mean(axis=1, dtype=np.float64)  # [T]
    whitespace = [float(rows[i]) for i in range(1, T) if is_whitespace(tokens[i])]
    others = [float(rows[i]) for i in range(1, T) if not is_whitespace(tokens[i])]
    return RowMeans(
        first=float(rows[0]),
        whitespace=sum(whitespace) / len(whitespace) if whitespace else None,
        other_tokens=sum(others) / len(others) if others else None,
    )


def gram_range(result: ContinuationFramesResult, i: int) -> tuple[float, float]:
    """Return the smallest and the largest product of a layer in all frames."""
    values = [p.values[i] for p in result.passes]
    return float(min(v.min() for v in values)), float(max(v.max() for v in values))
