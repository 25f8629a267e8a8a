"""Next-token distributions: softmax, entropy, and the most likely tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Record
from layerbook.core.requests import NEXT_LOGITS, ActivationCache
from layerbook.core.rounding import Relative, snap
from layerbook.core.tokens import Token


class Ranked(Record):
    """A token with its logit and its probability, 0 to 1, in the whole vocabulary."""

    id: int = Field(description="The token's id.")
    text: str = Field(description="The decoded id.")
    hex: str = Field(description="Its bytes in hexadecimal.")
    special: bool = Field(default=False, description="True for a special token.")
    logit: float = Field(allow_inf_nan=True, description="Its score before the softmax.")
    prob: Relative = Field(description="Its probability in the whole vocabulary, 0 to 1.")

    @property
    def token(self) -> Token:
        """The token alone."""
        return Token(self.id, self.text, self.hex, self.special)


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return exp(s) / sum exp(s) over the last axis, in float64, shifted against overflow."""
    shifted = scores.astype(np.float64) - np.max(scores, axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def entropy(prob: NDArray[np.floating]) -> float:
    """Return -sum p log2 p of a distribution [V], in bits; 0 log 0 counts as 0."""
    positive = prob[prob > 0]
    return float(-(positive * np.log2(positive)).sum())


def ranked(
    capture: ActivationCache, logits: NDArray[np.floating], count: int
) -> tuple[Ranked, ...]:
    """Return the `count` most likely tokens of logits [V], best first, ties by the lower id.

    Raises ValueError for a count above V.
    """
    if count > len(logits):
        raise ValueError(f"there are {len(logits)} logits, not {count}")
    prob, logits = softmax(logits), snap(logits)
    # Sorting only the candidates is faster than sorting the vocabulary.
    candidates = np.flatnonzero(logits >= np.partition(logits, -count)[-count])
    best = candidates[np.argsort(-logits[candidates], kind="stable")][:count]
    return tuple(
        Ranked(
            **vars(capture.vocabulary.token(int(id))),
            logit=float(logits[id]),
            prob=float(prob[id]),
        )
        for id in best
    )


def likeliest(capture: ActivationCache, logits: NDArray[np.floating]) -> Ranked:
    """Return the most likely token of logits [V]; of equals, that with the lower id."""
    return ranked(capture, logits, 1)[0]


def next_token_prob(capture: ActivationCache, token: int) -> float:
    """Return the probability, 0 to 1, of a token after a pass that kept `NEXT_LOGITS`."""
    return float(softmax(capture[NEXT_LOGITS])[token])
