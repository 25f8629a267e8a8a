"""Draw the table of a sweep as lines, a heat map, bars, or small multiples of these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from layerbook.book.columns import MeasuredValue
from layerbook.book.schema import ViewSpec
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
from layerbook.core.language import gettext, localized
from layerbook.core.text import listed

MEASURE = "measure"
"""The column with the names of measures that share a figure."""
_STACKED = "*"

Rows = Sequence[int]


@dataclass(frozen=True)
class SweepTable:
    """The table of a sweep: a value for each cell in every column.

    axes: the columns that are parameters. tags: those that came with the values of an axis.
    names: the names of columns in figures, where they differ from those in the table.
    """

    columns: Mapping[str, Sequence[Any]]
    axes: tuple[str, ...]
    tags: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> range:
        """The indices of the cells."""
        return range(len(next(iter(self.columns.values()))))

    def shown_name(self, column: str) -> str:
        """Return the name of a column in a figure: `top_k` becomes `top k`."""
        return self.names.get(column, column.replace("_", " ").strip())


def view_figure(name: str, view: ViewSpec, table: SweepTable) -> Figure:
    """Draw a view of a measure, and name the axes over which it is averaged.

    Raises UsageError if the measure is not a number in some cell.
    """
    for measure in view.measures or (view.measure,):
        for value in table.columns[measure]:
            if not isinstance(value, bool | int | float):
                reason = f"which is not always a number: {value!r}"
                raise UsageError(f"the view {name!r} draws {measure!r}, {reason}")
    table = replace(table, names={**table.names, **view.names})
    if view.measures and (view.down or not are_numbers(table.columns[view.across])):
        return _draw_side_by_side(view, table)
    if view.measures:
        view, table = _as_lines(view, table)
    drawing = _Drawing(view, table)
    if not view.panels:
        return drawing.chart(table.rows)
    axis = table.shown_name(view.panels)
    panels = [
        replace(drawing.chart(rows), title=f"{axis} {_text(value)}")
        for (value,), rows in drawing.groups(table.rows, (view.panels,)).items()
    ]
    charts = gettext(
        "{count} charts of {measure}, one for each value of {axis}.",
        count=len(panels),
        measure=drawing.measure_name,
        axis=axis,
    )
    alt = f"{charts} {drawing.describe_extremes(table.rows)}"
    return Panels(tuple(panels), title=drawing.title, alt=alt)


def _draw_side_by_side(view: ViewSpec, table: SweepTable) -> Panels:
    """Draw a chart for each of several measures, all on one scale."""
    label = view.label or _joined_names(view, table)  # one label for all, so one scale
    panels = []
    for name in view.measures:
        single = view.model_copy(update={"measure": name, "measures": ()})
        drawing = _Drawing(single.model_copy(update={"label": label}), table)
        alt = _Drawing(single, table).describe_extremes(table.rows)
        chart = drawing.chart(table.rows)
        panels.append(replace(chart, title=table.shown_name(name), alt=alt))
    alt = " ".join(panel.alt for panel in panels)
    return Panels(tuple(panels), title=drawing.title, alt=alt)


def _as_lines(view: ViewSpec, table: SweepTable) -> tuple[ViewSpec, SweepTable]:
    """Return a view with a line for each of its measures, and the table that it draws.

    The table has the rows of each measure, with the name of the measure in the column `measure`.
    """
    columns = {name: list(column) * len(view.measures) for name, column in table.columns.items()}
    columns[MEASURE] = [table.shown_name(name) for name in view.measures for _ in table.rows]
    columns[_STACKED] = [value for name in view.measures for value in table.columns[name]]
    label = view.label or _joined_names(view, table)
    view = view.model_copy(update={"measure": _STACKED, "label": label, "by": MEASURE})
    return view, replace(table, columns=columns)


def _joined_names(view: ViewSpec, table: SweepTable) -> str:
    return listed([table.shown_name(name) for name in view.measures])


def view_frames(
    name: str, view: ViewSpec, pictures: Sequence[tuple[MeasuredValue, Figure]]
) -> Frames:
    """Show the cells' own figures one after another, each with its value on the axis.

    Raises UsageError if they are not charts.
    """
    axis = view.names.get(view.over, view.over)
    frames = []
    for value, picture in pictures:
        if not isinstance(picture, get_args(Chart)):
            raise UsageError(
                f"the view {name!r} steps through {view.figure!r}, which is not a chart"
            )
        frames.append(Frame(f"{axis} {_text(value)}", picture))
    title = view.title or gettext("{figure} along {axis}", figure=view.figure, axis=axis)
    steps = gettext(
        "{figure} for {count} values of {axis}: {values}.",
        figure=view.figure,
        count=len(frames),
        axis=axis,
        values=listed([_text(value) for value, _ in pictures]),
    )
    alt = f"{steps} {frames[0].picture.alt}"
    return Frames(tuple(frames), alt=alt, title=title, step="value")


class _Drawing:
    """A view of a sweep's table, and the values of the measure that it draws."""

    def __init__(self, view: ViewSpec, table: SweepTable) -> None:
        self.view, self.table, self.columns = view, table, table.columns
        self.drawn = [n for n in (view.panels, view.across, view.down, view.by) if n]
        drawn_as_one = self.groups(table.rows, self.drawn).values()
        self.averaged = [
            table.shown_name(axis)
            for axis in table.axes
            if any(len(self._distinct(axis, rows)) > 1 for rows in drawn_as_one)
        ]
        # True counts as one, so that the mean is a share.
        self.values: NDArray[np.float64] = np.array(self.columns[view.measure], dtype=np.float64)

    @property
    def measure_name(self) -> str:
        return self.view.label or self.table.shown_name(self.view.measure)

    @property
    def value_name(self) -> str:
        if not self.averaged:
            return self.measure_name
        axes = listed(self.averaged)
        return gettext("{measure}, mean over {axes}", measure=self.measure_name, axes=axes)

    @property
    def value_axis(self) -> Axis:
        percent = self.view.unit == "percent"
        return Axis(self.value_name, "" if percent else self.view.unit, percent=percent)

    @property
    def title(self) -> str:
        view = self.view
        by = "" if view.measures else view.by
        axes = [self.table.shown_name(axis) for axis in (view.across, view.down or by) if axis]
        return view.title or gettext(
            "{measure} by {axes}", measure=self.measure_name, axes=listed(axes)
        )

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
            Axis(self.table.shown_name(view.down), labels=tuple(map(_text, down))),
            Axis(self.table.shown_name(view.across), labels=tuple(map(_text, across))),
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
            Axis(self.table.shown_name(self.view.across)),
            self.value_axis,
            alt=self.describe_extremes(rows),
            title=self.title,
        )

    def _lines(self, rows: Rows) -> Lines:
        view = self.view
        by = (view.by,) if view.by else ()
        series = []
        for line, line_rows in self.groups(rows, by).items():
            means = self._means(line_rows, (view.across,))
            xs, ys = zip(*sorted((float(x), y) for (x,), y in means.items()), strict=True)
            series.append(Series(_text(*line) if line else view.measure, xs, ys))
        is_whole = all(float(x).is_integer() for line_series in series for x in line_series.x)
        is_name = view.across in self.table.tags or view.across.endswith("seed")
        return Lines(
            tuple(series),
            Axis(self.table.shown_name(view.across), nominal=is_whole and is_name),
            self.value_axis,
            alt=self.describe_extremes(rows),
            title=self.title,
        )

    def _distinct(self, name: str, rows: Rows) -> list[Any]:
        return list(dict.fromkeys(self.columns[name][i] for i in rows))

    def groups(self, rows: Rows, names: Sequence[str]) -> dict[tuple[Any, ...], list[int]]:
        """Group cells that agree in these columns, by the values of the columns."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i in rows:
            groups.setdefault(tuple(self.columns[name][i] for name in names), []).append(i)
        return groups

    def _means(self, rows: Rows, names: Sequence[str]) -> dict[tuple[Any, ...], float]:
        """Return the means over cells that agree in these columns, by the values of the columns."""
        groups = self.groups(rows, names)
        return {key: float(np.mean(self.values[group])) for key, group in groups.items()}

    def describe_extremes(self, rows: Rows) -> str:
        """Describe the smallest and the largest value for readers who cannot see the chart."""
        means = self._means(rows, self.drawn)

        def describe(key: tuple[Any, ...]) -> str:
            named = zip(self.drawn, key, strict=True)
            coordinates = ", ".join(
                f"{self.table.shown_name(name)} {_text(value)}" for name, value in named
            )
            value = localized(f"{means[key]:.3g}")
            return gettext("{value} at {place}", value=value, place=coordinates)

        least, most = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
        return gettext(
            "{measure}: from {least} to {most}.",
            measure=self.value_name,
            least=describe(least),
            most=describe(most),
        )


def are_numbers(values: Iterable[Any]) -> bool:
    """Return whether a column can be the axis of a line chart."""
    return all(isinstance(x, int | float) and not isinstance(x, bool) for x in values)


def _text(value: Any) -> str:
    if value is None:
        return gettext("none")
    if isinstance(value, bool):
        return str(value).lower()
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short
