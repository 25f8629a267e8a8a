"""Round results so that they are the same bytes on every machine.

Processors and numbers of threads sum in different orders, which changes the last few of float64's
sixteen digits. A result keeps seven: enough for any figure, and far enough from the noise that two
machines hardly ever round to different sides. They are counted from the largest value of a field,
because a small entry of an array has the absolute error of the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

DIGITS = 7
"""Digits of a field's largest value that a result keeps."""

MAX_DECIMALS = 12
"""Decimals that a result keeps at most: what is smaller may be the rounding error of a zero."""

SMALLEST_GAP = 1e-9
"""Gaps below are rounding errors, whose size depends on the machine."""

COMPARED_DIGITS = 10
"""Digits of an array's largest value at which its entries count as equal."""


@dataclass(frozen=True)
class Rounding:
    """The rounding of a field, if not to seven digits of its largest value.

    exact: keep every digit, for a parameter of the spec.
    own_digits: keep seven digits of each number, for what has a small relative error however small
        it is, such as a probability.
    gap: replace values below `SMALLEST_GAP` by it, for a difference that is zero in exact
        arithmetic; it is then an upper bound.
    to_float32: store an array in half the space; float32 holds seven digits.
    """

    exact: bool = False
    own_digits: bool = False
    gap: bool = False
    to_float32: bool = False


Exact = Annotated[float, Rounding(exact=True)]
ExactOrNone = Annotated[float | None, Rounding(exact=True)]
Relative = Annotated[float, Rounding(own_digits=True)]
Gap = Annotated[float, Rounding(gap=True)]

DEFAULT_ROUNDING = Rounding()
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class FieldScales:
    """The largest magnitude of each field of a record, by its path without indices."""

    by_path: Mapping[str, float]

    @classmethod
    def of(cls, record: BaseModel) -> FieldScales:
        """Return the scales of a record's fields, over all entries of lists and arrays."""
        by_path: dict[str, float] = {}
        for path, value in _numbers(record, ""):
            by_path[path] = max(by_path.get(path, 0.0), _largest_magnitude(value))
        return cls(by_path)

    def largest(self, path: str) -> float:
        """Return the largest magnitude of a field; 0 if the record has no such number."""
        return self.by_path.get(path, 0.0)

    def quantum(self, path: str) -> float:
        """Return the step of the last digit that a field keeps; 0 if all its numbers are 0."""
        largest = self.largest(path)
        return float(f"1e{-_field_decimals(largest)}") if largest else 0.0


def round_result(result: R) -> R:
    """Return a record with its numbers rounded, each as its field says.

    Integers, texts, NaN and infinities stay. Arrays become float64, or float32 if they go to a file
    of their own.
    """
    return _rounded(result, "", DEFAULT_ROUNDING, FieldScales.of(result))


def round_values(values: Sequence[Any]) -> tuple[Any, ...]:
    """Round the floats of a column to seven digits of the largest; other values stay."""
    decimals = _field_decimals(max(map(_largest_magnitude, values), default=0.0))
    return tuple(_round_number(v, decimals) if isinstance(v, float) else v for v in values)


def snap(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Round an array to ten digits of its scale before its entries are ordered.

    Entries that differ by rounding errors alone become equal, and then the lower index comes first
    on every machine: `snap(values).argmax()`, or all of them in `descending(values)`.
    """
    values = values.astype(np.float64)
    return _round_array(values, _decimals(_largest_magnitude(values), COMPARED_DIGITS))


def descending(values: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the indices along the last axis from the largest value; of equals, the lower first."""
    return snap(-values).argsort(axis=-1, kind="stable")


def _numbers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every float and array of floats with the path of its field."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _numbers(getattr(value, name), f"{path}.{name}".removeprefix("."))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(part, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part, f"{path}[]")
    elif _is_floating(value):
        yield path + "[]" * np.ndim(value), value


def _rounded(value: Any, path: str, rounding: Rounding, scales: FieldScales) -> Any:
    if isinstance(value, BaseModel):
        changes = {}
        for name in type(value).model_fields:
            old = getattr(value, name)
            inner = f"{path}.{name}".removeprefix(".")
            new = _rounded(old, inner, _rounding_of(value, name), scales)
            if new is not old:
                changes[name] = new
        return value.model_copy(update=changes) if changes else value
    if isinstance(value, Mapping):
        return {
            key: _rounded(part, f"{path}[{key!r}]", rounding, scales) for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(_rounded(part, f"{path}[]", rounding, scales) for part in value)
    if not _is_floating(value) or rounding.exact:
        return value
    if isinstance(value, np.ndarray):
        if rounding.own_digits:
            numbers = [_round_field(float(x), rounding, 0.0) for x in value.flat]
            return np.array(numbers).reshape(value.shape)
        largest = scales.largest(path + "[]" * value.ndim)
        array = _round_array(value, _field_decimals(largest))
        return array.astype(np.float32) if rounding.to_float32 else array
    return _round_field(float(value), rounding, scales.largest(path))


def _round_field(number: float, rounding: Rounding, largest: float) -> float:
    if rounding.gap and number < SMALLEST_GAP:
        return SMALLEST_GAP
    if rounding.own_digits:
        return _round_number(number, _decimals(abs(number), DIGITS))
    return _round_number(number, _field_decimals(largest))


def _rounding_of(record: BaseModel, name: str) -> Rounding:
    metadata = type(record).model_fields[name].metadata
    marks = [mark for mark in metadata if isinstance(mark, Rounding)]
    return marks[-1] if marks else DEFAULT_ROUNDING


def _is_floating(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "f")
    return isinstance(value, float | np.floating)


def _largest_magnitude(value: Any) -> float:
    """Return the largest |x| that is finite; 0 if there is none or the value is not numeric."""
    if not _is_floating(value):
        return 0.0
    numbers = np.abs(np.asarray(value, dtype=np.float64))
    return float(np.max(numbers, where=np.isfinite(numbers), initial=0.0))


def _field_decimals(largest: float) -> int:
    """Return the decimals that a field keeps."""
    return min(_decimals(largest, DIGITS), MAX_DECIMALS)


def _decimals(scale: float, digits: int) -> int:
    """Return the decimals that leave `digits` digits of a number of this size.

    The size itself is rounded first: 0.99999999999 and 1.0 are of one size.
    """
    if scale == 0:
        return digits
    exponent = int(f"{scale:.{digits - 1}e}".partition("e")[2])
    return digits - 1 - exponent


def _round_number(number: float, decimals: int) -> float:
    if not math.isfinite(number):
        return number
    return round(number, decimals) + 0.0  # -0.0 becomes 0.0


def _round_array(array: NDArray[np.floating], decimals: int) -> NDArray[np.floating]:
    return np.round(array.astype(np.float64), decimals) + 0.0
