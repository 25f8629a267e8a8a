"""Heat maps: a matrix by colour, with its labels and one colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Heatmap
from layerbook.core.labels import Axis
from layerbook.plotting import colours, text
from layerbook.plotting import heatmap_cells as cells
from layerbook.plotting.canvas import Anchor, Canvas

_BAR = (150.0, 11.0)
_ROOMS = ((590.0, 540.0), (320.0, 320.0), (205.0, 205.0), (150.0, 150.0))
_WRITTEN = 860.0
_LINE = 13.0
_SLANT = 0.72
_HATCH = 8.0
_MASKED = "−∞, masked"


@dataclass(frozen=True)
class Fit:
    """What heat maps shown together share: the size of a cell, the margins, and the scale (None: each its own)."""

    rows: int
    columns: int
    cell: tuple[float, float]
    left: float
    bottom: float
    turn: float
    scale: tuple[float, float] | None
    written: bool
    least: float
    bar: bool = True
    named: bool = True
    sides: tuple[bool, bool] = (True, True)

    @property
    def margin(self) -> float:
        """Room for row labels, where they are drawn."""
        return self.left if self.sides[0] else 0.0

    @property
    def top(self) -> float:
        """Room for the colour bar and the name of the rows."""
        return (28.0 if self.bar else 0.0) + (20.0 if self.named else 2.0)

    @property
    def width(self) -> float:
        """All of it, in pixels."""
        return max(self.margin + self.columns * self.cell[0], self.least if self.bar else 0.0) + 8

    @property
    def height(self) -> float:
        """All of it, in pixels."""
        below = self.bottom - (0.0 if self.named else 16.0) if self.sides[1] else 6.0
        return self.top + self.rows * self.cell[1] + below


def fit(
    figures: Sequence[Heatmap], *, across: int = 1, stacked: bool = False, shared: bool = True
) -> Fit:
    """One layout for all of them; `shared` gives them one scale, spanning them all where none is fixed.

    across: how many will lie side by side; stacked: whether others lie above or below.
    """
    rows, columns = (max(figure.values.shape[k] for figure in figures) for k in (0, 1))
    room = _room(across)[0], _room(max(across, 3) if stacked else across)[1]
    needed = max((cells.width(figure) for figure in figures if figure.annotate), default=0.0)
    written = 0 < columns * needed <= max(_WRITTEN / across, room[0])
    cell = _written_cell(needed, columns, room) if written else _cell(rows, columns, room)
    mono = text.is_token(figures[0].columns)
    widths = [
        [text.width(name, text.SMALL, mono) for name in _column_names(figure)] for figure in figures
    ]
    widest = max((width for some in widths for width in some), default=0.0)
    thinned = text.step(columns, int(columns * cell[0] / (widest + 6)))
    turn = (
        0.0 if thinned == 1 or not figures[0].columns.labels else (45.0 if cell[0] >= 15 else 90.0)
    )
    left = (
        max(
            text.width(name, text.SMALL, text.is_token(f.rows))
            for f in figures
            for name in _row_names(f)
        )
        + 10
    )
    if turn == 45.0:
        left = max(
            left, *(_SLANT * width - i * cell[0] for some in widths for i, width in enumerate(some))
        )
    bottom = _below(turn, widest)
    scale = cells.span(figures) if shared else None
    least = max(bar_width(figure, scale) for figure in figures)
    return Fit(rows, columns, cell, math.ceil(left), bottom, turn, scale, written, least)


def most_across(figures: Sequence[Heatmap], wanted: int) -> int:
    """How many maps fit side by side, at most `wanted`, without cells that are narrower than a pixel."""
    columns = max((figure.values.shape[1] for figure in figures), default=1)
    return next((n for n in range(wanted, 1, -1) if _room(n)[0] >= columns), 1)


def paint(canvas: Canvas, figure: Heatmap, fit: Fit, left: float, top: float) -> None:
    """Draw the map at (left, top)."""
    scale = fit.scale or cells.span((figure,))
    if fit.bar:
        colour_bar(canvas, figure, scale, left, top)
    x, y = left + fit.margin, top + fit.top
    rows, columns = figure.values.shape
    width, height = columns * fit.cell[0], rows * fit.cell[1]
    if figure.annotate and fit.written:
        cells.draw_written(canvas, figure, scale, (x, y, width, height))
    else:
        canvas.picture(cells.pixels(figure, scale, fit.cell), x, y, width, height)
    masked = [
        (x + j * fit.cell[0], y + i * fit.cell[1], *fit.cell)
        for i, j in np.argwhere(cells.masked(figure))
    ]
    _hatch(canvas, masked)
    _gaps(canvas, fit, rows, columns, x, y)
    if fit.sides[0]:
        _label_rows(canvas, figure, fit, left, x, y)
    if fit.sides[1]:
        _label_columns(canvas, figure, fit, x, y + height)


def colour_bar(
    canvas: Canvas, figure: Heatmap, scale: tuple[float, float], left: float, top: float
) -> None:
    """Low end, bar, high end and the name of the value, on one line."""
    low, high = (text.number(end) for end in scale)
    start = left + text.width(low, text.SMALL) + 6
    end = start + _BAR[0] + 6
    canvas.picture(cells.colour_map(figure)[None, ::2], start, top + 2, *_BAR)
    canvas.write(low, start - 6, top + 11.5, size=text.SMALL, color=colours.MUTED, anchor="right")
    canvas.write(high, end, top + 11.5, size=text.SMALL, color=colours.MUTED)
    name = end + text.width(high, text.SMALL) + 10
    canvas.write(_value(figure), name, top + 11.5, size=text.SMALL)
    if figure.masked:
        after = name + text.width(_value(figure), text.SMALL) + 18
        _hatch(canvas, [(after, top + 2, 18.0, _BAR[1])])
        canvas.write(_MASKED, after + 24, top + 11.5, size=text.SMALL)


def bar_width(figure: Heatmap, scale: tuple[float, float] | None) -> float:
    """How wide the line with the colour bar is."""
    ends = sum(text.width(text.number(end), text.SMALL) for end in scale or cells.span((figure,)))
    hatched = 42 + text.width(_MASKED, text.SMALL) if figure.masked else 0.0
    return ends + _BAR[0] + 26 + text.width(_value(figure), text.SMALL) + hatched


def _room(across: int) -> tuple[float, float]:
    return _ROOMS[min(across, len(_ROOMS)) - 1]


def _value(figure: Heatmap) -> str:
    return text.plain(f"{figure.value} ({figure.unit})" if figure.unit else figure.value)


def _written_cell(needed: float, columns: int, room: tuple[float, float]) -> tuple[float, float]:
    return max(needed, 40.0, min(64.0, room[0] / columns)), 30.0


def _cell(rows: int, columns: int, room: tuple[float, float]) -> tuple[float, float]:
    """Width and height of a cell, square where there are as many rows as columns."""
    wide, high = room[0] / columns, room[1] / rows
    if columns > 4 * rows or rows > 4 * columns or columns > 100:
        wide = (
            1.0 if 1 <= wide < 1.5 else min(wide, 40.0)
        )  # one pixel a cell is sharp, a bit more is not
        return wide, min(high, 30.0, max(320.0 / rows, 4.0))
    edge = min(wide, high, 42.0)
    return (edge, edge) if rows == columns else (min(wide, max(edge, 34.0)), min(high, 26.0))


def _gaps(canvas: Canvas, fit: Fit, rows: int, columns: int, x: float, y: float) -> None:
    """Hairlines in the colour of the paper between cells that are large enough to be told apart."""
    wide, high = fit.cell
    if min(wide, high) < 9:
        return
    across = [(x, y + i * high, x + columns * wide, y + i * high) for i in range(1, rows)]
    down = [(x + j * wide, y, x + j * wide, y + rows * high) for j in range(1, columns)]
    if across or down:
        canvas.strokes(across + down, colours.PAPER)


def _hatch(canvas: Canvas, boxes: Sequence[tuple[float, float, float, float]]) -> None:
    """Slanted strokes over boxes (left, top, width, height), which run on from a box to its neighbour."""
    strokes = []
    for left, top, width, height in boxes:
        right, bottom = left + width, top + height
        for n in range(math.floor((left + top) / _HATCH) + 1, math.ceil((right + bottom) / _HATCH)):
            at = n * _HATCH  # along a stroke x + y is the same
            strokes.append(
                (
                    max(left, at - bottom),
                    min(bottom, at - left),
                    min(right, at - top),
                    max(top, at - right),
                )
            )
    if strokes:
        canvas.strokes(strokes, colours.LINE)


def _label_rows(canvas: Canvas, figure: Heatmap, fit: Fit, left: float, x: float, y: float) -> None:
    if fit.named:
        canvas.write(
            f"↓ {text.plain(figure.rows.title())}",
            left,
            y - 7,
            size=text.SMALL,
            color=colours.MUTED,
        )
    mono = text.is_token(figure.rows)
    names = _row_names(figure)
    every = text.step(len(names), int(len(names) * fit.cell[1] / _LINE))
    for i in range(0, len(names), every):
        middle = y + (i + 0.5) * fit.cell[1] + 4
        canvas.write(names[i], x - 7, middle, size=text.SMALL, anchor="right", mono=mono)


def _label_columns(canvas: Canvas, figure: Heatmap, fit: Fit, x: float, y: float) -> None:
    mono = text.is_token(figure.columns)
    names = _column_names(figure)
    widest = max((text.width(name, text.SMALL, mono) for name in names), default=0.0)
    room = _LINE if fit.turn else widest + 6
    every = text.step(len(names), int(len(names) * fit.cell[0] / room))
    anchor: Anchor = "right" if fit.turn else "center"
    right, down = {0.0: (0.0, 15.0), 45.0: (3.0, 10.0)}.get(fit.turn, (4.0, 10.0))
    for j in range(0, len(names), every):
        at = x + (j + 0.5) * fit.cell[0] + right
        canvas.write(
            names[j], at, y + down, size=text.SMALL, anchor=anchor, turn=fit.turn, mono=mono
        )
    if not fit.named:
        return
    title = f"→ {text.plain(figure.columns.title())}"
    end = x + max(figure.values.shape[1] * fit.cell[0], text.width(title, text.SMALL) - fit.margin)
    canvas.write(
        title,
        end,
        y + _below(fit.turn, widest) - 6,
        size=text.SMALL,
        color=colours.MUTED,
        anchor="right",
    )


def _below(turn: float, widest: float) -> float:
    """Room for the column labels and the name of the columns below them."""
    return 38.0 if not turn else 32.0 + widest * (_SLANT if turn == 45.0 else 1.0)


def _column_names(figure: Heatmap) -> list[str]:
    return _names(figure.columns, figure.values.shape[1], 15)


def _row_names(figure: Heatmap) -> list[str]:
    return _names(figure.rows, figure.values.shape[0], 22)


def _names(axis: Axis, length: int, most: int) -> list[str]:
    return [text.shorten(text.plain(axis.step(i)), most) for i in range(length)]
