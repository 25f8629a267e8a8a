"""Next-token predictions: logits and probabilities of the likeliest tokens after a prompt."""

from __future__ import annotations

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, entropy, ranked, softmax
from layerbook.core.figures import Axis, Bars, Figure, Passage
from layerbook.core.parameters import TopK
from layerbook.core.prompts import Prompts, as_prompt, chat_suffix, prompt_name, shorten_prompt
from layerbook.core.requests import (
    LN_FINAL,
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Request,
)
from layerbook.core.rounding import Relative
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible


class PromptPrediction(Record):
    """The distribution over the token that follows one prompt."""

    prompt: str = Field(description="The prompt of the spec; of a chat, its last turn.")
    text: str = Field(description="The encoded text, after the chat template.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    top: tuple[Ranked, ...] = Field(
        description="The likeliest next tokens [top_k], best first: logit, probability 0..1."
    )
    lead: float = Field(description="Logit of the best token minus that of the second.")
    odds: Relative = Field(
        description="Probability of the best over that of the second: exp(lead)."
    )
    entropy: float = Field(description="Entropy of the whole distribution, in bits: -sum p log2 p.")
    rest: float = Field(description="Probability 0..1 of all tokens outside `top` together.")
    other_count: int = Field(description="Number of tokens outside `top`.")


class NextTokenResult(Result):
    """The likeliest next tokens after each prompt."""

    d_model: int = Field(description="Length of the vector that the linear layer reads.")
    d_vocab: int = Field(description="Number of logits: one for each token of the vocabulary.")
    top_k: int = Field(description="Number of tokens in `top`.")
    prompts: tuple[PromptPrediction, ...] = Field(description="One per prompt, in order.")


class NextToken(Analysis[NextTokenResult]):
    """The scores of every possible next token, and the probabilities that softmax makes of them.

    Shapes: the last position's vector [D] times the unembedding [V, D] gives logits [V]; softmax
        keeps the shape.
    Units: logits have no unit, only differences count; probabilities are shares of 1; entropy is in
        bits.
    Limits: one step, without a reason; the likeliest next token need not begin the likeliest text.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.4; entropy: Shannon 1948, section 6.
    """

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    top_k: TopK = Field(default=20, description="Number of likeliest tokens to keep.")

    def runs(self) -> dict[str, Request]:
        """Request one forward pass per prompt, keeping the last vector and its logits."""
        keep = frozenset({LN_FINAL, NEXT_LOGITS})
        return {
            f"prompt-{i}": Forward(as_prompt(prompt), keep) for i, prompt in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> NextTokenResult:
        """Turn the last position's logits into probabilities, and keep the best."""
        runs = [captures[f"prompt-{i}"] for i in range(len(self.prompts))]
        vector = runs[0][LN_FINAL][-1]  # [D], the input of the linear layer
        logits = runs[0][NEXT_LOGITS]  # [V], its output: a score for every token
        return NextTokenResult(
            d_model=len(vector),
            d_vocab=len(logits),
            top_k=self.top_k,
            prompts=tuple(
                predict(prompt_name(prompt), run, self.top_k)
                for prompt, run in zip(self.prompts, runs, strict=True)
            ),
        )

    def figures(self, result: NextTokenResult) -> dict[str, Figure]:
        """Per prompt the probabilities, how far the logits trail the best, and the text."""
        figures: dict[str, Figure] = {}
        for i, (spec, prompt) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            after = f"after “{shorten_prompt(spec, keep='end')}”{chat_suffix(spec)}"
            figures[f"prompt-{i}"] = _probabilities(prompt, after)
            figures[f"logits-{i}"] = _logits(prompt, after)
            count = pluralize(len(prompt.tokens), "token")
            figures[f"text-{i}"] = Passage(
                prompt.text,
                title="The prompt as the model reads it",
                alt=f"The prompt has {count}.",
            )
        return figures


def predict(name: str, run: ActivationCache, top_k: int) -> PromptPrediction:
    """Return the distribution over the next token of one prompt."""
    logits = run[NEXT_LOGITS]  # [V], the last position's scores
    prob = softmax(logits)  # [V], all positive, together 1
    candidates = ranked(run, logits, max(top_k, 2))  # best first
    best, second = candidates[:2]
    top = candidates[:top_k]
    return PromptPrediction(
        prompt=name,
        text=run.text,
        tokens=run.tokens,
        top=top,
        lead=best.logit - second.logit,
        odds=best.prob / second.prob,
        entropy=entropy(prob),
        rest=max(0.0, 1 - sum(t.prob for t in top)),
        other_count=len(logits) - len(top),
    )


def _probabilities(prompt: PromptPrediction, after: str) -> Bars:
    best = listed([f"{visible(t.token)} {t.prob:.1%}" for t in prompt.top[:3]])
    return Bars(
        labels=tuple(t.token for t in prompt.top),
        values=tuple(t.prob for t in prompt.top),
        label_axis=Axis("next token"),
        value_axis=probability_axis(),
        title=f"What may come {after}",
        alt=f"The likeliest tokens {after}: {best}. "
        f"All {prompt.other_count:,} others together: {prompt.rest:.1%}.",
        rest=prompt.rest if prompt.other_count else None,
        rest_label=pluralize(prompt.other_count, "other token"),
    )


def _logits(prompt: PromptPrediction, after: str) -> Bars:
    """Draw each logit minus the best one, because only differences between logits matter."""
    best, last = prompt.top[0], prompt.top[-1]
    count = pluralize(len(prompt.top), "token")
    return Bars(
        labels=tuple(t.token for t in prompt.top),
        values=tuple(t.logit - best.logit for t in prompt.top),
        label_axis=Axis("next token"),
        value_axis=Axis("logit, counted from the best"),
        title=f"Scores {after}",
        alt=f"The logits of the same {count} {after}, counted from the best, "
        f"{visible(best.token)}: the last, {visible(last.token)}, is "
        f"{best.logit - last.logit:.2f} behind.",
    )
