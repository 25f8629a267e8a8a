"""Arithmetic of templates: numbers of bounded size, and `+` for texts and lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from layerbook.site.sandbox.views import ListView

MAX_BITS = 1024  # of an integer, about 300 digits


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a number of Python, which includes true and false."""
    return isinstance(value, int | float)


def calculate(function: Callable[[Any, Any], Any], operator: str, left: Any, right: Any) -> Any:
    """Return `function(left, right)`.

    operator: its sign. Raises TypeError for operands that do not fit it, ArithmeticError for a
    result that is too large or does not exist.
    """
    if not (is_number(left) and is_number(right)):
        return _join(operator, left, right)
    if isinstance(left, int) and isinstance(right, int):
        if _result_bits(operator, left, right) > MAX_BITS:
            raise OverflowError("the number is too large")
    try:
        number = function(left, right)
    except OverflowError:
        raise OverflowError("the number is too large") from None
    if isinstance(number, complex):
        raise ArithmeticError("there is no such number")
    return number


def _join(operator: str, left: Any, right: Any) -> Any:
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if operator == "+" and _is_list(left) and _is_list(right):
        return [*left, *right]
    wrong = right if is_number(left) else left
    raise TypeError(f"{operator} needs numbers, not {wrong!r}")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | ListView)


def _result_bits(operator: str, left: int, right: int) -> int:
    """Return how many bits the result of an operation may have."""
    if operator == "**":
        return left.bit_length() * max(right, 0)
    if operator == "*":
        return left.bit_length() + right.bit_length()
    return max(left.bit_length(), right.bit_length()) + 1
