"""Charts with two numeric axes: their limits, ticks, grid lines and titles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from layerbook.core.figures import Axis, Lines, Scatter
from layerbook.plotting import colors, text
from layerbook.plotting.canvas import BOTH_SIDES, Canvas, LabeledSides, Size
from layerbook.plotting.svg import Area

Limits = tuple[float, float]


class PlotLimits(NamedTuple):
    """The limits of both axes."""

    x: Limits
    y: Limits


@dataclass(frozen=True, kw_only=True)
class PlotLayout:
    """The layout of charts that are shown together; without limits, each has its own axes.

    label_width: of the ticks of the y axis. max_ticks: on each axis.
    """

    plot_size: Size
    label_width: float
    right_margin: float
    max_ticks: int
    limits: PlotLimits | None
    labeled_sides: LabeledSides = BOTH_SIDES

    @property
    def left_margin(self) -> float:
        """Width of the ticks of the y axis, if they are drawn."""
        return self.label_width if self.labeled_sides.left else 0.0

    @property
    def header_height(self) -> float:
        """Height of the name of the y axis."""
        return 30.0

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return self.left_margin + self.plot_size.width + self.right_margin

    @property
    def height(self) -> float:
        """Total height in pixels."""
        below = 44 if self.labeled_sides.bottom else 8
        return self.header_height + self.plot_size.height + below


def mask_unplottable(values: Iterable[float], *, log: bool) -> NDArray[np.float64]:
    """Replace infinities by NaN, and on a log axis all values that are not positive."""
    array = np.array(list(values), dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    if log:
        array[array <= 0] = np.nan
    return array


def axis_shares(values: Iterable[float], limits: Limits, *, log: bool) -> NDArray[np.float64]:
    """Return the positions of values along an axis, from 0 to 1; NaN if they cannot be drawn."""
    array, ends = mask_unplottable(values, log=log), np.array(limits)
    if log:
        array, ends = np.log10(array), np.log10(ends)
    return (array - ends[0]) / (ends[1] - ends[0])


def axis_limits(values: Iterable[float], axis: Axis, padding: float = 0.04) -> Limits:
    """Return limits that hold all values with some padding, in the units of the axis."""
    numbers = mask_unplottable(values, log=axis.log)
    numbers = numbers[~np.isnan(numbers)]
    if not numbers.size:
        return (1.0, 10.0) if axis.log else (0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    if axis.log:
        low, high = math.log10(low), math.log10(high)
    margin = padding * (high - low) if high > low else max(0.5, abs(low) / 1e6)
    low, high = low - margin, high + margin
    return (10**low, 10**high) if axis.log else (low, high)


def draw_axes(
    canvas: Canvas, figure: Lines | Scatter, layout: PlotLayout, limits: PlotLimits, area: Area
) -> Axes:
    """Draw axes with their names, a few ticks, a light grid and no box."""
    axes = canvas.add_axes(area)
    axes.set(
        xscale="log" if figure.x.log else "linear",
        yscale="log" if figure.y.log else "linear",
        xlim=limits.x,
        ylim=limits.y,
    )
    axes.spines[["top", "right"]].set_visible(False)
    for side, axis, limits_of_side, is_labeled in (
        (axes.xaxis, figure.x, limits.x, layout.labeled_sides.bottom),
        (axes.yaxis, figure.y, limits.y, layout.labeled_sides.left),
    ):
        positions = _tick_positions(axis, limits_of_side, layout.max_ticks)
        names = _tick_labels(axis, positions)
        if side is axes.xaxis and names:
            # The widths of digits are estimated on the wide side, by a fifth.
            count = int(1.2 * axes.bbox.width / text.max_width(names))
            interval = text.label_step(len(positions), count)
            positions, names = positions[::interval], names[::interval]
        side.set_major_locator(FixedLocator(positions))
        side.set_minor_locator(NullLocator())
        shown = names if is_labeled else [""] * len(names)
        side.set_ticklabels(shown, parse_math=False, rotation_mode="anchor")
    axes.tick_params(length=0, pad=6, labelsize=text.SMALL_FONT_SIZE, labelcolor=colors.MUTED)
    for label in axes.get_yticklabels():
        label.set_verticalalignment("center_baseline")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    _draw_axis_titles(canvas, figure, layout, area)
    return axes


def _draw_axis_titles(
    canvas: Canvas, figure: Lines | Scatter, layout: PlotLayout, area: Area
) -> None:
    """Draw the names of the axes horizontally: y above its end, x below its end."""
    left = area.left - layout.left_margin
    if layout.labeled_sides.left:
        name = f"↑ {text.printable(figure.y.title())}"
        canvas.draw_text(name, left, area.top - 10, color=colors.MUTED)
    if layout.labeled_sides.bottom:
        name = f"→ {text.printable(figure.x.title())}"
        end = max(area.right, left + text.pixel_width(name))
        canvas.draw_text(name, end, area.bottom + 36, color=colors.MUTED, anchor="right")


def tick_label_width(axis: Axis, limits: Limits, max_ticks: int) -> float:
    """Return the width of the names of the ticks."""
    return text.max_width(_tick_labels(axis, _tick_positions(axis, limits, max_ticks)))


def _tick_positions(axis: Axis, limits: Limits, max_ticks: int) -> list[float]:
    low, high = limits
    if axis.labels:
        count = len(axis.labels)
        return [
            float(axis.start + i)
            for i in range(0, count, text.label_step(count, max_ticks))
            if low <= axis.start + i <= high
        ]
    if axis.log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 1:
            interval = text.label_step(last - first + 1, max_ticks)
            return [10.0**power for power in range(first, last + 1, interval)]
    options = {"integer": True, "min_n_ticks": 1} if axis.nominal else {}
    locator = MaxNLocator(max_ticks, steps=[1, 2, 5, 10], **options)
    return [
        float(position) for position in locator.tick_values(low, high) if low <= position <= high
    ]


def _tick_labels(axis: Axis, positions: Sequence[float]) -> list[str]:
    """Return the names of ticks in one notation, all different."""
    if axis.labels:
        labels = text.shorten_apart(axis.labels, 12)
        return [labels[round(position) - axis.start] for position in positions]
    step = min((b - a for a, b in pairwise(positions)), default=0.0)
    # A tick that is a rounding error away from zero is zero.
    exact = [0.0 if abs(position) < step / 1e6 else position for position in positions]
    return text.format_numbers(
        exact, step or abs(sum(exact)), grouped=not axis.nominal, percent=axis.percent
    )
