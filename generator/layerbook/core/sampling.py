"""From logits to the next token: temperature, then top-k, then top-p, then one draw.

Shapes:  logits [V] -> prob [V], zero for the removed tokens, summing to 1
Source:  top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019 (arXiv:1904.09751).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerbook.core.distributions import softmax
from layerbook.core.rounding import descending, snap


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
