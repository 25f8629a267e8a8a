"""Head outputs: what a head adds at the last position, and how much of it to the answer."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import head_axes, probability_axis
from layerbook.core.direct_path import (
    DIRECT_PATH_SITES,
    DIRECT_PATH_WEIGHTS,
    DirectPath,
    PromotedToken,
    promoted_tokens,
)
from layerbook.core.distributions import Ranked, likeliest
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames, Heatmap, Label, Panels
from layerbook.core.parameters import Head, Layer, Layers, resolved
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Prompt,
    Request,
    Site,
    Weights,
)
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible

FIRST = 7  # numbers of each vector in the figure `steps`: as many as fit a phone


class FirstNumbers(Record):
    """The first n numbers of each vector on the way from the values to the stream."""

    values: Array = Field(description="Each token's value [T][n].")
    output: Array = Field(description="The head's output, the sum of shares times values [n].")
    added: Array = Field(description="The output times the head's rows of W_O [n].")
    before: Array = Field(description="The last position's stream before the attention [n].")
    after: Array = Field(description="The same after it, with what all heads have added [n].")


class HeadOutputsResult(Result):
    """One head at the last of T positions, and the heads of all measured layers beside it."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens.")
    layer: int = Field(description="The head's layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    answer: Ranked = Field(description="The most likely next token.")
    d_head: int = Field(description="Length of a value.")
    d_model: int = Field(description="Length of the residual stream.")
    pattern: Array = Field(description="Attention of the head [query][key]; each row sums to 1.")
    value_length: Array = Field(description="Length of each token's value [T].")
    added_length: Array = Field(description="Length of what each token adds to the stream [T].")
    output_length: float = Field(description="Length of all that the head adds.")
    first_numbers: FirstNumbers = Field(description="The first numbers of each vector on the way.")
    logit: Array = Field(description="What each token's part adds to the answer's logit [T].")
    promoted: tuple[PromotedToken, ...] = Field(description="The tokens it raises most, in order.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `logit_by_head`.")
    logit_by_head: Array = Field(description="What each head adds to that logit [layer][head].")

    @property
    def largest(self) -> tuple[int, int]:
        """Layer and head that add most to the answer's logit, the first of equals."""
        i, head = np.unravel_index(self.logit_by_head.argmax(), self.logit_by_head.shape)
        return self.layers[int(i)], int(head)

    @property
    def largest_by_others(self) -> float:
        """The most that any head except the shown one adds to the answer's logit."""
        others = self.logit_by_head.copy()
        others[self.layers.index(self.layer), self.head] = -np.inf
        return float(others.max())


class HeadOutputs(Analysis[HeadOutputsResult]):
    """The vectors that one head adds to the last position, token by token, and to its answer.

    Shapes: shares [T] times values [T, d_head], times the head's rows of W_O [d_head, d_model], is
        what each token adds to the residual stream [T, d_model]; times W_U, a logit [T].
    Units: lengths of vectors, without a unit; logits, counted from their mean over the vocabulary,
        because only differences between logits matter.
    Limits: the final norm divides by the length that the whole stream has, held fixed, so that the
        parts add up; only the direct path, not what later layers make of an output.
    Source: Elhage et al. 2021 (A Mathematical Framework for Transformer Circuits), on attention
        heads as independent and additive.
    """

    requires = frozenset({"plain outputs"})

    prompt: PromptText = Field(description="The prompt.")
    layer: Layer
    head: Head = Field(description="The query head.")
    layers: Layers = Field(default="all", description="Layers to compare; `layer` is always one.")
    top_k: int = Field(default=6, ge=1, description="Number of promoted tokens to list.")

    def runs(self) -> dict[str, Request]:
        """Request one pass that keeps patterns, values and streams; the weights behind a head."""
        layers = self.measured_layers()
        keep = {Site(name, layer) for layer in layers for name in ("pattern", "v")}
        keep |= {Site(name, self.layer) for name in ("resid_pre", "resid_mid")}
        output_weights = {Site("W_O", layer) for layer in layers}
        return {
            "run": Forward(Prompt(text=self.prompt), DIRECT_PATH_SITES | keep),
            "weights": Weights(DIRECT_PATH_WEIGHTS | output_weights),
        }

    def measured_layers(self) -> tuple[int, ...]:
        """Return `layers` and `layer`, sorted."""
        return tuple(sorted({*resolved(self.layers), self.layer}))

    def measure(self, captures: ActivationCaches) -> HeadOutputsResult:
        """Mix the values, send them through W_O, and read the result as logits."""
        run, weights = captures["run"], captures["weights"]
        layers, head = self.measured_layers(), self.head

        answer = likeliest(run, run[NEXT_LOGITS])
        path = DirectPath.at_last_position(run, weights)
        to_answer = path.direction(answer.id)  # [d_model]

        added = {i: last_outputs(run, weights, i) for i in layers}  # by layer [H, T, d_model]
        parts = added[self.layer][head]  # [T, d_model]
        output = parts.sum(axis=0)  # [d_model]: all that the head adds

        pattern = run[Site("pattern", self.layer)][head]  # [T, T]
        values = head_values(run, self.layer)[head]  # [T, d_head]
        first = values[:, :FIRST]  # [T, n]
        n = first.shape[1]

        return HeadOutputsResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layer=self.layer,
            head=head,
            answer=answer,
            d_head=values.shape[-1],
            d_model=len(output),
            pattern=pattern,
            value_length=np.linalg.norm(values, axis=-1),
            added_length=np.linalg.norm(parts, axis=-1),
            output_length=float(np.linalg.norm(output)),
            first_numbers=FirstNumbers(
                values=first,
                output=pattern[-1] @ first,
                added=output[:n],
                before=run[Site("resid_pre", self.layer)][-1, :n],
                after=run[Site("resid_mid", self.layer)][-1, :n],
            ),
            logit=parts @ to_answer,
            promoted=promoted_tokens(run, path.logits(output), self.top_k),
            layers=layers,
            logit_by_head=np.array([added[i].sum(axis=1) @ to_answer for i in layers]),
        )

    def figures(self, result: HeadOutputsResult) -> dict[str, Figure]:
        """`steps`: from values to the stream; `tokens`; `spelled`: promoted tokens; `heads`."""
        return {
            "steps": output_steps(result),
            "tokens": token_panels(result),
            "spelled": spelled_bars(result),
            "heads": head_heatmap(result),
        }


def head_values(run: ActivationCache, layer: int) -> Array:
    """Return the values that each query head mixes [H, T, d_head]; some heads share theirs."""
    value = run[Site("v", layer)]  # [K, T, d_head]
    return value.repeat(len(run[Site("pattern", layer)]) // len(value), axis=0)


def last_outputs(run: ActivationCache, weights: ActivationCache, layer: int) -> Array:
    """Return the vector that each token adds to the last position, by head: [H, T, d_model]."""
    share = run[Site("pattern", layer)][:, -1, :]  # [H, T]
    mixed = share[:, :, None] * head_values(run, layer)  # their sum over T is z
    return mixed @ weights[Site("W_O", layer)]  # [H, T, d_model]


def head_name(result: HeadOutputsResult) -> str:
    """Name the head: `layer 2, head 1, “The cat”`."""
    return f"layer {result.layer}, head {result.head}, “{shorten_prompt(result.prompt)}”"


def output_steps(result: HeadOutputsResult) -> Frames:
    """Draw the way from the values to the stream, in a picture that fills from top to bottom."""
    first, share = result.first_numbers, result.pattern[-1]
    others = first.after - first.before - first.added
    below = [first.output, first.added, first.before, others, first.after]
    mixed = share[:, None] * first.values  # [T, n]
    steps = (  # title, rows of the tokens, number of the rows below that are filled
        ("values", first.values, 0),
        ("shares × values", mixed, 0),
        ("sum", mixed, 1),
        ("sum × W_O", mixed, 2),
        ("stream", mixed, len(below)),
    )
    frames = []
    for (title, rows, filled), note in zip(steps, step_notes(result), strict=True):
        values = np.vstack([rows, *below])
        values[len(rows) + filled :] = np.nan
        frames.append(Frame(title, step_heatmap(result, values, title=title, alt=note), note))
    alt = (
        f"Five steps of {head_name(result)}: the values, the shares times the values, their sum, "
        "the sum times W_O, and the stream before and after."
    )
    title = f"From values to the stream: {head_name(result)}"
    return Frames(tuple(frames), alt, title, step="stage")


def step_heatmap(result: HeadOutputsResult, values: Array, *, title: str, alt: str) -> Heatmap:
    """Draw rows of first numbers with their values; rows of NaN are still empty."""
    first, share = result.first_numbers, result.pattern[-1]
    end = float(max(np.abs(first.values).max(), np.abs(first.added).max()))
    names: tuple[Label, ...] = (
        *((token, f" {part:.0%}") for token, part in zip(result.tokens, share, strict=True)),
        "sum",
        "sum × W_O",
        "+ stream",
        "+ other heads",
        "= new stream",
    )
    return Heatmap(
        values,
        Axis("vector", labels=names),
        Axis("place in the vector", start=1),
        value="number",
        alt=alt,
        title=title,
        scale=(-end, end),
        diverging=True,
        cells=tuple(tuple(map(two_digits, row)) for row in values.tolist()),
    )


def two_digits(value: float) -> str:
    """Return `−1.5` or `−19`, short enough for the cells on a phone; nothing for NaN."""
    if np.isnan(value):
        return ""
    text = f"{value:z.1f}" if abs(value) < 9.95 else f"{value:.0f}"
    return text.replace("-", "−")


def step_notes(result: HeadOutputsResult) -> tuple[str, str, str, str, str]:
    """Return a sentence about each step."""
    n = len(result.first_numbers.output)
    share = result.pattern[-1]
    best = int(share.argmax())
    key, last = visible(result.tokens[best]), visible(result.tokens[-1])
    return (
        f"Each row shows the first {n} of the {result.d_head} numbers in a token's value, with its "
        "share beside the name.",
        f"Each row times its share: {key} keeps {share[best]:.0%}, more than any other.",
        "The rows above are added up, column by column: this is the output of the head.",
        f"W_O turns all {result.d_head} numbers of the sum into {result.d_model:,}, and these are "
        f"the first {n}: what this head adds to the stream.",
        f"The stream of {last} keeps what it had; this head adds its part, and the other heads of "
        "the layer add theirs.",
    )


def token_panels(result: HeadOutputsResult) -> Panels:
    """Draw each token's share, the lengths of its value and of what it adds, and its logit."""
    to_answer = f"Added to the logit of {visible(result.answer.token)}"
    columns = (
        ("Share of attention", result.pattern[-1], probability_axis("attention")),
        ("Length of its value", result.value_length, Axis("length", role="value")),
        ("Length of what it adds", result.added_length, Axis("length", role="residual")),
        (to_answer, result.logit, Axis("logit", "above the mean")),
    )
    panels = tuple(
        Bars(
            result.tokens,
            tuple(numbers.tolist()),
            Axis("token"),
            axis,
            f"{title}: {listed([f'{number:.2f}' for number in numbers.tolist()])}",
            title,
            highlight=(int(numbers.argmax()),),
        )
        for title, numbers, axis in columns
    )
    alt = ". ".join(panel.alt for panel in panels) + "."
    return Panels(panels, alt, f"From shares to the answer: {head_name(result)}", columns=2)


def spelled_bars(result: HeadOutputsResult) -> Bars:
    """Draw the head's whole output, read as logits."""
    tokens = tuple(entry.token for entry in result.promoted)
    return Bars(
        tokens,
        tuple(entry.logit for entry in result.promoted),
        Axis("token"),
        Axis("added to its logit", "above the mean"),
        f"The head raises the logits of {listed([visible(token) for token in tokens])} most.",
        f"Tokens that the head promotes: {head_name(result)}",
    )


def head_heatmap(result: HeadOutputsResult) -> Heatmap:
    """Draw the addition of every head to the answer's logit; a row is a head, a column a layer."""
    layer, head = result.largest
    answer = visible(result.answer.token)
    return Heatmap(
        result.logit_by_head.T,
        *head_axes(result.layers),
        value="added to the logit",
        alt=f"Of all heads, head {head} of layer {layer} adds most to the logit of {answer}: "
        f"{result.logit_by_head.max():+.2f}.",
        title=f"What every head adds to the logit of {answer}",
        diverging=True,
    )
