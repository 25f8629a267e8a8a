"""Small multiples: charts in a grid, under one scale and one colour bar where theirs are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from layerbook.core.figures import Bars, Heatmap, Lines, Panels, Scatter
from layerbook.plotting import bars, colours, heatmap, lines, scatter, text
from layerbook.plotting.canvas import Canvas

Panel = Heatmap | Lines | Bars | Scatter

_GAP = 26.0
_TITLE = 22.0
_BAR = 30.0
_NAMES = 18.0
_MODULES: dict[type, Any] = {Heatmap: heatmap, Lines: lines, Bars: bars, Scatter: scatter}


@dataclass(frozen=True)
class Fit:
    """What grids shown together share: one inner fit per kind of chart, the columns, and what is said only once.

    bar: one colour bar for all. legend: the groups of all, named once. outer: labels only at the left and at the
    bottom of the grid. title: the room that the longest title takes.
    """

    inner: dict[type, Any]
    columns: int
    count: int
    bar: bool
    outer: bool
    legend: tuple[str, ...]
    least: float
    title: float

    def at(self, index: int, kind: type) -> Any:
        """The inner fit of the panel there: inner panels repeat no labels that the outer ones have."""
        fit = self.inner[kind]
        if isinstance(fit, heatmap.Fit):
            fit = replace(fit, bar=not self.bar, named=not (self.outer and self.bar))
        elif isinstance(fit, scatter.Fit):
            fit = replace(fit, legend=False)
        if not self.outer or isinstance(fit, bars.Fit):
            return fit
        return replace(fit, sides=(index % self.columns == 0, index + self.columns >= self.count))

    def head(self) -> float:
        """Room for what is said once, above the grid."""
        if self.legend:
            return scatter.legend_height(self.legend, self.width)
        return (_BAR + (_NAMES if self.outer else 0.0)) if self.bar else 0.0

    def widths(self) -> list[float]:
        """The width of each column."""
        every = range(self.columns)
        return [
            max(self._size(i)[0] for i in range(column, self.count, self.columns))
            for column in every
        ]

    def heights(self) -> list[float]:
        """The height of each row with its titles."""
        rows = [
            range(self.count)[start : start + self.columns]
            for start in range(0, self.count, self.columns)
        ]
        return [_TITLE + max(self._size(i)[1] for i in row) for row in rows]

    @property
    def width(self) -> float:
        """All of it, in pixels."""
        return max(sum(self.widths()) + _GAP * (self.columns - 1), self.least)

    @property
    def height(self) -> float:
        """All of it, in pixels."""
        return self.head() + sum(self.heights()) + _GAP / 2 * (len(self.heights()) - 1)

    def _size(self, index: int) -> tuple[float, float]:
        fits = [self.at(index, kind) for kind in self.inner]
        return max(max(fit.width, fit.margin + self.title) for fit in fits), max(
            fit.height for fit in fits
        )


def fit(figures: Sequence[Panels], *, shared: bool = True) -> Fit:
    """One layout for all of them; the panels share their scale where they measure the same thing."""
    panels = [panel for figure in figures for panel in figure.panels]
    count = max(len(figure.panels) for figure in figures)
    columns = heatmap.most_across(
        [p for p in panels if isinstance(p, Heatmap)], min(figures[0].columns, count)
    )
    kinds = {
        kind: [panel for panel in panels if type(panel) is kind]
        for kind in dict.fromkeys(map(type, panels))
    }
    same = {
        kind: shared and len({measure(panel) for panel in some}) == 1
        for kind, some in kinds.items()
    }
    more: dict[type, dict[str, bool]] = {Heatmap: {"stacked": columns < count}}
    inner = {
        k: _MODULES[k].fit(some, across=columns, shared=same[k], **more.get(k, {}))
        for k, some in kinds.items()
    }
    bar = list(kinds) == [Heatmap] and same[Heatmap]
    outer = (
        len(kinds) == 1
        and all(same.values())
        and len({_surroundings(panel) for panel in panels}) == 1
    )
    first = panels[0]
    least = (
        heatmap.bar_width(first, inner[Heatmap].scale)
        if bar and isinstance(first, Heatmap)
        else 0.0
    )
    groups = inner[Scatter].groups if Scatter in inner and inner[Scatter].legend else ()
    title = max(text.width(text.plain(panel.title, 40), text.SMALL, bold=True) for panel in panels)
    return Fit(inner, columns, count, bar, outer, groups, least, title)


def paint(canvas: Canvas, figure: Panels, fit: Fit, left: float, top: float) -> None:
    """Draw the grid at (left, top), row by row."""
    first = figure.panels[0]
    if fit.bar and isinstance(first, Heatmap):
        heatmap.colour_bar(canvas, first, fit.inner[Heatmap].scale, left, top)
        if fit.outer:
            names = f"↓ {text.plain(first.rows.title())}   → {text.plain(first.columns.title())}"
            canvas.write(names, left, top + _BAR + 10, size=text.SMALL, color=colours.MUTED)
    scatter.legend(canvas, fit.legend, left, top, fit.width)
    widths, heights = fit.widths(), fit.heights()
    for i, panel in enumerate(figure.panels):
        row, column = divmod(i, fit.columns)
        x = left + sum(widths[:column]) + _GAP * column
        y = top + fit.head() + sum(heights[:row]) + _GAP / 2 * row
        inner = fit.at(i, type(panel))
        canvas.write(
            text.plain(panel.title, 40), x + inner.margin, y + 14, size=text.SMALL, bold=True
        )
        _MODULES[type(panel)].paint(canvas, panel, inner, x, y + _TITLE)


def measure(panel: Panel) -> object:
    """What the panel's scale measures; panels of one measure share it."""
    match panel:
        case Heatmap():
            return panel.value, panel.unit, panel.diverging, panel.scale
        case Bars():
            return panel.value_axis.title(), panel.value_axis.log
        case Lines():
            return panel.x.title(), panel.x.log, panel.y.title(), panel.y.log
        case Scatter():
            return panel.x.title(), panel.x.log, panel.y.title(), panel.y.log, panel.equal


def _surroundings(panel: Panel) -> object:
    """What is written around the panel."""
    match panel:
        case Heatmap():
            return panel.values.shape, panel.rows, panel.columns
        case Bars():
            return panel.label_axis, panel.value_axis
        case _:
            return panel.x, panel.y
