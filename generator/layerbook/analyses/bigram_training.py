"""Bigram training: a small table of scores learns by gradient descent from one text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import line, probability_axis
from layerbook.core.distributions import Ranked, entropy, ranked, softmax
from layerbook.core.figures import Axis, Bars, Figure, Lines
from layerbook.core.prompts import PromptText
from layerbook.core.requests import ActivationCache, ActivationCaches, Encode, Prompt, Request
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token, visible


class Continuation(Record):
    """The tokens that the trained table predicts after one token."""

    token: Token = Field(description="The token.")
    top: tuple[Ranked, ...] = Field(description="The likeliest next tokens, best first.")


class BigramTrainingResult(Result):
    """The loss of a table of scores while it is trained, and what it has learned."""

    text: str = Field(description="The training text.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    rows: int = Field(description="Number of distinct tokens that something follows: n.")
    d_vocab: int = Field(description="Number of tokens in the vocabulary: V.")
    uniform_loss: float = Field(description="log2 V: the surprise of a blind guess, in bits.")
    parameters: int = Field(description="Scores in the table: n times V.")
    steps: int = Field(description="Number of steps.")
    loss: Array = Field(description="Bits per token, before each step and at the end [steps + 1].")
    lowest_loss: float = Field(description="The lowest loss that any table can have, in bits.")
    excess_loss: float = Field(description="The last loss minus `lowest_loss`, in bits.")
    after: tuple[Continuation, ...] = Field(description="Its predictions after each of `after`.")

    @property
    def always_falls(self) -> bool:
        """True if the loss falls in every step."""
        return bool((np.diff(self.loss) < 0).all())


class BigramTraining(Analysis[BigramTrainingResult]):
    """A table with a row of scores for each token, trained to predict the token after it.

    Shapes: scores [n, V], all zero at first; row by row a softmax gives probabilities [n, V]; the
        gradient has the same shape.
    Units: bits per token; a step multiplies the gradient by `rate`.
    Limits: it sees one token and nothing before it, and it is trained on one short text: a toy
        beside a language model, which learns in the same way.
    Source: Shannon 1948, on pairs of words; cross-entropy and gradient descent: Bengio et al. 2003
        (A Neural Probabilistic Language Model).
    """

    text: PromptText = Field(description="The text to learn from, of two tokens at least.")
    steps: int = Field(default=60, ge=1, le=1000, description="Number of steps.")
    rate: float = Field(default=1.0, gt=0, description="How far a step goes along the gradient.")
    after: tuple[PromptText, ...] = Field(
        default=(), description="Texts whose last token is looked up in the trained table."
    )
    top_k: int = Field(default=4, ge=1, description="Number of next tokens to keep for each.")

    def runs(self) -> dict[str, Request]:
        """Request the ids of the texts; the model does not run."""
        requests = {f"after-{i}": Encode(Prompt(text=text)) for i, text in enumerate(self.after)}
        return {"text": Encode(Prompt(text=self.text)), **requests}

    def measure(self, captures: ActivationCaches) -> BigramTrainingResult:
        """Train the table, and read off what it has learned."""
        run = captures["text"]
        ids = [token.id for token in run.tokens]
        V = max(run.vocabulary.size, max(ids) + 1)
        row_ids = sorted(set(ids[:-1]))  # [n]: row i of the table is what follows token row_ids[i]
        counts = np.zeros((len(row_ids), V))  # [n, V]: how often b followed a
        for a, b in pairwise(ids):
            counts[row_ids.index(a), b] += 1

        scores, loss = train(counts, self.steps, self.rate)
        lowest = lowest_possible_loss(counts)
        return BigramTrainingResult(
            text=run.text,
            tokens=run.tokens,
            rows=len(row_ids),
            d_vocab=V,
            uniform_loss=float(np.log2(V)),
            parameters=scores.size,
            steps=self.steps,
            loss=loss,
            lowest_loss=lowest,
            excess_loss=float(loss[-1]) - lowest,
            after=tuple(
                look_up(captures[f"after-{i}"], row_ids, scores, self.top_k)
                for i in range(len(self.after))
            ),
        )

    def figures(self, result: BigramTrainingResult) -> dict[str, Figure]:
        """`loss`: the curve of training; `after-0` and so on: what the trained table predicts."""
        predictions = {
            f"after-{i}": prediction_bars(continuation)
            for i, continuation in enumerate(result.after)
        }
        return {"loss": loss_lines(result), **predictions}


def train(counts: Array, steps: int, rate: float) -> tuple[Array, Array]:
    """Return the trained scores [n, V], and the loss before each step and after the last.

    The gradient of a row is what the table predicted minus what came, summed over the text.
    """
    scores = np.zeros_like(counts)  # [n, V]: at first, every token is as likely as any other
    occurred = counts.sum(axis=1, keepdims=True)  # [n, 1]
    losses = []
    for _ in range(steps):
        predicted = softmax(scores)  # [n, V]
        losses.append(mean_bits(counts, predicted))
        gradient = occurred * predicted - counts  # [n, V]
        scores -= rate * gradient
    losses.append(mean_bits(counts, softmax(scores)))
    return scores, np.array(losses)


def mean_bits(counts: Array, predicted: Array) -> float:
    """Return the mean of -log2 p over all pairs that occurred."""
    occurred = counts > 0
    bits = -np.log2(predicted[occurred])
    return float((counts[occurred] * bits).sum() / counts.sum())


def lowest_possible_loss(counts: Array) -> float:
    """Return the entropy of what follows each token, weighted by how often the token occurs."""
    occurred = counts.sum(axis=1)  # [n]
    bits = [entropy(row / total) for row, total in zip(counts, occurred, strict=True)]
    return float(occurred @ np.array(bits) / occurred.sum())


def look_up(run: ActivationCache, row_ids: list[int], scores: Array, count: int) -> Continuation:
    """Return the row of a text's last token; a token that was never followed has a row of zeros."""
    token = run.tokens[-1]
    row = scores[row_ids.index(token.id)] if token.id in row_ids else np.zeros(scores.shape[1])
    return Continuation(token=token, top=ranked(run, row, min(count, len(row))))


def loss_lines(result: BigramTrainingResult) -> Lines:
    """Draw the loss step by step, above the lowest loss that a table can reach."""
    floor = np.full_like(result.loss, result.lowest_loss)
    steps = pluralize(result.steps, "step")
    return Lines(
        (line("training", result.loss), line("best possible", floor)),
        Axis("step"),
        Axis("surprise per token", "bits"),
        alt=f"The loss falls from {result.loss[0]:.2f} to {result.loss[-1]:.2f} bits in "
        f"{steps}; the floor is {result.lowest_loss:.2f} bits.",
        title="A small table learns from one text",
    )


def prediction_bars(continuation: Continuation) -> Bars:
    """Draw the likeliest tokens after one token."""
    name = visible(continuation.token)
    best = continuation.top[0]
    return Bars(
        labels=tuple(token.token for token in continuation.top),
        values=tuple(token.prob for token in continuation.top),
        label_axis=Axis("next token"),
        value_axis=probability_axis(),
        title=f"What the trained table says after {name}",
        alt=f"After {name} the likeliest token is {visible(best.token)} with {best.prob:.1%}.",
    )
