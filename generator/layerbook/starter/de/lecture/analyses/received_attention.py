"""Received attention: die Aufmerksamkeit, die jedes Token in einer Schicht bekommt."""

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
    """Das gespeicherte Ergebnis, das Text und Aussagen lesen können: T Token und ihre Anteile."""

    tokens: tuple[Token, ...] = Field(description="Die T Token des Prompts.")
    received: Array = Field(
        description="Mittlerer Anteil, den jedes Token von denen bekommt, die es sehen [T]."
    )

    @property
    def most(self) -> Token:
        """Das Token, das am meisten bekommt; im Text ist es `r("id").most`."""
        return self.tokens[int(self.received.argmax())]


class ReceivedAttention(Analysis[ReceivedAttentionResult]):
    """Miss die Aufmerksamkeit, die jedes Token bekommt, gemittelt über Heads und Querys.

    Shapes: das Muster [heads, T queries, T keys]; eine Query sieht sich selbst und was davor steht.
    """

    # Die Felder sind die Parameter, die eine Spezifikation angeben kann.
    prompt: PromptText = Field(description="Der Prompt.")
    layer: Layer = Field(default=-1, description="Die Schicht; negative Zahlen zählen von hinten.")

    def runs(self) -> dict[str, Request]:
        """Ein Durchlauf, der das Aufmerksamkeitsmuster der Schicht behält."""
        keep = frozenset({Site("pattern", self.layer)})
        return {"run": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> ReceivedAttentionResult:
        """Mittle das Muster über die Heads, dann über die Querys, die den Key sehen."""
        run = captures["run"]
        pattern = run[Site("pattern", self.layer)].mean(axis=0)  # [T, T]
        received = [pattern[key:, key].mean() for key in range(len(run.tokens))]
        return ReceivedAttentionResult(tokens=run.tokens, received=np.array(received))

    def figures(self, result: ReceivedAttentionResult) -> dict[str, Figure]:
        """`tokens`: ein Balken für jedes Token."""
        best = int(result.received.argmax())
        share = f"{result.received[best]:.0%}"
        prompt = shorten_prompt(self.prompt)
        bars = Bars(
            labels=result.tokens,
            values=tuple(result.received.tolist()),
            label_axis=Axis("Token"),
            value_axis=probability_axis("mittlere Aufmerksamkeit"),
            alt=f"{label_text(result.most)} bekommt am meisten, im Mittel {share}.",
            title=f"Aufmerksamkeit für jedes Token, Schicht {self.layer}: {prompt}",
            highlight=(best,),
        )
        return {"tokens": bars}
