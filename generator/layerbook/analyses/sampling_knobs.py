"""The effect of temperature, top-k and top-p on one distribution."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, ranked, sampling_distribution
from layerbook.core.figures import Axis, Bars, Figure, Panels
from layerbook.core.parameters import SamplingTopK, SamplingTopP, Temperature, TopK
from layerbook.core.prompts import PromptSpec, as_prompt, chat_suffix, shorten_prompt
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request
from layerbook.core.rounding import Rounding
from layerbook.core.text import pluralize


class Setting(Record):
    """One setting of the knobs, and the distribution to draw from."""

    temperature: Temperature
    top_k: SamplingTopK
    top_p: SamplingTopP
    candidates: int = Field(description="Number of tokens left to draw from.")
    probs: Annotated[tuple[float, ...], Rounding(own_digits=True)] = Field(
        description="Probabilities 0..1 of the tokens in `top`, in its order."
    )
    rest: float = Field(description="Probability 0..1 of all other tokens together.")


class SamplingKnobsResult(Result):
    """The same logits under several settings."""

    top: tuple[Ranked, ...] = Field(
        description="The likeliest tokens [show_top], best first, before any knob."
    )
    settings: tuple[Setting, ...] = Field(
        description="The temperatures alone, then top-k, then top-p at temperature 1."
    )


class SamplingKnobs(Analysis[SamplingKnobsResult]):
    """One distribution over the next token, and the effect of each knob before the draw.

    Shapes: logits [V] -> probabilities [V], zero for the tokens that were removed, together 1.
    Units: probabilities are shares of 1; temperature divides the logits and has no unit.
    Limits: one step after one prompt; over a whole text the effects build up.
    Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019
        (arXiv:1904.09751).
    """

    prompt: PromptSpec = Field(description="The prompt; a string, or `chat:` for a chat.")
    temperatures: Annotated[tuple[Temperature, ...], Field(min_length=1)] = Field(
        description="Temperatures to compare."
    )
    top_k: TopK = Field(default=5, description="Number of tokens to keep, at temperature 1.")
    top_p: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Keep the fewest tokens that reach this probability, at temperature 1.",
    )
    show_top: TopK = Field(default=8, description="Number of likeliest tokens to show.")

    def runs(self) -> dict[str, Request]:
        """Request one forward pass, keeping the last logits."""
        return {"prompt": Forward(as_prompt(self.prompt), frozenset({NEXT_LOGITS}))}

    def measure(self, captures: ActivationCaches) -> SamplingKnobsResult:
        """Apply each setting to the same logits."""
        run = captures["prompt"]
        logits = run[NEXT_LOGITS]  # [V]
        top = ranked(run, logits, self.show_top)
        return SamplingKnobsResult(
            top=top,
            settings=(
                *(apply_knobs(logits, top, temperature=t) for t in self.temperatures),
                apply_knobs(logits, top, top_k=self.top_k),
                apply_knobs(logits, top, top_p=self.top_p),
            ),
        )

    def figures(self, result: SamplingKnobsResult) -> dict[str, Figure]:
        """One panel per setting, the same tokens in each."""
        panels = tuple(setting_bars(setting, result.top) for setting in result.settings)
        alt = " ".join(f"{panel.title}: {panel.alt}" for panel in panels)
        prompt = f"“{shorten_prompt(self.prompt)}”{chat_suffix(self.prompt)}"
        title = f"The shares to draw from after {prompt}"
        return {"knobs": Panels(panels, title=title, alt=alt)}


def apply_knobs(
    logits: NDArray[np.floating],
    top: tuple[Ranked, ...],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Setting:
    """Return the distribution of logits [V] under one setting, read at the `top` tokens."""
    prob = sampling_distribution(logits, temperature, top_k, top_p)  # [V], 0 where removed
    probs = tuple(float(prob[t.id]) for t in top)
    return Setting(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        candidates=int((prob > 0).sum()),
        probs=probs,
        rest=max(0.0, 1 - sum(probs)),
    )


def knobs_name(knobs: Setting) -> str:
    """Name the knob that is turned: `top-k 5`."""
    if knobs.top_k is not None:
        return f"top-k {knobs.top_k}"
    if knobs.top_p is not None:
        return f"top-p {knobs.top_p:g}"
    return f"temperature {knobs.temperature:g}"


def setting_bars(setting: Setting, top: tuple[Ranked, ...]) -> Bars:
    """Draw the probabilities of the likeliest tokens under one setting."""
    tokens = pluralize(setting.candidates, "token")
    return Bars(
        labels=tuple(t.token for t in top),
        values=setting.probs,
        label_axis=Axis("token"),
        value_axis=probability_axis(),
        title=knobs_name(setting),
        alt=f"{tokens} left; the best has {setting.probs[0]:.1%}.",
        rest=setting.rest,
        rest_label="all others",
    )
