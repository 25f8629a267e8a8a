"""The filters and tests of Jinja that templates may use, with limits for their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

MAX_PARTS = 10_000  # of `batch` and `slice`
MAX_SEPARATOR = 20
MAX_ROUND_DIGITS = 300

FILTERS = (
    *("abs", "batch", "count", "first", "last", "length", "list", "lower", "map", "max", "min"),
    *("reject", "rejectattr", "reverse", "round", "select", "selectattr", "slice", "sort", "sum"),
    "upper",
)
TESTS = (
    *("==", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge", "equalto", "in"),
    *("lessthan", "greaterthan", "boolean", "false", "true", "integer", "float", "number", "none"),
    *("string", "mapping", "sequence", "iterable", "defined", "undefined", "odd", "even"),
    *("divisibleby", "lower", "upper", "sameas"),
)
EQUALITY_TESTS = ("==", "!=", "eq", "ne", "equalto", "in")


def _check_round(precision: object = 0, method: str = "common") -> None:
    if not isinstance(precision, int) or abs(precision) > MAX_ROUND_DIGITS:
        raise TypeError(f"round needs a number of digits up to {MAX_ROUND_DIGITS}")


def _check_parts(number: object, *_: object, **__: object) -> None:
    if type(number) is not int or not 1 <= number <= MAX_PARTS:
        raise TypeError(f"the number of parts should be from 1 to {MAX_PARTS:,}, not {number!r}")


def _check_join(d: str = "", attribute: object = None) -> None:
    if len(d) > MAX_SEPARATOR:
        raise ValueError(f"join takes a separator of up to {MAX_SEPARATOR} characters")


def _check_sum(attribute: object = None, start: object = 0) -> None:
    if not isinstance(start, int | float):
        raise TypeError(f"sum needs numbers, not {start!r}")


ARGUMENT_CHECKS: Mapping[str, Callable[..., None]] = {
    "round": _check_round,
    "batch": _check_parts,
    "slice": _check_parts,
    "sum": _check_sum,
    "join": _check_join,
}
"""Checks of the arguments of a filter, which raise TypeError or ValueError."""
