"""Draw horizontal bars, each in a row with its label and value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Axis, Bars, Label
from layerbook.core.tokens import Token
from layerbook.plotting import colours, numeric_axes, svg, text
from layerbook.plotting.canvas import Canvas

_TITLE_HEIGHT = 18.0
_BAR_LENGTHS = ((230.0, 110.0), (130.0, 130.0), (84.0, 84.0), (60.0, 60.0))


@dataclass(frozen=True)
class BarsLayout:
    """The layout that bar charts shown together share; without limits, each has its own."""

    rows: int
    row_height: float
    bar_length: float
    label_width: float
    right_margin: float
    max_label_columns: int
    limits: numeric_axes.Limits | None
    has_titles_apart: bool = False

    @property
    def header_height(self) -> float:
        """Height of the titles of the axes: beside each other, or one below the other."""
        return 26.0 + (_TITLE_HEIGHT if self.has_titles_apart else 0.0)

    @property
    def left_margin(self) -> float:
        """Width of the labels."""
        return self.label_width

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return self.label_width + self.bar_length + self.right_margin

    @property
    def height(self) -> float:
        """Total height in pixels."""
        return self.header_height + self.rows * self.row_height + 6


def compute_layout(
    figures: Sequence[Bars],
    *,
    charts_per_row: int = 1,
    shared_scale: bool = True,
    narrow: bool = False,
) -> BarsLayout:
    """Return one layout for all charts; `shared_scale` gives them one scale.

    narrow: fit them to a phone, with shorter labels and the titles of the axes in two lines.
    """
    rows = max(len(figure.values) + (figure.rest is not None) for figure in figures)
    longest = 14 if charts_per_row > 1 or narrow else 24
    names = max(
        text.pixel_width(name, text.FONT_SIZE, mono=isinstance(label, Token))
        for f in figures
        for label, name in zip(_labels(f), _label_texts(f, longest), strict=True)
    )
    label_axis = 0.0 if narrow else _widest(f.label_axis.title() for f in figures)
    left = max(names + 12, label_axis + 14)
    right = _widest(value for f in figures for value in _value_texts(f)) + 14
    value_axis = 0.0 if narrow else _widest(f.value_axis.title() for f in figures)
    longest_bar, shortest_bar = _BAR_LENGTHS[min(charts_per_row, 4) - 1]
    room = svg.MAX_UNSCROLLED_WIDTH - left - right - 2
    bar = max(min(longest_bar, max(shortest_bar, room)), value_axis - right)
    row = 25.0 if rows <= 12 else 21.0 if rows <= 30 else 18.0
    limits = _value_limits(figures) if shared_scale else None
    return BarsLayout(rows, row, bar, left, right, longest, limits, has_titles_apart=narrow)


def _widest(texts: Iterable[str]) -> float:
    return max(text.pixel_width(words) for words in texts)


def draw(canvas: Canvas, figure: Bars, layout: BarsLayout, left: float, top: float) -> None:
    """Draw the bars at (left, top), the first on top."""
    ends = layout.limits or _value_limits((figure,))
    start = left + layout.label_width
    # Bars to the left of zero need room for their values on that side.
    inset = layout.right_margin - 6 if ends[0] < 0 else 0.0
    axis, room = figure.value_axis, layout.bar_length - inset
    zero = _bar_end(ends[0] if axis.log else 0.0, axis, ends, start + inset, room)
    _draw_axis_titles(canvas, figure, layout, left, top)
    first = top + layout.header_height
    labels, names = _labels(figure), _label_texts(figure, layout.max_label_columns)
    for i, value in enumerate(_values(figure)):
        y = first + i * layout.row_height
        end = _bar_end(value, axis, ends, start + inset, room)
        gid = canvas.add_part(text.printable(labels[i]))
        _draw_bar(canvas, figure, i, (zero, end), y=y, row=layout.row_height, gid=gid)
        is_rest = i == len(figure.values)
        color = colours.ACCENT if i in figure.highlight else colours.INK
        canvas.draw_text(
            names[i],
            start - 10,
            y + layout.row_height / 2 + 4.5,
            size=text.SMALL_FONT_SIZE if is_rest else text.FONT_SIZE,
            color=colours.MUTED if is_rest else color,
            anchor="right",
            mono=isinstance(labels[i], Token),
            gid=gid,
        )
    bottom = first + len(_values(figure)) * layout.row_height
    canvas.draw_segments([(zero, first - 2, zero, bottom)], colours.LINE)


def _draw_axis_titles(
    canvas: Canvas, figure: Bars, layout: BarsLayout, left: float, top: float
) -> None:
    """Draw what the labels are beside what the bars measure, or above it."""
    start = left + layout.label_width
    labels, values = (text.printable(a.title()) for a in (figure.label_axis, figure.value_axis))
    size, color = text.SMALL_FONT_SIZE, colours.MUTED
    if layout.has_titles_apart:
        canvas.draw_text(f"↓ {labels}", left, top + 13, size=size, color=color)
        at = min(start, max(left, left + layout.width - text.pixel_width(values, size)))
        canvas.draw_text(values, at, top + 13 + _TITLE_HEIGHT, size=size, color=color)
        return
    canvas.draw_text(labels, start - 10, top + 13, size=size, color=color, anchor="right")
    canvas.draw_text(values, start, top + 13, size=size, color=color)


def _draw_bar(
    canvas: Canvas,
    figure: Bars,
    i: int,
    bar: tuple[float, float],
    *,
    y: float,
    row: float,
    gid: str,
) -> None:
    """Draw one bar, and its value beyond its end, as parts of the mark `gid`."""
    zero, end = bar
    is_rest = i == len(figure.values)
    color = _bar_color(figure, i)
    shown = _value_texts(figure)[i]
    if math.isfinite(end):
        length = max(abs(end - zero), 0.75)
        canvas.draw_rectangle(min(zero, end), y + row * 0.16, length, row * 0.68, color, gid=gid)
    left_of_zero = math.isfinite(end) and end < zero
    at = (end if math.isfinite(end) else zero) + (-6 if left_of_zero else 6)
    canvas.draw_text(
        shown,
        at,
        y + row / 2 + 4,
        color=colours.MUTED if is_rest else colours.INK,
        anchor="right" if left_of_zero else "left",
        gid=gid,
    )


def _labels(figure: Bars) -> tuple[Label, ...]:
    return (*figure.labels, figure.rest_name)


def _label_texts(figure: Bars, max_columns: int) -> list[str]:
    return text.shorten_apart(_labels(figure), max_columns)


def _values(figure: Bars) -> tuple[float, ...]:
    return figure.values if figure.rest is None else (*figure.values, figure.rest)


def _value_texts(figure: Bars) -> list[str]:
    return text.format_values(_values(figure), percent=figure.value_axis.percent)


def _bar_color(figure: Bars, i: int) -> str:
    if i == len(figure.values):
        return colours.PALE
    if i in figure.highlight:
        return colours.ACCENT
    return colours.role_colour(figure.value_axis.role, colours.NEUTRAL)


def _value_limits(figures: Sequence[Bars]) -> numeric_axes.Limits:
    """Return limits from zero (a decade below the least, on a log axis) to the longest bar."""
    axis = figures[0].value_axis
    finite = numeric_axes.mask_unplottable(
        (value for figure in figures for value in _values(figure)), log=axis.log
    )
    finite = finite[np.isfinite(finite)]
    if axis.log:
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0)
        return float(10 ** (math.floor(math.log10(low) - 1e-9))), high
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    return (low, high) if high > low else (0.0, 1.0)


def _bar_end(
    value: float, axis: Axis, ends: numeric_axes.Limits, start: float, room: float
) -> float:
    """Return the position of a value in pixels; NaN if it has none on the axis."""
    low, high = ends
    if axis.log:
        if value <= 0:
            return math.nan
        value, low, high = (math.log10(v) for v in (value, low, high))
    return start + room * (value - low) / (high - low) if math.isfinite(value) else math.nan
