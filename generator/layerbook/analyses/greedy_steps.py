"""Greedy steps: a text that grows by the likeliest next token, and what else it could have been."""

from __future__ import annotations

from pydantic import Field

from layerbook.core import requests
from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, ranked
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames, Label, TokenStrip
from layerbook.core.parameters import TopK
from layerbook.core.prompts import PromptSpec, as_prompt, prompt_name, shorten_prompt
from layerbook.core.requests import LOGITS, ActivationCaches, Request
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token, visible


class GreedyStep(Record):
    """One step: the likeliest tokens after the text so far."""

    length: int = Field(description="Number of tokens that the model has read.")
    top: tuple[Ranked, ...] = Field(description="The likeliest next tokens [top_k], best first.")
    rest: float = Field(description="Probability 0..1 of all other tokens together.")

    @property
    def next_token(self) -> Ranked:
        """The token that is appended to the text."""
        return self.top[0]


class GreedyStepsResult(Result):
    """A text and the choices at each of its written tokens."""

    prompt: str = Field(description="The prompt of the spec; of a chat, its last turn.")
    text: str = Field(description="Prompt and continuation as decoded, with special tokens.")
    tokens: tuple[Token, ...] = Field(description="All tokens [T], prompt first.")
    prompt_length: int = Field(description="Number of tokens in the prompt.")
    stopped: bool = Field(description="True if the model ended the text itself.")
    d_vocab: int = Field(description="Number of tokens to choose from at each step.")
    steps: tuple[GreedyStep, ...] = Field(description="One entry per written token.")


class GreedySteps(Analysis[GreedyStepsResult]):
    """A text that grows token by token: ask for the next, append the likeliest, ask again.

    Shapes: N steps; each turns the last position into logits [V], one for each possible token.
    Units: probabilities are shares of 1.
    Limits: always the likeliest token, so one text of many; no step knows what will follow.
    Source: Radford et al. 2019 (GPT-2), section 2, on text as a product of next-symbol
        probabilities.
    """

    prompt: PromptSpec = Field(description="The prompt; a string, or `chat:` for a chat.")
    max_new_tokens: int = Field(ge=1, description="Token limit; the model may end the text sooner.")
    top_k: TopK = Field(default=5, description="Number of likeliest tokens to keep at each step.")

    def runs(self) -> dict[str, Request]:
        """Request the continuation, with the logits of every step."""
        text = requests.Generate(as_prompt(self.prompt), self.max_new_tokens, keep_logits=True)
        return {"text": text}

    def measure(self, captures: ActivationCaches) -> GreedyStepsResult:
        """Keep the best of every step's distribution."""
        run = captures["text"]
        steps = []
        for n, logits in enumerate(run[LOGITS]):  # [V] each
            top = ranked(run, logits, self.top_k)
            rest = max(0.0, 1 - sum(token.prob for token in top))
            steps.append(GreedyStep(length=run.prompt_length + n, top=top, rest=rest))
        return GreedyStepsResult(
            prompt=prompt_name(self.prompt),
            text=run.text,
            tokens=run.tokens,
            prompt_length=run.prompt_length,
            stopped=run.stopped,
            d_vocab=run[LOGITS].shape[1],
            steps=tuple(steps),
        )

    def figures(self, result: GreedyStepsResult) -> dict[str, Figure]:
        """`steps`: one picture per step; `tokens`: the finished text."""
        written = "".join(visible(step.next_token.token) for step in result.steps)
        count = pluralize(len(result.steps), "token")
        alt = f"After “{shorten_prompt(self.prompt)}” the model writes {count}: {written}"
        frames = tuple(step_frame(result, step) for step in result.steps)
        strip = TokenStrip(
            ((result.prompt, result.tokens),), alt=alt, prompt_length=(result.prompt_length,)
        )
        title = f"“{shorten_prompt(self.prompt)}” and what the model writes after it"
        return {"steps": Frames(frames, alt, title), "tokens": strip}


def step_frame(result: GreedyStepsResult, step: GreedyStep) -> Frame:
    """Draw the bars of one step, under the text so far."""
    so_far = result.tokens[: step.length]
    others = result.d_vocab - len(step.top)
    best, count = step.next_token, pluralize(step.length, "token")
    picture = Bars(
        labels=tuple(t.token for t in step.top),
        values=tuple(t.prob for t in step.top),
        label_axis=Axis("next token"),
        value_axis=probability_axis(),
        alt=f"{count} read; the likeliest next token is {visible(best.token)} "
        f"with {best.prob:.1%}.",
        rest=step.rest if others else None,
        rest_label=pluralize(others, "other token"),
        highlight=(0,),
    )
    label: Label = so_far if len(so_far) <= 12 else ("… ", *so_far[-11:])
    return Frame(label, picture, f"with {best.prob:.0%}", best.token)
