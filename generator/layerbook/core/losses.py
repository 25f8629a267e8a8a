"""What an intervention does to the loss of some texts: means over all predicted tokens, and over some kinds.

Shapes: T tokens in a text, losses [T] of which the first is predicted by nothing -> N in all texts together -> means.
Units:  nats per token; a cost is a loss less what it was with nothing changed.
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
    """What one intervention does to the loss; every cost is a mean over tokens, in nats, above what it was without."""

    touched: int = Field(
        description="How many tokens were blocked or cut off, in all texts together."
    )
    loss: float = Field(description="Mean loss per predicted token, in nats.")
    cost: float = Field(description="By how much that is more than with nothing changed.")
    cost_whitespace: float = Field(
        description="The cost where whitespace is to be predicted; 0 if none is."
    )
    on_whitespace: float = Field(
        description="The part of `cost` that comes of predicting whitespace."
    )
    cost_others: float = Field(description="The cost where it is anything else.")
    cost_next: float = Field(
        description="The cost of the tokens right after those that were touched; 0 if none were."
    )
    cost_elsewhere: float = Field(description="The cost of all others.")


class LossComparison(Record):
    """One intervention in some layers: on whitespace, and on as many other tokens in its place."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, in which it was made.")
    whitespace: LossChange = Field(description="Made on the whitespace.")
    draws: tuple[LossChange, ...] = Field(
        description="Made on as many other tokens, drawn at random, once per draw."
    )

    def costs(self, field: str) -> tuple[float, ...]:
        """One kind of cost: of the whitespace, and then of each draw."""
        return tuple(float(getattr(change, field)) for change in (self.whitespace, *self.draws))


def token_losses(runs: Runs) -> NDArray[np.float64]:
    """The losses of all texts' predicted tokens in a row [N]."""
    return np.concatenate([run[LOSS][1:] for run in runs]).astype(np.float64)


def mean_or_zero(values: NDArray[np.float64]) -> float:
    """The mean; of nothing, 0."""
    return float(values.sum() / max(1, len(values)))


def measure_loss_change(clean: Runs, runs: Runs, touched: Positions) -> LossChange:
    """One intervention beside the same texts as they are; `touched` are the positions that it was made on."""
    loss = token_losses(runs)  # [N]
    more = loss - token_losses(clean)  # [N]
    blank = np.array(
        [is_whitespace(token) for run in clean for token in run.tokens[1:]], dtype=bool
    )  # [N]
    lengths = [len(run.tokens) for run in clean]
    after = np.concatenate(
        [np.isin(np.arange(n - 1), at) for n, at in zip(lengths, touched, strict=True)]
    )  # [N]
    return LossChange(
        touched=sum(map(len, touched)),
        loss=mean_or_zero(loss),
        cost=mean_or_zero(more),
        cost_whitespace=mean_or_zero(more[blank]),
        on_whitespace=float(more[blank].sum() / max(1, len(more))),
        cost_others=mean_or_zero(more[~blank]),
        cost_next=mean_or_zero(more[after]),
        cost_elsewhere=mean_or_zero(more[~after]),
    )


def compare_with_draws(
    layers: tuple[int, ...], clean: Runs, runs: Sequence[Runs], touched: Sequence[Positions]
) -> LossComparison:
    """The same intervention on each choice of tokens: first on the whitespace, then on each draw of others."""
    changes = [measure_loss_change(clean, some, at) for some, at in zip(runs, touched, strict=True)]
    return LossComparison(layers=layers, whitespace=changes[0], draws=tuple(changes[1:]))
