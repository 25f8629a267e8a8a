"""Is whitespace needed? Keep later tokens from seeing it and watch the loss; then the same with other tokens."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from generator.analysis import Analysis, Layers, Result, Seed, Texts, resolved
from generator.capture import LOSS, Captures, Forward, Patch, Prompt, Request, Site, Where
from generator.figure import Axis, Bars, Figure, Panels, listed
from generator.tokens import Token, is_whitespace, visible


class TextLosses(BaseModel, frozen=True, extra="forbid"):
    """One text, token by token."""

    tokens: tuple[Token, ...] = Field(description="Its tokens.")
    whitespace: tuple[int, ...] = Field(description="The positions of whitespace, 0 never among them: blocked.")
    clean: tuple[float, ...] = Field(description="Loss in nats of each token but the first, nothing changed.")
    blocked: tuple[float, ...] = Field(description="The same with the whitespace blocked in all layers.")


class Change(BaseModel, frozen=True, extra="forbid"):
    """What one intervention does to the loss; every cost is a mean over tokens, in nats, above what it was without."""

    touched: int = Field(description="How many tokens were blocked or cut off, in all texts together.")
    loss: float = Field(description="Mean loss per predicted token, in nats.")
    cost: float = Field(description="By how much that is more than with nothing changed.")
    cost_whitespace: float = Field(description="The cost where whitespace is to be predicted; 0 if none is.")
    on_whitespace: float = Field(description="The part of `cost` that comes of predicting whitespace.")
    cost_others: float = Field(description="The cost where it is anything else.")
    cost_next: float = Field(description="The cost of the tokens right after those that were touched; 0 if none were.")
    cost_elsewhere: float = Field(description="The cost of all others.")


class Group(BaseModel, frozen=True, extra="forbid"):
    """One intervention in some layers: on whitespace, and on as many other tokens in its place."""

    layers: tuple[int, ...] = Field(description="The layers, from 0, in which it was made.")
    whitespace: Change = Field(description="Made on the whitespace.")
    draws: tuple[Change, ...] = Field(description="Made on as many other tokens, drawn at random, once per draw.")


class TokenKnockoutResult(Result):
    """Losses under each intervention, over all texts together."""

    texts: tuple[TextLosses, ...] = Field(description="The texts, token by token.")
    predicted: int = Field(description="How many tokens are predicted: all but the first of each text.")
    clean: float = Field(description="Mean loss per predicted token with nothing changed, in nats.")
    first: Change = Field(description="The first token of each text blocked, in all layers.")
    blocked: Group = Field(description="No later token sees these tokens, in all layers.")
    parts: tuple[Group, ...] = Field(description="The same in some of the layers only, from the lowest up.")
    cut: Group = Field(description="These tokens get nothing from attention, in all layers; their MLPs work on.")


class TokenKnockout(Analysis[TokenKnockoutResult]):
    """What the texts' loss becomes when whitespace cannot be seen, beside as many other tokens that cannot.

    Shapes: scores [heads, T, T], -inf at the blocked keys but a query's own -> loss [T] per text -> means over tokens.
    Units: nats per token: 1 nat more is a probability divided by e.
    Limits: a few texts, a few draws; a query keeps its own position; what breaks a model need not be how it works.
    Source: attention knockout: Geva et al. 2023 (arXiv:2304.14767), section 4.
    """

    result_type: ClassVar[type[Result]] = TokenKnockoutResult
    texts: Texts = Field(description="The texts to predict.")
    draws: int = Field(default=4, ge=1, description="How many times as many other tokens are drawn.")
    seed: Seed = Field(default=0, description="Seed of the first draw; each further one takes the next.")
    layers: Layers = Field(default="all", description="Which layers; negative numbers count from the last.")
    parts: int = Field(default=3, ge=1, description="Into how many parts the layers are split, to try each alone.")

    def runs(self) -> dict[str, Request]:
        """Each text once as it is, once with the first token blocked, and once for each group and choice of tokens."""
        layers = resolved(self.layers)
        patches = {"clean": (), "first": at("scores", layers, (0,))}
        for name, site, some in self._groups():
            patches |= {f"{name} {i}": at(site, some, where) for i, where in enumerate(self._choices())}
        kept = frozenset({LOSS})
        return {
            f"{name}: {i}": Forward(Prompt(text=text), kept, patch)
            for i, text in enumerate(self.texts)
            for name, patch in patches.items()
        }

    def _choices(self) -> tuple[Where, ...]:
        """The whitespace, and then each draw of as many others."""
        return (Where(), *(Where(others=self.seed + i) for i in range(self.draws)))

    def _groups(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Name, site and layers of each group of interventions; no scores: no attention to; no attn_out: none from."""
        layers = resolved(self.layers)
        parts = [tuple(map(int, part)) for part in np.array_split(layers, min(self.parts, len(layers)))]
        named = [(f"part {i}", "scores", part) for i, part in enumerate(parts)]
        return [("blocked", "scores", layers), ("cut", "attn_out", layers), *named]

    def measure(self, captures: Captures) -> TokenKnockoutResult:
        """Add up the losses of all texts, and compare each intervention with the texts as they are."""
        texts = range(len(self.texts))
        clean = [captures[f"clean: {i}"] for i in texts]
        if max(len(run.tokens) for run in clean) < 2:
            raise ValueError("a text of one token predicts nothing")
        chosen = [[where.among(run.tokens) for run in clean] for where in self._choices()]
        groups = {}
        for name, _, layers in self._groups():
            changes = [self._change(captures, f"{name} {i}", touched) for i, touched in enumerate(chosen)]
            groups[name] = Group(layers=layers, whitespace=changes[0], draws=tuple(changes[1:]))
        before = self._losses(captures, "clean")  # [N]
        loss = [[captures[f"{name}: {i}"][LOSS][1:].tolist() for name in ("clean", "blocked 0")] for i in texts]
        return TokenKnockoutResult(
            texts=tuple(
                TextLosses(tokens=clean[i].tokens, whitespace=chosen[0][i], clean=loss[i][0], blocked=loss[i][1])
                for i in texts
            ),
            predicted=len(before),
            clean=float(before.mean()),
            first=self._change(captures, "first", [(0,) for _ in texts]),
            blocked=groups.pop("blocked"),
            cut=groups.pop("cut"),
            parts=tuple(groups.values()),
        )

    def _losses(self, captures: Captures, name: str) -> NDArray[np.float64]:
        """The losses of all texts' predicted tokens in a row [N]; the first of each text is predicted by nothing."""
        return np.concatenate([captures[f"{name}: {i}"][LOSS][1:] for i in range(len(self.texts))]).astype(np.float64)

    def _change(self, captures: Captures, name: str, touched: list[tuple[int, ...]]) -> Change:
        """One intervention beside the texts as they are; `touched` are its positions, text by text."""
        texts = [captures[f"{name}: {i}"].tokens for i in range(len(self.texts))]
        loss = self._losses(captures, name)  # [N]
        more = loss - self._losses(captures, "clean")  # [N]
        blank = np.array([is_whitespace(token) for tokens in texts for token in tokens[1:]])  # [N]
        after = np.concatenate([np.isin(np.arange(len(t) - 1), at) for t, at in zip(texts, touched, strict=True)])
        return Change(
            touched=sum(map(len, touched)),
            loss=float(loss.mean()),
            cost=float(more.mean()),
            cost_whitespace=float(more[blank].sum() / max(1, blank.sum())),
            on_whitespace=float(more[blank].sum() / len(more)),
            cost_others=float(more[~blank].sum() / max(1, (~blank).sum())),
            cost_next=float(more[after].sum() / max(1, after.sum())),
            cost_elsewhere=float(more[~after].sum() / max(1, (~after).sum())),
        )

    def figures(self, result: TokenKnockoutResult) -> dict[str, Figure]:
        """`loss` of each intervention; the costs `whom` it hits, in which `layers`, and of being `cut`; `worst` hit."""
        blocked = result.blocked
        names = ("nothing", "the first token", *choices(blocked))
        losses = (result.clean, *(c.loss for c in (result.first, blocked.whitespace, *blocked.draws)))
        told = listed([f"{name} {loss:.2f}" for name, loss in zip(names, losses, strict=True)], len(names))
        rows = [
            (more - less, f"{visible(before)} {visible(token)}")
            for text in result.texts
            for less, more, before, token in zip(text.clean, text.blocked, text.tokens, text.tokens[1:], strict=False)
        ]
        worst = sorted(rows, key=lambda row: -row[0])[:12]
        hit = f"The loss rises most, by {worst[0][0]:.2f} nats, at the second token of {worst[0][1]}."
        parts = {span(group.layers): (group, "cost") for group in result.parts}
        whom = {"predicting whitespace": (blocked, "cost_whitespace"), "all other tokens": (blocked, "cost_others")}
        cut = {"right after them": (result.cut, "cost_next"), "everywhere else": (result.cut, "cost_elsewhere")}
        loss = Axis("blocked"), Axis("mean loss", "nats per token")
        rise = Axis("two tokens"), Axis("rise of the second one's loss", "nats")
        title = "What blocking does to the loss"
        more, pairs = zip(*worst, strict=True)
        return {
            "loss": Bars(names, losses, *loss, f"Mean loss: {told}.", title, highlight=(2,)),
            "whom": panels(whom, "Which predictions suffer when tokens are blocked"),
            "layers": panels(parts, "What blocking costs in some of the layers only"),
            "cut": panels(cut, "Tokens that get nothing from attention: which predictions suffer"),
            "worst": Bars(pairs, more, *rise, hit, "Where blocking whitespace hurts most"),
        }


def at(site: str, layers: tuple[int, ...], positions: tuple[int, ...] | Where) -> tuple[Patch, ...]:
    """Take away what these tokens have at a site, in each of the layers."""
    return tuple(Patch(Site(site, layer), positions=positions) for layer in layers)


def span(layers: tuple[int, ...]) -> str:
    """`layers 0 to 9`, or `layer 3`."""
    return f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"


def choices(group: Group) -> tuple[str, ...]:
    """What the bars are called: the whitespace first."""
    return ("the whitespace", *(f"others, draw {i}" for i in range(1, len(group.draws) + 1)))


def panels(parts: dict[str, tuple[Group, str]], title: str) -> Panels:
    """One panel for each group and kind of cost, the same bars in each."""
    shown = []
    for name, (group, field) in parts.items():
        costs = tuple(float(getattr(change, field)) for change in (group.whitespace, *group.draws))
        alt = f"{name}: whitespace {costs[0]:.2f}, others {min(costs[1:]):.2f} to {max(costs[1:]):.2f}"
        axes = Axis("tokens"), Axis("cost", "nats per token")
        shown.append(Bars(choices(group), costs, *axes, alt, name, highlight=(0,)))
    return Panels(tuple(shown), listed([panel.alt for panel in shown]) + ".", title)
