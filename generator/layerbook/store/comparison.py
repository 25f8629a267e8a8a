"""Compare two results: exactly if they were computed in float64, with a tolerance in float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import Result
from layerbook.core.language import gettext
from layerbook.core.rounding import FieldScales


@dataclass(frozen=True)
class Tolerance:
    """The largest gap between numbers that agree: absolute + of_scale * S + relative * |old|.

    S is the largest magnitude of the field in the old result, over all entries.
    """

    absolute: float = 0.0
    of_scale: float = 0.0
    relative: float = 0.0

    def limits(self, old: NDArray[np.floating], scale: float) -> NDArray[np.float64]:
        """Return the largest gap that each number may have."""
        sizes = np.abs(np.where(np.isfinite(old), old, 0.0))
        return self.absolute + self.of_scale * scale + self.relative * sizes


EXACT = Tolerance()
MAX_STEPS = 1000
"""A gap of more steps is no rounding error, and the two values show it well enough."""
FLOAT32 = Tolerance(absolute=1e-4, of_scale=5e-6, relative=3e-4)
"""Tested on 2.4 million comparisons of float32 between processors and numbers of threads."""


def tolerance_of(*precisions: str) -> Tolerance:
    """Return the tolerance for results of these precisions: none if one of them is float64."""
    return FLOAT32 if set(precisions) == {"float32"} else EXACT


@dataclass(frozen=True)
class Difference:
    """A path such as `prompts[0].top[1].prob` where two results differ, and both values.

    quanta: the gap in steps of the last digit that the field keeps; None if there is no gap.
    """

    path: str
    old: Any
    new: Any
    quanta: float | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new}{f' ({self.gap})' if self.gap else ''}"

    @property
    def gap(self) -> str:
        """The size of a small gap in words: `3 in the last digit`. Empty for a large gap."""
        if self.quanta is None or self.quanta >= MAX_STEPS:
            return ""
        return gettext("{count} in the last digit", count=max(1, round(self.quanta)))

    def prefixed(self, name: str) -> Difference:
        """Return the difference with a path that starts with `name`."""
        return replace(self, path=f"{name}: {self.path}")


def compare_results(
    old: Result, new: Result, tolerance: Tolerance = EXACT
) -> tuple[Difference, ...]:
    """Return the differences of two results, field by field; none if they agree.

    NaN equals NaN. Of an array only the element that differs most is reported. All other values
    must be equal, including the order of keys.
    """
    return tuple(_Comparison(FieldScales.of(old), tolerance).compare("", "", old, new))


@dataclass(frozen=True)
class _Comparison:
    """The scales of the old result's fields, and the tolerance."""

    scales: FieldScales
    tolerance: Tolerance

    def compare(self, path: str, field: str, old: Any, new: Any) -> Iterator[Difference]:
        """Yield the differences at a path; `field` is the path without indices."""
        old_parts, new_parts = _split(old), _split(new)
        if old_parts is None or new_parts is None:
            yield from self._compare_values(path, field, old, new)
        elif len(old_parts) != len(new_parts):
            yield Difference(f"{path} (length)", len(old_parts), len(new_parts))
        elif list(old_parts) != list(new_parts):
            yield Difference(f"{path} (keys)", "".join(old_parts), "".join(new_parts))
        else:
            for step, part in old_parts.items():
                inner = (path + step).removeprefix(".")
                in_list = isinstance(old, list | tuple)
                inner_field = (field + ("[]" if in_list else step)).removeprefix(".")
                yield from self.compare(inner, inner_field, part, new_parts[step])

    def _compare_values(self, path: str, field: str, old: Any, new: Any) -> Iterator[Difference]:
        if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
            yield from self._compare_arrays(path, field + "[]" * old.ndim, old, new)
        elif _are_floats(old, new):
            arrays = np.asarray(old, np.float64), np.asarray(new, np.float64)
            yield from self._compare_arrays(path, field, *arrays)
        elif type(old) is not type(new) or old != new:
            yield Difference(path, old, new)

    def _compare_arrays(
        self, path: str, field: str, old: NDArray[Any], new: NDArray[Any]
    ) -> Iterator[Difference]:
        if old.size == new.size == 0:
            return  # nested lists without elements lose their shape
        if old.shape != new.shape:
            yield Difference(f"{path} (shape)", old.shape, new.shape)
            return
        kinds, gaps = {old.dtype.kind, new.dtype.kind}, None
        if kinds <= set("fiu"):
            tolerance = self.tolerance if "f" in kinds else EXACT
            gaps = _gaps(old, new)
            excess = gaps - tolerance.limits(old, self.scales.largest(field))
        elif len(kinds) == 1:
            excess = (old != new).astype(np.float64)
        else:
            excess = np.ones(old.shape)
        if (excess > 0).any():
            worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
            quanta = None if gaps is None else self._quanta(field, float(gaps[worst]))
            steps = "".join(f"[{step}]" for step in worst)
            yield Difference(path + steps, old[worst].item(), new[worst].item(), quanta)

    def _quanta(self, field: str, gap: float) -> float | None:
        """Return a gap in steps of the last digit that a field keeps."""
        quantum = self.scales.quantum(field)
        return gap / quantum if quantum and np.isfinite(gap) else None


def _split(value: Any) -> dict[str, Any] | None:
    """Return the parts of a value by the step of a path that leads there; None for an atom."""
    if isinstance(value, BaseModel):
        return {f".{name}": getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {f"[{name!r}]": part for name, part in value.items()}
    if isinstance(value, list | tuple):
        return {f"[{index}]": part for index, part in enumerate(value)}
    return None


def _are_floats(old: Any, new: Any) -> bool:
    """Return whether both are numbers and one is a float."""
    numbers = (int, float, np.integer, np.floating)
    values = old, new
    return all(isinstance(v, numbers) and not isinstance(v, bool) for v in values) and any(
        isinstance(v, float | np.floating) for v in values
    )


def _gaps(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float64]:
    """Return |old - new|: 0 for equal infinities and NaNs, infinite from a number to either."""
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.abs(old.astype(np.float64) - new.astype(np.float64))
    # Big integers that differ may be equal as float64.
    gaps = np.where(np.isnan(gaps), np.inf, np.maximum(gaps, np.finfo(np.float64).tiny))
    return np.where(equal, 0.0, gaps)
