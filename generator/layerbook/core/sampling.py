"""From logits to the next token: temperature, then top-k, then top-p, then one draw.

Shapes:  logits [V] -> prob [V], zero for the tokens that were removed, summing to 1
Source:  top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019 (arXiv:1904.09751).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerbook.core.distributions import softmax


def sampling_distribution(
    logits: NDArray[np.floating],
    temperature: float,
    top_k: int | None = None,
    top_p: float | None = None,
) -> NDArray[np.float64]:
    """The distribution that is drawn from, in float64; temperature 0 puts everything on the best token.

    The order is that of Hugging Face `generate`: each step sees what the one before left over. Of equal logits the
    lower id is the better token. top-p keeps the fewest best tokens whose mass reaches p, so at least one; 1 is no cut.
    """
    if temperature == 0:
        prob = np.zeros(len(logits))
        prob[int(np.argmax(logits))] = 1.0
        return prob
    order = np.argsort(-logits, kind="stable")
    kept = order[: top_k or len(order)]
    shifted = logits[kept].astype(np.float64) - float(
        logits[kept[0]]
    )  # [kept], 0 for the best, so that
    with np.errstate(
        over="ignore"
    ):  # no temperature is too small: at worst the others are infinitely far behind
        prob = softmax(shifted / temperature)  # [kept], best first
    if top_p is not None and top_p < 1:
        before = np.cumsum(prob) - prob
        prob = np.where((before < top_p) | (np.arange(len(prob)) == 0), prob, 0.0)
        prob /= prob.sum()
    out = np.zeros(len(logits))
    out[kept] = prob
    return out


def sample_token(prob: NDArray[np.float64], rng: np.random.Generator) -> int:
    """One token id drawn from a distribution [V]."""
    cumulative = np.cumsum(prob)
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
