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

CLOSE_MARGIN = 0.05


@dataclass(frozen=True)
class Margin:
    """The distance between the two sides of the comparison that decides.

    absolute: in the units of that comparison. relative: of the larger of its sides, so 0 is none and 2 the most there can be.
    Change each number that a check compares by less than `relative` of its comparison's larger side, and the verdict
    stands; that is why the weakest of several comparisons is the one with the smallest share, whatever their units.
    """

    absolute: float
    relative: float

    @property
    def close(self) -> bool:
        """Whether the two sides are almost equal: less than a twentieth apart."""
        return self.relative < CLOSE_MARGIN


@dataclass(frozen=True)
class Robustness:
    """A truth, and what it would take to turn it over; without a margin no change of a number does."""

    holds: bool
    margin: Margin | None = None

    @property
    def order_key(self) -> tuple[bool, float]:
        """From surely false over barely false and barely true to surely true."""
        relative = math.inf if self.margin is None else self.margin.relative
        return self.holds, relative if self.holds else -relative

    def negated(self) -> Robustness:
        """What `not` makes of it."""
        return Robustness(not self.holds, self.margin)


def conjunction(robustnesses: Iterable[Robustness]) -> Robustness:
    """What `and` and `all` make of several; of none, true."""
    return min(robustnesses, key=lambda robustness: robustness.order_key, default=Robustness(True))


def disjunction(robustnesses: Iterable[Robustness]) -> Robustness:
    """What `or` and `any` make of several; of none, false."""
    return max(robustnesses, key=lambda robustness: robustness.order_key, default=Robustness(False))


def equivalence(left: Robustness, right: Robustness) -> Robustness:
    """Equality of two truths: whichever turns first turns it."""
    first = min(left, right, key=lambda robustness: abs(robustness.order_key[1]))
    return Robustness(left.holds is right.holds, first.margin)


def margin_between(left: Any, right: Any) -> Margin | None:
    """The margin between two numbers; none where one of them is not finite or too large to be told."""
    try:
        absolute, scale = float(abs(left - right)), float(max(abs(left), abs(right)))
    except OverflowError:
        return None
    if not (math.isfinite(absolute) and math.isfinite(scale)):
        return None
    return Margin(absolute, min(absolute / scale, 2.0) if scale else 0.0)


def monotonicity(numbers: Sequence[float]) -> Robustness:
    """Whether numbers never fall, or never rise; equal neighbours may stand in either, and so may fewer than two."""
    pairs = list(pairwise(numbers))
    rising = conjunction(Robustness(a <= b, margin_between(a, b)) for a, b in pairs)
    falling = conjunction(Robustness(a >= b, margin_between(a, b)) for a, b in pairs)
    return disjunction((rising, falling))
