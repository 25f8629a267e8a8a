"""Results agree if words and order are equal and numbers are within the tolerance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.analysis import Array, Result
from layerbook.store.tolerance import compare_results
from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """One prompt."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    text: str
    ids: tuple[int, ...]
    weights: Array


class Whole(Result):
    """A result with parts, a mapping and bare values."""

    parts: tuple[Part, ...]
    shares: dict[str, float]
    value: float = 0.0
    maybe: float | None = None
    flag: bool = False


def whole(**changes: object) -> Whole:
    """A result, with some fields other than usual."""
    part = Part(text=" cat", ids=(2644, 7), weights=np.array([[1.0, 0.0], [0.25, 0.75]]))
    return Whole(parts=(part,), shares={"a": 0.5, "b": 0.25}).model_copy(update=changes)


def part(**changes: object) -> Whole:
    """A result whose only part is other than usual."""
    return whole(parts=(whole().parts[0].model_copy(update=changes),))


def test_equal_results_agree() -> None:
    """Nothing differs from itself, and the largest gap is none."""
    assert compare_results(whole(), whole()).same
    assert compare_results(whole(), whole()).largest_gap == 0


@pytest.mark.parametrize(
    ("other", "path"),
    [
        (part(text="cat"), "parts[0].text"),
        (part(ids=(2644, 8)), "parts[0].ids[1]"),
        (part(ids=(7, 2644)), "parts[0].ids[0]"),
        (part(ids=(2644,)), "parts[0].ids (length)"),
        (part(weights=np.zeros((2, 3))), "parts[0].weights (shape)"),
        (part(weights=np.array([[1.0, 0.0], [0.26, 0.70]])), "parts[0].weights[1][1]"),
        (whole(parts=()), "parts (length)"),
        (whole(shares={"b": 0.25, "a": 0.5}), "shares (keys)"),
        (whole(shares={"a": 0.5, "b": 0.26}), "shares['b']"),
        (whole(value=2e-5), "value"),
        (whole(value=math.nan), "value"),
        (whole(maybe=0.0), "maybe"),
        (whole(flag=True), "flag"),
    ],
)
def test_each_difference_is_found_at_its_place(other: Whole, path: str) -> None:
    """One change gives one difference, whichever way round, named by the path a spec would use."""
    for comparison in (compare_results(whole(), other), compare_results(other, whole())):
        assert not comparison.same
        assert comparison.differences[0].path == path


def test_a_machines_noise_is_no_difference() -> None:
    """Gaps within the tolerance agree, and the largest is told."""
    noisy = part(weights=whole().parts[0].weights + np.array([[0, 9e-6], [-3e-6, 0]]))
    comparison = compare_results(whole(), noisy)
    assert comparison.same
    assert comparison.largest_gap == pytest.approx(9e-6)


def test_tolerance_grows_with_the_number() -> None:
    """The relative part is taken of the old number."""
    assert compare_results(whole(value=100.0), whole(value=100.009)).same
    assert not compare_results(whole(value=100.0), whole(value=100.011)).same
    assert compare_results(whole(value=100.0), whole(value=100.011), rtol=1e-3).same


def test_nan_and_infinities_equal_themselves_only() -> None:
    """Masked scores and undefined correlations are equal to themselves only."""
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert compare_results(part(weights=odd), part(weights=odd.copy())).same
    for index, value in ((0, 1.0), (1, -np.inf), (2, 1e300), (3, np.nan), (3, np.inf)):
        changed = odd.copy()
        changed[index] = value
        comparison = compare_results(part(weights=odd), part(weights=changed))
        assert [d.path for d in comparison.differences] == [f"parts[0].weights[{index}]"]
        assert comparison.largest_gap == math.inf


def test_integers_must_be_equal_however_large() -> None:
    """Counts and token ids have no tolerance; the width of floats does not matter."""
    assert not compare_results(
        part(weights=np.array([2**53])), part(weights=np.array([2**53 + 1]))
    ).same
    assert not compare_results(
        part(weights=np.array([100000])), part(weights=np.array([100001]))
    ).same
    assert not compare_results(part(weights=np.array([True])), part(weights=np.array([False]))).same
    assert compare_results(part(weights=np.array([0.1], "f4")), part(weights=np.array([0.1]))).same
    assert compare_results(part(weights=np.zeros((0, 3))), part(weights=np.array([]))).same


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_scalars_follow_the_formula(old: float, new: float) -> None:
    """|old - new| <= atol + rtol |old|, computed apart."""
    assert compare_results(whole(value=old), whole(value=new)).same == (
        abs(old - new) <= 1e-5 + 1e-4 * abs(old)
    )
