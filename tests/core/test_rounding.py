"""Rounding keeps seven digits of a field's largest value and drops noise."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.analysis import Array, BigArray, Record, Result
from layerbook.core.rounding import (
    Exact,
    Gap,
    Relative,
    Rounding,
    round_result,
    round_values,
    snap,
)
from pydantic import AllowInfNan, Field

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30)


class SamplePart(Record):
    """An entry of a list."""

    value: float
    share: Relative = 0.0


class SampleResult(Result):
    """A result with every kind of rounding."""

    parts: tuple[SamplePart, ...] = ()
    numbers: tuple[Annotated[float, AllowInfNan(True)], ...] = ()
    matrix: Array = np.zeros((0,))
    scores: BigArray = np.zeros((0,))
    lengths: Annotated[Array, Rounding(own_digits=True)] = np.zeros((0,))
    constant: Exact = 1.0
    gap: Gap = 0.0
    by_name: dict[str, float] = Field(default_factory=dict)
    count: int = 0
    missing: float | None = None


def test_keeps_seven_digits_of_the_largest_entry() -> None:
    """The scale is that of all entries of a field, in lists, records and arrays."""
    result = round_result(
        SampleResult(
            parts=(SamplePart(value=123.45678912345), SamplePart(value=1e-7 / 3)),
            numbers=(1 / 3, 2 / 3, 1e-9),
            matrix=np.array([[20.123456789, 1e-16], [-1 / 3, 0.0]]),
        )
    )
    assert [part.value for part in result.parts] == [123.4568, 0.0]
    assert result.numbers == (0.3333333, 0.6666667, 0.0)
    assert result.matrix.tolist() == [[20.12346, 0.0], [-0.33333, 0.0]]


def test_ignores_noise_in_the_largest_entry() -> None:
    """A largest entry of almost 1 scales its field like 1."""
    for largest in (1.0, 1 - 1e-13, 1 + 1e-13):
        assert round_result(SampleResult(numbers=(largest, 0.123456789))).numbers == (1.0, 0.123457)


def test_marked_fields_have_their_own_precision() -> None:
    """Probabilities keep seven digits each, parameters all digits, gaps an upper bound."""
    result = round_result(
        SampleResult(
            parts=(SamplePart(value=0.0, share=0.5), SamplePart(value=0.0, share=1.23456789e-12)),
            lengths=np.array([2 * math.pi, 62831.853071795]),
            constant=123456789.123456789,
            gap=3e-14,
        )
    )
    assert [part.share for part in result.parts] == [0.5, 1.234568e-12]
    assert result.lengths.tolist() == [6.283185, 62831.85]
    assert result.constant == 123456789.123456789
    assert result.gap == 1e-9
    assert round_result(SampleResult(gap=0.0)).gap == 1e-9
    assert round_result(SampleResult(gap=0.125)).gap == 0.125


def test_values_below_the_noise_become_zero() -> None:
    """All numbers of the field are rounding errors."""
    assert round_result(SampleResult(numbers=(3e-15, -2e-14))).numbers == (0.0, 0.0)


def test_other_values_are_unchanged() -> None:
    """Integers, missing values and infinities stay; -0 becomes 0."""
    result = round_result(
        SampleResult(numbers=(math.inf, -math.inf, -1e-20, 2.0), count=123456789123)
    )
    assert result.numbers == (math.inf, -math.inf, 0.0, 2.0)
    assert math.copysign(1, result.numbers[2]) == 1
    assert (result.count, result.missing) == (123456789123, None)


def test_large_arrays_are_stored_as_float32() -> None:
    """float32 holds seven digits; other arrays are float64."""
    result = round_result(
        SampleResult(scores=np.array([1 / 3]), matrix=np.array([1 / 3], dtype=np.float32))
    )
    assert (result.scores.dtype, result.matrix.dtype) == (np.float32, np.float64)
    assert result.matrix.tolist() == [0.3333333]


def test_mapping_entries_have_their_own_scale() -> None:
    result = round_result(SampleResult(by_name={"a": 12345.6789, "b": 0.123456789}))
    assert result.by_name == {"a": 12345.68, "b": 0.1234568}


@given(st.lists(FLOATS, min_size=1, max_size=8))
def test_rounding_is_idempotent(values: list[float]) -> None:
    """A round trip through JSON, which writes the shortest decimal, changes nothing."""
    result = round_result(SampleResult(numbers=tuple(values), matrix=np.array(values)))
    rounded_twice = round_result(SampleResult.model_validate_json(result.model_dump_json()))
    assert rounded_twice.numbers == result.numbers
    assert rounded_twice.matrix.tolist() == result.matrix.tolist()


@given(st.lists(FLOATS, min_size=1, max_size=8))
def test_error_is_at_most_half_a_step(values: list[float]) -> None:
    """The step is the last digit that is kept of the largest value."""
    rounded = round_result(SampleResult(numbers=tuple(values))).numbers
    largest = max(map(abs, values))
    step = max(largest * 1e-6, 1e-12)
    assert all(abs(a - b) <= step / 2 * (1 + 1e-9) for a, b in zip(values, rounded, strict=True))


def test_columns_with_other_types_are_unchanged() -> None:
    """A measured column may mix numbers with texts and truth values."""
    column = (1 / 3, "text", True, None, 7, 200.0)
    assert round_values(column) == (0.3333, "text", True, None, 7, 200.0)
    assert [type(value) for value in round_values(column)] == [type(value) for value in column]


@pytest.mark.parametrize("noise", [0.0, 1e-13, -1e-13])
def test_order_ignores_noise(noise: float) -> None:
    """Values that differ by rounding errors are equal, so the lower index comes first."""
    values = np.array([1.0, 3.0 + noise, 3.0 - noise, 2.0])
    assert int(snap(values).argmax()) == 1
    assert snap(-values).argsort(kind="stable").tolist() == [1, 2, 3, 0]
