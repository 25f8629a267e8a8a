"""Two numeric axes: limits that charts shown together share, ticks, and the frame around."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from layerbook.core.figures import Axis
from layerbook.plotting import colours, text
from layerbook.plotting.canvas import Canvas

Limits = tuple[float, float]


def mask_unplottable(values: Iterable[float], *, log: bool) -> NDArray[np.float64]:
    """Replace infinities by NaN, and on a log axis all values that are not positive."""
    array = np.array(list(values), dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    if log:
        array[array <= 0] = np.nan
    return array


def axis_limits(values: Sequence[Iterable[float]], axis: Axis, padding: float = 0.04) -> Limits:
    """Return limits that hold all values with some padding, in the units of the axis."""
    numbers = np.concatenate(
        [mask_unplottable(group, log=axis.log) for group in values] or [np.array([])]
    )
    numbers = numbers[~np.isnan(numbers)]
    if not numbers.size:
        return (1.0, 10.0) if axis.log else (0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    if axis.log:
        low, high = math.log10(low), math.log10(high)
    margin = padding * (high - low) if high > low else max(0.5, abs(low) / 1e6)
    low, high = low - margin, high + margin
    return (10**low, 10**high) if axis.log else (low, high)


def style_axes(
    axes: Axes,
    x: Axis,
    y: Axis,
    limits_x: Limits,
    limits_y: Limits,
    *,
    max_ticks: tuple[int, int],
    labelled_sides: tuple[bool, bool] = (True, True),
) -> None:
    """Set scales, a few ticks, a light grid and no box.

    labelled_sides: whether the ticks of y and of x are named.
    """
    axes.set(
        xscale="log" if x.log else "linear",
        yscale="log" if y.log else "linear",
        xlim=limits_x,
        ylim=limits_y,
    )
    axes.spines[["top", "right"]].set_visible(False)
    for side, axis, limits, most, named in (
        (axes.xaxis, x, limits_x, max_ticks[0], labelled_sides[1]),
        (axes.yaxis, y, limits_y, max_ticks[1], labelled_sides[0]),
    ):
        room = axes.bbox.width if side is axes.xaxis else 1e6
        places, names = _fitting_ticks(axis, limits, most, room)
        side.set_major_locator(FixedLocator(places))
        side.set_minor_locator(NullLocator())
        side.set_ticklabels(
            names if named else [""] * len(names),
            parse_math=False,
            rotation_mode="anchor",
        )
    axes.tick_params(length=0, pad=6, labelsize=text.SMALL_FONT_SIZE, labelcolor=colours.MUTED)
    for label in axes.get_yticklabels():
        label.set_verticalalignment("center_baseline")
    axes.grid(True)
    axes.set_axisbelow(True)


def draw_axis_titles(
    canvas: Canvas,
    x: Axis,
    y: Axis,
    place: tuple[float, float, float, float],
    *,
    left: float,
    labelled_sides: tuple[bool, bool],
) -> None:
    """Draw the names of the axes horizontally: y above its end, x below its end."""
    start, top, width, height = place
    if labelled_sides[0]:
        canvas.draw_text(
            f"↑ {text.printable(y.title())}",
            left,
            top - 10,
            size=text.SMALL_FONT_SIZE,
            color=colours.MUTED,
        )
    name = f"→ {text.printable(x.title())}"
    end = max(start + width, left + text.pixel_width(name, text.SMALL_FONT_SIZE))
    if labelled_sides[1]:
        canvas.draw_text(
            name,
            end,
            top + height + 36,
            size=text.SMALL_FONT_SIZE,
            color=colours.MUTED,
            anchor="right",
        )


def tick_label_width(axis: Axis, limits: Limits, most: int) -> float:
    """Return the width of the names of the ticks."""
    return _widest(_tick_labels(axis, _tick_positions(axis, limits, most)))


def _widest(names: Iterable[str]) -> float:
    return max((text.pixel_width(name, text.SMALL_FONT_SIZE) for name in names), default=0.0)


def _fitting_ticks(
    axis: Axis, limits: Limits, most: int, room: float
) -> tuple[list[float], list[str]]:
    """Return ticks with their names, at most as many as given and as fit side by side."""
    places = _tick_positions(axis, limits, most)
    names = _tick_labels(axis, places)
    # The widths of digits are estimated on the wide side, by a fifth.
    count = int(1.2 * room / _widest(names)) if names else most
    interval = text.label_step(len(places), count)
    return places[::interval], names[::interval]


def _tick_positions(axis: Axis, limits: Limits, most: int) -> list[float]:
    low, high = limits
    if axis.labels:
        count = len(axis.labels)
        return [
            float(axis.start + i)
            for i in range(0, count, text.label_step(count, most))
            if low <= axis.start + i <= high
        ]
    if axis.log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 1:
            interval = text.label_step(last - first + 1, most)
            return [10.0**power for power in range(first, last + 1, interval)]
    options = {"integer": True, "min_n_ticks": 1} if axis.nominal else {}
    locator = MaxNLocator(most, steps=[1, 2, 5, 10], **options)
    return [float(place) for place in locator.tick_values(low, high) if low <= place <= high]


def _tick_labels(axis: Axis, places: Sequence[float]) -> list[str]:
    """Return the names of ticks in one notation, all different."""
    if axis.labels:
        labels = text.shorten_apart(axis.labels, 12)
        return [labels[round(place) - axis.start] for place in places]
    step = min((b - a for a, b in pairwise(places)), default=0.0)
    # A tick that is a rounding error away from zero is zero.
    exact = [0.0 if abs(place) < step / 1e6 else place for place in places]
    return text.format_numbers(
        exact, step or abs(sum(exact)), grouped=not axis.nominal, percent=axis.percent
    )
