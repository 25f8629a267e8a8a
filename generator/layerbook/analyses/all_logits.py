"""The score of every token of the vocabulary after a few prompts, whole, and what the knobs of sampling leave of it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    BigArray,
    Prompts,
    Record,
    Result,
    TopK,
    as_prompt,
    chat_suffix,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.distributions import Ranked, entropy, ranked, softmax
from layerbook.core.figures import Axis, Bars, Figure, Panels, SamplingData
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request
from layerbook.core.sampling import sampling_distribution
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible

MAX_BARS = 10  # bars of a panel; three stand side by side


class Setting(Record):
    """One setting of the knobs; they act in this order: temperature, top-k, top-p."""

    name: str = Field(min_length=1, description="The setting in a few words.")
    temperature: float = Field(
        default=1.0, ge=0, description="What the logits are divided by; 0 takes the best."
    )
    top_k: TopK | None = Field(
        default=None, description="How many of the likeliest tokens are kept; null for all."
    )
    top_p: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The probability that the kept tokens reach together; null for all.",
    )


class SettingEffect(Record):
    """What one setting leaves after one prompt."""

    candidates: int = Field(
        description="How many tokens are left to draw from: those with more than no probability."
    )
    best: float = Field(description="Probability 0..1 of the best token.")
    kept: float = Field(
        description="Probability 0..1 that the model itself gives these candidates together."
    )
    choices: float = Field(
        description="2^entropy: a fair choice among so many tokens would be as uncertain."
    )


class PromptLogits(Record):
    """One prompt: its likeliest next tokens as the model has them, and what each setting leaves."""

    prompt: str = Field(description="The prompt as the spec has it; of a chat, its last turn.")
    top: tuple[Ranked, ...] = Field(description="The likeliest tokens [shown], best first.")
    rest: float = Field(description="Probability 0..1 of all tokens not in `top` together.")
    left: tuple[SettingEffect, ...] = Field(
        description="One entry per setting, in the order of `settings`."
    )


class AllLogitsResult(Result):
    """All logits after each prompt."""

    d_vocab: int = Field(description="How many tokens there are: V.")
    settings: tuple[Setting, ...] = Field(
        description="The settings of the knobs that were tried, as the spec has them."
    )
    prompts: tuple[PromptLogits, ...] = Field(
        description="One entry per prompt, in the spec's order."
    )
    names: tuple[Token, ...] = Field(
        description="The likeliest tokens of each prompt, `named` of them, each once."
    )
    logits: BigArray = Field(
        description="The scores of all tokens [prompts, V] by id, in float32 as the model gave them."
    )


class AllLogits(Analysis[AllLogitsResult]):
    """The scores of all tokens after each prompt, kept whole, and what settings of the knobs leave to draw from.

    Shapes: the last position's logits [V] -> probabilities [V] for each setting, zero for removed tokens, together 1.
    Units: logits have no unit, only their differences count; probabilities are shares of 1; candidates are a count.
    Limits: one step after each prompt; what a setting does to a whole text builds up from step to step.
    Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019 (arXiv:1904.09751).
    """

    result_type = AllLogitsResult

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    settings: Annotated[tuple[Setting, ...], Field(min_length=1)] = Field(
        default=(Setting(name="as the model has it"), Setting(name="greedy", temperature=0)),
        description="Settings to try, which readers find as buttons; the first is where they begin.",
    )
    shown: TopK = Field(
        default=20, description="How many of the likeliest tokens a reader sees as bars."
    )
    named: int = Field(
        default=500,
        ge=1,
        description="For how many of each prompt's likeliest tokens to keep the text.",
    )

    def runs(self) -> dict[str, Request]:
        """One pass per prompt, of which the last logits are used."""
        return {
            f"prompt-{i}": Forward(as_prompt(one), frozenset({NEXT_LOGITS}))
            for i, one in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> AllLogitsResult:
        """Keep every score, and ask of each setting how much it leaves."""
        whole, told = [], []
        names: dict[int, Token] = {}
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            logits = run[NEXT_LOGITS]  # [V], the last position's scores for what comes next
            near = ranked(
                run, logits, min(max(self.named, self.shown), len(logits))
            )  # [named], best first
            names |= {one.id: one.token for one in near}
            own, left = softmax(logits), []  # own: [V], as the model has it
            for setting in self.settings:
                # [V], together 1; zero for the tokens that were removed
                prob = sampling_distribution(
                    logits, setting.temperature, setting.top_k, setting.top_p
                )
                candidates = int((prob > 0).sum())
                best, kept = float(prob.max()), min(1.0, float(own[prob > 0].sum()))
                left.append(
                    SettingEffect(
                        candidates=candidates, best=best, kept=kept, choices=2 ** entropy(prob)
                    )
                )
            top = near[: self.shown]
            rest = max(0.0, 1 - sum(one.prob for one in top))
            told.append(
                PromptLogits(prompt=prompt_name(prompt), top=top, rest=rest, left=tuple(left))
            )
            whole.append(logits)
        return AllLogitsResult(
            d_vocab=len(logits),
            settings=self.settings,
            prompts=tuple(told),
            names=tuple(names.values()),
            logits=np.stack(whole),  # [prompts, V]
        )

    def figures(self, result: AllLogitsResult) -> dict[str, Figure]:
        """A panel per prompt with the model's own probabilities of the best few, and all scores behind them."""
        titles = tuple(f"“{shorten_prompt(one)}”{chat_suffix(one)}" for one in self.prompts)
        panels = tuple(
            prompt_bars(result, one, title)
            for one, title in zip(result.prompts, titles, strict=True)
        )
        settings = tuple(
            (one.name, one.temperature, one.top_k, one.top_p) for one in result.settings
        )
        interactive = SamplingData(
            titles, result.logits, result.names, len(result.prompts[0].top), settings
        )
        alt = " ".join(panel.alt for panel in panels)
        return {
            "knobs": Panels(
                panels, alt, "What may come next, all tokens counted", interactive=interactive
            )
        }


def prompt_bars(result: AllLogitsResult, one: PromptLogits, title: str) -> Bars:
    """The likeliest tokens after one prompt, and all others as one bar."""
    top = one.top[:MAX_BARS]
    others, rest = result.d_vocab - len(top), one.rest + sum(t.prob for t in one.top[MAX_BARS:])
    best = listed([f"{visible(t.token)} {t.prob:.3g}" for t in top[:3]])
    return Bars(
        labels=tuple(t.token for t in top),
        values=tuple(t.prob for t in top),
        label_axis=Axis("next token"),
        value_axis=Axis("probability"),
        title=title,
        alt=f"After {title}: {best}; the {others:,} others together {rest:.3g}.",
        rest=rest if others else None,
        rest_label=f"{others:,} others",
    )
