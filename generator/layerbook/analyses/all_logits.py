"""All logits: the score of every token after some prompts, and the effect of the sampling knobs."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, BigArray, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, entropy, ranked, sampling_distribution, softmax
from layerbook.core.figures import Axis, Bars, Figure, Panels, SamplingData
from layerbook.core.parameters import SamplingTopK, SamplingTopP, Temperature, TopK
from layerbook.core.prompts import Prompts, as_prompt, prompt_name, prompt_title
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Forward, Request
from layerbook.core.rounding import Relative
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import visible

MAX_BARS = 10  # bars of a panel; three stand side by side


class Setting(Record):
    """One setting of the knobs; they act in this order: temperature, top-k, top-p."""

    name: str = Field(min_length=1, description="The setting in a few words.")
    temperature: Temperature = 1.0
    top_k: SamplingTopK = None
    top_p: SamplingTopP = None


class SettingEffect(Record):
    """The distribution that one setting leaves after one prompt."""

    candidates: int = Field(description="Number of tokens with a probability above 0.")
    best_prob: float = Field(description="Probability 0..1 of the best token.")
    kept_prob: float = Field(description="Probability 0..1 of the candidates in the model itself.")
    choices: Relative = Field(description="2^entropy: as uncertain as a fair choice of so many.")


class PromptLogits(Record):
    """One prompt: its most likely next tokens, and the effect of each setting."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    top: tuple[Ranked, ...] = Field(description="The most likely tokens [show_top], best first.")
    rest: float = Field(description="Probability 0..1 of all tokens not in `top`.")
    effects: tuple[SettingEffect, ...] = Field(description="One per setting, in their order.")


class AllLogitsResult(Result):
    """All logits after each prompt."""

    d_vocab: int = Field(description="Number of tokens in the vocabulary: V.")
    settings: tuple[Setting, ...] = Field(description="The settings of the knobs.")
    prompts: tuple[PromptLogits, ...] = Field(description="One per prompt, in the spec's order.")
    texts: str = Field(description="Every token by id, one a line, its whitespace visible.")
    logits: BigArray = Field(description="Scores by id [prompts, V], as float32.")


class AllLogits(Analysis[AllLogitsResult]):
    """The scores of all tokens after each prompt, and the tokens that settings of the knobs leave.

    Shapes: the last position's logits [V] -> probabilities [V] for each setting, zero for the
        removed tokens, together 1.
    Units: logits have no unit, only their differences count; probabilities are shares of 1;
        candidates are a count.
    Limits: one step after each prompt; the effect of a setting on a text builds up step by step.
    Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019
        (arXiv:1904.09751).
    """

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    settings: tuple[Setting, ...] = Field(
        default=(Setting(name="as the model has it"), Setting(name="greedy", temperature=0)),
        min_length=1,
        description="Settings to try, which readers find as buttons; the first is the initial one.",
    )
    show_top: TopK = Field(default=20, description="Most likely tokens that the page lists.")

    def runs(self) -> dict[str, Request]:
        """Request one forward pass per prompt that keeps the last position's logits."""
        keep = frozenset({NEXT_LOGITS})
        return {f"prompt-{i}": Forward(as_prompt(p), keep) for i, p in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> AllLogitsResult:
        """Rank the tokens after each prompt, and apply each setting to their distribution."""
        runs = [captures[f"prompt-{i}"] for i in range(len(self.prompts))]
        V = len(runs[0][NEXT_LOGITS])
        prompts = []
        for prompt, run in zip(self.prompts, runs, strict=True):
            logits = run[NEXT_LOGITS]  # [V]
            top = ranked(run, logits, min(self.show_top, V))
            prompts.append(
                PromptLogits(
                    prompt=prompt_name(prompt),
                    top=top,
                    rest=max(0.0, 1 - sum(token.prob for token in top)),
                    effects=tuple(setting_effect(logits, setting) for setting in self.settings),
                )
            )
        return AllLogitsResult(
            d_vocab=V,
            settings=self.settings,
            prompts=tuple(prompts),
            texts="\n".join(visible(runs[0].vocabulary.token(id)) for id in range(V)),
            logits=np.stack([run[NEXT_LOGITS] for run in runs]),
        )

    def figures(self, result: AllLogitsResult) -> dict[str, Figure]:
        """`knobs`: per prompt, the model's own probabilities of the best tokens."""
        titles = tuple(map(prompt_title, self.prompts))
        panels = tuple(
            prompt_bars(result, prompt, title)
            for prompt, title in zip(result.prompts, titles, strict=True)
        )
        alt = " ".join(panel.alt for panel in panels)
        title = "What may come next, all tokens counted"
        data = SamplingData(
            prompts=titles,
            logits=result.logits,
            texts=tuple(result.texts.split("\n")),
            shown=len(result.prompts[0].top),
            settings=tuple((s.name, s.temperature, s.top_k, s.top_p) for s in result.settings),
        )
        return {"knobs": Panels(panels, alt, title, interactive=data)}


def setting_effect(logits: Array, setting: Setting) -> SettingEffect:
    """Measure the distribution that a setting leaves of one prompt's logits [V]."""
    model_prob = softmax(logits)  # [V], of the model itself
    knobs = (setting.temperature, setting.top_k, setting.top_p)
    prob = sampling_distribution(logits, *knobs)  # [V], zero for the removed tokens
    return SettingEffect(
        candidates=int((prob > 0).sum()),
        best_prob=float(prob.max()),
        kept_prob=min(1.0, float(model_prob[prob > 0].sum())),
        choices=2 ** entropy(prob),
    )


def prompt_bars(result: AllLogitsResult, prompt: PromptLogits, title: str) -> Bars:
    """Draw the most likely tokens after one prompt, and all others as one bar."""
    top = prompt.top[:MAX_BARS]
    others = result.d_vocab - len(top)
    rest_label = pluralize(others, "other")
    rest = prompt.rest + sum(token.prob for token in prompt.top[MAX_BARS:])
    best = listed([f"{visible(token.token)} {token.prob:.1%}" for token in top[:3]])
    return Bars(
        labels=tuple(token.token for token in top),
        values=tuple(token.prob for token in top),
        label_axis=Axis("next token"),
        value_axis=probability_axis(),
        title=title,
        alt=f"After {title}: {best}; {rest_label} together {rest:.1%}.",
        rest=rest if others else None,
        rest_label=rest_label,
    )
