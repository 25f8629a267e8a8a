"""The direct path from the residual stream to the logits: the final norm, then the unembedding.

The final norm divides by the length of the whole stream. Here that divisor is held fixed, so the
logits of the parts of the stream add up to the logits of the whole. Logits are counted from their
mean over the vocabulary, because only differences between logits matter.

Shapes: D d_model, V d_vocab.
Source: Elhage et al. 2021 (A Mathematical Framework for Transformer Circuits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Record
from layerbook.core.distributions import ranked
from layerbook.core.requests import LN_FINAL, NEXT_LOGITS, RESID_FINAL, ActivationCache, Site
from layerbook.core.tokens import Token

Floats = NDArray[np.floating]

W_U, W_FINAL = Site("W_U"), Site("w_final")
DIRECT_PATH_SITES = frozenset({RESID_FINAL, LN_FINAL, NEXT_LOGITS})
DIRECT_PATH_WEIGHTS = frozenset({W_U, W_FINAL})


class PromotedToken(Record):
    """A token whose logit a part of the model raises."""

    token: Token = Field(description="The token.")
    logit: float = Field(description="What the part adds to its logit, above the mean token.")


@dataclass(frozen=True)
class DirectPath:
    """The path at the last position of a pass: `gain` of the final norm [D], unembedding [D, V]."""

    gain: Floats
    unembedding: Floats

    @classmethod
    def at_last_position(cls, run: ActivationCache, weights: ActivationCache) -> DirectPath:
        """Return the path of a pass that kept `DIRECT_PATH_SITES`."""
        scaled = run[RESID_FINAL][-1] * weights[W_FINAL]  # [D]
        divisor = scaled @ scaled / (scaled @ run[LN_FINAL][-1])  # of the final RMSNorm
        return cls(weights[W_FINAL] / divisor, weights[W_U])

    def logits(self, added: Floats) -> Floats:
        """Return what a vector of the stream [D] adds to every logit [V]."""
        logits = (added * self.gain) @ self.unembedding
        return logits - logits.mean()

    def direction(self, token: int) -> Floats:
        """Return the vector [D] whose product with a part of the stream is its share of a logit."""
        return self.gain * (self.unembedding[:, token] - self.unembedding.mean(axis=1))


def promoted_tokens(run: ActivationCache, logits: Floats, count: int) -> tuple[PromotedToken, ...]:
    """Return the tokens with the largest of these logits [V], largest first."""
    best = ranked(run, logits, count)
    return tuple(PromotedToken(token=entry.token, logit=entry.logit) for entry in best)
