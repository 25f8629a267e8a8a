"""What could come next: logits and probabilities of the likeliest tokens after a prompt."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Prompts,
    Record,
    Result,
    TopK,
    as_prompt,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.distributions import Ranked, entropy, ranked, softmax
from layerbook.core.figures import Axis, Bars, Figure, Passage
from layerbook.core.requests import LN_FINAL, NEXT_LOGITS, ActivationCaches, Forward, Request
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible


class NextTokens(Record):
    """The distribution over the token that follows one prompt."""

    prompt: str = Field(description="The prompt as the spec has it; of a chat, its last turn.")
    text: str = Field(description="The text that was encoded, the chat template filled in.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    top: tuple[Ranked, ...] = Field(
        description="The likeliest next tokens [top_k], best first: logit, probability 0..1."
    )
    log_sum: float = Field(
        description="log sum exp of all logits [V]: prob = exp(logit - log_sum)."
    )
    lead: float = Field(description="Logit of the best token minus that of the second.")
    odds: float = Field(
        description="Probability of the best token over that of the second: exp(lead)."
    )
    entropy: float = Field(description="Of the whole distribution, in bits: -sum p log2 p.")
    choices: float = Field(
        description="2^entropy: a fair choice among so many tokens would be as uncertain."
    )
    rest: float = Field(description="Probability 0..1 of all tokens not in `top` together.")
    others: int = Field(description="How many tokens are not in `top`.")


class NextTokenResult(Result):
    """The likeliest next tokens after each prompt."""

    d_model: int = Field(
        description="Length of the vector that the linear layer turns into logits."
    )
    d_vocab: int = Field(description="Number of logits: one for each token of the vocabulary.")
    top_k: int = Field(description="How many tokens `top` lists.")
    prompts: tuple[NextTokens, ...] = Field(
        description="One entry per prompt, in the spec's order."
    )


class NextToken(Analysis[NextTokenResult]):
    """The scores that the model gives to every possible next token, and the probabilities they become.

    Shapes: the last position's vector [D] times the unembedding [V, D] gives logits [V]; softmax keeps the shape.
    Units: logits have no unit, only their differences count; probabilities are shares of 1; entropy is in bits.
    Limits: one step only, and no reason for it; what is likely next need not begin the likeliest text.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.4; entropy: Shannon 1948, section 6.
    """

    result_type = NextTokenResult

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    top_k: TopK = Field(default=20, description="How many of the likeliest tokens to keep.")

    def runs(self) -> dict[str, Request]:
        """One pass per prompt, of which the last vector and its logits are used."""
        keep = frozenset({LN_FINAL, NEXT_LOGITS})
        return {
            f"prompt-{i}": Forward(as_prompt(prompt), keep) for i, prompt in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> NextTokenResult:
        """Turn the last position's logits into probabilities, and keep the best."""
        told = []
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            logits = run[NEXT_LOGITS]  # [V], the last position's scores for what comes next
            prob = softmax(logits)  # [V], all positive, together 1
            few = ranked(run, logits, max(self.top_k, 2))  # the best few, best first
            top, (best, second) = few[: self.top_k], few[:2]
            bits = entropy(prob)
            told.append(
                NextTokens(
                    prompt=prompt_name(prompt),
                    text=run.text,
                    tokens=run.tokens,
                    top=top,
                    log_sum=top[0].logit - float(np.log(top[0].prob)),  # the same for every token
                    lead=best.logit - second.logit,
                    odds=best.prob / second.prob,
                    entropy=bits,
                    choices=2**bits,
                    rest=max(0.0, 1 - sum(t.prob for t in top)),
                    others=len(logits) - len(top),
                )
            )
        vector = run[LN_FINAL][-1]  # [D], what the linear layer made these logits from
        return NextTokenResult(
            d_model=len(vector),
            d_vocab=len(logits),
            top_k=self.top_k,
            prompts=tuple(told),
        )

    def figures(self, result: NextTokenResult) -> dict[str, Figure]:
        """Per prompt the probabilities, the logits of the same tokens, and the text."""
        figures: dict[str, Figure] = {}
        for i, (spec, one) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            header = (
                "" if isinstance(spec, str) or spec.answer else ", without the header of the answer"
            )
            after = f"after “{shorten_prompt(spec, keep='end')}”" + (
                "" if isinstance(spec, str) else f" in a chat{header}"
            )
            figures[f"prompt-{i}"] = _probabilities(one, after)
            figures[f"logits-{i}"] = _logits(one, after)
            figures[f"text-{i}"] = Passage(
                one.text,
                title="The prompt as the model reads it",
                alt=f"The prompt has {len(one.tokens)} tokens.",
            )
        return figures


def _probabilities(one: NextTokens, after: str) -> Bars:
    best = listed([f"{visible(t.token)} {t.prob:.3g}" for t in one.top[:3]])
    return Bars(
        labels=tuple(t.token for t in one.top),
        values=tuple(t.prob for t in one.top),
        label_axis=Axis("next token"),
        value_axis=Axis("probability"),
        title=f"What may come {after}",
        alt=f"The likeliest tokens {after}: {best}. All {one.others:,} others together: {one.rest:.3g}.",
        rest=one.rest if one.others else None,
        rest_label=f"{one.others:,} other tokens",
    )


def _logits(one: NextTokens, after: str) -> Bars:
    first, last = one.top[0], one.top[-1]
    return Bars(
        labels=tuple(t.token for t in one.top),
        values=tuple(t.logit for t in one.top),
        label_axis=Axis("next token"),
        value_axis=Axis("logit"),
        title=f"Scores {after}",
        alt=f"The logits of the same {len(one.top)} tokens {after}: from {first.logit:.2f} for {visible(first.token)} "
        f"down to {last.logit:.2f} for {visible(last.token)}.",
    )
