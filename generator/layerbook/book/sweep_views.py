"""Draw the table of a sweep as lines, a heat map, bars, or small multiples of these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from layerbook.book.columns import MeasuredValue
from layerbook.core.errors import UsageError
from layerbook.core.figures import (
    Axis,
    Bars,
    Chart,
    Figure,
    Frame,
    Frames,
    Heatmap,
    Lines,
    Panels,
    Series,
)
from layerbook.core.text import listed

MEASURE = "measure"
"""The column with the names of measures that share a figure."""
_STACKED = "*"

Columns = Mapping[str, Sequence[Any]]
Rows = Sequence[int]


@dataclass(frozen=True)
class SweepView:
    """A figure of a sweep; the fields but `name`, `title` and `figure` are names of columns.

    label, unit: of the measure; `percent` writes shares of one in percent.
    measure: drawn over `across`; with `down` as a heat map, with `by` as a line for each of its
    values. `panels` gives each of its values a chart. Cells that agree in all these are averaged.
    measures: instead, several in one figure: a line for each, or a chart for each.
    figure, over: instead, show the cells' own figure of this name along an axis, the other axes at
    their first value.
    """

    name: str
    title: str = ""
    measure: str = ""
    measures: tuple[str, ...] = ()
    label: str = ""
    unit: str = ""
    across: str = ""
    down: str = ""
    by: str = ""
    panels: str = ""
    figure: str = ""
    over: str = ""


def view_figure(
    view: SweepView,
    columns: Columns,
    cells: int,
    tags: Sequence[str] = (),
    axes: Mapping[str, str] = MappingProxyType({}),
) -> Figure:
    """Draw a view of a measure, and name the axes over which it is averaged.

    tags: the columns that came with the values of an axis.
    axes: the axes with their names in the chart; one that a file has is named as its column.
    Raises UsageError if the measure is not a number in some cell.
    """
    if view.measures and (view.down or not are_numbers(columns[view.across])):
        return _draw_side_by_side(view, columns, cells, tags, axes)
    if view.measures:
        view, columns = _as_lines(view, columns, cells)
        cells *= len(view.measures)
    table = _MeasureTable(view, columns, tags, axes)
    if not view.panels:
        return table.chart(range(cells))
    panels = []
    for value in dict.fromkeys(columns[view.panels]):
        rows = [i for i in range(cells) if columns[view.panels][i] == value]
        title = f"{readable(view.panels)} {_text(value)}"
        panels.append(replace(table.chart(rows), title=title))
    charts = f"{len(panels)} charts of {view.measure}, one for each value of {view.panels}."
    alt = f"{charts} {table.describe_extremes(range(cells))}"
    return Panels(tuple(panels), title=table.title, alt=alt)


def _draw_side_by_side(
    view: SweepView,
    columns: Columns,
    cells: int,
    tags: Sequence[str],
    axes: Mapping[str, str],
) -> Panels:
    """Draw a chart for each of several measures, all on one scale."""
    label = view.label or _names(view)  # the same on all axes, which are then on one scale
    panels = []
    for name in view.measures:
        own = replace(view, measure=name, measures=())
        table = _MeasureTable(replace(own, label=label), columns, tags, axes)
        alt = _MeasureTable(own, columns, tags, axes).describe_extremes(range(cells))
        panels.append(replace(table.chart(range(cells)), title=readable(name), alt=alt))
    return Panels(tuple(panels), title=table.title, alt=" ".join(panel.alt for panel in panels))


def _as_lines(view: SweepView, columns: Columns, cells: int) -> tuple[SweepView, Columns]:
    """Return a view with a line for each of its measures, and the table that it draws.

    The table has the rows of each measure, with the name of the measure in the column `measure`.
    """
    stacked = {name: list(column) * len(view.measures) for name, column in columns.items()}
    stacked[MEASURE] = [readable(name) for name in view.measures for _ in range(cells)]
    stacked[_STACKED] = [value for name in view.measures for value in columns[name]]
    label = view.label or _names(view)
    return replace(view, measure=_STACKED, label=label, by=MEASURE), stacked


def _names(view: SweepView) -> str:
    return listed([readable(name) for name in view.measures])


def view_frames(view: SweepView, pictures: Sequence[tuple[MeasuredValue, Figure]]) -> Frames:
    """Show the cells' own figures one after the other, each with its value on the axis.

    Raises UsageError if they are not charts.
    """
    frames = []
    for value, picture in pictures:
        if not isinstance(picture, get_args(Chart)):
            raise UsageError(
                f"the view {view.name!r} steps through {view.figure!r}, which is not a chart"
            )
        frames.append(Frame(f"{view.over} {_text(value)}", picture))
    title = view.title or f"{view.figure} along {view.over}"
    values = listed([_text(value) for value, _ in pictures])
    steps = f"{view.figure} for {len(frames)} values of {view.over}: {values}."
    alt = f"{steps} {frames[0].picture.alt}"
    return Frames(tuple(frames), alt=alt, title=title, step="value")


class _MeasureTable:
    """The columns of a sweep and the values of the measure that a view draws."""

    def __init__(
        self, view: SweepView, columns: Columns, tags: Sequence[str], axes: Mapping[str, str]
    ) -> None:
        self.view, self.columns, self.tags, self.axes = view, columns, tags, axes
        self.drawn = [n for n in (view.panels, view.across, view.down, view.by) if n]
        self.averaged = [axis for axis in axes if self._is_averaged(axis)]
        for measure in view.measures or (view.measure,):
            for value in columns[measure]:
                if not isinstance(value, bool | int | float):
                    reason = f"which is not always a number: {value!r}"
                    raise UsageError(f"the view {view.name!r} draws {measure!r}, {reason}")
        # True counts as one, so that the mean is a share.
        self.values: NDArray[np.float64] = np.array(columns[view.measure], dtype=np.float64)

    def _is_averaged(self, axis: str) -> bool:
        """Return whether cells that are drawn as one differ in an axis."""
        first_values: dict[tuple[Any, ...], Any] = {}
        for i, value in enumerate(self.columns[axis]):
            key = tuple(self.columns[name][i] for name in self.drawn)
            if first_values.setdefault(key, value) != value:
                return True
        return False

    @property
    def value_name(self) -> str:
        mean = f", mean over {listed(self.averaged)}" if self.averaged else ""
        return f"{self.view.label or readable(self.view.measure)}{mean}"

    @property
    def value_axis(self) -> Axis:
        percent = self.view.unit == "percent"
        return Axis(self.value_name, "" if percent else self.view.unit, percent=percent)

    @property
    def title(self) -> str:
        view = self.view
        by = "" if view.measures else view.by
        names = filter(None, (view.across, view.down or by))
        drawn = view.label or readable(view.measure)
        return view.title or f"{drawn} by {' and '.join(map(self._shown_name, names))}"

    def chart(self, rows: Rows) -> Heatmap | Lines | Bars:
        if self.view.down:
            return self._heatmap(rows)
        if are_numbers(self._distinct(self.view.across, rows)):
            return self._lines(rows)
        return self._bars(rows)

    def _heatmap(self, rows: Rows) -> Heatmap:
        view = self.view
        across, down = self._distinct(view.across, rows), self._distinct(view.down, rows)
        means = self._means(rows, (view.down, view.across))
        return Heatmap(
            np.array([[means.get((y, x), math.nan) for x in across] for y in down]),
            Axis(self._shown_name(view.down), labels=tuple(map(_text, down))),
            Axis(self._shown_name(view.across), labels=tuple(map(_text, across))),
            value=self.value_name,
            unit=self.value_axis.unit,
            percent=self.value_axis.percent,
            alt=self.describe_extremes(rows),
            title=self.title,
        )

    def _bars(self, rows: Rows) -> Bars:
        return Bars(
            tuple(map(_text, self._distinct(self.view.across, rows))),
            tuple(self._means(rows, (self.view.across,)).values()),
            Axis(self._shown_name(self.view.across)),
            self.value_axis,
            alt=self.describe_extremes(rows),
            title=self.title,
        )

    def _lines(self, rows: Rows) -> Lines:
        view = self.view
        by = (view.by,) if view.by else ()
        points: dict[MeasuredValue, list[tuple[float, float]]] = {}
        for (*line, x), y in self._means(rows, (*by, view.across)).items():
            points.setdefault(line[0] if line else view.measure, []).append((float(x), y))
        series = []
        for name, line_points in points.items():
            xs, ys = zip(*sorted(line_points), strict=True)
            series.append(Series(_text(name), xs, ys))
        is_whole = all(float(x).is_integer() for line_series in series for x in line_series.x)
        is_name = view.across in self.tags or view.across.endswith("seed")
        return Lines(
            tuple(series),
            Axis(self._shown_name(view.across), nominal=is_whole and is_name),
            self.value_axis,
            alt=self.describe_extremes(rows),
            title=self.title,
        )

    def _shown_name(self, column: str) -> str:
        return readable(self.axes.get(column, column))

    def _distinct(self, name: str, rows: Rows) -> list[Any]:
        return list(dict.fromkeys(self.columns[name][i] for i in rows))

    def _means(self, rows: Rows, names: tuple[str, ...]) -> dict[tuple[Any, ...], float]:
        """Return the mean over the cells that agree in these columns, by their values."""
        groups: dict[tuple[Any, ...], list[float]] = {}
        for i in rows:
            key = tuple(self.columns[name][i] for name in names)
            groups.setdefault(key, []).append(self.values[i])
        return {key: float(np.mean(group)) for key, group in groups.items()}

    def describe_extremes(self, rows: Rows) -> str:
        """Describe the least and the largest value for those who cannot see the chart."""
        means = self._means(rows, tuple(self.drawn))

        def describe(key: tuple[Any, ...]) -> str:
            named = zip(self.drawn, key, strict=True)
            coordinates = ", ".join(
                f"{self.axes.get(name, name)} {_text(value)}" for name, value in named
            )
            return f"{means[key]:.3g} at {coordinates}"

        least, most = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
        return f"{self.value_name}: from {describe(least)} to {describe(most)}."


def readable(column: str) -> str:
    """Return the name of a column in words: `top_k` becomes `top k`."""
    return column.replace("_", " ").strip()


def are_numbers(values: Iterable[Any]) -> bool:
    """Return whether a column can be the axis of a line chart."""
    return all(isinstance(x, int | float) and not isinstance(x, bool) for x in values)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short
