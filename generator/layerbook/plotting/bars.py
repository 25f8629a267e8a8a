"""Draw horizontal bars, each in a row with its label and value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Bars, Label
from layerbook.core.tokens import Token
from layerbook.plotting import colors, numeric_axes, svg, text
from layerbook.plotting.canvas import Arrangement, Canvas
from layerbook.plotting.svg import Area

_TITLE_HEIGHT = 18.0
_BAR_LENGTHS = ((230.0, 110.0), (130.0, 130.0), (84.0, 84.0), (60.0, 60.0))


@dataclass(frozen=True)
class BarsLayout:
    """The layout of bar charts that are shown together; without limits, each has its own scale."""

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


def compute_layout(figures: Sequence[Bars], arrangement: Arrangement) -> BarsLayout:
    """Return one layout for all charts.

    On a phone, the labels are shorter and the titles of the axes are in two lines.
    """
    rows = max(len(figure.values) + (figure.rest is not None) for figure in figures)
    longest = 14 if arrangement.charts_per_row > 1 else 20 if arrangement.narrow else 30
    names = max(
        text.pixel_width(name, text.FONT_SIZE, mono=isinstance(label, Token))
        for f in figures
        for label, name in zip(_labels(f), _label_texts(f, longest), strict=True)
    )
    label_axis = value_axis = 0.0  # on a phone, the titles have lines of their own
    if not arrangement.narrow:
        label_axis = text.max_width(f.label_axis.title() for f in figures)
        value_axis = text.max_width(f.value_axis.title() for f in figures)
    left = max(names + 12, label_axis + 14)
    right = text.max_width(value for f in figures for value in _value_texts(f)) + 14
    longest_bar, shortest_bar = _BAR_LENGTHS[min(arrangement.charts_per_row, 4) - 1]
    max_width = svg.MAX_UNSCROLLED_WIDTH - left - right - 2
    bar = max(min(longest_bar, max(shortest_bar, max_width)), value_axis - right)
    row = 25.0 if rows <= 12 else 21.0 if rows <= 30 else 18.0
    limits = _value_limits(figures) if arrangement.shared_scale else None
    return BarsLayout(
        rows, row, bar, left, right, longest, limits, has_titles_apart=arrangement.narrow
    )


def draw(canvas: Canvas, figure: Bars, layout: BarsLayout, left: float, top: float) -> None:
    """Draw the bars at (left, top), the first on top."""
    start, first = left + layout.label_width, top + layout.header_height
    zero, *ends = _positions(figure, layout, start)
    _draw_axis_titles(canvas, figure, layout, left, top)
    names, value_texts = _label_texts(figure, layout.max_label_columns), _value_texts(figure)
    color = colors.role_color(figure.value_axis.role, colors.NEUTRAL)
    for i, end in enumerate(ends):
        is_rest, label = i == len(figure.values), _labels(figure)[i]
        accent = colors.ACCENT if i in figure.highlight and not is_rest else ""
        gid = canvas.add_part(text.printable(label))
        y, middle = first + i * layout.row_height, first + (i + 0.5) * layout.row_height
        if math.isfinite(end):
            length, height = max(abs(end - zero), 0.75), 0.68 * layout.row_height
            bar = Area(min(zero, end), y + 0.16 * layout.row_height, length, height)
            canvas.draw_rectangle(bar, accent or (colors.PALE if is_rest else color), gid=gid)
        ink = colors.MUTED if is_rest else colors.INK
        if math.isfinite(end) and end < zero:
            canvas.draw_text(value_texts[i], end - 6, middle + 4, gid, color=ink, anchor="right")
        else:
            beyond = end if math.isfinite(end) else zero
            canvas.draw_text(value_texts[i], beyond + 6, middle + 4, gid, color=ink)
        canvas.draw_text(
            names[i],
            start - 10,
            middle + 4.5,
            gid,
            size=text.SMALL_FONT_SIZE if is_rest else text.FONT_SIZE,
            color=accent or ink,
            anchor="right",
            mono=isinstance(label, Token),
        )
    bottom = first + len(ends) * layout.row_height
    canvas.draw_segments([(zero, first - 2, zero, bottom)], colors.LINE)


def _positions(figure: Bars, layout: BarsLayout, left: float) -> list[float]:
    """Return where all bars begin, then where each ends, in pixels; NaN if it cannot be drawn."""
    axis, limits = figure.value_axis, layout.limits or _value_limits((figure,))
    # Bars to the left of zero need room for their values on that side.
    inset = layout.right_margin - 6 if limits[0] < 0 else 0.0
    values = (limits[0] if axis.log else 0.0, *_values(figure))
    shares = numeric_axes.axis_shares(values, limits, log=axis.log)
    return [float(x) for x in left + inset + (layout.bar_length - inset) * shares]


def _draw_axis_titles(
    canvas: Canvas, figure: Bars, layout: BarsLayout, left: float, top: float
) -> None:
    """Draw the titles of both axes, beside each other or one below the other."""
    start = left + layout.label_width
    labels, values = (text.printable(a.title()) for a in (figure.label_axis, figure.value_axis))
    if layout.has_titles_apart:
        canvas.draw_text(f"↓ {labels}", left, top + 13, color=colors.MUTED)
        values_left = min(start, max(left, left + layout.width - text.pixel_width(values)))
        canvas.draw_text(values, values_left, top + 13 + _TITLE_HEIGHT, color=colors.MUTED)
    else:
        canvas.draw_text(labels, start - 10, top + 13, color=colors.MUTED, anchor="right")
        canvas.draw_text(values, start, top + 13, color=colors.MUTED)


def _labels(figure: Bars) -> tuple[Label, ...]:
    return (*figure.labels, figure.rest_name)


def _label_texts(figure: Bars, max_columns: int) -> list[str]:
    return text.shorten_apart(_labels(figure), max_columns)


def _values(figure: Bars) -> tuple[float, ...]:
    return figure.values if figure.rest is None else (*figure.values, figure.rest)


def _value_texts(figure: Bars) -> list[str]:
    return text.format_values(_values(figure), percent=figure.value_axis.percent)


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
