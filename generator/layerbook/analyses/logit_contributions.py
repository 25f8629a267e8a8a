"""Logit contributions: how much attention and the MLP of each layer add to the answer."""

from __future__ import annotations

from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Result
from layerbook.core.charts import layer_lines
from layerbook.core.direct_path import DIRECT_PATH_SITES, DIRECT_PATH_WEIGHTS, DirectPath
from layerbook.core.distributions import Ranked, likeliest
from layerbook.core.figures import Axis, Figure, Lines, label_text
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    EMBED,
    NEXT_LOGITS,
    ActivationCaches,
    Forward,
    Prompt,
    Request,
    Site,
    Weights,
)
from layerbook.core.rounding import Gap


class LogitContributionsResult(Result):
    """The answer's logit, above the mean over the vocabulary, as a sum over the parts."""

    prompt: str = Field(description="The prompt.")
    answer: Ranked = Field(description="The most likely next token.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the arrays.")
    embedding: float = Field(description="What the embedding of the last token adds.")
    attention: Array = Field(description="What attention adds, by layer: [layers].")
    mlp: Array = Field(description="What the MLP adds, by layer: [layers].")
    logit: float = Field(description="The answer's logit, above the mean.")
    sum_difference: Gap = Field(
        description="Gap between the logit and the sum of all parts; large if `layers` leaves some "
        "out."
    )

    @property
    def largest_attention(self) -> int:
        """The layer whose attention adds most."""
        return self.layers[int(self.attention.argmax())]

    @property
    def largest_mlp(self) -> int:
        """The layer whose MLP adds most."""
        return self.layers[int(self.mlp.argmax())]


class LogitContributions(Analysis[LogitContributionsResult]):
    """The parts of the residual stream at the last position, each read as the answer's logit.

    Shapes: embedding, attention's output and the MLP's output of each layer [d_model], times the
        answer's column of W_U [d_model], each a number.
    Units: logits, counted from their mean over the vocabulary.
    Limits: the final norm divides by the length that the whole stream has, held fixed, so that the
        parts add up; only the direct path, not what later layers make of an output.
    Source: Elhage et al. 2021 (A Mathematical Framework for Transformer Circuits), on the residual
        stream as a sum; nostalgebraist 2020 (the logit lens) for reading it as logits.
    """

    requires = frozenset({"plain outputs"})

    prompt: PromptText = Field(description="The prompt.")
    layers: Layers = "all"

    def runs(self) -> dict[str, Request]:
        """Request a pass that keeps all that is added to the stream, and the weights behind it."""
        names = ("attn_out", "mlp_out")
        added = {Site(name, layer) for layer in resolved(self.layers) for name in names}
        return {
            "run": Forward(Prompt(text=self.prompt), DIRECT_PATH_SITES | {EMBED} | added),
            "weights": Weights(DIRECT_PATH_WEIGHTS),
        }

    def measure(self, captures: ActivationCaches) -> LogitContributionsResult:
        """Multiply each part by the answer's direction."""
        run, weights = captures["run"], captures["weights"]
        layers = resolved(self.layers)
        answer = likeliest(run, run[NEXT_LOGITS])
        to_answer = DirectPath.at_last_position(run, weights).direction(answer.id)  # [d_model]

        embedding = float(run[EMBED][-1] @ to_answer)
        attention = run.stack("attn_out", layers)[:, -1] @ to_answer  # [L]
        mlp = run.stack("mlp_out", layers)[:, -1] @ to_answer  # [L]
        logit = float(run[NEXT_LOGITS][answer.id] - run[NEXT_LOGITS].mean())
        total = embedding + float(attention.sum() + mlp.sum())
        return LogitContributionsResult(
            prompt=self.prompt,
            answer=answer,
            layers=layers,
            embedding=embedding,
            attention=attention,
            mlp=mlp,
            logit=logit,
            sum_difference=abs(logit - total),
        )

    def figures(self, result: LogitContributionsResult) -> dict[str, Figure]:
        """`contributions`: a line for attention and one for the MLPs, by layer."""
        return {"contributions": contribution_lines(result)}


def contribution_lines(result: LogitContributionsResult) -> Lines:
    """Draw two lines over the layers."""
    name = label_text(result.answer.token)
    return layer_lines(
        result.layers,
        {"attention": result.attention, "MLP": result.mlp},
        Axis(f"added to the logit of {name}"),
        title=f"What each layer adds to the logit of {name}: “{shorten_prompt(result.prompt)}”",
        alt=f"Attention adds most in layer {result.largest_attention}, "
        f"{result.attention.max():.1f}, the MLPs in layer {result.largest_mlp}, "
        f"{result.mlp.max():.1f}.",
    )
