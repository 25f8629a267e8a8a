"""Received attention: how much attention each token of a prompt gets in one layer."""

from __future__ import annotations

import numpy as np
from layerbook.core.analysis import Analysis, Array, Result
from layerbook.core.charts import probability_axis
from layerbook.core.figures import Axis, Bars, Figure, label_text
from layerbook.core.parameters import Layer
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import ActivationCaches, Forward, Prompt, Request, Site
from layerbook.core.tokens import Token
from pydantic import Field


class ReceivedAttentionResult(Result):
    """The result on disk, which prose and claims can read: T tokens and their shares."""

    tokens: tuple[Token, ...] = Field(description="The T tokens of the prompt.")
    received: Array = Field(
        description="Mean share that each token gets from those that see it [T]."
    )

    @property
    def most(self) -> Token:
        """The token that gets the most attention; prose reads it as `r("id").most`."""
        return self.tokens[int(self.received.argmax())]


class ReceivedAttention(Analysis[ReceivedAttentionResult]):
    """Measure the attention that each token gets in one layer, averaged over heads and queries.

    Shapes: the pattern [heads, T queries, T keys]; a query sees itself and what is before it.
    """

    # The fields are the parameters that a spec can give.
    prompt: PromptText = Field(description="The prompt.")
    layer: Layer = Field(default=-1, description="The layer; negative numbers count from the last.")

    def runs(self) -> dict[str, Request]:
        """Request one pass that keeps the attention pattern of the layer."""
        keep = frozenset({Site("pattern", self.layer)})
        return {"run": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> ReceivedAttentionResult:
        """Average the pattern over the heads, then over the queries that see each key."""
        run = captures["run"]
        pattern = run[Site("pattern", self.layer)].mean(axis=0)  # [T, T]
        received = [pattern[key:, key].mean() for key in range(len(run.tokens))]
        return ReceivedAttentionResult(tokens=run.tokens, received=np.array(received))

    def figures(self, result: ReceivedAttentionResult) -> dict[str, Figure]:
        """Describe the chart `tokens`, with a bar for each token."""
        best = int(result.received.argmax())
        bars = Bars(
            labels=result.tokens,
            values=tuple(result.received.tolist()),
            label_axis=Axis("token"),
            value_axis=probability_axis("mean attention"),
            alt=f"{label_text(result.most)} gets the most, {result.received[best]:.0%}.",
            title=f"Attention received in layer {self.layer}: {shorten_prompt(self.prompt)}",
            highlight=(best,),
        )
        return {"tokens": bars}
