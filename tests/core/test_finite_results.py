"""Results hold finite numbers, except where a field allows more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from layerbook.core.analysis import Array, BigArray, Result
from pydantic import Field, ValidationError


class Measured(Result):
    """One field of each kind."""

    number: float = 0.0
    numbers: tuple[float | None, ...] = ()
    by_name: dict[str, float] = Field(default_factory=dict)
    matrix: Array = np.zeros(1)
    scores: BigArray = np.zeros(1)
    masked: float = Field(default=0.0, allow_inf_nan=True)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
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
def test_a_number_that_is_not_finite_is_refused(field: Any, wrong: float) -> None:
    """In the field that holds it, wherever it hides there."""
    (name,) = field(wrong)
    with pytest.raises(ValidationError) as caught:
        Measured(**field(wrong))
    (error,) = caught.value.errors()
    assert error["loc"][0] == name
    assert "finite" in error["msg"]
    Measured(**field(1.5))


def test_a_field_can_allow_infinity() -> None:
    """Where it means something: a score that a mask rules out."""
    assert Measured(masked=-math.inf).masked == -math.inf
