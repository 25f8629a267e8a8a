"""A claim's margin in plain words."""

from __future__ import annotations

import math

from layerbook.site.prose import filters
from layerbook.book.claims.check import Verdict


def describe_margin(verdict: Verdict) -> str:
    """`holds by 0.21 (34 %)`, `fails by 3`, or `exact` where there is no margin.

    The share is left out where one side is zero or the sides differ in sign: it would say nothing.
    """
    margin, word = verdict.margin, "holds" if verdict.holds else "fails"
    if margin is None:
        return "exact"
    if margin.absolute == 0:
        return f"{word} with nothing to spare"
    share = (
        f" ({filters.percent(margin.relative, 0 if margin.relative >= 0.1 else 1)})"
        if margin.relative < 1
        else ""
    )
    return f"{word} by {format_quantity(margin.absolute)}{share}"


def format_quantity(number: float) -> str:
    """A distance with two significant digits; whole ones in full."""
    if number.is_integer() and number < 1e15:
        return filters.integer(int(number))
    if not 1e-4 <= number < 1e15:
        return filters.scientific(number)
    return filters.num(number, max(0, 1 - math.floor(math.log10(number))))
