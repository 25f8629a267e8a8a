"""Changes of the loss by an intervention: means over all predicted tokens and some kinds of them.

Shapes: losses [T] of a text of T tokens, without its first -> [N] of all texts together -> means
Units:  nats per token; a cost is a loss minus the loss without the intervention
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Record
from layerbook.core.requests import LOSS, ActivationCache
from layerbook.core.tokens import is_whitespace

Runs = Sequence[ActivationCache]  # one per text
Positions = Sequence[tuple[int, ...]]  # one tuple per text


class LossChange(Record):
    """The loss under one intervention; every cost is a mean over tokens, in nats."""

    count: int = Field(description="Number of tokens blocked or cut off, in all texts together.")
    loss: float = Field(description="Mean loss per predicted token, in nats.")
    cost: float = Field(description="The increase of the mean loss.")
    cost_whitespace: float = Field(
        description="The cost where the token to predict is whitespace; 0 if none is."
    )
    on_whitespace: float = Field(description="The part of `cost` that is due to such tokens.")
    cost_others: float = Field(description="The cost where it is anything else.")
    cost_next: float = Field(
        description="The cost of the tokens right after the blocked ones; 0 if there are none."
    )
    cost_elsewhere: float = Field(description="The cost of all other tokens.")


class LossComparison(Record):
    """One intervention in some layers: on whitespace, and on as many other tokens."""

    layers: tuple[int, ...] = Field(description="The layers of the intervention, from 0.")
    whitespace: LossChange = Field(description="On the whitespace.")
    draws: tuple[LossChange, ...] = Field(
        description="On as many other tokens, drawn at random, once per draw."
    )

    def costs(self, field: str) -> tuple[float, ...]:
        """Return one kind of cost: of the whitespace, then of each draw."""
        return tuple(float(getattr(change, field)) for change in (self.whitespace, *self.draws))


def token_losses(runs: Runs) -> NDArray[np.float64]:
    """Return the losses [N] of all texts' predicted tokens."""
    return np.concatenate([run[LOSS][1:] for run in runs]).astype(np.float64)


def mean_or_zero(values: NDArray[np.float64]) -> float:
    """Return the mean of the values, or 0 if there are none."""
    return float(values.sum() / max(1, len(values)))


def measure_loss_change(clean: Runs, runs: Runs, positions: Positions) -> LossChange:
    """Compare an intervention at some positions with the same texts without it."""
    loss = token_losses(runs)  # [N]
    cost = loss - token_losses(clean)  # [N]
    predicted = [token for run in clean for token in run.tokens[1:]]
    whitespace = np.array([is_whitespace(token) for token in predicted], dtype=bool)  # [N]
    follows = np.concatenate(
        [
            np.isin(np.arange(1, len(run.tokens)) - 1, text_positions)
            for run, text_positions in zip(clean, positions, strict=True)
        ]
    )  # [N]
    return LossChange(
        count=sum(map(len, positions)),
        loss=mean_or_zero(loss),
        cost=mean_or_zero(cost),
        cost_whitespace=mean_or_zero(cost[whitespace]),
        on_whitespace=float(cost[whitespace].sum() / max(1, len(cost))),
        cost_others=mean_or_zero(cost[~whitespace]),
        cost_next=mean_or_zero(cost[follows]),
        cost_elsewhere=mean_or_zero(cost[~follows]),
    )


def compare_with_draws(
    layers: tuple[int, ...], clean: Runs, runs: Sequence[Runs], positions: Sequence[Positions]
) -> LossComparison:
    """Compare the same intervention on the whitespace (first) and on each draw of other tokens."""
    changes = [
        measure_loss_change(clean, texts, draw_positions)
        for texts, draw_positions in zip(runs, positions, strict=True)
    ]
    return LossComparison(layers=layers, whitespace=changes[0], draws=tuple(changes[1:]))
