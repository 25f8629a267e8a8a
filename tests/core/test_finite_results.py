"""Results hold finite numbers, unless a field allows others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from layerbook.core.analysis import Array, BigArray, Result
from pydantic import Field, ValidationError


class SampleResult(Result):
    """A result with each kind of numeric field."""

    number: float = 0.0
    numbers: tuple[float | None, ...] = ()
    by_name: dict[str, float] = Field(default_factory=dict)
    matrix: Array = np.zeros(1)
    scores: BigArray = np.zeros(1)
    masked: float = Field(default=0.0, allow_inf_nan=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "field",
    [
        lambda x: {"number": x},
        lambda x: {"numbers": (1.0, None, x)},
        lambda x: {"by_name": {"a": x}},
        lambda x: {"matrix": np.array([[1.0, x]])},
        lambda x: {"scores": np.array([x], dtype=np.float32)},
    ],
)
def test_refuses_non_finite_numbers(field: Any, value: float) -> None:
    """The error names the field, however deep the number is nested."""
    (name,) = field(value)
    with pytest.raises(ValidationError) as caught:
        SampleResult(**field(value))
    (error,) = caught.value.errors()
    assert error["loc"][0] == name
    assert "finite" in error["msg"]
    SampleResult(**field(1.5))


def test_field_can_allow_infinity() -> None:
    """A masked score is infinite."""
    assert SampleResult(masked=-math.inf).masked == -math.inf
