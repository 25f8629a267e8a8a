"""Token knockout: hide whitespace from later tokens, and other tokens as a control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Panels
from layerbook.core.parameters import Layers, Seed, resolved
from layerbook.core.prompts import Texts
from layerbook.core.requests import (
    LOSS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
    WhitespacePositions,
)
from layerbook.core.text import listed
from layerbook.core.tokens import Token, is_whitespace


class LossChange(Record):
    """The loss with some tokens blocked; every cost is a mean over tokens, in nats."""

    count: int = Field(description="Number of blocked tokens, in all texts together.")
    loss: float = Field(description="Mean loss per predicted token, in nats.")
    cost: float = Field(description="The increase of the mean loss.")
    cost_whitespace: float = Field(
        description="The cost where the token to predict is whitespace; 0 if none is."
    )
    cost_others: float = Field(description="The cost where it is anything else.")


class LossComparison(Record):
    """The loss with whitespace blocked, and with as many other tokens blocked."""

    whitespace: LossChange = Field(description="With the whitespace blocked.")
    draws: tuple[LossChange, ...] = Field(
        description="With as many other tokens blocked, drawn at random, once per draw."
    )

    def costs(self, field: str) -> tuple[float, ...]:
        """Return one kind of cost: of the whitespace, then of each draw."""
        return tuple(float(getattr(change, field)) for change in (self.whitespace, *self.draws))


class TextLosses(Record):
    """One text alone."""

    tokens: tuple[Token, ...] = Field(description="Its tokens.")
    whitespace: tuple[int, ...] = Field(description="The blocked positions, never position 0.")
    clean: float = Field(
        description="Mean loss per predicted token with nothing blocked, in nats; 0 for a text of "
        "one token."
    )
    blocked: LossComparison = Field(description="The loss with some of its tokens blocked.")


class TokenKnockoutResult(Result):
    """Losses with and without blocked tokens, over all texts together and text by text."""

    texts: tuple[TextLosses, ...] = Field(description="The texts one by one.")
    clean: float = Field(description="Mean loss per predicted token with nothing blocked, in nats.")
    first_blocked: LossChange = Field(description="The first token of each text blocked.")
    blocked: LossComparison = Field(description="The loss with some tokens of each text blocked.")


class TokenKnockout(Analysis[TokenKnockoutResult]):
    """The loss when whitespace cannot be seen, beside the loss when as many other tokens cannot.

    Shapes: scores [heads, T, T], -inf at the blocked keys except a query's own -> loss [T] per text
        -> means over tokens.
    Units: nats per token: 1 nat more is a probability divided by e.
    Limits: a few texts, a few draws; a query keeps its own position; what breaks a model need not
        be how it works.
    Source: attention knockout: Geva et al. 2023 (arXiv:2304.14767), section 4.
    """

    texts: Texts = Field(description="The texts to predict.")
    draws: int = Field(default=4, ge=1, description="Number of draws of as many other tokens.")
    seed: Seed = Field(
        default=0, description="Seed of the first draw; each further draw uses the next."
    )
    layers: Layers = "all"

    def runs(self) -> dict[str, Request]:
        """Request each text as it is, with its first token blocked, and with other choices."""
        patches = {"clean": (), "first": self.block((0,))}
        patches |= {name: self.block(choice) for name, choice in self.choices().items()}
        return {
            f"{name}: {i}": Forward(Prompt(text=text), frozenset({LOSS}), patch)
            for i, text in enumerate(self.texts)
            for name, patch in patches.items()
        }

    def choices(self) -> dict[str, WhitespacePositions]:
        """Return the tokens to block: the whitespace, then each draw of as many others."""
        draws = {
            f"draw {n}": WhitespacePositions(control_seed=self.seed + n) for n in range(self.draws)
        }
        return {"whitespace": WhitespacePositions()} | draws

    def block(self, positions: tuple[int, ...] | WhitespacePositions) -> tuple[Patch, ...]:
        """Hide the keys at these positions from all later queries, in every layer."""
        layers = resolved(self.layers)
        return tuple(Patch(Site("scores", layer), positions=positions) for layer in layers)

    def measure(self, captures: ActivationCaches) -> TokenKnockoutResult:
        """Compare the loss with tokens blocked and with nothing blocked."""
        texts = range(len(self.texts))
        clean = [captures[f"clean: {i}"] for i in texts]
        first_blocked = [captures[f"first: {i}"] for i in texts]
        loss = token_losses(clean)  # [N], of all texts together
        if not loss.size:
            raise ValueError("a text of one token predicts nothing")

        return TokenKnockoutResult(
            texts=tuple(
                TextLosses(
                    tokens=clean[i].tokens,
                    whitespace=WhitespacePositions().positions_in(clean[i].tokens),
                    clean=mean_or_zero(token_losses([clean[i]])),
                    blocked=self.compare(captures, [i]),
                )
                for i in texts
            ),
            clean=mean_or_zero(loss),
            first_blocked=measure_change(clean, first_blocked, len(clean)),
            blocked=self.compare(captures, texts),
        )

    def compare(self, captures: ActivationCaches, texts: Sequence[int]) -> LossComparison:
        """Measure some of the texts with the whitespace blocked, and with each draw of others."""
        clean = [captures[f"clean: {i}"] for i in texts]
        changes = []
        for name, choice in self.choices().items():
            blocked = [captures[f"{name}: {i}"] for i in texts]
            count = sum(len(choice.positions_in(run.tokens)) for run in clean)
            changes.append(measure_change(clean, blocked, count))
        return LossComparison(whitespace=changes[0], draws=tuple(changes[1:]))

    def figures(self, result: TokenKnockoutResult) -> dict[str, Figure]:
        """`loss`: the loss by what is blocked; `texts` and `whom`: the cost, split in two ways."""
        return {
            "loss": loss_bars(result),
            "texts": cost_panels(
                {first_words(text.tokens): text.blocked.costs("cost") for text in result.texts},
                "What blocking costs in each of the texts",
            ),
            "whom": cost_panels(
                {
                    "predicting whitespace": result.blocked.costs("cost_whitespace"),
                    "all other tokens": result.blocked.costs("cost_others"),
                },
                "Which predictions suffer when tokens are blocked",
            ),
        }


def token_losses(runs: Sequence[ActivationCache]) -> NDArray[np.float64]:
    """Return the losses [N] of all predicted tokens, text after text."""
    return np.concatenate([run[LOSS][1:] for run in runs]).astype(np.float64)


def measure_change(
    clean: Sequence[ActivationCache], blocked: Sequence[ActivationCache], count: int
) -> LossChange:
    """Compare texts of which `count` tokens are blocked with the same texts as they are."""
    loss = token_losses(blocked)  # [N]
    cost = loss - token_losses(clean)  # [N]
    predicted = [token for run in clean for token in run.tokens[1:]]
    whitespace = np.array([is_whitespace(token) for token in predicted], dtype=bool)  # [N]
    return LossChange(
        count=count,
        loss=mean_or_zero(loss),
        cost=mean_or_zero(cost),
        cost_whitespace=mean_or_zero(cost[whitespace]),
        cost_others=mean_or_zero(cost[~whitespace]),
    )


def mean_or_zero(values: NDArray[np.float64]) -> float:
    """Return the mean of the values, or 0 if there are none."""
    return float(values.sum() / max(1, len(values)))


def first_words(tokens: tuple[Token, ...]) -> str:
    """Return the first words of a text, as its name."""
    words = "".join(token.text for token in tokens).split()
    return f"“{' '.join(words[:2])}{' …' if len(words) > 2 else ''}”"


def bar_labels(count: int) -> tuple[str, ...]:
    """Name the bars: the whitespace, then the draws."""
    return ("the whitespace", *(f"others {i}" for i in range(1, count)))


def loss_bars(result: TokenKnockoutResult) -> Bars:
    """Draw the mean loss by what is blocked."""
    blocked = result.blocked
    names = ("nothing", "the first token", *bar_labels(1 + len(blocked.draws)))
    changes = (result.first_blocked, blocked.whitespace, *blocked.draws)
    means = (result.clean, *(change.loss for change in changes))
    values = [f"{name} {loss:.2f}" for name, loss in zip(names, means, strict=True)]
    return Bars(
        names,
        means,
        Axis("blocked"),
        Axis("mean loss", "nats per token"),
        f"Mean loss: {listed(values, len(names))}.",
        "What blocking does to the loss",
        highlight=(2,),
    )


def cost_panels(costs_by_title: dict[str, tuple[float, ...]], title: str) -> Panels:
    """Draw one panel for each list of costs, the same bars in each."""
    panels = [
        Bars(
            bar_labels(len(costs)),
            costs,
            Axis("tokens"),
            Axis("cost", "nats per token"),
            f"{name}: whitespace {costs[0]:.2f}, "
            f"others {min(costs[1:]):.2f} to {max(costs[1:]):.2f}",
            name,
            highlight=(0,),
        )
        for name, costs in costs_by_title.items()
    ]
    return Panels(tuple(panels), listed([panel.alt for panel in panels]) + ".", title)
