"""Draw small multiples: charts in a grid.

Charts that measure the same share a scale and a colour bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from layerbook.core.figures import Bars, Clock, Heatmap, Lines, Panel, Panels, Scatter
from layerbook.plotting import bars, clocks, colours, heatmap, lines, scatter, svg, text
from layerbook.plotting.canvas import Canvas, LabelledSides

_PANEL_GAP = 26.0
_TITLE_HEIGHT = 22.0
_COLOUR_BAR_HEIGHT = 30.0
_AXIS_TITLES_HEIGHT = 18.0
_MIN_CELL = 6.0
_PAGE_WIDTH = 930.0
_CHART_MODULES: dict[type, Any] = {
    Bars: bars,
    Clock: clocks,
    Heatmap: heatmap,
    Lines: lines,
    Scatter: scatter,
}


@dataclass(frozen=True)
class PanelsLayout:
    """The layout that grids shown together share: a layout per kind of chart, and the columns.

    shared_colour_bar: one colour bar for all. legend_groups: the groups of all, named once.
    outer_labels_only: labels only at the left and at the bottom of the grid. title: height of the
    longest title. title_columns: where titles are cut.
    """

    chart_layouts: dict[type, Any]
    columns: int
    panel_count: int
    shared_colour_bar: bool
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
                has_colour_bar=not self.shared_colour_bar,
                outlines_room=False,
                has_axis_titles=not (self.outer_labels_only and self.shared_colour_bar),
            )
        elif isinstance(layout, scatter.ScatterLayout):
            layout = replace(layout, has_legend=False)
        if not self.outer_labels_only or isinstance(layout, bars.BarsLayout | clocks.ClockLayout):
            return layout
        return replace(
            layout,
            labelled_sides=LabelledSides(
                left=index % self.columns == 0,
                bottom=index + self.columns >= self.panel_count,
            ),
        )

    def header_height(self) -> float:
        """Height of the legend and the colour bar above the grid."""
        if self.legend_groups:
            return scatter.legend_height(self.legend_groups, self.width)
        if not self.shared_colour_bar:
            return 0.0
        return _COLOUR_BAR_HEIGHT + (_AXIS_TITLES_HEIGHT if self.outer_labels_only else 0.0)

    def column_widths(self) -> list[float]:
        """Return the width of each column."""
        columns = range(self.columns)
        return [
            max(self._panel_size(i)[0] for i in range(column, self.panel_count, self.columns))
            for column in columns
        ]

    def row_heights(self) -> list[float]:
        """Return the height of each row with its titles."""
        rows = [
            range(self.panel_count)[start : start + self.columns]
            for start in range(0, self.panel_count, self.columns)
        ]
        return [_TITLE_HEIGHT + max(self._panel_size(i)[1] for i in row) for row in rows]

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return max(sum(self.column_widths()) + _PANEL_GAP * (self.columns - 1), self.min_width)

    @property
    def height(self) -> float:
        """Total height in pixels."""
        return (
            self.header_height()
            + sum(self.row_heights())
            + _PANEL_GAP / 2 * (len(self.row_heights()) - 1)
        )

    def _panel_size(self, index: int) -> tuple[float, float]:
        fits = [self.panel_layout(index, kind) for kind in self.chart_layouts]
        widths = [max(layout.width, layout.left_margin + self.title_width) for layout in fits]
        return max(widths), max(layout.height for layout in fits)


def compute_layout(
    figures: Sequence[Panels], *, shared_scale: bool = True, narrow: bool = False
) -> PanelsLayout:
    """Return one layout for all grids; panels share a scale if they measure the same.

    narrow: as many columns of small charts as fit a phone, or one of larger charts.
    """
    if narrow:
        layouts = (
            layout
            for columns in (4, 3, 2)
            if (
                layout := _layout(figures, columns, shared_scale=shared_scale, per_row=4)
            ).is_legible
        )
        return next(layouts, None) or _layout(
            figures, 1, shared_scale=shared_scale, per_row=1, narrow=True
        )
    most = figures[0].columns
    layouts = (_layout(figures, n, shared_scale=shared_scale) for n in range(most, 0, -1))
    return next(
        (layout for layout in layouts if layout.width <= _PAGE_WIDTH),
        _layout(figures, 1, shared_scale=shared_scale),
    )


def _layout(
    figures: Sequence[Panels],
    most: int,
    *,
    shared_scale: bool,
    per_row: int = 0,
    narrow: bool = False,
) -> PanelsLayout:
    """Return the layout in up to `most` columns.

    per_row: sizes of another number of columns. narrow: fit each chart to a phone.
    """
    panels = [panel for figure in figures for panel in figure.panels]
    count = max(len(figure.panels) for figure in figures)
    columns = heatmap.columns_that_fit(
        [p for p in panels if isinstance(p, Heatmap)], min(most, count)
    )
    kinds = {
        kind: [panel for panel in panels if type(panel) is kind]
        for kind in dict.fromkeys(map(type, panels))
    }
    same = {
        kind: shared_scale and len({scale_key(panel) for panel in members}) == 1
        for kind, members in kinds.items()
    }
    more: dict[type, dict[str, bool]] = {Heatmap: {"stacked": columns < count and not narrow}}
    inner = {
        k: _CHART_MODULES[k].compute_layout(
            members,
            charts_per_row=per_row or columns,
            shared_scale=same[k],
            narrow=narrow,
            **more.get(k, {}),
        )
        for k, members in kinds.items()
    }
    bar = list(kinds) == [Heatmap] and same[Heatmap]
    outer = (
        len(kinds) == 1 and all(same.values()) and len({_axis_key(panel) for panel in panels}) == 1
    )
    first = panels[0]
    least = (
        heatmap.colour_bar_width(first, inner[Heatmap].scale)
        if bar and isinstance(first, Heatmap)
        else 0.0
    )
    groups = inner[Scatter].groups if Scatter in inner and inner[Scatter].has_legend else ()
    title_columns = 30 if narrow else 40
    title = max(
        text.pixel_width(name, bold=True)
        for figure in figures
        for name in _panel_titles(figure, title_columns)
    )
    return PanelsLayout(inner, columns, count, bar, outer, groups, least, title, title_columns)


def draw(canvas: Canvas, figure: Panels, layout: PanelsLayout, left: float, top: float) -> None:
    """Draw the grid at (left, top), row by row."""
    first = figure.panels[0]
    if layout.shared_colour_bar and isinstance(first, Heatmap):
        heatmap.draw_colour_bar(canvas, first, layout.chart_layouts[Heatmap].scale, left, top)
        if layout.outer_labels_only:
            x = left
            for arrow, axis in (("↓", first.rows), ("→", first.columns)):
                name = f"{arrow} {text.printable(axis.title())}"
                canvas.draw_text(
                    name,
                    x,
                    top + _COLOUR_BAR_HEIGHT + 10,
                    color=colours.role_colour(axis.role, colours.MUTED),
                )
                x += text.pixel_width(name) + 14
    scatter.draw_legend(canvas, layout.legend_groups, left, top, layout.width)
    widths, heights = layout.column_widths(), layout.row_heights()
    titles = _panel_titles(figure, layout.title_columns)
    for i, panel in enumerate(figure.panels):
        row, column = divmod(i, layout.columns)
        x = left + sum(widths[:column]) + _PANEL_GAP * column
        y = top + layout.header_height() + sum(heights[:row]) + _PANEL_GAP / 2 * row
        inner = layout.panel_layout(i, type(panel))
        canvas.draw_text(titles[i], x + inner.left_margin, y + 14, bold=True)
        _CHART_MODULES[type(panel)].draw(canvas, panel, inner, x, y + _TITLE_HEIGHT)
        if panel.title:
            canvas.add_panel(panel.title, (x, y, inner.width, inner.height + _TITLE_HEIGHT))


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


def _axis_key(panel: Panel) -> object:
    """Return the texts around the panel."""
    match panel:
        case Heatmap():
            return panel.values.shape, panel.rows, panel.columns
        case Bars():
            return panel.label_axis, panel.value_axis
        case Clock():
            return "angle"
        case Lines() | Scatter():
            return panel.x, panel.y
