"""The columns of a sweep's table: all values of a column have one kind.

The kinds are number, truth value and text; a missing value (None) fits all. A column with several
kinds could be neither written as Parquet nor drawn.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

MeasuredValue = float | int | str | bool | None

# Codes such as 007 are not numbers.
NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
MAX_INTEGER = 2**63 - 1
MAX_NUMBER = 1e300  # sums and differences of what is drawn must not overflow
MAX_EXACT_INTEGER = 2**53  # beyond it, floats cannot represent every integer


def parse_number(text: str) -> int | float | None:
    """Parse a finite number; return None for any other text."""
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return None
    return int(text) if text.lstrip("-+").isdigit() else float(text)


def parse_column(texts: Sequence[str]) -> tuple[MeasuredValue, ...]:
    """Return the column as numbers if every text is a number, otherwise the texts."""
    numbers = [parse_number(text) for text in texts]
    if None in numbers:
        return tuple(texts)
    return _storable(numbers) or tuple(texts)


def unify_column(values: Sequence[Any]) -> tuple[MeasuredValue, ...]:
    """Return the values if they have one kind, otherwise as text (lists and mappings as JSON)."""
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {"number"}:
        return _storable(values) or tuple(map(_as_text, values))
    if kinds <= {"text"} or kinds == {"truth value"}:
        return tuple(values)
    return tuple(map(_as_text, values))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _storable(numbers: Sequence[Any]) -> tuple[int | float | None, ...]:
    """Return numbers as 64-bit integers and floats; an empty tuple if one does not fit."""
    if any(number is not None and abs(number) > MAX_NUMBER for number in numbers):
        return ()
    integers = [number for number in numbers if isinstance(number, int)]
    largest = max(map(abs, integers), default=0)
    has_floats = len(integers) < sum(number is not None for number in numbers)
    if largest <= (MAX_EXACT_INTEGER if has_floats else MAX_INTEGER):
        return tuple(numbers)
    if any(float(number) != number for number in integers):
        return ()
    return tuple(None if number is None else float(number) for number in numbers)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
