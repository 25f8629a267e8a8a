"""Induction knockout: silence the heads that continue a pattern, and other heads as a control."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Panels
from layerbook.core.parameters import Head, HeadNumbers, Layer, Seed, resolved
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
)
from layerbook.core.tokens import Token


class LayerHead(Record):
    """One head of one layer."""

    layer: Layer = Field(description="The layer, from 0.")
    head: Head = Field(description="The query head, from 0.")


class SilencedHeads(Record):
    """The loss with some heads silenced; means over all texts, in bits per token."""

    heads: tuple[LayerHead, ...] = Field(description="The silenced heads.")
    repeated: float = Field(
        description="Mean loss of the tokens that followed the same token earlier in the text."
    )
    new: float = Field(description="Mean loss of all other tokens, except the first of each text.")


class InductionKnockoutResult(Result):
    """The loss in the first and in the second round of texts that are read twice."""

    texts: tuple[str, ...] = Field(description="The texts, each of which is read twice.")
    clean: SilencedHeads = Field(description="No head silenced.")
    silenced: SilencedHeads = Field(description="The heads of the spec silenced.")
    controls: tuple[SilencedHeads, ...] = Field(
        description="As many other heads of the same layers silenced, once per draw; none if a "
        "layer has too few."
    )

    @property
    def cost(self) -> float:
        """The rise of `repeated` without the heads of the spec."""
        return self.silenced.repeated - self.clean.repeated

    @property
    def largest_control_cost(self) -> float:
        """The largest rise of `repeated` in a control; 0 without controls."""
        return max((c.repeated - self.clean.repeated for c in self.controls), default=0.0)

    @property
    def largest_new_change(self) -> float:
        """The largest change of `new`, up or down, with any of the heads silenced."""
        return max(abs(run.new - self.clean.new) for run in (self.silenced, *self.controls))


class InductionKnockout(Analysis[InductionKnockoutResult]):
    """The loss on random words read twice, with induction heads or as many others silenced.

    Shapes: z [T, H, d_head], some heads of some layers zeroed -> loss [T] per text -> its mean over
        the tokens of the second round, and over those of the first.
    Units: bits per token: 1 bit more is half the probability.
    Limits: it shows that the heads are needed together, not what each does; zero is not what a head
        outputs when it has nothing to add.
    Source: Olsson et al. 2022 (arXiv:2209.11895), on repeated random tokens and ablated heads.
    """

    texts: Texts = Field(
        description="Lists of random words, each word with a space before it. Each list is read "
        "twice."
    )
    silence: tuple[LayerHead, ...] = Field(min_length=1, description="The heads to silence.")
    draws: int = Field(default=10, ge=1, description="Number of draws of as many other heads.")
    seed: Seed = Field(
        default=0, description="Seed of the first draw; each further draw uses the next."
    )
    heads: HeadNumbers = Field(default="all", description="The query heads to draw from.")

    def runs(self) -> dict[str, Request]:
        """Request each text, read twice: with all heads, without these, and without others."""
        choices = {"clean": (), "silenced": self.silenced_heads()}
        choices |= {f"control {n}": heads for n, heads in enumerate(self.controls())}
        return {
            f"{name}: {i}": Forward(Prompt(text=text + text), frozenset({LOSS}), silencing(heads))
            for name, heads in choices.items()
            for i, text in enumerate(self.texts)
        }

    def silenced_heads(self) -> tuple[LayerHead, ...]:
        """Return the heads of the spec, each once: on a small model, `at most` can repeat one."""
        return tuple(dict.fromkeys(self.silence))

    def controls(self) -> tuple[tuple[LayerHead, ...], ...]:
        """Draw as many other heads of each layer, `draws` times; never if a layer has too few."""
        silenced = heads_by_layer(self.silenced_heads())
        others = {
            layer: [head for head in resolved(self.heads) if head not in heads]
            for layer, heads in silenced.items()
        }
        if any(len(others[layer]) < len(heads) for layer, heads in silenced.items()):
            return ()
        draws = []
        for seed in range(self.seed, self.seed + self.draws):
            rng = np.random.default_rng(seed)
            draws.append(
                tuple(
                    LayerHead(layer=layer, head=int(head))
                    for layer, heads in silenced.items()
                    for head in sorted(rng.choice(others[layer], len(heads), replace=False))
                )
            )
        return tuple(draws)

    def measure(self, captures: ActivationCaches) -> InductionKnockoutResult:
        """Average the losses of both rounds, with all heads and with some silenced."""

        def mean_losses(name: str, heads: tuple[LayerHead, ...]) -> SilencedHeads:
            runs = [captures[f"{name}: {i}"] for i in range(len(self.texts))]
            bits = np.concatenate([token_bits(run) for run in runs])  # [N]
            return SilencedHeads(
                heads=heads,
                repeated=float(bits[repeated].mean()),
                new=float(bits[~repeated].mean()),
            )

        tokens = [captures[f"clean: {i}"].tokens for i in range(len(self.texts))]
        repeated = np.concatenate([find_repeated(text_tokens) for text_tokens in tokens])  # [N]
        if not repeated.any():
            raise ValueError("in these texts, no token follows the same token twice")
        return InductionKnockoutResult(
            texts=self.texts,
            clean=mean_losses("clean", ()),
            silenced=mean_losses("silenced", self.silenced_heads()),
            controls=tuple(
                mean_losses(f"control {n}", heads) for n, heads in enumerate(self.controls())
            ),
        )

    def figures(self, result: InductionKnockoutResult) -> dict[str, Figure]:
        """`loss`: a panel for each round, with a bar for each choice of silenced heads."""
        runs = (result.clean, result.silenced, *result.controls)
        panels = (
            loss_bars("The second round", [run.repeated for run in runs]),
            loss_bars("The first round", [run.new for run in runs]),
        )
        alt = " ".join(panel.alt for panel in panels)
        return {"loss": Panels(panels, alt, "Random words, read twice", columns=2)}


def heads_by_layer(heads: tuple[LayerHead, ...]) -> dict[int, tuple[int, ...]]:
    """Return the heads of each layer, from the lowest layer up."""
    layers = sorted({head.layer for head in heads})
    return {n: tuple(sorted(h.head for h in heads if h.layer == n)) for n in layers}


def silencing(heads: tuple[LayerHead, ...]) -> tuple[Patch, ...]:
    """Set the outputs of these heads to zero at all positions."""
    by_layer = heads_by_layer(heads).items()
    return tuple(Patch(Site("z", layer), heads=numbers) for layer, numbers in by_layer)


def token_bits(run: ActivationCache) -> NDArray[np.float64]:
    """Return the loss of each token but the first, in bits: [T - 1]."""
    return run[LOSS][1:].astype(np.float64) / np.log(2)


def find_repeated(tokens: tuple[Token, ...]) -> NDArray[np.bool_]:
    """Mark the tokens after the first that followed the same token earlier: [T - 1]."""
    pairs = list(pairwise(tokens))
    return np.array([pair in pairs[:i] for i, pair in enumerate(pairs)])


def loss_bars(title: str, losses: list[float]) -> Bars:
    """Draw the loss with no head silenced, without the heads of the spec, and in each control."""
    clean, silenced, *controls = losses
    alt = f"{title}: {clean:.1f} bits with all heads, {silenced:.1f} without these heads"
    if controls:
        alt += f", {min(controls):.1f} to {max(controls):.1f} with others silenced"
    return Bars(
        ("nothing", "these heads", *(f"random {n + 1}" for n in range(len(controls)))),
        tuple(losses),
        Axis("silenced"),
        Axis("mean loss", "bits per token"),
        f"{alt}.",
        title,
        highlight=(1,),
    )
