"""RMSNorm: the lengths of the vectors that enter a norm, and the vectors that leave it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Result
from layerbook.core.charts import layer_lines
from layerbook.core.direct_path import W_FINAL
from layerbook.core.figures import Axis, Figure, Label, Lines
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    LN_FINAL,
    RESID_FINAL,
    ActivationCaches,
    Forward,
    Prompt,
    Request,
    Site,
    Weights,
)
from layerbook.core.rounding import Gap
from layerbook.core.tokens import Token


class RmsNormResult(Result):
    """Lengths of the vectors that enter the norm before each MLP, and a check of the norm."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `length`.")
    d_model: int = Field(description="Number of dimensions of a vector.")
    length: Array = Field(description="Length of what enters the norm before the MLP [layer][T].")
    normed_length: float = Field(description="Length of any vector divided by its RMS.")
    final_difference: Gap = Field(
        description="Largest gap of x / RMS(x) times the gains and what the model's final norm "
        "gives, as a share of the largest number in it."
    )

    @property
    def longest(self) -> tuple[float, ...]:
        """By layer: the length of the longest vector."""
        return tuple(self.length.max(axis=1).tolist())


class RmsNorm(Analysis[RmsNormResult]):
    """The length of every token's vector before each MLP, which RMSNorm takes out.

    Shapes: x [T, d_model] -> x / RMS(x), whose length is sqrt(d_model), times gains [d_model].
    Units: lengths of vectors, without a unit.
    Limits: the model adds a tiny number below the root, so that nothing is divided by zero; it is
        left out here, hence a difference that is not quite zero.
    Source: Zhang and Sennrich 2019 (arXiv:1910.07467), equation 4; on the few tokens with very long
        vectors: Sun et al. 2024 (arXiv:2402.17762).
    """

    requires = frozenset({"plain outputs"})

    prompt: PromptText = Field(description="The prompt.")
    layers: Layers = "all"

    def runs(self) -> dict[str, Request]:
        """Request one pass that keeps what enters the norms, and the final norm's gains."""
        keep = {Site("resid_mid", layer) for layer in resolved(self.layers)}
        run = Forward(Prompt(text=self.prompt), frozenset({*keep, RESID_FINAL, LN_FINAL}))
        return {"run": run, "weights": Weights(frozenset({W_FINAL}))}

    def measure(self, captures: ActivationCaches) -> RmsNormResult:
        """Measure lengths; normalize the last stream here and compare it with the model's."""
        run, gains = captures["run"], captures["weights"][W_FINAL]  # gains [d_model]
        layers = resolved(self.layers)
        stream = run.stack("resid_mid", layers)  # [L, T, d_model]
        final, model_final = run[RESID_FINAL], run[LN_FINAL]  # [T, d_model]
        ours = divide_by_rms(final) * gains
        return RmsNormResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layers=layers,
            d_model=len(gains),
            length=np.linalg.norm(stream, axis=-1),
            normed_length=float(np.linalg.norm(divide_by_rms(final)[-1])),
            final_difference=float(np.abs(ours - model_final).max() / np.abs(model_final).max()),
        )

    def figures(self, result: RmsNormResult) -> dict[str, Figure]:
        """`lengths`: a line for each token, by layer."""
        return {"lengths": length_lines(result)}


def divide_by_rms(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Divide each vector [..., d_model] by the root of the mean of its squares."""
    rms = np.sqrt((x**2).mean(axis=-1, keepdims=True))
    return x / rms


def length_lines(result: RmsNormResult) -> Lines:
    """Draw one line per token; a length may be a hundred times another, so the axis multiplies."""
    lengths: dict[Label, ArrayLike] = {
        (token, f" ({at})"): result.length[:, at] for at, token in enumerate(result.tokens)
    }
    normed = (result.normed_length,) * len(result.layers)
    return layer_lines(
        result.layers,
        lengths | {"after the division": normed},
        Axis("length of the vector", log=True),
        title=f"The vectors before the norm of each MLP: “{shorten_prompt(result.prompt)}”",
        alt=f"The longest vector has length {result.length.max():,.0f}, the shortest "
        f"{result.length.min():,.0f}; after the division, all have {result.normed_length:.0f}.",
    )
