"""Scales of charts with two numeric axes: limits that figures shown together share, ticks, and the frame around."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from layerbook.core.labels import Axis
from layerbook.plotting import colours, text
from layerbook.plotting.canvas import Canvas

Limits = tuple[float, float]


def drawable(values: Iterable[float], log: bool) -> NDArray[np.float64]:
    """The values with NaN for what has no place on the axis: infinities, and what is not positive on a log axis."""
    array = np.array(list(values), dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    if log:
        array[array <= 0] = np.nan
    return array


def limits(values: Sequence[Iterable[float]], axis: Axis, pad: float = 0.04) -> Limits:
    """Ends that hold all values, a little air around them; in the axis' own units."""
    found = np.concatenate([drawable(some, axis.log) for some in values] or [np.array([])])
    found = found[~np.isnan(found)]
    if not found.size:
        return (1.0, 10.0) if axis.log else (0.0, 1.0)
    low, high = float(found.min()), float(found.max())
    if axis.log:
        low, high = math.log10(low), math.log10(high)
    air = pad * (high - low) if high > low else 0.5
    low, high = low - air, high + air
    return (10**low, 10**high) if axis.log else (low, high)


def dress(
    axes: Axes,
    x: Axis,
    y: Axis,
    limits_x: Limits,
    limits_y: Limits,
    *,
    ticks: tuple[int, int],
    sides: tuple[bool, bool] = (True, True),
) -> None:
    """Scales, a few ticks, a light grid and no box; `sides`: whether the ticks of y and of x are named."""
    axes.set(
        xscale="log" if x.log else "linear",
        yscale="log" if y.log else "linear",
        xlim=limits_x,
        ylim=limits_y,
    )
    axes.spines[["top", "right"]].set_visible(False)
    for side, axis, ends, most, named in (
        (axes.xaxis, x, limits_x, ticks[0], sides[1]),
        (axes.yaxis, y, limits_y, ticks[1], sides[0]),
    ):
        places = _ticks(axis, ends, most)
        side.set_major_locator(FixedLocator(places))
        side.set_minor_locator(NullLocator())
        side.set_ticklabels(
            [_name(axis, place) if named else "" for place in places],
            parse_math=False,
            rotation_mode="anchor",
        )
    axes.tick_params(length=0, pad=6, labelsize=text.SMALL, labelcolor=colours.MUTED)
    for label in axes.get_yticklabels():
        label.set_verticalalignment("center_baseline")
    axes.grid(True)
    axes.set_axisbelow(True)


def titles(
    canvas: Canvas,
    x: Axis,
    y: Axis,
    place: tuple[float, float, float, float],
    left: float,
    sides: tuple[bool, bool] = (True, True),
) -> None:
    """Names of the axes: y above its end, x below its end, both read without turning the head."""
    start, top, width, height = place
    if sides[0]:
        canvas.write(
            f"↑ {text.plain(y.title())}", left, top - 10, size=text.SMALL, color=colours.MUTED
        )
    name = f"→ {text.plain(x.title())}"
    end = max(start + width, left + text.width(name, text.SMALL))
    if sides[1]:
        canvas.write(
            name, end, top + height + 36, size=text.SMALL, color=colours.MUTED, anchor="right"
        )


def tick_width(axis: Axis, ends: Limits, most: int) -> float:
    """Room that the names of the ticks take."""
    names = [_name(axis, place) for place in _ticks(axis, ends, most)]
    return max((text.width(name, text.SMALL) for name in names), default=0.0)


def _ticks(axis: Axis, ends: Limits, most: int) -> list[float]:
    low, high = ends
    if axis.labels:
        count = len(axis.labels)
        return [
            float(axis.start + i)
            for i in range(0, count, text.step(count, most))
            if low <= axis.start + i <= high
        ]
    if axis.log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 1:
            every = text.step(last - first + 1, most)
            return [10.0**power for power in range(first, last + 1, every)]
    return [
        float(place)
        for place in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
        if low <= place <= high
    ]


def _name(axis: Axis, place: float) -> str:
    index = round(place) - axis.start
    if axis.labels and 0 <= index < len(axis.labels):
        return text.plain(axis.step(index), 12)
    return text.number(0.0 if abs(place) < 1e-12 else place)
