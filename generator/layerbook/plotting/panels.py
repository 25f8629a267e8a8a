"""Draw small multiples: charts in a grid.

Charts that measure the same share a scale and a color bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from layerbook.core.figures import Bars, Clock, Heatmap, Lines, Panel, Panels, Scatter
from layerbook.plotting import bars, clocks, colors, heatmap, lines, scatter, svg, text
from layerbook.plotting.canvas import Arrangement, Canvas, LabeledSides, Size
from layerbook.plotting.svg import Area

_PANEL_GAP = 26.0
_TITLE_HEIGHT = 22.0
_COLOR_BAR_HEIGHT = 30.0
_AXIS_TITLES_HEIGHT = 18.0
_MIN_CELL = 6.0
_PAGE_WIDTH = 930.0
CHART_MODULES: dict[type, Any] = {
    Bars: bars,
    Clock: clocks,
    Heatmap: heatmap,
    Lines: lines,
    Scatter: scatter,
}
"""The modules that draw charts, by kind.

`compute_layout(figures, arrangement)` returns the layout that charts shown together share, with its
`width` and `height`. `draw(canvas, figure, layout, left, top)` draws a chart with its upper left
corner at a position of the canvas.
"""


@dataclass(frozen=True)
class PanelsLayout:
    """The layout of grids that are shown together.

    chart_layouts: one for each kind of chart. shared_color_bar: one color bar for all panels.
    outer_labels_only: labels only at the left and at the bottom of the grid. legend_groups: the
    groups named in one legend for all panels. title_width: of the longest title in pixels.
    title_columns: the number of characters to which titles are cut.
    """

    chart_layouts: Mapping[type, Any]
    columns: int
    panel_count: int
    shared_color_bar: bool
    outer_labels_only: bool
    legend_groups: tuple[str, ...]
    min_width: float
    title_width: float
    title_columns: int = 40

    @property
    def is_legible(self) -> bool:
        """Return whether it fits a phone with cells of heat maps large enough to tell apart."""
        cells = [
            min(layout.cell_size)
            for layout in self.chart_layouts.values()
            if isinstance(layout, heatmap.HeatmapLayout)
        ]
        return self.width <= svg.MAX_UNSCROLLED_WIDTH and min(cells, default=_MIN_CELL) >= _MIN_CELL

    def panel_layout(self, index: int, kind: type) -> Any:
        """Return the layout of one panel; inner panels do not repeat labels of the outer ones."""
        layout = self.chart_layouts[kind]
        if isinstance(layout, heatmap.HeatmapLayout):
            layout = replace(
                layout,
                has_color_bar=not self.shared_color_bar,
                outlines_room=False,
                has_axis_titles=not (self.outer_labels_only and self.shared_color_bar),
            )
        elif isinstance(layout, scatter.ScatterLayout):
            layout = replace(layout, has_legend=False)
        if not self.outer_labels_only:
            return layout
        is_lowest = index + self.columns >= self.panel_count
        sides = LabeledSides(left=index % self.columns == 0, bottom=is_lowest)
        return replace(layout, labeled_sides=sides)

    def header_height(self) -> float:
        """Height of the legend and the color bar above the grid."""
        if self.legend_groups:
            return scatter.legend_height(self.legend_groups, self.width)
        if not self.shared_color_bar:
            return 0.0
        return _COLOR_BAR_HEIGHT + (_AXIS_TITLES_HEIGHT if self.outer_labels_only else 0.0)

    def column_widths(self) -> list[float]:
        """Return the width of each column."""
        widths = [size.width for size in self._panel_sizes()]
        return [max(widths[column :: self.columns]) for column in range(self.columns)]

    def row_heights(self) -> list[float]:
        """Return the height of each row with its titles."""
        heights = [size.height for size in self._panel_sizes()]
        starts = range(0, self.panel_count, self.columns)
        return [_TITLE_HEIGHT + max(heights[start : start + self.columns]) for start in starts]

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return max(sum(self.column_widths()) + _PANEL_GAP * (self.columns - 1), self.min_width)

    @property
    def height(self) -> float:
        """Total height in pixels."""
        heights = self.row_heights()
        return self.header_height() + sum(heights) + _PANEL_GAP / 2 * (len(heights) - 1)

    def _panel_sizes(self) -> list[Size]:
        """Return the size of each panel, large enough for every kind of chart."""
        sizes = []
        for index in range(self.panel_count):
            layouts = [self.panel_layout(index, kind) for kind in self.chart_layouts]
            width = max(max(each.width, each.left_margin + self.title_width) for each in layouts)
            sizes.append(Size(width, max(layout.height for layout in layouts)))
        return sizes


def compute_layout(figures: Sequence[Panels], arrangement: Arrangement) -> PanelsLayout:
    """Return one layout for all grids; panels share a scale if they measure the same.

    On a phone, it has as many columns of small charts as fit, or one of larger charts.
    """
    if arrangement.narrow:
        small_charts = replace(arrangement, narrow=False)
        for columns in (4, 3, 2):
            layout = _layout(figures, columns, small_charts, charts_per_row=4)
            if layout.is_legible:
                return layout
        return _layout(figures, 1, arrangement, charts_per_row=1)
    for columns in range(figures[0].columns, 1, -1):
        layout = _layout(figures, columns, arrangement)
        if layout.width <= _PAGE_WIDTH:
            return layout
    return _layout(figures, 1, arrangement)


def _layout(
    figures: Sequence[Panels],
    max_columns: int,
    arrangement: Arrangement,
    *,
    charts_per_row: int = 0,
) -> PanelsLayout:
    """Return the layout in up to `max_columns` columns.

    charts_per_row: give charts the size that they have in that many columns; 0 stands for as many
    as there are.
    """
    panels = [panel for figure in figures for panel in figure.panels]
    count = max(len(figure.panels) for figure in figures)
    heatmaps = [panel for panel in panels if isinstance(panel, Heatmap)]
    columns = heatmap.columns_that_fit(heatmaps, min(max_columns, count))
    is_narrow, shared_scale = arrangement.narrow, arrangement.shared_scale
    layouts: dict[type, Any] = {}
    for kind in dict.fromkeys(map(type, panels)):
        members = [panel for panel in panels if type(panel) is kind]
        arranged = replace(
            arrangement,
            charts_per_row=charts_per_row or columns,
            stacked=columns < count and not is_narrow,
            shared_scale=shared_scale and _have_one_scale(members),
        )
        layouts[kind] = CHART_MODULES[kind].compute_layout(members, arranged)
    are_alike = len(layouts) == 1 and shared_scale and _have_one_scale(panels)
    shared_color_bar = are_alike and Heatmap in layouts
    title_columns = 30 if is_narrow else 40
    titles = [title for figure in figures for title in _panel_titles(figure, title_columns)]
    groups, min_width = (), 0.0
    if Scatter in layouts and layouts[Scatter].has_legend:
        groups = layouts[Scatter].groups
    if shared_color_bar:
        min_width = heatmap.color_bar_width(heatmaps[0], layouts[Heatmap].scale)
    return PanelsLayout(
        chart_layouts=layouts,
        columns=columns,
        panel_count=count,
        shared_color_bar=shared_color_bar,
        outer_labels_only=are_alike and _have_same_axes(panels),
        legend_groups=groups,
        min_width=min_width,
        title_width=text.max_width(titles, bold=True),
        title_columns=title_columns,
    )


def _have_one_scale(panels: Sequence[Panel]) -> bool:
    return len({scale_key(panel) for panel in panels}) == 1


def draw(canvas: Canvas, figure: Panels, layout: PanelsLayout, left: float, top: float) -> None:
    """Draw the grid at (left, top), row by row."""
    first = figure.panels[0]
    if layout.shared_color_bar and isinstance(first, Heatmap):
        heatmap.draw_color_bar(canvas, first, layout.chart_layouts[Heatmap].scale, left, top)
        if layout.outer_labels_only:
            _draw_axis_titles(canvas, first, left, top + _COLOR_BAR_HEIGHT + 10)
    scatter.draw_legend(canvas, layout.legend_groups, left, top, layout.width)
    widths, heights = layout.column_widths(), layout.row_heights()
    titles = _panel_titles(figure, layout.title_columns)
    for i, panel in enumerate(figure.panels):
        row, column = divmod(i, layout.columns)
        x = left + sum(widths[:column]) + _PANEL_GAP * column
        y = top + layout.header_height() + sum(heights[:row]) + _PANEL_GAP / 2 * row
        inner = layout.panel_layout(i, type(panel))
        canvas.draw_text(titles[i], x + inner.left_margin, y + 14, bold=True)
        CHART_MODULES[type(panel)].draw(canvas, panel, inner, x, y + _TITLE_HEIGHT)
        if panel.title:
            canvas.add_panel(panel.title, Area(x, y, inner.width, inner.height + _TITLE_HEIGHT))


def _draw_axis_titles(canvas: Canvas, figure: Heatmap, x: float, y: float) -> None:
    """Draw the names of the rows and the columns, once for all maps."""
    for arrow, axis in (("↓", figure.rows), ("→", figure.columns)):
        name = f"{arrow} {text.printable(axis.title())}"
        canvas.draw_text(name, x, y, color=colors.role_color(axis.role, colors.MUTED))
        x += text.pixel_width(name) + 14


def _panel_titles(figure: Panels, columns: int) -> list[str]:
    return text.shorten_apart([panel.title for panel in figure.panels], columns)


def scale_key(panel: Panel) -> object:
    """Return what the panel's scale measures; panels with equal keys share it."""
    match panel:
        case Heatmap():
            return panel.value, panel.unit, panel.percent, panel.diverging, panel.scale
        case Bars():
            return panel.value_axis
        case Clock():
            return "angle"
        case Lines():
            return panel.x.title(), panel.x.log, panel.y.title(), panel.y.log
        case Scatter():
            return panel.x.title(), panel.x.log, panel.y.title(), panel.y.log, panel.equal


def _have_same_axes(panels: Sequence[Panel]) -> bool:
    """Return whether charts of one kind have the same labels to the left and below."""
    axes: set[object] = set()
    for panel in panels:
        match panel:
            case Heatmap():
                axes.add((panel.values.shape, panel.rows, panel.columns))
            case Lines() | Scatter():
                axes.add((panel.x, panel.y))
    return len(axes) == 1
