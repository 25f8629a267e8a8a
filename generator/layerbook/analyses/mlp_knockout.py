"""MLP knockout: silence the MLP of one layer at a time, and see how the answer changes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.distributions import Ranked, likeliest, next_token_prob
from layerbook.core.figures import Axis, Figure, Heatmap, label_text
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
)
from layerbook.core.tokens import Token, visible

Positions = tuple[Annotated[int, Field(ge=0)], ...]


class SilencedMlp(Record):
    """The prediction without the MLP of one layer."""

    layer: int = Field(description="The layer, from 0.")
    predicted: Ranked = Field(description="The most likely next token without its MLP.")
    answer: float = Field(description="Probability of the answer, 0 to 1.")


class MlpKnockoutResult(Result):
    """The answer's probability without the MLP of each layer, one at a time."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="The T tokens of the prompt.")
    answer: Ranked = Field(description="The most likely next token of the prompt as it is.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the arrays.")
    positions: tuple[int, ...] = Field(description="The positions silenced one by one, from 0.")
    everywhere: tuple[SilencedMlp, ...] = Field(
        description="By layer: its MLP silenced everywhere."
    )
    prob: Array = Field(
        description="Probability of the answer [layer][position], silenced at that position alone."
    )

    @property
    def survived(self) -> int:
        """Number of layers without whose MLP the answer is still the most likely token."""
        return sum(mlp.predicted.id == self.answer.id for mlp in self.everywhere)

    @property
    def prob_without(self) -> tuple[float, ...]:
        """By layer: the answer's probability with its MLP silenced at every position."""
        return tuple(mlp.answer for mlp in self.everywhere)


class MlpKnockout(Analysis[MlpKnockoutResult]):
    """The probability of the answer when the MLP of one layer adds nothing.

    Shapes: mlp_out [T, d_model] of one layer set to zero, at all positions or at one -> logits [V]
        of the last position; one pass for each layer, and for each layer and position.
    Units: probabilities, 0 to 1.
    Limits: one prompt; zero is not what an MLP adds when it has nothing to add, and the layers
        above then read a stream that they have never met in training.
    Source: Meng et al. 2022 (arXiv:2202.05262), on which layers and positions an answer needs;
        setting outputs to zero: Michel et al. 2019 (arXiv:1905.10650).
    """

    prompt: PromptText = Field(description="The prompt.")
    layers: Layers = "all"
    positions: Positions = Field(
        default=(), description="Silence each MLP at these positions too, one by one, from 0."
    )

    def runs(self) -> dict[str, Request]:
        """Request the prompt as it is, and one pass for each silenced MLP."""
        prompt, keep = Prompt(text=self.prompt), frozenset({NEXT_LOGITS})
        requests: dict[str, Request] = {"clean": Forward(prompt, keep)}
        for layer in resolved(self.layers):
            site = Site("mlp_out", layer)
            requests[f"{layer}"] = Forward(prompt, keep, (Patch(site),))
            for position in self.positions:
                patch = Patch(site, positions=(position,))
                requests[f"{layer} at {position}"] = Forward(prompt, keep, (patch,))
        return requests

    def measure(self, captures: ActivationCaches) -> MlpKnockoutResult:
        """Read the probability of the answer off each pass."""
        clean, layers = captures["clean"], resolved(self.layers)
        answer = likeliest(clean, clean[NEXT_LOGITS])

        def prob(run: ActivationCache) -> float:
            return next_token_prob(run, answer.id)

        everywhere = tuple(
            SilencedMlp(
                layer=layer,
                predicted=likeliest(captures[f"{layer}"], captures[f"{layer}"][NEXT_LOGITS]),
                answer=prob(captures[f"{layer}"]),
            )
            for layer in layers
        )
        single = [
            [prob(captures[f"{layer} at {position}"]) for position in self.positions]
            for layer in layers
        ]
        return MlpKnockoutResult(
            prompt=self.prompt,
            tokens=clean.tokens,
            answer=answer,
            layers=layers,
            positions=self.positions,
            everywhere=everywhere,
            prob=np.array(single).reshape(len(layers), len(self.positions)),
        )

    def figures(self, result: MlpKnockoutResult) -> dict[str, Figure]:
        """`grid`: the answer's probability by layer, silenced everywhere and at one token."""
        return {"grid": prob_heatmap(result)}


def prob_heatmap(result: MlpKnockoutResult) -> Heatmap:
    """Draw a column for each layer; the first row is for silencing it at every token."""
    everywhere = np.array([result.prob_without])  # [1, L]
    values = np.concatenate([everywhere, result.prob.T])  # [1 + P, L]
    name = label_text(result.answer.token)
    by_need = sorted(result.everywhere, key=lambda mlp: mlp.answer)
    worst = ", ".join(f"layer {mlp.layer}: {mlp.answer:.1%}" for mlp in by_need[:4])
    rows = ("every token", *(f"only {visible(result.tokens[i])}" for i in result.positions))
    return Heatmap(
        values,
        rows=Axis("MLP silenced at", labels=rows),
        columns=Axis("layer", labels=tuple(map(str, result.layers))),
        value=f"probability of {name}",
        alt=f"Probability of {name} without the MLP of one layer, lowest for {worst}; "
        f"with all MLPs it is {result.answer.prob:.1%}.",
        title=f"How likely {name} is without one MLP: “{shorten_prompt(result.prompt)}”",
        scale=(0, 1),
        percent=True,
    )
