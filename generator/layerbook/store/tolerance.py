"""Whether two results say the same: names, tokens, counts and order exactly, measured numbers within a tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import Result

RTOL, ATOL = 1e-4, 1e-5  # another machine's float32 moves logits and patterns by about 1e-5


@dataclass(frozen=True)
class Difference:
    """One place where two results part, as `prompts[0].top[1].prob`, and what each says there."""

    path: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new}"


@dataclass(frozen=True)
class Comparison:
    """The differences beyond tolerance; the largest absolute gap between two numbers, within it or not, and where."""

    differences: tuple[Difference, ...]
    largest_gap: float
    place: str = ""

    @property
    def same(self) -> bool:
        """Whether nothing differs beyond tolerance."""
        return not self.differences

    def prefixed(self, name: str) -> Comparison:
        """As part of something larger, in which this is called `name`."""
        apart = tuple(
            Difference(f"{name}: {one.path}", one.old, one.new) for one in self.differences
        )
        return Comparison(apart, self.largest_gap, f"{name}: {self.place}" if self.place else "")

    def merged_with(self, other: Comparison) -> Comparison:
        """Both as one; of the differences, the first of each, so that thousands join in no more room than two."""
        widest = max(self, other, key=lambda one: one.largest_gap)
        return Comparison(
            (*self.differences[:1], *other.differences[:1])[:2], widest.largest_gap, widest.place
        )


@dataclass(frozen=True)
class _Finding:
    gap: float = 0.0
    place: str = ""
    difference: Difference | None = None


def compare_results(old: Result, new: Result, rtol: float = RTOL, atol: float = ATOL) -> Comparison:
    """Compare two results field by field.

    Floats agree where |old - new| <= atol + rtol |old|, or both are NaN, or the same infinity. An array counts as
    one place: its worst element is the one reported. Everything else must be equal, keys of mappings in order too.
    """
    findings = list(_walk("", old, new, rtol, atol))
    differences = tuple(f.difference for f in findings if f.difference is not None)
    widest = max(findings, key=lambda f: f.gap, default=_Finding())
    return Comparison(differences, widest.gap, widest.place)


def _walk(path: str, old: Any, new: Any, rtol: float, atol: float) -> Iterator[_Finding]:
    mine, theirs = _parts(old), _parts(new)
    if mine is None or theirs is None:
        yield _leaf(path, old, new, rtol, atol)
    elif len(mine) != len(theirs):
        yield _Finding(difference=Difference(f"{path} (length)", len(mine), len(theirs)))
    elif list(mine) != list(theirs):
        yield _Finding(difference=Difference(f"{path} (keys)", "".join(mine), "".join(theirs)))
    else:
        for step, part in mine.items():
            yield from _walk((path + step).removeprefix("."), part, theirs[step], rtol, atol)


def _parts(value: Any) -> dict[str, Any] | None:
    """What a value is made of, by the step of a path that leads there; None for one that has no parts."""
    if isinstance(value, BaseModel):
        return {f".{name}": getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {f"[{name!r}]": part for name, part in value.items()}
    if isinstance(value, list | tuple):
        return {f"[{index}]": part for index, part in enumerate(value)}
    return None


def _leaf(path: str, old: Any, new: Any, rtol: float, atol: float) -> _Finding:
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return _arrays(path, old, new, rtol, atol)
    if _is_float(old, new):
        return _arrays(path, np.asarray(old, np.float64), np.asarray(new, np.float64), rtol, atol)
    equal = type(old) is type(new) and old == new
    return _Finding() if equal else _Finding(difference=Difference(path, old, new))


def _is_float(old: Any, new: Any) -> bool:
    numbers = (int, float, np.integer, np.floating)
    both = all(isinstance(value, numbers) and not isinstance(value, bool) for value in (old, new))
    return both and any(isinstance(value, float | np.floating) for value in (old, new))


def _arrays(path: str, old: NDArray[Any], new: NDArray[Any], rtol: float, atol: float) -> _Finding:
    if old.size == new.size == 0:
        return _Finding()  # nested lists keep no shape without elements
    if old.shape != new.shape:
        return _Finding(difference=Difference(f"{path} (shape)", old.shape, new.shape))
    kinds = {old.dtype.kind, new.dtype.kind}
    if not kinds <= set("fiu"):
        alike = len(kinds) == 1
        return _worst(
            path,
            old,
            new,
            np.where((old == new) if alike else False, 0.0, 1.0),
            0.0,
            measured=False,
        )
    if "f" not in kinds:
        rtol = atol = 0.0
    gaps = _gaps(old, new)
    allowed = atol + rtol * np.abs(np.where(np.isfinite(old), old, 0.0))
    return _worst(path, old, new, gaps, allowed)


def _gaps(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.float64]:
    """|old - new| in float64; 0 between equal infinities and between NaNs, infinite from a number to either."""
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(invalid="ignore"):
        gaps = np.abs(old.astype(np.float64) - new.astype(np.float64))
    gaps = np.where(
        np.isnan(gaps), np.inf, np.maximum(gaps, np.finfo(np.float64).tiny)
    )  # big integers differ by > 0
    return np.where(equal, 0.0, gaps)


def _worst(
    path: str, old: Any, new: Any, gaps: Any, allowed: Any, measured: bool = True
) -> _Finding:
    largest_gap, farthest = (
        (float(gaps.max()), _place(path, gaps)) if measured and gaps.any() else (0.0, "")
    )
    if not (gaps > allowed).any():
        return _Finding(largest_gap, farthest)
    worst = np.unravel_index(int(np.argmax(gaps - allowed)), gaps.shape)
    difference = Difference(_place(path, gaps - allowed), old[worst].item(), new[worst].item())
    return _Finding(largest_gap, farthest, difference)


def _place(path: str, sizes: Any) -> str:
    """The path to the largest of an array."""
    return path + "".join(
        f"[{index}]" for index in np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    )
