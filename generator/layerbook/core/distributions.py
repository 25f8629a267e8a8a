"""Next-token distributions: softmax, entropy, and the most likely tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Record
from layerbook.core.requests import ActivationCache
from layerbook.core.tokens import Token


class Ranked(Record):
    """A token and its place in a next-token distribution; `prob` is a share in 0..1 of the whole vocabulary."""

    id: int = Field(description="The token's id.")
    text: str = Field(description="What the id alone decodes to.")
    hex: str = Field(description="Its bytes in hexadecimal.")
    special: bool = Field(default=False, description="Whether it is a special token.")
    logit: float = Field(description="Its score before the softmax.")
    prob: float = Field(description="Its share of the whole vocabulary, 0 to 1.")

    @property
    def token(self) -> Token:
        """The token alone."""
        return Token(self.id, self.text, self.hex, self.special)


CHUNK_SIZE = 64  # logits at a time, whose best is found faster than an order among all


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """exp(s) / sum exp(s) over the last axis, in float64, shifted so that nothing overflows."""
    shifted = scores.astype(np.float64) - np.max(scores, axis=-1, keepdims=True)
    grown = np.exp(shifted)
    shares: NDArray[np.float64] = grown / grown.sum(axis=-1, keepdims=True)
    return shares


def ranked(capture: ActivationCache, logits: NDArray[np.floating], count: int) -> tuple[Ranked, ...]:
    """The `count` likeliest tokens of one logit vector [V], best first, ties by the lower id.

    Raises ValueError where there are not so many.
    """
    if count > len(logits):
        raise ValueError(f"there are {len(logits)} logits, not {count}")
    prob = softmax(logits)
    near = np.flatnonzero(
        logits >= _top_threshold(logits, count)
    )  # sorting these alone spares sorting the vocabulary
    best = near[np.argsort(-logits[near], kind="stable")][:count]
    rows = [(capture.vocabulary.token(int(i)), float(str(logits[i])), float(prob[i])) for i in best]
    return tuple(
        Ranked(id=t.id, text=t.text, hex=t.hex, special=t.special, logit=logit, prob=p)
        for t, logit, p in rows
    )


def _top_threshold(logits: NDArray[np.floating], count: int) -> float:
    """A score that at least `count` of the logits reach, and few others: the count-th of the bests of all stretches."""
    best = logits[: len(logits) // CHUNK_SIZE * CHUNK_SIZE].reshape(-1, CHUNK_SIZE).max(axis=1)
    return float(np.partition(best, -count)[-count] if len(best) >= count else logits.min())


def entropy(prob: NDArray[np.floating]) -> float:
    """-sum p log2 p, in bits; 0 log 0 counts as 0."""
    positive = prob[prob > 0]
    return float(-(positive * np.log2(positive)).sum())
