"""Next-token distributions: softmax, entropy, the most likely tokens, and how one is drawn.

Shapes: logits [V] -> probabilities [V]
Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019 (arXiv:1904.09751).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Record
from layerbook.core.requests import NEXT_LOGITS, ActivationCache
from layerbook.core.rounding import Relative, descending, snap
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


def sampling_distribution(
    logits: NDArray[np.floating],
    temperature: float,
    top_k: int | None = None,
    top_p: float | None = None,
) -> NDArray[np.float64]:
    """Return the distribution [V] to draw from; temperature 0 gives the best token everything.

    The steps are in the order of Hugging Face `generate`: each one sees what the previous one left.
    Of equal logits, the lower id is the better token. top-p keeps the fewest best tokens whose mass
    reaches p, at least one; a top-p of 1 removes nothing.
    """
    prob = np.zeros(len(logits))
    if temperature == 0:
        prob[np.argmax(snap(logits))] = 1.0
        return prob
    best = descending(logits)[: top_k or len(logits)]  # [k], best first
    shifted = logits[best].astype(np.float64) - float(logits[best[0]])  # [k], 0 for the best
    with np.errstate(over="ignore"):  # a tiny temperature: the others become -inf
        nucleus = softmax(shifted / temperature)  # [k]
    if top_p is not None and top_p < 1:
        mass_before = np.cumsum(nucleus) - nucleus
        mass_before[0] = -1  # the best token always stays
        nucleus = np.where(mass_before < top_p, nucleus, 0.0)
        nucleus /= nucleus.sum()
    prob[best] = nucleus
    return prob


def sample_token(prob: NDArray[np.float64], rng: np.random.Generator) -> int:
    """Draw one token id from a distribution [V]."""
    cumulative = np.cumsum(prob)
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
