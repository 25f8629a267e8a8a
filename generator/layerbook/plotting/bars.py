"""Horizontal bars, each a row of its own: label, bar, value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Bars
from layerbook.core.labels import Axis
from layerbook.core.tokens import Token
from layerbook.plotting import axes as scales
from layerbook.plotting import colours, text
from layerbook.plotting.canvas import Canvas

_BARS = (340.0, 150.0, 90.0, 60.0)


@dataclass(frozen=True)
class Fit:
    """What bar charts shown together share; no limits: each its own."""

    rows: int
    row: float
    bar: float
    left: float
    right: float
    longest: int
    limits: scales.Limits | None

    @property
    def margin(self) -> float:
        """Room for the labels."""
        return self.left

    @property
    def width(self) -> float:
        """All of it, in pixels."""
        return self.left + self.bar + self.right

    @property
    def height(self) -> float:
        """All of it, in pixels."""
        return 26 + self.rows * self.row + 6


def fit(figures: Sequence[Bars], *, across: int = 1, shared: bool = True) -> Fit:
    """One layout for all of them; `shared` gives them one scale."""
    rows = max(len(figure.values) + (figure.rest is not None) for figure in figures)
    longest = 18 if across > 1 else 34
    names = [
        (label, isinstance(label, Token)) for f in figures for label in (*f.labels, f.rest_label)
    ]
    left = max(text.width(text.plain(name, longest), text.SIZE, mono) for name, mono in names) + 12
    left = max(left, *(text.width(f.label_axis.title(), text.SMALL) + 14 for f in figures))
    right = max(text.width(text.number(v), text.SMALL) for f in figures for v in _values(f)) + 14
    axis = max(text.width(f.value_axis.title(), text.SMALL) for f in figures)
    bar = max(_BARS[min(across, 4) - 1], axis - right)
    row = 25.0 if rows <= 12 else 21.0 if rows <= 30 else 17.0
    return Fit(rows, row, bar, left, right, longest, _limits(figures) if shared else None)


def paint(canvas: Canvas, figure: Bars, fit: Fit, left: float, top: float) -> None:
    """Draw the bars at (left, top), the first on top."""
    ends = fit.limits or _limits((figure,))
    start = left + fit.left
    # Bars to the left of zero need room for their values on that side.
    inset = fit.right - 6 if ends[0] < 0 else 0.0
    zero = _place(
        0.0 if not figure.value_axis.log else ends[0],
        figure.value_axis,
        ends,
        start + inset,
        fit.bar - inset,
    )
    canvas.write(
        text.plain(figure.label_axis.title()),
        start - 10,
        top + 13,
        size=text.SMALL,
        color=colours.MUTED,
        anchor="right",
    )
    canvas.write(
        text.plain(figure.value_axis.title()), start, top + 13, size=text.SMALL, color=colours.MUTED
    )
    labels = (*figure.labels, figure.rest_label)
    for i, value in enumerate(_values(figure)):
        y = top + 26 + i * fit.row
        end = _place(value, figure.value_axis, ends, start + inset, fit.bar - inset)
        _row(canvas, figure, i, (zero, end), y, fit.row)
        label = labels[i]
        pale = i == len(figure.values)
        canvas.write(
            text.plain(label, fit.longest),
            start - 10,
            y + fit.row / 2 + 4.5,
            size=text.SIZE if not pale else text.SMALL,
            color=colours.MUTED
            if pale
            else colours.ACCENT
            if i in figure.highlight
            else colours.INK,
            anchor="right",
            mono=isinstance(label, Token),
        )
    bottom = top + 26 + len(_values(figure)) * fit.row
    canvas.strokes([(zero, top + 24, zero, bottom)], colours.LINE)


def _row(
    canvas: Canvas, figure: Bars, i: int, bar: tuple[float, float], y: float, row: float
) -> None:
    """One bar and its value, written beyond its end."""
    zero, end = bar
    rest = i == len(figure.values)
    color = colours.PALE if rest else colours.ACCENT if i in figure.highlight else colours.SERIES[0]
    value = _values(figure)[i]
    if math.isfinite(end):
        canvas.box(min(zero, end), y + row * 0.16, max(abs(end - zero), 0.75), row * 0.68, color)
    left_of_zero = math.isfinite(end) and end < zero
    at = (end if math.isfinite(end) else zero) + (-6 if left_of_zero else 6)
    canvas.write(
        text.number(value),
        at,
        y + row / 2 + 4,
        size=text.SMALL,
        color=colours.MUTED if rest else colours.INK,
        anchor="right" if left_of_zero else "left",
    )


def _values(figure: Bars) -> tuple[float, ...]:
    return figure.values if figure.rest is None else (*figure.values, figure.rest)


def _limits(figures: Sequence[Bars]) -> scales.Limits:
    """From zero (a decade below the least, on a log axis) to the longest bar."""
    axis = figures[0].value_axis
    found = scales.drawable((value for figure in figures for value in _values(figure)), axis.log)
    found = found[np.isfinite(found)]
    if axis.log:
        low, high = (float(found.min()), float(found.max())) if found.size else (1.0, 10.0)
        return float(10 ** (math.floor(math.log10(low) - 1e-9))), high
    low, high = float(found.min(initial=0.0)), float(found.max(initial=0.0))
    return (low, high) if high > low else (0.0, 1.0)


def _place(value: float, axis: Axis, ends: scales.Limits, start: float, room: float) -> float:
    """Where the value lies, in pixels; NaN where it has no place on the axis."""
    low, high = ends
    if axis.log:
        if value <= 0:
            return math.nan
        value, low, high = (math.log10(v) for v in (value, low, high))
    return start + room * (value - low) / (high - low) if math.isfinite(value) else math.nan
