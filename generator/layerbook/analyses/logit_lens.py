"""Logit lens: the next token that the model would name if it stopped after each layer."""

from __future__ import annotations

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import layer_lines, probability_axis
from layerbook.core.distributions import Ranked, likeliest, softmax
from layerbook.core.figures import Axis, Bars, Figure, Lines, label_text
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptSpec, as_prompt, chat_suffix, shorten_prompt
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request, Site
from layerbook.core.rounding import Relative, snap


class LayerReading(Record):
    """The stream after one layer, read as if it were the last."""

    layer: int = Field(description="The layer, from 0.")
    best: Ranked = Field(description="The likeliest next token.")
    answer_prob: Relative = Field(description="Probability 0..1 of the model's final answer.")
    answer_rank: int = Field(description="Rank of that answer among all tokens; 1 is the best.")


class LogitLensResult(Result):
    """The last position's stream, read after each layer."""

    answer: Ranked = Field(description="The likeliest next token after the last layer.")
    d_vocab: int = Field(description="Number of tokens in the vocabulary.")
    layers: tuple[LayerReading, ...] = Field(description="The readings, in the layers' order.")

    @property
    def settled_layer(self) -> int | None:
        """The layer from which on the answer is the likeliest token; None if it never is."""
        settled = None
        for reading in reversed(self.layers):
            if reading.best.id != self.answer.id:
                break
            settled = reading.layer
        return settled


class LogitLens(Analysis[LogitLensResult]):
    """The residual stream after each layer, sent through the final norm and the unembedding.

    Shapes: the last position's stream after a layer [D] -> final norm [D] -> logits [V] ->
        probabilities [V].
    Units: probabilities are shares of 1; ranks count from 1.
    Limits: the final norm and the unembedding were trained on the last layer's output alone; that
        an answer is not readable after a layer does not mean that nothing there leads to it.
    Source: nostalgebraist 2020 (Interpreting GPT: the logit lens).
    """

    prompt: PromptSpec = Field(description="The prompt; a string, or `chat:` for a chat.")
    layers: Layers = Field(default="all", description="The layers after which to read.")

    def runs(self) -> dict[str, Request]:
        """Request one pass that keeps the lens of each layer, and the model's own logits."""
        keep = {Site("lens", layer) for layer in resolved(self.layers)}
        return {"run": Forward(as_prompt(self.prompt), frozenset({*keep, NEXT_LOGITS}))}

    def measure(self, captures: ActivationCaches) -> LogitLensResult:
        """Rank all tokens after each layer, and find the final answer among them."""
        run = captures["run"]
        answer = likeliest(run, run[NEXT_LOGITS])
        readings = []
        for layer in resolved(self.layers):
            logits = snap(run[Site("lens", layer)][-1])  # [V], at the last position
            prob = softmax(logits)  # [V]
            readings.append(
                LayerReading(
                    layer=layer,
                    best=likeliest(run, logits),
                    answer_prob=float(prob[answer.id]),
                    answer_rank=1 + int((logits > logits[answer.id]).sum()),
                )
            )
        return LogitLensResult(
            answer=answer,
            d_vocab=len(run[NEXT_LOGITS]),
            layers=tuple(readings),
        )

    def figures(self, result: LogitLensResult) -> dict[str, Figure]:
        """`best`: the likeliest token after each layer; `rank`: the final answer's rank."""
        name = f"“{shorten_prompt(self.prompt)}”{chat_suffix(self.prompt)}"
        return {"best": best_bars(result, name), "rank": rank_line(result, name)}


def best_bars(result: LogitLensResult, name: str) -> Bars:
    """Draw the likeliest token of each layer; those that are the answer are highlighted."""
    is_answer = tuple(
        i for i, reading in enumerate(result.layers) if reading.best.id == result.answer.id
    )
    first, last = result.layers[0], result.layers[-1]
    return Bars(
        labels=tuple((f"{reading.layer}: ", reading.best.token) for reading in result.layers),
        values=tuple(reading.best.prob for reading in result.layers),
        label_axis=Axis("layer: likeliest token"),
        value_axis=probability_axis(),
        title=f"The likeliest token after each layer: {name}",
        alt=f"After layer {first.layer} the likeliest token is {label_text(first.best.token)} with "
        f"{first.best.prob:.0%}, after layer {last.layer} it is {label_text(last.best.token)} with "
        f"{last.best.prob:.0%}. In {len(is_answer)} of {len(result.layers)} layers it is the "
        "final answer.",
        highlight=is_answer,
    )


def rank_line(result: LogitLensResult, name: str) -> Lines:
    """Draw the rank of the final answer after each layer."""
    first, last = result.layers[0], result.layers[-1]
    return layer_lines(
        tuple(reading.layer for reading in result.layers),
        {result.answer.token: [reading.answer_rank for reading in result.layers]},
        Axis("rank among all tokens", log=True),
        alt=f"The rank of {label_text(result.answer.token)}: {first.answer_rank:,} after layer "
        f"{first.layer}, {last.answer_rank:,} after layer {last.layer}.",
        title=f"The rank of {label_text(result.answer.token)}, layer by layer: {name}",
    )
