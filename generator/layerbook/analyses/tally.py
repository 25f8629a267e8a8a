"""Tally: many draws of the next token, beside the probabilities that they are drawn with."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, ranked, sample_token, sampling_distribution
from layerbook.core.figures import Axis, Bars, Figure, Panels, label_text
from layerbook.core.parameters import SamplingTopK, SamplingTopP, Seed, Temperature, TopK
from layerbook.core.prompts import PromptSpec, as_prompt, chat_suffix, shorten_prompt
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request
from layerbook.core.rounding import Relative
from layerbook.core.text import pluralize


class TalliedToken(Record):
    """A token, its chance in each draw, and how often it was drawn."""

    token: Ranked = Field(description="The token.")
    draw_prob: Relative = Field(description="Its probability 0..1 in each draw.")
    count: int = Field(description="Number of draws that picked it.")


class TallyResult(Result):
    """Many draws from one distribution."""

    draws: int = Field(description="Number of draws.")
    top: tuple[TalliedToken, ...] = Field(
        description="The likeliest tokens [show_top], best first."
    )
    other_count: int = Field(description="Number of draws that picked any other token.")
    distinct_tokens: int = Field(description="Number of different tokens drawn.")


class Tally(Analysis[TallyResult]):
    """One distribution over the next token, and the tokens that many draws pick from it.

    Shapes: logits [V] -> probabilities [V] -> one token id for each draw.
    Units: probabilities are shares of 1; counts are numbers of draws.
    Limits: one next token; the draws follow from the seed, and other seeds give other counts.
    Source: drawing by the cumulative distribution: Devroye 1986 (Non-Uniform Random Variate
        Generation), chapter III.2.
    """

    prompt: PromptSpec = Field(description="The prompt; a string, or `chat:` for a chat.")
    draws: int = Field(default=200, ge=1, le=100_000, description="Number of draws.")
    temperature: Temperature = 1.0
    top_k: SamplingTopK = None
    top_p: SamplingTopP = None
    seed: Seed = Field(default=0, description="Seed of the random numbers.")
    show_top: TopK = Field(default=8, description="Number of likeliest tokens to show.")

    def runs(self) -> dict[str, Request]:
        """Request one forward pass, keeping the last logits."""
        return {"prompt": Forward(as_prompt(self.prompt), frozenset({NEXT_LOGITS}))}

    def measure(self, captures: ActivationCaches) -> TallyResult:
        """Draw again and again from the same distribution, and count."""
        run = captures["prompt"]
        logits = run[NEXT_LOGITS]  # [V]
        chance = sampling_distribution(logits, self.temperature, self.top_k, self.top_p)  # [V]
        rng = np.random.default_rng(self.seed)
        drawn = [sample_token(chance, rng) for _ in range(self.draws)]

        top = tuple(
            TalliedToken(token=t, draw_prob=float(chance[t.id]), count=drawn.count(t.id))
            for t in ranked(run, logits, self.show_top)
        )
        return TallyResult(
            draws=self.draws,
            top=top,
            other_count=self.draws - sum(t.count for t in top),
            distinct_tokens=len(set(drawn)),
        )

    def figures(self, result: TallyResult) -> dict[str, Figure]:
        """`tally`: the chances, and beside them the counts."""
        labels = tuple(t.token.token for t in result.top)
        best = result.top[0]
        chances = Bars(
            labels,
            tuple(t.draw_prob for t in result.top),
            Axis("next token"),
            probability_axis(),
            alt=f"The likeliest token, {label_text(best.token.token)}, has {best.draw_prob:.1%}.",
            title="The chances",
            rest=max(0.0, 1 - sum(t.draw_prob for t in result.top)),
            rest_label="all others",
        )
        times = pluralize(best.count, "time")
        counts = Bars(
            labels,
            tuple(float(t.count) for t in result.top),
            Axis("next token"),
            Axis("times drawn"),
            alt=f"{label_text(best.token.token)} was drawn {times}.",
            title=pluralize(result.draws, "draw"),
            rest=float(result.other_count),
            rest_label="all others",
        )
        title = f"What is drawn after “{shorten_prompt(self.prompt)}”{chat_suffix(self.prompt)}"
        distinct = result.distinct_tokens
        alt = f"{chances.alt} {counts.alt} Different tokens that were drawn: {distinct}."
        return {"tally": Panels((chances, counts), alt, title, columns=2)}
