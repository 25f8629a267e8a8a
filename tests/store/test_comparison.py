"""Results are equal, or differ at a path by a number of steps of the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.analysis import Array, Record, Result
from layerbook.store.comparison import FLOAT32, compare_results


class SamplePart(Record):
    """One prompt."""

    text: str
    ids: tuple[int, ...]
    weights: Array


class SampleResult(Result):
    """A result with parts, a mapping and single values."""

    parts: tuple[SamplePart, ...]
    shares: dict[str, float]
    value: float = 0.0
    maybe: float | None = None
    flag: bool = False


def sample_result(**changes: object) -> SampleResult:
    """Return a result, with some fields changed."""
    part = SamplePart(text=" cat", ids=(2644, 7), weights=np.array([[1.0, 0.0], [0.25, 0.75]]))
    return SampleResult(parts=(part,), shares={"a": 0.5, "b": 0.25}).model_copy(update=changes)


def with_part(**changes: object) -> SampleResult:
    """Return a result whose only part has some fields changed."""
    return sample_result(parts=(sample_result().parts[0].model_copy(update=changes),))


def test_equal_results_do_not_differ() -> None:
    """A result equals itself."""
    assert compare_results(sample_result(), sample_result()) == ()


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (with_part(text="cat"), "parts[0].text"),
        (with_part(ids=(2644, 8)), "parts[0].ids[1]"),
        (with_part(ids=(7, 2644)), "parts[0].ids[0]"),
        (with_part(ids=(2644,)), "parts[0].ids (length)"),
        (with_part(weights=np.zeros((2, 3))), "parts[0].weights (shape)"),
        (with_part(weights=np.array([[1.0, 0.0], [0.26, 0.70]])), "parts[0].weights[1][1]"),
        (sample_result(parts=()), "parts (length)"),
        (sample_result(shares={"b": 0.25, "a": 0.5}), "shares (keys)"),
        (sample_result(shares={"a": 0.5, "b": 0.26}), "shares['b']"),
        (sample_result(value=2e-5), "value"),
        (sample_result(value=1e-300), "value"),
        (sample_result(value=math.nan), "value"),
        (sample_result(maybe=0.0), "maybe"),
        (sample_result(flag=True), "flag"),
    ],
)
def test_difference_has_a_path(changed: SampleResult, path: str) -> None:
    """One change is one difference in both directions, at the path that a spec would use."""
    for differences in (
        compare_results(sample_result(), changed),
        compare_results(changed, sample_result()),
    ):
        assert differences[0].path == path


def test_gap_in_steps_of_the_last_digit() -> None:
    """The step is the last of seven digits of the field's largest value."""
    weights = np.array([[1.0, 0.0], [0.25, 0.75]])
    changed = weights + np.array([[0, 3e-6], [0, 0]])
    (difference,) = compare_results(sample_result(), with_part(weights=changed))
    assert difference.path == "parts[0].weights[0][1]"
    assert difference.quanta == pytest.approx(3)
    assert "3 in the last digit" in str(difference)
    (difference,) = compare_results(sample_result(value=200.0), sample_result(value=200.0001))
    assert difference.gap == "1 in the last digit"
    (difference,) = compare_results(sample_result(value=200.0), sample_result(value=201.0))
    assert difference.gap == "" and str(difference) == "value: 200.0 -> 201.0"


def test_float32_needs_a_tolerance() -> None:
    """The tolerance has a constant, a share of the field's scale, and a share of the number."""
    large = np.array([[100.0, 0.0], [0.0, 0.0]])
    small_gap = large + np.array([[0, 5e-4], [0, 0]])
    large_gap = large + np.array([[0, 7e-4], [0, 0]])
    old = with_part(weights=large)
    assert compare_results(old, with_part(weights=small_gap))
    assert not compare_results(old, with_part(weights=small_gap), FLOAT32)
    assert compare_results(old, with_part(weights=large_gap), FLOAT32)
    assert compare_results(sample_result(), with_part(ids=(2644, 8)), FLOAT32)


def test_nan_and_infinities_equal_themselves_only() -> None:
    """Masked scores and undefined correlations are equal to themselves only."""
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert not compare_results(with_part(weights=odd), with_part(weights=odd.copy()))
    for index, value in ((0, 1.0), (1, -np.inf), (2, 1e300), (3, np.nan), (3, np.inf)):
        changed = odd.copy()
        changed[index] = value
        differences = compare_results(with_part(weights=odd), with_part(weights=changed), FLOAT32)
        assert [d.path for d in differences] == [f"parts[0].weights[{index}]"]


def test_integers_must_be_equal_however_large() -> None:
    """Counts and token ids have no tolerance; the width of floats does not matter."""

    def differ(old: np.ndarray, new: np.ndarray) -> bool:
        return bool(compare_results(with_part(weights=old), with_part(weights=new), FLOAT32))

    assert differ(np.array([2**53]), np.array([2**53 + 1]))
    assert differ(np.array([100000]), np.array([100001]))
    assert differ(np.array([True]), np.array([False]))
    assert not differ(np.array([0.5], "f4"), np.array([0.5]))
    assert not differ(np.zeros((0, 3)), np.array([]))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_scalars_follow_the_formula(old: float, new: float) -> None:
    """|old - new| <= 1e-4 + 5e-6 S + 3e-4 |old|, where S is |old| for a field with one number."""
    agree = abs(old - new) <= 1e-4 + 5e-6 * abs(old) + 3e-4 * abs(old)
    assert (
        not compare_results(sample_result(value=old), sample_result(value=new), FLOAT32)
    ) == agree
    assert (not compare_results(sample_result(value=old), sample_result(value=new))) == (old == new)
