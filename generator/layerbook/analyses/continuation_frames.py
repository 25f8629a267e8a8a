"""A continuation token by token: what the model sees before each new token, as a sequence of pictures."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Layers,
    PromptSpec,
    Record,
    Result,
    as_prompt,
    resolved,
    shorten_prompt,
)
from layerbook.core.distributions import Ranked, ranked
from layerbook.core.figures import Axis, Figure, Frame, Frames, Heatmap
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCaches,
    Describe,
    Forward,
    Generate,
    Prompt,
    Request,
    Site,
)
from layerbook.core.tokens import Token, is_whitespace, visible


class Pass(Record):
    """One pass through the model; each frame is the leading rows and columns of one."""

    tokens: tuple[Token, ...] = Field(description="The tokens of the pass, in order.")
    values: Array = Field(
        description="By [layer][T][T]: mean attention by [query][key], or the Gram matrix."
    )


class ContinuationStep(Record):
    """One frame: what the model saw, and what it wrote."""

    run: int = Field(description="The number in `passes` of the pass that holds the frame.")
    length: int = Field(
        description="How many tokens the model saw: the frame's size in rows and columns."
    )
    written: Ranked = Field(description="The token that it wrote next: the likeliest.")


class RowMeans(Record):
    """The mean cell of a Gram matrix's rows, by the token that a row belongs to."""

    first: float = Field(description="Of the first token's row.")
    whitespace: float | None = Field(
        description="Of the rows of later whitespace tokens; null if there is none."
    )
    others: float | None = Field(
        description="Of the rows of all other tokens but the first; null if there is none."
    )


class ContinuationFramesResult(Result):
    """The frames of a continuation, and the passes they are cut from."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `values`.")
    prompt_length: int = Field(description="How many tokens the prompt has.")
    tokens: tuple[Token, ...] = Field(description="The tokens of the finished text.")
    continuation: str = Field(description="What was written, as text.")
    passes: tuple[Pass, ...] = Field(description="The passes that hold all frames of all layers.")
    frames: tuple[ContinuationStep, ...] = Field(description="One entry per written token.")
    rows: tuple[RowMeans, ...] = Field(
        description="By layer, in the frame `stop_at`, or else the last; empty for patterns, whose rows all sum to 1."
    )
    stop_at: int | None = Field(
        description="The first frame, from 0, whose token ends the turn; null if none does."
    )
    drift_at: int | None = Field(
        description="The first frame that is not the one before and its token; null if none."
    )


class ContinuationFrames(Analysis[ContinuationFramesResult]):
    """What a layer's attention does with the text so far, before each new token that the model writes.

    Shapes: T prompt tokens; frame t is [T + t, T + t]: the heads' mean pattern, or the Gram matrix of attn_out.
    Units: `pattern`: shares of attention, 0 to 1; `gram`: products of activations, without a unit.
    Limits: no frame shows an MLP, or what a head moves; `gram` encodes the text anew each step, which can change it.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.3: by the mask, later tokens change nothing earlier.
    """

    result_type = ContinuationFramesResult
    prompt: PromptSpec = Field(description="The prompt that is continued.")
    max_new_tokens: int = Field(
        ge=1, description="How many tokens to write, past the end of the turn if need be."
    )
    layers: Layers = Field(description="Which layers; negative numbers count from the last.")
    show: Literal["gram", "pattern"] = Field(
        description="`pattern`; or the lecture's `gram`, the text encoded anew."
    )

    def runs(self) -> dict[str, Request]:
        """What the model saw at each step, and the finished text; the planner folds what begins another."""
        made = Generate(
            as_prompt(self.prompt), self.max_new_tokens, stop=False, reencode=self.show == "gram"
        )
        name = "attn_out" if self.show == "gram" else "pattern"
        keep = frozenset({Site(name, layer) for layer in resolved(self.layers)} | {NEXT_LOGITS})
        frames = {
            f"frame-{t}": Forward(Prompt(generated=made, frame=t), keep)
            for t in range(self.max_new_tokens)
        }
        return {"facts": Describe(), "finished": made, **frames}

    def measure(self, captures: ActivationCaches) -> ContinuationFramesResult:
        """Picture the passes that hold the frames: each begins the next, unless encoding anew changed the tokens."""
        layers, facts, finished = (
            resolved(self.layers),
            captures["facts"].facts,
            captures["finished"],
        )
        runs = [captures[f"frame-{t}"] for t in range(self.max_new_tokens)]
        written = [ranked(run, run[NEXT_LOGITS], 1)[0] for run in runs]  # what each frame led to
        ends = (
            [token.id for role, token in facts.special_tokens if role == "eos_token"]
            if facts
            else []
        )
        breaks = [
            t
            for t in range(1, len(runs))
            if runs[t].tokens[: len(runs[t - 1].tokens)] != runs[t - 1].tokens
        ]
        drifts = [
            t
            for t in range(1, len(runs))
            if runs[t].tokens != (*runs[t - 1].tokens, written[t - 1].token)
        ]
        held, passes = (
            [sum(t >= start for start in breaks) for t in range(len(runs))],
            [],
        )  # held: by frame, its pass
        for run in (runs[t - 1] for t in (*breaks, len(runs))):
            if self.show == "gram":
                out = run.stack("attn_out", layers)  # [layers, T, d_model]
                values = out @ out.transpose(0, 2, 1)  # [layers, T, T]
            else:
                values = run.stack("pattern", layers).mean(axis=1)  # [layers, T, T]
            passes.append(Pass(tokens=run.tokens, values=values))
        stop_at = next((t for t, token in enumerate(written) if token.id in ends), None)
        told = len(runs) - 1 if stop_at is None else stop_at  # the frame whose rows are told of
        grams = passes[held[told]].values if self.show == "gram" else ()
        return ContinuationFramesResult(
            layers=layers,
            prompt_length=finished.prompt_length,
            tokens=finished.tokens,
            continuation=bytes.fromhex("".join(token.hex for token in written)).decode(
                errors="replace"
            ),
            passes=tuple(passes),
            frames=tuple(
                ContinuationStep(run=n, length=len(runs[t].tokens), written=written[t])
                for t, n in enumerate(held)
            ),
            rows=tuple(row_means(gram, runs[told].tokens) for gram in grams),
            stop_at=stop_at,
            drift_at=drifts[0] if drifts else None,
        )

    def figures(self, result: ContinuationFramesResult) -> dict[str, Figure]:
        """`layer-L`: a frame per written token, all under one scale; the frame that ends the turn is marked."""
        what, charts = (
            "Mean attention" if self.show == "pattern" else "Gram matrix of the output",
            dict[str, Figure](),
        )
        for at, layer in enumerate(result.layers):
            title = f"{what}, layer {layer}, {shorten_prompt(self.prompt)}"
            alt = f"{title}, while the model writes {len(result.frames)} tokens: {shorten_prompt(result.continuation)}."
            frames = tuple(self.frame(result, at, t) for t in range(len(result.frames)))
            charts[f"layer-{layer}"] = Frames(frames, alt, title)
        return charts

    def frame(self, result: ContinuationFramesResult, at: int, t: int) -> Frame:
        """Frame t of layer number `at`: the leading rows and columns of its pass."""
        step, run = result.frames[t], result.passes[result.frames[t].run]
        values, tokens = run.values[at, : step.length, : step.length], run.tokens[: step.length]
        drift = (
            " Encoded anew, the text has other tokens here than before."
            if t == result.drift_at
            else ""
        )
        note, seen = f"with {step.written.prob:.0%}.{drift}", f"{step.length} tokens seen"
        alt = f"{seen}, then {visible(step.written.token)} {note}"
        if self.show == "pattern":
            axes = Axis("token that looks", labels=tokens), Axis("token it looks at", labels=tokens)
            map = Heatmap(values, *axes, "attention", alt, "share", scale=(0, 1), causal=True)
        else:
            low, high = (
                float(f([f(one.values[at]) for one in result.passes])) for f in (np.min, np.max)
            )
            axes = (Axis("token", labels=tokens), Axis("token", labels=tokens))
            map = Heatmap(values, *axes, "dot product", alt, scale=(low, high), diverging=low < 0)
        return Frame(seen, map, note, step.written.token, stop=t == result.stop_at)


def row_means(gram: NDArray[np.floating], tokens: tuple[Token, ...]) -> RowMeans:
    """The means of the rows of these tokens [T], which are the first of a Gram matrix [T or more, T or more]."""
    rows = gram[: len(tokens), : len(tokens)].mean(axis=1, dtype=np.float64)  # [T]
    blank = [float(rows[i]) for i in range(1, len(tokens)) if is_whitespace(tokens[i])]
    other = [float(rows[i]) for i in range(1, len(tokens)) if not is_whitespace(tokens[i])]
    means = (sum(some) / len(some) if some else None for some in (blank, other))
    return RowMeans(first=float(rows[0]), whitespace=next(means), others=next(means))
