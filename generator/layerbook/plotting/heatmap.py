"""Draw heat maps: a matrix by color, with labels and one color bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from layerbook.core.figures import Axis, Heatmap
from layerbook.core.language import gettext, mark
from layerbook.plotting import colors, heatmap_cells, svg, text
from layerbook.plotting.canvas import BOTH_SIDES, Anchor, Arrangement, Canvas, LabeledSides, Size
from layerbook.plotting.svg import Area

_COLOR_BAR_SIZE = Size(92.0, 11.0)
_MAX_PLOT_SIZES = (Size(590, 540), Size(260, 260), Size(180, 180), Size(116, 116))
_MIN_UNNAMED_CELL = 8.0
_MAX_ANNOTATED_WIDTH = 860.0
_LINE_HEIGHT = 13.0
_SLANT_FACTOR = 0.72
_HATCH_SPACING = 8.0
_MASKED_LABEL = mark("−∞, masked")


@dataclass(frozen=True)
class HeatmapLayout:
    """The layout of heat maps that are shown together: the size of a cell, margins, and the scale.

    Without a scale, each map has its own.
    """

    rows: int
    columns: int
    cell_size: Size
    label_width: float
    bottom_margin: float
    label_rotation: float
    scale: tuple[float, float] | None
    annotated: bool
    min_width: float
    has_color_bar: bool = True
    outlines_room: bool = True
    has_axis_titles: bool = True
    labeled_sides: LabeledSides = BOTH_SIDES

    @property
    def left_margin(self) -> float:
        """Width of the row labels, if they are drawn."""
        return self.label_width if self.labeled_sides.left else 0.0

    @property
    def header_height(self) -> float:
        """Height of the color bar and the name of the rows."""
        return (28.0 if self.has_color_bar else 0.0) + (20.0 if self.has_axis_titles else 2.0)

    @property
    def width(self) -> float:
        """Total width in pixels."""
        cells = self.left_margin + self.columns * self.cell_size.width
        return max(cells, self.min_width if self.has_color_bar else 0.0) + 8

    @property
    def height(self) -> float:
        """Total height in pixels."""
        below = 6.0
        if self.labeled_sides.bottom:
            below = self.bottom_margin - (0.0 if self.has_axis_titles else 16.0)
        return self.header_height + self.rows * self.cell_size.height + below


class _ColumnLabels(NamedTuple):
    """The rotation of column labels in degrees, their largest width, and their overhang left."""

    rotation: float
    width: float
    overhang: float


def compute_layout(figures: Sequence[Heatmap], arrangement: Arrangement) -> HeatmapLayout:
    """Return one layout for all maps; a shared scale spans all values, unless one is fixed.

    On a phone, the cells may lose their values.
    """
    rows, columns = (max(figure.values.shape[k] for figure in figures) for k in (0, 1))
    charts_per_row, narrow = arrangement.charts_per_row, arrangement.narrow
    charts_per_column = max(charts_per_row, 3) if arrangement.stacked else charts_per_row
    max_plot = Size(_max_plot_size(charts_per_row).width, _max_plot_size(charts_per_column).height)
    row_labels = max(_row_label_width(figure) for figure in figures)
    max_width = max(_MAX_ANNOTATED_WIDTH / charts_per_row, max_plot.width)
    if narrow:
        max_width = svg.MAX_UNSCROLLED_WIDTH - 10 - row_labels
    cell_width = _annotation_width(figures, padding=2.0 if narrow else 6.0)
    annotated = 0 < columns * cell_width <= max_width
    if annotated:
        cell = _annotated_cell_size(cell_width, columns, row_labels)
    else:
        cell = _cell_size(rows, columns, max_plot)
        if charts_per_row == 1:
            min_width = 0.0 if narrow else _min_cell_width(figures, columns)
            cell = _fit_phone(cell, columns, row_labels, min_width)
    column_labels = _fit_column_labels(figures, columns, cell.width)
    scale = heatmap_cells.color_scale(figures) if arrangement.shared_scale else None
    return HeatmapLayout(
        rows=rows,
        columns=columns,
        cell_size=cell,
        label_width=math.ceil(max(row_labels, column_labels.overhang)),
        bottom_margin=_bottom_margin(column_labels.rotation, column_labels.width),
        label_rotation=column_labels.rotation,
        scale=scale,
        annotated=annotated,
        min_width=max(color_bar_width(figure, scale) for figure in figures),
    )


def _annotation_width(figures: Sequence[Heatmap], padding: float) -> float:
    """Return the width of a cell that holds every written value; 0 if none is written."""
    texts = [heatmap_cells.text_width(figure) for figure in figures if _has_texts(figure)]
    return max(texts) + padding if texts else 0.0


def _min_cell_width(figures: Sequence[Heatmap], columns: int) -> float:
    """Return the width below which a map scrolls on a phone rather than shrink."""
    if any(text.has_token_labels(figure.columns) for figure in figures):
        return _LINE_HEIGHT
    return 1.0 if columns > 100 else _MIN_UNNAMED_CELL


def _fit_column_labels(
    figures: Sequence[Heatmap], columns: int, cell_width: float
) -> _ColumnLabels:
    """Return how the column labels fit under cells of this width."""
    mono = text.has_token_labels(figures[0].columns)
    labels = [(i, name) for f in figures for i, name in enumerate(_column_labels(f))]
    widths = [(i, text.pixel_width(name, mono=mono)) for i, name in labels]
    widest = max((width for _, width in widths), default=0.0)
    label_interval = text.label_step(columns, int(columns * cell_width / (widest + 6)))
    if label_interval == 1 or not figures[0].columns.labels:
        return _ColumnLabels(0.0, widest, 0.0)
    if cell_width < 15:
        return _ColumnLabels(90.0, widest, 0.0)
    overhangs = (_SLANT_FACTOR * width - i * cell_width for i, width in widths)
    return _ColumnLabels(45.0, widest, max(overhangs, default=0.0))


def columns_that_fit(figures: Sequence[Heatmap], max_columns: int) -> int:
    """Return how many maps fit side by side, up to `max_columns`, in cells of at least a pixel."""
    columns = max((figure.values.shape[1] for figure in figures), default=1)
    return next((n for n in range(max_columns, 1, -1) if _max_plot_size(n).width >= columns), 1)


def draw(canvas: Canvas, figure: Heatmap, layout: HeatmapLayout, left: float, top: float) -> None:
    """Draw the map at (left, top)."""
    scale = layout.scale or heatmap_cells.color_scale((figure,))
    if layout.has_color_bar:
        draw_color_bar(canvas, figure, scale, left, top)
    rows, columns = figure.values.shape
    width, height = layout.cell_size
    x, y = left + layout.left_margin, top + layout.header_height
    cells = Area(x, y, columns * width, rows * height)
    canvas.add_grid(cells, rows, columns)
    if layout.outlines_room and (rows, columns) != (layout.rows, layout.columns):
        # The outline of the largest map of the sequence shows that this one will grow.
        right, bottom = x + layout.columns * width, y + layout.rows * height
        corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)]
        canvas.draw_segments([(*a, *b) for a, b in pairwise(corners)], colors.GRID)
    if _has_texts(figure) and layout.annotated:
        heatmap_cells.draw_annotated(canvas, figure, scale, cells)
    else:
        canvas.draw_image(heatmap_cells.cell_pixels(figure, scale, layout.cell_size), cells)
    masked = np.argwhere(heatmap_cells.masked_cells(figure))
    _draw_hatching(canvas, [Area(x + j * width, y + i * height, width, height) for i, j in masked])
    _draw_cell_gaps(canvas, cells, rows, columns)
    if layout.labeled_sides.left:
        if layout.has_axis_titles:
            title = f"↓ {text.printable(figure.rows.title())}"
            color = colors.role_color(figure.rows.role, colors.MUTED)
            canvas.draw_text(title, left, y - 7, color=color)
        _draw_row_labels(canvas, figure, layout, x, y)
    if layout.labeled_sides.bottom:
        _draw_column_labels(canvas, figure, layout, x, cells.bottom)


def draw_color_bar(
    canvas: Canvas, figure: Heatmap, scale: tuple[float, float], left: float, top: float
) -> None:
    """Draw the low end, the bar, the high end and the name of the value, on one line."""
    low, high = text.format_numbers(scale, scale[1] - scale[0], percent=figure.percent)
    start = left + text.pixel_width(low) + 6
    end = start + _COLOR_BAR_SIZE.width + 6
    bar = Area(start, top + 2, *_COLOR_BAR_SIZE)
    canvas.draw_image(heatmap_cells.color_map(figure)[None, ::2], bar)
    canvas.draw_text(low, start - 6, top + 11.5, color=colors.MUTED, anchor="right")
    canvas.draw_text(high, end, top + 11.5, color=colors.MUTED)
    name = end + text.pixel_width(high) + 10
    canvas.draw_text(_value_title(figure), name, top + 11.5)
    if figure.masked:
        legend_x = name + text.pixel_width(_value_title(figure)) + 18
        _draw_hatching(canvas, [Area(legend_x, top + 2, 18.0, _COLOR_BAR_SIZE.height)])
        canvas.draw_text(gettext(_MASKED_LABEL), legend_x + 24, top + 11.5)


def color_bar_width(figure: Heatmap, scale: tuple[float, float] | None) -> float:
    """Return the width of the line with the color bar."""
    low, high = scale or heatmap_cells.color_scale((figure,))
    ends = text.format_numbers((low, high), high - low, percent=figure.percent)
    texts = [*ends, _value_title(figure)]
    width = _COLOR_BAR_SIZE.width + 26
    if figure.masked:
        texts.append(gettext(_MASKED_LABEL))
        width += 42
    return width + sum(text.pixel_width(words) for words in texts)


def _max_plot_size(charts_per_row: int) -> Size:
    return _MAX_PLOT_SIZES[min(charts_per_row, len(_MAX_PLOT_SIZES)) - 1]


def _value_title(figure: Heatmap) -> str:
    return text.printable(f"{figure.value} ({figure.unit})" if figure.unit else figure.value)


def _has_texts(figure: Heatmap) -> bool:
    return figure.annotate or bool(figure.cells)


def _annotated_cell_size(min_width: float, columns: int, label_width: float) -> Size:
    max_width = min(svg.MAX_UNSCROLLED_WIDTH * 0.75, svg.MAX_UNSCROLLED_WIDTH - 10 - label_width)
    return Size(max(min_width, 34.0, min(64.0, max_width / columns)), 30.0)


def _row_label_width(figure: Heatmap) -> float:
    return text.max_width(_row_labels(figure), mono=text.has_token_labels(figure.rows)) + 10


def _fit_phone(cell: Size, columns: int, label_width: float, min_width: float) -> Size:
    """Return the cell in a size that fits a phone, unless it would be narrower than `min_width`."""
    fitting = (svg.MAX_UNSCROLLED_WIDTH - 10 - label_width) / columns
    if fitting >= cell.width or fitting < min_width:
        return cell
    if 1 <= fitting < 2:
        fitting = math.floor(fitting)  # whole pixels are sharp
    return Size(fitting, fitting if cell.width == cell.height else cell.height)


def _cell_size(rows: int, columns: int, max_plot: Size) -> Size:
    """Return width and height of a cell, square if there are as many rows as columns."""
    width, height = max_plot.width / columns, max_plot.height / rows
    if columns > 4 * rows or rows > 4 * columns or columns > 100:
        # One pixel for each cell is sharp; a little more is not.
        width = 1.0 if 1 <= width < 1.5 else min(width, 40.0)
        return Size(width, min(height, 30.0, max(320.0 / rows, 4.0)))
    edge = min(width, height, 42.0)
    if rows == columns:
        return Size(edge, edge)
    return Size(min(width, max(edge, 34.0)), min(height, 26.0))


def _draw_cell_gaps(canvas: Canvas, cells: Area, rows: int, columns: int) -> None:
    """Draw hairlines between cells that are large enough to be distinguished."""
    width, height = cells.width / columns, cells.height / rows
    if min(width, height) < 9:
        return
    x, y, right, bottom = cells.left, cells.top, cells.right, cells.bottom
    across = [(x, y + i * height, right, y + i * height) for i in range(1, rows)]
    down = [(x + j * width, y, x + j * width, bottom) for j in range(1, columns)]
    if across or down:
        canvas.draw_segments(across + down, colors.PAPER)


def _draw_hatching(canvas: Canvas, areas: Sequence[Area]) -> None:
    """Draw slanted strokes over areas, continuous across neighbors."""
    strokes = []
    for area in areas:
        first = math.floor((area.left + area.top) / _HATCH_SPACING) + 1
        last = math.ceil((area.right + area.bottom) / _HATCH_SPACING)
        for n in range(first, last):
            offset = n * _HATCH_SPACING  # along a stroke x + y is the same
            start = max(area.left, offset - area.bottom), min(area.bottom, offset - area.left)
            end = min(area.right, offset - area.top), max(area.top, offset - area.right)
            strokes.append((*start, *end))
    if strokes:
        canvas.draw_segments(strokes, colors.LINE)


def _draw_row_labels(
    canvas: Canvas, figure: Heatmap, layout: HeatmapLayout, x: float, y: float
) -> None:
    mono = text.has_token_labels(figure.rows)
    names = _row_labels(figure)
    room = len(names) * layout.cell_size.height
    for i in range(0, len(names), text.label_step(len(names), int(room / _LINE_HEIGHT))):
        middle = y + (i + 0.5) * layout.cell_size.height + 4
        canvas.draw_text(names[i], x - 7, middle, anchor="right", mono=mono)


def _draw_column_labels(
    canvas: Canvas, figure: Heatmap, layout: HeatmapLayout, x: float, y: float
) -> None:
    mono = text.has_token_labels(figure.columns)
    names = _column_labels(figure)
    widest = text.max_width(names, mono=mono)
    room = _LINE_HEIGHT if layout.label_rotation else widest + 6
    label_interval = text.label_step(len(names), int(len(names) * layout.cell_size.width / room))
    anchor: Anchor = "right" if layout.label_rotation else "center"
    right, down = {0.0: (0.0, 15.0), 45.0: (3.0, 10.0)}.get(layout.label_rotation, (4.0, 10.0))
    for j in range(0, len(names), label_interval):
        at = x + (j + 0.5) * layout.cell_size.width + right
        canvas.draw_text(
            names[j], at, y + down, anchor=anchor, rotation=layout.label_rotation, mono=mono
        )
    if not layout.has_axis_titles:
        return
    title = f"→ {text.printable(figure.columns.title())}"
    width = figure.values.shape[1] * layout.cell_size.width
    end = x + max(width, text.pixel_width(title) - layout.left_margin)
    canvas.draw_text(
        title,
        end,
        y + _bottom_margin(layout.label_rotation, widest) - 6,
        color=colors.role_color(figure.columns.role, colors.MUTED),
        anchor="right",
    )


def _bottom_margin(turn: float, widest: float) -> float:
    """Return the height of the column labels and the name of the columns below them."""
    return 38.0 if not turn else 32.0 + widest * (_SLANT_FACTOR if turn == 45.0 else 1.0)


def _column_labels(figure: Heatmap) -> list[str]:
    return _axis_labels(figure.columns, figure.values.shape[1], 15)


def _row_labels(figure: Heatmap) -> list[str]:
    return _axis_labels(figure.rows, figure.values.shape[0], 22)


def _axis_labels(axis: Axis, length: int, max_columns: int) -> list[str]:
    return text.shorten_apart([axis.tick_label(i) for i in range(length)], max_columns)
