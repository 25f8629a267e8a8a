"""The multi-layer perceptron: the shapes of its matrices, the curve of its activation, and what its neurons do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Layer,
    PromptSpec,
    Result,
    as_prompt,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.figures import Axis, ChainStep, Figure, Lines, MatrixChain, Series
from layerbook.core.requests import ActivationCaches, Describe, Forward, Request, Site
from layerbook.core.tokens import Token, visible


class MlpShapesResult(Result):
    """The MLP of one layer, and its neurons at every token of a prompt."""

    layer: int = Field(description="The layer, from 0, that was looked into.")
    d_model: int = Field(description="Length of the residual stream.")
    d_mlp: int = Field(description="How many neurons the layer has.")
    activation: str = Field(description="The activation as the model's configuration names it.")
    projections: dict[str, tuple[int, int]] = Field(
        description="`gate`, `up` and `down` of the layer: how many numbers go in, how many come out."
    )
    parameters: int = Field(description="Learned numbers in the MLPs of all layers.")
    share: float = Field(description="Share of the model's parameters that lie in its MLPs, 0..1.")
    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(description="Its tokens, in order.")
    counts: tuple[int, ...] = Field(
        description="How many of the strongest neurons: 1, 2, 4, ... d_mlp."
    )
    squared_share: Array = Field(
        description="Share of the squared activation in so many neurons, [token][count]."
    )
    half_count: tuple[int, ...] = Field(
        description="By token: the fewest neurons with half the squared activation."
    )
    negative_share: float = Field(description="Share of all activations that are below zero, 0..1.")


class MlpShapes(Analysis[MlpShapesResult]):
    """What the MLP does to one vector: two matrices up, a bend, a product, one matrix down.

    Shapes: x [T, d_model] -> gate, up [T, d_mlp] -> neurons SiLU(gate) * up [T, d_mlp] -> down [T, d_model].
    Units: activations have no unit; counts of neurons; shares of the sum of squared activations, 0 to 1.
    Limits: a large activation need not matter: its row of the down projection may be short, or others may undo it.
    Source: SwiGLU: Shazeer 2020 (arXiv:2002.05202), equation 6; SiLU: Elfwing et al. 2017 (arXiv:1702.03118).
    """

    result_type = MlpShapesResult
    prompt: PromptSpec = Field(description="The prompt whose tokens go through the neurons.")
    layer: Layer = Field(description="Which layer's neurons; negative numbers count from the last.")

    def runs(self) -> dict[str, Request]:
        """The model's facts, and one pass that keeps the layer's neurons."""
        neurons = frozenset({Site("mlp_act", self.layer)})
        return {"facts": Describe(), "prompt": Forward(as_prompt(self.prompt), neurons)}

    def measure(self, captures: ActivationCaches) -> MlpShapesResult:
        """Read the shapes off the model; square the neurons, sort them, and add them up from the strongest."""
        run, facts = captures["prompt"], captures["facts"].facts
        modules = {module.path.rpartition("layers.")[2]: module for module in facts.modules}
        weights = {
            name: modules[f"{self.layer}.mlp.{name}_proj"].shape for name in ("gate", "up", "down")
        }  # [out, in]
        parameters = sum(module.parameters for module in facts.modules if ".mlp." in module.path)
        neurons = run[Site("mlp_act", self.layer)]  # [T, d_mlp]: SiLU(gate) * up
        squares = np.sort(neurons.astype(np.float64) ** 2, axis=1)[
            :, ::-1
        ]  # [T, d_mlp], strongest first
        share = np.cumsum(squares, axis=1) / squares.sum(
            axis=1, keepdims=True
        )  # [T, d_mlp], up to 1
        counts = sorted({*(2**k for k in range(facts.d_mlp.bit_length())), facts.d_mlp})
        return MlpShapesResult(
            layer=self.layer,
            d_model=facts.d_model,
            d_mlp=facts.d_mlp,
            activation=facts.activation,
            projections={name: (shape[1], shape[0]) for name, shape in weights.items()},
            parameters=parameters,
            share=parameters / facts.parameters,
            prompt=prompt_name(self.prompt),
            tokens=run.tokens,
            counts=tuple(counts),
            squared_share=share[:, [count - 1 for count in counts]].astype(np.float32),
            half_count=tuple((1 + (share < 0.5).sum(axis=1)).tolist()),
            negative_share=float((neurons < 0).mean()),
        )

    def figures(self, result: MlpShapesResult) -> dict[str, Figure]:
        """`shapes` to scale; the curve `silu`; `activations`: the neurons' squares added up, a line per token."""
        x = np.linspace(-6, 6, 81)  # [81]
        y = x / (1 + np.exp(-x))  # [81]: x times the sigmoid of x
        curves = line_series("SiLU", x, y), line_series("ReLU", x, np.maximum(x, 0))
        alt = f"SiLU dips to {y.min():.2f} at x = {x[y.argmin()]:.2f}; far from zero it nears ReLU, 0 left and x right."
        where = f"layer {result.layer}, {shorten_prompt(self.prompt)}"
        counts = np.array(result.counts)
        names = [f"{visible(token)} ({at})" for at, token in enumerate(result.tokens)]
        grown = [
            line_series(name, counts, share)
            for name, share in zip(names, result.squared_share, strict=True)
        ]
        grown.append(line_series("if all were equal", counts, counts / result.d_mlp))
        axes = Axis("neurons, strongest first", log=True), Axis("share of the squared activation")
        halves = f"{min(result.half_count)} to {max(result.half_count)} of {result.d_mlp} neurons hold half, {where}."
        return {
            "shapes": matrix_chain(result),
            "silu": Lines(curves, Axis("x"), Axis("activation"), alt, "SiLU, with ReLU beside it"),
            "activations": Lines(
                tuple(grown), *axes, halves, f"How few neurons carry a token, {where}"
            ),
        }


def line_series(name: str, x: Array, y: Array) -> Series:
    """Arrays [N] as a series."""
    return Series(name, tuple(map(float, x)), tuple(map(float, y)))


def matrix_chain(result: MlpShapesResult) -> MatrixChain:
    """The chain of products; gate and up run side by side."""
    gate, up, down = (
        ChainStep(name, *shape, f"{shape[0] * shape[1]:,} weights")
        for name, shape in result.projections.items()
    )
    bend = ChainStep(
        "SiLU" if result.activation == "silu" else result.activation, kind="function", lane=0
    )
    steps = (
        ChainStep("x", result.d_model, note="the normalised stream", kind="vector"), replace(gate, lane=0), bend,
        replace(up, lane=1), ChainStep("×", kind="function"), ChainStep("neurons", result.d_mlp, kind="vector"), down,
        ChainStep("output", result.d_model, note="added to the stream", kind="vector"),
    )  # fmt: skip
    alt = f"A vector of {result.d_model} goes through gate and up, each {gate.shape()}, the gate's result also through "
    alt += f"{bend.name}; their product, {result.d_mlp} neurons, through down, {down.shape()}."
    return MatrixChain(steps, alt, f"The MLP of layer {result.layer}, drawn to scale")
