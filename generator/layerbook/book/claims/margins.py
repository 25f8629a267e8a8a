"""How far a check is from turning over: the margin of a comparison, and what becomes of margins in and, or, not.

The rules are those of the robustness of temporal logic: a truth leans one way by some amount, `and` leans as its
weakest part does, `or` as its strongest, `not` the other way by as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CLOSE = 0.05


@dataclass(frozen=True)
class Margin:
    """The distance between the two sides of the comparison that decides.

    by: in the units of that comparison. share: of the larger of its sides, so 0 is none and 2 the most there can be.
    Change each number that a check compares by less than `share` of its comparison's larger side, and the verdict
    stands; that is why the weakest of several comparisons is the one with the smallest share, whatever their units.
    """

    by: float
    share: float

    @property
    def close(self) -> bool:
        """Whether the two sides are almost equal: less than a twentieth apart."""
        return self.share < CLOSE


@dataclass(frozen=True)
class Lean:
    """A truth, and what it would take to turn it over; without a margin no change of a number does."""

    holds: bool
    margin: Margin | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        """From surely false over barely false and barely true to surely true."""
        share = math.inf if self.margin is None else self.margin.share
        return self.holds, share if self.holds else -share

    def reversed(self) -> Lean:
        """What `not` makes of it."""
        return Lean(not self.holds, self.margin)


def weakest(leans: Iterable[Lean]) -> Lean:
    """What `and` and `all` make of several; of none, true."""
    return min(leans, key=lambda lean: lean.rank, default=Lean(True))


def strongest(leans: Iterable[Lean]) -> Lean:
    """What `or` and `any` make of several; of none, false."""
    return max(leans, key=lambda lean: lean.rank, default=Lean(False))


def same(left: Lean, right: Lean) -> Lean:
    """Equality of two truths: whichever turns first turns it."""
    first = min(left, right, key=lambda lean: abs(lean.rank[1]))
    return Lean(left.holds is right.holds, first.margin)


def distance(left: Any, right: Any) -> Margin | None:
    """The margin between two numbers; none where one of them is not finite or too large to be told."""
    try:
        by, scale = float(abs(left - right)), float(max(abs(left), abs(right)))
    except OverflowError:
        return None
    if not (math.isfinite(by) and math.isfinite(scale)):
        return None
    return Margin(by, min(by / scale, 2.0) if scale else 0.0)


def monotone(numbers: Sequence[float]) -> Lean:
    """Whether numbers never fall, or never rise; equal neighbours may stand in either, and so may fewer than two."""
    pairs = list(pairwise(numbers))
    rising = weakest(Lean(a <= b, distance(a, b)) for a, b in pairs)
    falling = weakest(Lean(a >= b, distance(a, b)) for a, b in pairs)
    return strongest((rising, falling))
