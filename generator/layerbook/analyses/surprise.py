"""Surprise: how likely the model found each token of a text, in percent and in bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.distributions import Ranked, likeliest, softmax
from layerbook.core.figures import Axis, Bars, Figure, label_text
from layerbook.core.prompts import Texts, shorten_prompt
from layerbook.core.requests import (
    LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Prompt,
    Request,
)
from layerbook.core.rounding import Relative
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token


class ReadToken(Ranked):
    """A token of a text: its logit and probability given the tokens before it."""

    bits: float = Field(description="Its surprise: -log2 of its probability.")
    rank: int = Field(description="Its rank among all tokens; 1 is the likeliest.")
    likeliest: Ranked = Field(description="The most likely token at that place.")


class TextSurprise(Record):
    """One text, token by token."""

    text: str = Field(description="The text.")
    first: Token = Field(description="Its first token, which nothing predicts.")
    tokens: tuple[ReadToken, ...] = Field(description="The other tokens [T - 1], in order.")
    bits: float = Field(description="Mean surprise per token: the cross-entropy, in bits.")
    perplexity: Relative = Field(
        description="2^bits: as surprising as a fair choice among so many tokens, each time."
    )

    @property
    def most_surprising(self) -> ReadToken:
        """The token with the most bits, the first of equals."""
        return max(self.tokens, key=lambda token: token.bits)

    @property
    def least_surprising(self) -> ReadToken:
        """The token with the fewest bits, the first of equals."""
        return min(self.tokens, key=lambda token: token.bits)


class SurpriseResult(Result):
    """The surprise of each text."""

    uniform_bits: float = Field(
        description="The surprise of a blind guess among all V tokens: log2 V bits."
    )
    texts: tuple[TextSurprise, ...] = Field(description="One per text, in the spec's order.")


class Surprise(Analysis[SurpriseResult]):
    """The surprise of each token of a text, and their mean, the cross-entropy.

    Shapes: row t of the logits [T, V] predicts token t + 1; T - 1 predictions, one number each.
    Units: bits: log2 of one over the probability; half as likely is one bit more. A nat is
        1 / ln 2 = 1.44 bits.
    Limits: it says what the model expected, not whether a text is true or good.
    Source: Shannon 1948 (A Mathematical Theory of Communication); perplexity: Jelinek et al. 1977.
    """

    texts: Texts = Field(description="The texts, of two tokens at least.")

    def runs(self) -> dict[str, Request]:
        """Request one pass per text that keeps the logits of all its positions."""
        keep = frozenset({LOGITS})
        return {f"text-{i}": Forward(Prompt(text=text), keep) for i, text in enumerate(self.texts)}

    def measure(self, captures: ActivationCaches) -> SurpriseResult:
        """Look up the probability of each token among the predictions made before it."""
        runs = [captures[f"text-{i}"] for i in range(len(self.texts))]
        V = runs[0][LOGITS].shape[1]
        return SurpriseResult(
            uniform_bits=float(np.log2(V)),
            texts=tuple(read_text(text, run) for text, run in zip(self.texts, runs, strict=True)),
        )

    def figures(self, result: SurpriseResult) -> dict[str, Figure]:
        """Return the bits of each token, one figure per text."""
        return {f"text-{i}": bits_bars(text) for i, text in enumerate(result.texts)}


def read_text(text: str, run: ActivationCache) -> TextSurprise:
    """Measure one text; its first token has no prediction."""
    tokens = tuple(
        read_token(run, token, logits)
        for token, logits in zip(run.tokens[1:], run[LOGITS][:-1], strict=True)
    )
    bits = sum(token.bits for token in tokens) / len(tokens)
    return TextSurprise(
        text=text, first=run.tokens[0], tokens=tokens, bits=bits, perplexity=2**bits
    )


def read_token(run: ActivationCache, token: Token, logits: NDArray[np.floating]) -> ReadToken:
    """Return the probability that logits [V] gave to the token that came."""
    prob = softmax(logits)[token.id]
    return ReadToken(
        **vars(token),
        logit=float(logits[token.id]),
        prob=float(prob),
        bits=float(-np.log2(prob)),
        rank=1 + int((logits > logits[token.id]).sum()),
        likeliest=likeliest(run, logits),
    )


def bits_bars(text: TextSurprise) -> Bars:
    """Draw the bits of each token; the most surprising one is highlighted."""
    most, tokens = text.most_surprising, pluralize(len(text.tokens), "token")
    return Bars(
        labels=tuple(token.token for token in text.tokens),
        values=tuple(token.bits for token in text.tokens),
        label_axis=Axis("token, in reading order"),
        value_axis=Axis("surprise", "bits"),
        title=f"How much each token surprised the model: “{shorten_prompt(text.text)}”",
        alt=f"The mean of {tokens} is {text.bits:.2f} bits. Most surprising: "
        f"{label_text(most.token)} with {most.bits:.1f} bits.",
        highlight=(text.tokens.index(most),),
    )
