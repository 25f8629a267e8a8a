"""Compare two results: words, counts and order exactly, measured numbers within a tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import Result

RTOL, ATOL = 1e-4, 1e-5  # float32 on another machine moves logits and patterns by about 1e-5


@dataclass(frozen=True)
class Difference:
    """A path such as `prompts[0].top[1].prob` where two results differ, and both values."""

    path: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new}"


@dataclass(frozen=True)
class Comparison:
    """The differences beyond tolerance, and the largest gap between two numbers and its path."""

    differences: tuple[Difference, ...] = ()
    largest_gap: float = 0.0
    largest_gap_path: str = ""

    @property
    def same(self) -> bool:
        """Return whether nothing differs beyond tolerance."""
        return not self.differences

    def prefixed(self, name: str) -> Comparison:
        """Return the comparison with paths that start with `name`."""
        differences = tuple(replace(d, path=f"{name}: {d.path}") for d in self.differences)
        path = self.largest_gap_path and f"{name}: {self.largest_gap_path}"
        return Comparison(differences, self.largest_gap, path)

    def merged_with(self, other: Comparison) -> Comparison:
        """Return both as one, which keeps only the first difference of each."""
        widest = max(self, other, key=lambda comparison: comparison.largest_gap)
        differences = (*self.differences[:1], *other.differences[:1])
        return replace(widest, differences=differences)


def compare_results(old: Result, new: Result, rtol: float = RTOL, atol: float = ATOL) -> Comparison:
    """Compare two results field by field.

    Floats agree if |old - new| <= atol + rtol |old|, or if both are NaN or the same infinity. Of
    an array, only the worst element is reported. Everything else must be equal, including the
    order of keys.
    """
    parts = list(_compare("", old, new, rtol, atol))
    differences = tuple(difference for part in parts for difference in part.differences)
    widest = max(parts, key=lambda part: part.largest_gap, default=Comparison())
    return replace(widest, differences=differences)


def _compare(path: str, old: Any, new: Any, rtol: float, atol: float) -> Iterator[Comparison]:
    old_parts, new_parts = _split(old), _split(new)
    if old_parts is None or new_parts is None:
        yield _compare_values(path, old, new, rtol, atol)
    elif len(old_parts) != len(new_parts):
        yield _different(f"{path} (length)", len(old_parts), len(new_parts))
    elif list(old_parts) != list(new_parts):
        yield _different(f"{path} (keys)", "".join(old_parts), "".join(new_parts))
    else:
        for step, part in old_parts.items():
            inner = (path + step).removeprefix(".")
            yield from _compare(inner, part, new_parts[step], rtol, atol)


def _split(value: Any) -> dict[str, Any] | None:
    """Return the parts of a value by the step of a path that leads there; None for an atom."""
    if isinstance(value, BaseModel):
        return {f".{name}": getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {f"[{name!r}]": part for name, part in value.items()}
    if isinstance(value, list | tuple):
        return {f"[{index}]": part for index, part in enumerate(value)}
    return None


def _different(path: str, old: object, new: object) -> Comparison:
    return Comparison((Difference(path, old, new),))


def _compare_values(path: str, old: Any, new: Any, rtol: float, atol: float) -> Comparison:
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return _compare_arrays(path, old, new, rtol, atol)
    if _are_floats(old, new):
        arrays = np.asarray(old, np.float64), np.asarray(new, np.float64)
        return _compare_arrays(path, *arrays, rtol, atol)
    return Comparison() if type(old) is type(new) and old == new else _different(path, old, new)


def _are_floats(old: Any, new: Any) -> bool:
    """Return whether both are numbers and one is a float."""
    numbers = (int, float, np.integer, np.floating)
    values = old, new
    return all(isinstance(v, numbers) and not isinstance(v, bool) for v in values) and any(
        isinstance(v, float | np.floating) for v in values
    )


def _compare_arrays(
    path: str, old: NDArray[Any], new: NDArray[Any], rtol: float, atol: float
) -> Comparison:
    if old.size == new.size == 0:
        return Comparison()  # nested lists without elements lose their shape
    if old.shape != new.shape:
        return _different(f"{path} (shape)", old.shape, new.shape)
    kinds = {old.dtype.kind, new.dtype.kind}
    if not kinds <= set("fiu"):
        unequal = old != new if len(kinds) == 1 else np.ones(old.shape, bool)
        if not unequal.any():
            return Comparison()
        worst = _largest(unequal)
        return _different(path + _steps(worst), old[worst].item(), new[worst].item())
    if "f" not in kinds:
        rtol = atol = 0.0
    gaps = _gaps(old, new)
    excess = gaps - (atol + rtol * np.abs(np.where(np.isfinite(old), old, 0.0)))
    farthest = _largest(gaps)
    widest = Comparison((), float(gaps[farthest]), path + _steps(farthest) if gaps.any() else "")
    if not (excess > 0).any():
        return widest
    worst = _largest(excess)
    difference = Difference(path + _steps(worst), old[worst].item(), new[worst].item())
    return replace(widest, differences=(difference,))


def _gaps(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float64]:
    """Return |old - new|: 0 for equal infinities and NaNs, infinite from a number to either."""
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(invalid="ignore"):
        gaps = np.abs(old.astype(np.float64) - new.astype(np.float64))
    # Big integers that differ may be equal as float64.
    gaps = np.where(np.isnan(gaps), np.inf, np.maximum(gaps, np.finfo(np.float64).tiny))
    return np.where(equal, 0.0, gaps)


def _largest(values: NDArray[Any]) -> tuple[np.intp, ...]:
    return np.unravel_index(int(np.argmax(values)), values.shape)


def _steps(index: tuple[np.intp, ...]) -> str:
    return "".join(f"[{step}]" for step in index)
