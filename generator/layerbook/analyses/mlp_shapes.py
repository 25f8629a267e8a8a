"""The MLP: the shapes of its matrices, the curve of its activation, its neurons at work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Result
from layerbook.core.charts import line
from layerbook.core.figures import Axis, ChainStep, Figure, Lines, MatrixChain
from layerbook.core.parameters import Layer
from layerbook.core.prompts import PromptSpec, as_prompt, shorten_prompt
from layerbook.core.requests import ActivationCaches, Describe, Forward, Request, Site
from layerbook.core.tokens import Token


class MlpShapesResult(Result):
    """The MLP of one layer, and its neurons at every token of a prompt."""

    layer: int = Field(description="The layer, from 0.")
    d_model: int = Field(description="Length of the residual stream.")
    d_mlp: int = Field(description="Number of neurons in the layer.")
    activation: str = Field(description="The activation's name in the model's configuration.")
    parameters: int = Field(description="Learned numbers in the MLPs of all layers.")
    share: float = Field(description="Share of the model's parameters in its MLPs, 0..1.")
    tokens: tuple[Token, ...] = Field(description="The tokens of the prompt, in order.")
    counts: tuple[int, ...] = Field(description="Numbers of strongest neurons: 1, 2, 4, ... d_mlp.")
    squared_share: Array = Field(
        description="Share of the squared activation in that many neurons, [token][count]."
    )
    half_count: tuple[int, ...] = Field(
        description="By token: the fewest neurons with half the squared activation."
    )


class MlpShapes(Analysis[MlpShapesResult]):
    """One vector through the MLP: two matrices up, an activation, a product, one matrix down.

    Shapes: x [T, d_model] -> gate, up [T, d_mlp] -> neurons SiLU(gate) * up [T, d_mlp] -> down
        [T, d_model].
    Units: activations have no unit; shares of the sum of squared activations, 0 to 1.
    Limits: a large activation need not matter: its row of the down projection may be short, or
        others may cancel it.
    Source: SwiGLU: Shazeer 2020 (arXiv:2002.05202), equation 6; SiLU: Elfwing et al. 2017
        (arXiv:1702.03118).
    """

    requires = frozenset({"gated mlp", "silu"})
    prompt: PromptSpec = Field(description="The prompt.")
    layer: Layer

    def runs(self) -> dict[str, Request]:
        """Request the model's facts, and one forward pass keeping the layer's neurons."""
        neurons = frozenset({Site("mlp_act", self.layer)})
        return {"facts": Describe(), "prompt": Forward(as_prompt(self.prompt), neurons)}

    def measure(self, captures: ActivationCaches) -> MlpShapesResult:
        """Read the shapes off the model; add up the squared neurons, the strongest first."""
        run, facts = captures["prompt"], captures["facts"].facts
        parameters = sum(module.parameters for module in facts.modules if module.role == "mlp")
        D, M = facts.d_model, facts.d_mlp

        neurons = run[Site("mlp_act", self.layer)]  # [T, d_mlp]: SiLU(gate) * up
        share = strongest_first(neurons)  # [T, d_mlp], growing to 1
        counts = sorted({*(2**k for k in range(M.bit_length())), M})
        return MlpShapesResult(
            layer=self.layer,
            d_model=D,
            d_mlp=M,
            activation=facts.activation,
            parameters=parameters,
            share=parameters / facts.parameters,
            tokens=run.tokens,
            counts=tuple(counts),
            squared_share=share[:, [count - 1 for count in counts]],
            half_count=tuple((1 + (share < 0.5).sum(axis=1)).tolist()),
        )

    def figures(self, result: MlpShapesResult) -> dict[str, Figure]:
        """`shapes` to scale; the curve `silu`; `activations`: the squares added up, by token."""
        where = f"layer {result.layer}, “{shorten_prompt(self.prompt)}”"
        return {
            "shapes": matrix_chain(result),
            "silu": silu_curve(),
            "activations": activation_lines(result, where),
        }


def strongest_first(neurons: NDArray[np.floating]) -> NDArray[np.float64]:
    """Add up the squared activations, the strongest neurons first, as shares: [T, d_mlp]."""
    squares = np.sort(neurons.astype(np.float64) ** 2, axis=1)[:, ::-1]  # strongest first
    return np.cumsum(squares, axis=1) / squares.sum(axis=1, keepdims=True)


def silu_curve() -> Lines:
    """Draw SiLU and ReLU from -6 to 6."""
    x = np.linspace(-6, 6, 81)  # [81]
    y = x / (1 + np.exp(-x))  # [81]: x times the sigmoid of x
    return Lines(
        (line("SiLU", y, x), line("ReLU", np.maximum(x, 0), x)),
        Axis("input x"),
        Axis("output of the activation function"),
        f"SiLU dips to {y.min():.2f} at x = {x[y.argmin()]:.2f}; "
        "far from zero it approaches ReLU: 0 on the left, x on the right.",
        "SiLU, with ReLU beside it",
    )


def activation_lines(result: MlpShapesResult, where: str) -> Lines:
    """Draw the share of the strongest neurons, one line per token."""
    counts = np.array(result.counts)
    lines = [
        line((token, f" ({at})"), share, counts)
        for at, (token, share) in enumerate(zip(result.tokens, result.squared_share, strict=True))
    ]
    lines.append(line("if all were equal", counts / result.d_mlp, counts))
    fewest, most = min(result.half_count), max(result.half_count)
    return Lines(
        tuple(lines),
        Axis("neurons, strongest first", log=True),
        Axis("of the squared activation", percent=True),
        f"{fewest:,} to {most:,} of {result.d_mlp:,} neurons hold half, {where}.",
        f"How few neurons carry a token, {where}",
    )


def matrix_chain(result: MlpShapesResult) -> MatrixChain:
    """Draw the chain of products; gate and up run side by side."""
    D, M = result.d_model, result.d_mlp
    count = D * M
    weights = f"{count:,} weights"
    gate = ChainStep("gate", D, M, weights, lane=0)
    down = ChainStep("down", M, D, weights)
    activation = ChainStep(
        "SiLU" if result.activation == "silu" else result.activation, kind="function", lane=0
    )
    steps = (
        ChainStep("x", D, note="the normalized stream", kind="vector"),
        gate,
        activation,
        ChainStep("up", D, M, weights, lane=1),
        ChainStep("×", kind="function"),
        ChainStep("neurons", M, kind="vector"),
        down,
        ChainStep("output", D, note="added to the stream", kind="vector"),
    )
    alt = (
        f"A vector of {result.d_model:,} goes through gate and up, each {gate.shape()}, "
        f"the gate's result also through {activation.name}; "
        f"their product, {result.d_mlp:,} neurons, through down, {down.shape()}."
    )
    return MatrixChain(steps, alt, f"The MLP of layer {result.layer}, drawn to scale")
