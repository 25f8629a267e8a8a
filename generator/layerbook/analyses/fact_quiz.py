"""Fact quiz: the facts that the model knows, asked with one sentence about many subjects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.distributions import Ranked, likeliest, next_token_prob
from layerbook.core.figures import Figure, Share, Table
from layerbook.core.prompts import PromptTemplate
from layerbook.core.requests import NEXT_LOGITS, ActivationCaches, Encode, Forward, Prompt, Request
from layerbook.core.rounding import Relative
from layerbook.core.tokens import Token

Fact = Annotated[tuple[str, str], Field(description="A subject and the right answer.")]


class AskedFact(Record):
    """One fact, and what the model says."""

    subject: str = Field(description="The subject in the prompt.")
    expected: str = Field(description="The right answer.")
    expected_token: Token = Field(description="The first token of the right answer.")
    prob: Relative = Field(description="The probability of that token, 0 to 1.")
    predicted: Ranked = Field(description="The most likely next token.")

    @property
    def right(self) -> bool:
        """True if the most likely token is the first one of the right answer."""
        return self.predicted.id == self.expected_token.id


class FactQuizResult(Result):
    """The answers, in the order of the spec."""

    prompt: str = Field(description="The sentence, with `{}` for the subject.")
    facts: tuple[AskedFact, ...] = Field(description="One per fact.")

    @property
    def right(self) -> tuple[str, ...]:
        """The subjects of the facts that the model knows."""
        return tuple(fact.subject for fact in self.facts if fact.right)


class FactQuiz(Analysis[FactQuizResult]):
    """The most likely next token after one sentence with many subjects, beside the right answer.

    Shapes: logits [V] of the last position, one pass per fact.
    Units: probabilities, 0 to 1.
    Limits: only the first token of an answer is checked; another wording may give other answers.
    Source: prompts for facts: Petroni et al. 2019 (arXiv:1909.01066).
    """

    prompt: PromptTemplate = Field(description="The sentence, with `{}` where the subject goes.")
    facts: tuple[Fact, ...] = Field(min_length=1, description="Pairs such as `[France, Paris]`.")

    def runs(self) -> dict[str, Request]:
        """Request one pass per fact, and the tokens of the right answers."""
        keep = frozenset({NEXT_LOGITS})
        requests: dict[str, Request] = {}
        for subject, answer in self.facts:
            prompt = Prompt(text=self.prompt.replace("{}", subject))
            requests[f"pass: {subject}"] = Forward(prompt, keep)
            requests[f"answer: {subject}"] = Encode(Prompt(text=f" {answer}"))
        return requests

    def measure(self, captures: ActivationCaches) -> FactQuizResult:
        """Compare the most likely token with the first token of the right answer."""
        facts = []
        for subject, answer in self.facts:
            run, tokens = captures[f"pass: {subject}"], captures[f"answer: {subject}"].tokens
            first = next(token for token in tokens if not token.special)
            facts.append(
                AskedFact(
                    subject=subject,
                    expected=answer,
                    expected_token=first,
                    prob=next_token_prob(run, first.id),
                    predicted=likeliest(run, run[NEXT_LOGITS]),
                )
            )
        return FactQuizResult(prompt=self.prompt, facts=tuple(facts))

    def figures(self, result: FactQuizResult) -> dict[str, Figure]:
        """`answers`: a table of all answers."""
        rows = tuple(
            (f.subject, f.expected, f.predicted.token, Share(f.predicted.prob), Share(f.prob))
            for f in result.facts
        )
        return {
            "answers": Table(
                ("subject", "right answer", "likeliest token", "probability", "of the right one"),
                rows,
                alt=f"Right answers: {len(result.right)} of {len(result.facts)}.",
                title="The model's answers",
            )
        }
