"""Token knockout: hide whitespace from later tokens, and other tokens as a control."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Panels, label_text
from layerbook.core.losses import (
    LossChange,
    LossComparison,
    compare_with_draws,
    mean_or_zero,
    measure_loss_change,
    token_losses,
)
from layerbook.core.parameters import Layers, Seed, resolved
from layerbook.core.prompts import Texts
from layerbook.core.requests import (
    LOSS,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
    WhitespacePositions,
)
from layerbook.core.text import listed
from layerbook.core.tokens import Token


class TextLosses(Record):
    """One text, token by token."""

    tokens: tuple[Token, ...] = Field(description="Its tokens.")
    whitespace: tuple[int, ...] = Field(description="The blocked positions, never position 0.")
    clean: tuple[float, ...] = Field(
        description="Loss in nats of each token but the first, without intervention."
    )
    blocked: tuple[float, ...] = Field(description="The same with whitespace blocked everywhere.")
    mean: float = Field(description="The mean of `clean`; 0 for a text of one token.")
    this_text: LossComparison = Field(description="The cost of blocking in this text alone.")


class TokenKnockoutResult(Result):
    """Losses under each intervention, over all texts together."""

    texts: tuple[TextLosses, ...] = Field(description="The texts, token by token.")
    predicted: int = Field(description="Predicted tokens: all but the first of each text.")
    clean: float = Field(description="Mean loss per predicted token without intervention, in nats.")
    first_blocked: LossChange = Field(
        description="The first token of each text blocked, in all layers."
    )
    blocked: LossComparison = Field(description="No later token sees these tokens, in all layers.")
    parts: tuple[LossComparison, ...] = Field(
        description="The same in a part of the layers, from the lowest up."
    )
    receive_nothing: LossComparison = Field(
        description="These tokens receive nothing from attention."
    )


class TokenKnockout(Analysis[TokenKnockoutResult]):
    """The loss when whitespace cannot be seen, beside the loss when as many other tokens cannot.

    Shapes: scores [heads, T, T], -inf at the blocked keys except a query's own -> loss [T] per text
        -> means over tokens.
    Units: nats per token: 1 nat more is a probability divided by e.
    Limits: a few texts, a few draws; a query keeps its own position; what breaks a model need not
        be how it works.
    Source: attention knockout: Geva et al. 2023 (arXiv:2304.14767), section 4.
    """

    result_type = TokenKnockoutResult
    texts: Texts = Field(description="The texts to predict.")
    draws: int = Field(default=4, ge=1, description="Number of draws of as many other tokens.")
    seed: Seed = Field(
        default=0, description="Seed of the first draw; each further draw uses the next."
    )
    layers: Layers = Field(
        default="all", description="The layers; negative numbers count from the last."
    )
    parts: int = Field(
        default=3, ge=1, description="Number of parts of the layers, each tried alone."
    )

    def runs(self) -> dict[str, Request]:
        """Request each text as it is, with the first token blocked, and under each intervention."""
        patches = {"clean": (), "first": zeroing_patches("scores", resolved(self.layers), (0,))}
        for intervention in self.interventions():
            patches |= {
                f"{intervention.name} {i}": zeroing_patches(
                    intervention.site, intervention.layers, positions
                )
                for i, positions in enumerate(self.choices())
            }
        return {
            f"{name}: {i}": Forward(Prompt(text=text), frozenset({LOSS}), patch)
            for i, text in enumerate(self.texts)
            for name, patch in patches.items()
        }

    def choices(self) -> tuple[WhitespacePositions, ...]:
        """Return the whitespace, then each draw of as many other tokens."""
        seeds = range(self.seed, self.seed + self.draws)
        draws = (WhitespacePositions(control_seed=seed) for seed in seeds)
        return (WhitespacePositions(), *draws)

    def interventions(self) -> tuple[Intervention, ...]:
        """Block keys in all layers and in parts of them; cut off what attention gives."""
        layers = resolved(self.layers)
        parts = np.array_split(layers, min(self.parts, len(layers)))
        return (
            Intervention("blocked", "scores", layers),
            Intervention("cut", "attn_out", layers),
            *(
                Intervention(f"part {i}", "scores", tuple(map(int, part)))
                for i, part in enumerate(parts)
            ),
        )

    def measure(self, captures: ActivationCaches) -> TokenKnockoutResult:
        """Compare the loss under each intervention with the loss of the texts as they are."""
        texts = range(len(self.texts))
        clean = [captures[f"clean: {i}"] for i in texts]
        if max(len(run.tokens) for run in clean) < 2:
            raise ValueError("a text of one token predicts nothing")
        positions = [
            [choice.positions_in(run.tokens) for run in clean] for choice in self.choices()
        ]

        comparisons = {}
        for intervention in self.interventions():
            name = intervention.name
            runs = [[captures[f"{name} {n}: {i}"] for i in texts] for n in range(len(positions))]
            comparisons[name] = compare_with_draws(intervention.layers, clean, runs, positions)

        loss = token_losses(clean)  # [N]
        first = [captures[f"first: {i}"] for i in texts]
        return TokenKnockoutResult(
            texts=tuple(
                self.measure_text(captures, i, [by_text[i] for by_text in positions]) for i in texts
            ),
            predicted=len(loss),
            clean=mean_or_zero(loss),
            first_blocked=measure_loss_change(clean, first, [(0,) for _ in texts]),
            blocked=comparisons.pop("blocked"),
            receive_nothing=comparisons.pop("cut"),
            parts=tuple(comparisons.values()),
        )

    def measure_text(
        self, captures: ActivationCaches, i: int, positions: list[tuple[int, ...]]
    ) -> TextLosses:
        """Measure text i alone; `positions` are those blocked in it, by choice."""
        clean = [captures[f"clean: {i}"]]
        runs = [[captures[f"blocked {n}: {i}"]] for n in range(len(positions))]
        return TextLosses(
            tokens=clean[0].tokens,
            whitespace=positions[0],
            clean=token_losses(clean).tolist(),
            blocked=token_losses(runs[0]).tolist(),
            mean=mean_or_zero(token_losses(clean)),
            this_text=compare_with_draws(
                resolved(self.layers), clean, runs, [[blocked] for blocked in positions]
            ),
        )

    def figures(self, result: TokenKnockoutResult) -> dict[str, Figure]:
        """`loss` by intervention; its cost by `texts`, `whom`, `layers`, `cut`; the `worst`."""
        blocked, cut = result.blocked, result.receive_nothing
        return {
            "loss": loss_bars(result),
            "texts": cost_panels(
                {first_words(text.tokens): text.this_text.costs("cost") for text in result.texts},
                "What blocking costs in each of the texts",
            ),
            "whom": cost_panels(
                {
                    "predicting whitespace": blocked.costs("cost_whitespace"),
                    "all other tokens": blocked.costs("cost_others"),
                },
                "Which predictions suffer when tokens are blocked",
            ),
            "layers": cost_panels(
                {layer_range(part.layers): part.costs("cost") for part in result.parts},
                "What blocking costs in some of the layers only",
            ),
            "cut": cost_panels(
                {
                    "right after them": cut.costs("cost_next"),
                    "everywhere else": cut.costs("cost_elsewhere"),
                },
                "Tokens that get nothing from attention: which predictions suffer",
            ),
            "worst": worst_bars(result),
        }


class Intervention(NamedTuple):
    """A site to remove in some layers: `scores` blocks attention to, `attn_out` from."""

    name: str
    site: str
    layers: tuple[int, ...]


def zeroing_patches(
    site: str, layers: tuple[int, ...], positions: tuple[int, ...] | WhitespacePositions
) -> tuple[Patch, ...]:
    """Remove what these tokens have at a site, in each of the layers."""
    return tuple(Patch(Site(site, layer), positions=positions) for layer in layers)


def layer_range(layers: tuple[int, ...]) -> str:
    """Return `layers 0 to 9`, or `layer 3`."""
    return f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"


def first_words(tokens: tuple[Token, ...]) -> str:
    """Return the first words of a text, as its name."""
    words = "".join(token.text for token in tokens).split()
    return f"“{' '.join(words[:2])}{' …' if len(words) > 2 else ''}”"


def bar_labels(count: int) -> tuple[str, ...]:
    """Name the bars: the whitespace, then the draws."""
    return ("the whitespace", *(f"others {i}" for i in range(1, count)))


def loss_bars(result: TokenKnockoutResult) -> Bars:
    """Draw the mean loss by intervention."""
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


def worst_bars(result: TokenKnockoutResult) -> Bars:
    """Draw the twelve largest rises of a token's loss, each with the token before it."""
    rises = [
        (blocked - clean, (before, " ", token))
        for text in result.texts
        for clean, blocked, before, token in zip(
            text.clean, text.blocked, text.tokens, text.tokens[1:], strict=False
        )
    ]
    worst = sorted(rises, key=lambda rise: -rise[0])[:12]
    values, pairs = zip(*worst, strict=True)
    return Bars(
        pairs,
        values,
        Axis("two tokens"),
        Axis("rise of the second one's loss", "nats"),
        f"The loss rises most, by {values[0]:.2f} nats, "
        f"at the second token of {label_text(pairs[0])}.",
        "Where blocking whitespace hurts most",
    )


def cost_panels(parts: dict[str, tuple[float, ...]], title: str) -> Panels:
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
        for name, costs in parts.items()
    ]
    return Panels(tuple(panels), listed([panel.alt for panel in panels]) + ".", title)
