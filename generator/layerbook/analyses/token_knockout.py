"""Is whitespace needed? Keep later tokens from seeing it and watch the loss; then the same with other tokens."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Layers, Record, Result, Seed, Texts, resolved
from layerbook.core.figures import Axis, Bars, Figure, Panels
from layerbook.core.losses import (
    LossChange,
    LossComparison,
    compare_with_draws,
    mean_or_zero,
    measure_loss_change,
    token_losses,
)
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
from layerbook.core.tokens import Token, visible


class TextLosses(Record):
    """One text, token by token."""

    tokens: tuple[Token, ...] = Field(description="Its tokens.")
    whitespace: tuple[int, ...] = Field(
        description="The positions of whitespace, 0 never among them: blocked."
    )
    clean: tuple[float, ...] = Field(
        description="Loss in nats of each token but the first, nothing changed."
    )
    blocked: tuple[float, ...] = Field(
        description="The same with the whitespace blocked in all layers."
    )
    mean: float = Field(
        description="The mean of `clean`; 0 in a text of one token, as are all its costs."
    )
    alone: LossComparison = Field(
        description="What blocking costs in this text alone, as `blocked` says it of all."
    )


class TokenKnockoutResult(Result):
    """Losses under each intervention, over all texts together."""

    texts: tuple[TextLosses, ...] = Field(description="The texts, token by token.")
    predicted: int = Field(
        description="How many tokens are predicted: all but the first of each text."
    )
    clean: float = Field(description="Mean loss per predicted token with nothing changed, in nats.")
    first: LossChange = Field(description="The first token of each text blocked, in all layers.")
    blocked: LossComparison = Field(description="No later token sees these tokens, in all layers.")
    parts: tuple[LossComparison, ...] = Field(
        description="The same in some of the layers only, from the lowest up."
    )
    cut: LossComparison = Field(
        description="These tokens get nothing from attention, in all layers; their MLPs work on."
    )


class TokenKnockout(Analysis[TokenKnockoutResult]):
    """What the texts' loss becomes when whitespace cannot be seen, beside as many other tokens that cannot.

    Shapes: scores [heads, T, T], -inf at the blocked keys but a query's own -> loss [T] per text -> means over tokens.
    Units: nats per token: 1 nat more is a probability divided by e.
    Limits: a few texts, a few draws; a query keeps its own position; what breaks a model need not be how it works.
    Source: attention knockout: Geva et al. 2023 (arXiv:2304.14767), section 4.
    """

    result_type = TokenKnockoutResult
    texts: Texts = Field(description="The texts to predict.")
    draws: int = Field(
        default=4, ge=1, description="How many times as many other tokens are drawn."
    )
    seed: Seed = Field(
        default=0, description="Seed of the first draw; each further one takes the next."
    )
    layers: Layers = Field(
        default="all", description="Which layers; negative numbers count from the last."
    )
    parts: int = Field(
        default=3, ge=1, description="Into how many parts the layers are split, to try each alone."
    )

    def runs(self) -> dict[str, Request]:
        """Each text once as it is, once with the first token blocked, and once for each group and choice of tokens."""
        layers = resolved(self.layers)
        patches = {"clean": (), "first": zeroing_patches("scores", layers, (0,))}
        for name, site, some in self._groups():
            patches |= {
                f"{name} {i}": zeroing_patches(site, some, where) for i, where in enumerate(self._choices())
            }
        kept = frozenset({LOSS})
        return {
            f"{name}: {i}": Forward(Prompt(text=text), kept, patch)
            for i, text in enumerate(self.texts)
            for name, patch in patches.items()
        }

    def _choices(self) -> tuple[WhitespacePositions, ...]:
        """The whitespace, and then each draw of as many others."""
        return (WhitespacePositions(), *(WhitespacePositions(control_seed=self.seed + i) for i in range(self.draws)))

    def _groups(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Name, site and layers of each group of interventions; no scores: no attention to; no attn_out: none from."""
        layers = resolved(self.layers)
        parts = [
            tuple(map(int, part)) for part in np.array_split(layers, min(self.parts, len(layers)))
        ]
        named = [(f"part {i}", "scores", part) for i, part in enumerate(parts)]
        return [("blocked", "scores", layers), ("cut", "attn_out", layers), *named]

    def measure(self, captures: ActivationCaches) -> TokenKnockoutResult:
        """Add up the losses of all texts, and compare each intervention with the texts as they are."""
        texts = range(len(self.texts))
        clean = [captures[f"clean: {i}"] for i in texts]
        if max(len(run.tokens) for run in clean) < 2:
            raise ValueError("a text of one token predicts nothing")
        chosen = [[where.positions_in(run.tokens) for run in clean] for where in self._choices()]
        groups = {}
        for name, _, layers in self._groups():
            runs = [[captures[f"{name} {n}: {i}"] for i in texts] for n in range(len(chosen))]
            groups[name] = compare_with_draws(layers, clean, runs, chosen)
        before = token_losses(clean)  # [N]
        return TokenKnockoutResult(
            texts=tuple(self._text(captures, i, [at[i] for at in chosen]) for i in texts),
            predicted=len(before),
            clean=mean_or_zero(before),
            first=measure_loss_change(clean, [captures[f"first: {i}"] for i in texts], [(0,) for _ in texts]),
            blocked=groups.pop("blocked"),
            cut=groups.pop("cut"),
            parts=tuple(groups.values()),
        )

    def _text(self, captures: ActivationCaches, i: int, chosen: list[tuple[int, ...]]) -> TextLosses:
        """Text i by itself; `chosen` are the positions that were blocked in it, choice by choice."""
        clean = [captures[f"clean: {i}"]]
        runs = [[captures[f"blocked {n}: {i}"]] for n in range(len(chosen))]
        return TextLosses(
            tokens=clean[0].tokens,
            whitespace=chosen[0],
            clean=token_losses(clean).tolist(),
            blocked=token_losses(runs[0]).tolist(),
            mean=mean_or_zero(token_losses(clean)),
            alone=compare_with_draws(resolved(self.layers), clean, runs, [[at] for at in chosen]),
        )

    def figures(self, result: TokenKnockoutResult) -> dict[str, Figure]:
        """`loss` by intervention; its cost in which `texts`, to `whom`, in which `layers`; being `cut`; the `worst`."""
        blocked = result.blocked
        names = ("nothing", "the first token", *bar_labels(1 + len(blocked.draws)))
        means = (
            result.clean,
            *(c.loss for c in (result.first, blocked.whitespace, *blocked.draws)),
        )
        told = listed(
            [f"{name} {loss:.2f}" for name, loss in zip(names, means, strict=True)], len(names)
        )
        rows = [
            (more - less, f"{visible(before)} {visible(token)}")
            for text in result.texts
            for less, more, before, token in zip(
                text.clean, text.blocked, text.tokens, text.tokens[1:], strict=False
            )
        ]
        worst = sorted(rows, key=lambda row: -row[0])[:12]
        hit = (
            f"The loss rises most, by {worst[0][0]:.2f} nats, at the second token of {worst[0][1]}."
        )
        texts = {first_words(text.tokens): text.alone.costs("cost") for text in result.texts}
        parts = {layer_range(part.layers): part.costs("cost") for part in result.parts}
        kinds = {"predicting whitespace": "cost_whitespace", "all other tokens": "cost_others"}
        whom = {name: blocked.costs(field) for name, field in kinds.items()}
        places = {"right after them": "cost_next", "everywhere else": "cost_elsewhere"}
        cut = {name: result.cut.costs(field) for name, field in places.items()}
        loss = Axis("blocked"), Axis("mean loss", "nats per token")
        rise = Axis("two tokens"), Axis("rise of the second one's loss", "nats")
        title = "What blocking does to the loss"
        more, pairs = zip(*worst, strict=True)
        return {
            "loss": Bars(names, means, *loss, f"Mean loss: {told}.", title, highlight=(2,)),
            "texts": cost_panels(texts, "What blocking costs in each of the texts"),
            "whom": cost_panels(whom, "Which predictions suffer when tokens are blocked"),
            "layers": cost_panels(parts, "What blocking costs in some of the layers only"),
            "cut": cost_panels(cut, "Tokens that get nothing from attention: which predictions suffer"),
            "worst": Bars(pairs, more, *rise, hit, "Where blocking whitespace hurts most"),
        }


def zeroing_patches(site: str, layers: tuple[int, ...], positions: tuple[int, ...] | WhitespacePositions) -> tuple[Patch, ...]:
    """Take away what these tokens have at a site, in each of the layers."""
    return tuple(Patch(Site(site, layer), positions=positions) for layer in layers)


def layer_range(layers: tuple[int, ...]) -> str:
    """`layers 0 to 9`, or `layer 3`."""
    return f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"


def first_words(tokens: tuple[Token, ...]) -> str:
    """The first words of a text, to tell it by."""
    words = "".join(token.text for token in tokens).split()
    return f"“{' '.join(words[:2])}{' …' if len(words) > 2 else ''}”"


def bar_labels(count: int) -> tuple[str, ...]:
    """What so many bars are called: the whitespace first."""
    return ("the whitespace", *(f"others, draw {i}" for i in range(1, count)))


def cost_panels(parts: dict[str, tuple[float, ...]], title: str) -> Panels:
    """One panel for each list of costs, the same bars in each."""
    shown = []
    for name, costs in parts.items():
        alt = f"{name}: whitespace {costs[0]:.2f}, others {min(costs[1:]):.2f} to {max(costs[1:]):.2f}"
        axes = Axis("tokens"), Axis("cost", "nats per token")
        shown.append(Bars(bar_labels(len(costs)), costs, *axes, alt, name, highlight=(0,)))
    return Panels(tuple(shown), listed([panel.alt for panel in shown]) + ".", title)
