"""How the table of a sweep is drawn: lines, a heat map or bars of a measure, or small multiples of these."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerbook.core.errors import UsageError
from layerbook.core.figures import (
    Axis,
    Bars,
    Figure,
    Frame,
    Frames,
    Heatmap,
    Lines,
    Panels,
    Scatter,
    Series,
    listed,
)
from layerbook.core.labels import TableValue

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class SweepView:
    """One figure of a sweep, by the names of columns.

    measure: what is drawn, over `across`; with `down` as a heat map, with `by` a line for each of its values; `panels`
    gives each of its values a chart of its own. Cells that agree in all of these are averaged. figure, over: instead,
    the cells' own figure of this name, to be stepped through along an axis, the others at their first value.
    """

    name: str
    title: str = ""
    measure: str = ""
    across: str = ""
    down: str = ""
    by: str = ""
    panels: str = ""
    figure: str = ""
    over: str = ""

    def column_names(self) -> tuple[str, ...]:
        """The columns that it names beside the measure."""
        return tuple(
            name for name in (self.across, self.down, self.by, self.panels, self.over) if name
        )


def view_figure(view: SweepView, columns: Columns, cells: int) -> Figure:
    """The figure of a view. Raises UsageError where its measure is no number in some cell."""
    values = _numbers(view, columns)
    if not view.panels:
        return _chart(view, columns, values, range(cells))
    panels = []
    for value in dict.fromkeys(columns[view.panels]):
        rows = [i for i in range(cells) if columns[view.panels][i] == value]
        panels.append(
            replace(_chart(view, columns, values, rows), title=f"{view.panels} {_text(value)}")
        )
    charts = f"{len(panels)} charts of {view.measure}, one for each value of {view.panels}."
    alt = f"{charts} {_extremes(view, columns, values, range(cells))}"
    return Panels(tuple(panels), title=_title(view), alt=alt)


def view_frames(view: SweepView, pictures: Sequence[tuple[TableValue, Figure]]) -> Frames:
    """The cells' own figures, one after the other, each with its value on the axis; UsageError for what is no chart."""
    frames = []
    for value, picture in pictures:
        if not isinstance(picture, Heatmap | Lines | Bars | Scatter | Panels):
            raise UsageError(
                f"the view {view.name!r} steps through {view.figure!r}, which is not a chart"
            )
        frames.append(Frame(f"{view.over} {_text(value)}", picture))
    title = view.title or f"{view.figure} along {view.over}"
    values = listed([_text(value) for value, _ in pictures])
    alt = (
        f"{view.figure} for {len(frames)} values of {view.over}: {values}. {frames[0].picture.alt}"
    )
    return Frames(tuple(frames), alt=alt, title=title, step="value")


def _numbers(view: SweepView, columns: Columns) -> NDArray[np.float64]:
    """A measure's values [cells]; true counts as one, so that its mean is a share."""
    found = columns[view.measure]
    wrong = [value for value in found if not isinstance(value, bool | int | float)]
    if wrong:
        raise UsageError(
            f"the view {view.name!r} draws {view.measure!r}, which is not always a number: {wrong[0]!r}"
        )
    return np.array(found, dtype=np.float64)


def _chart(
    view: SweepView, columns: Columns, values: NDArray[np.float64], rows: Sequence[int]
) -> Heatmap | Lines | Bars:
    alt, title = _extremes(view, columns, values, rows), _title(view)
    across = list(dict.fromkeys(columns[view.across][i] for i in rows))
    if view.down:
        down = list(dict.fromkeys(columns[view.down][i] for i in rows))
        mean = _means(columns, values, rows, (view.down, view.across))
        grid = np.array([[mean.get((d, a), math.nan) for a in across] for d in down])
        sides = (
            Axis(view.down, labels=tuple(map(_text, down))),
            Axis(view.across, labels=tuple(map(_text, across))),
        )
        return Heatmap(grid, *sides, value=view.measure, alt=alt, title=title)
    if not all(isinstance(a, int | float) for a in across):
        means = tuple(_means(columns, values, rows, (view.across,)).values())
        return Bars(
            tuple(map(_text, across)),
            means,
            Axis(view.across),
            Axis(view.measure),
            alt=alt,
            title=title,
        )
    lines: dict[TableValue, list[tuple[float, float]]] = {}
    for (*by, x), y in _means(
        columns, values, rows, (*filter(None, (view.by,)), view.across)
    ).items():
        lines.setdefault(by[0] if by else view.measure, []).append((float(x), y))
    series = []
    for name, points in lines.items():
        along = sorted(points)
        series.append(Series(_text(name), tuple(x for x, _ in along), tuple(y for _, y in along)))
    return Lines(tuple(series), Axis(view.across), Axis(view.measure), alt=alt, title=title)


def _means(
    columns: Columns, values: NDArray[np.float64], rows: Sequence[int], names: tuple[str, ...]
) -> dict[tuple[Any, ...], float]:
    """The mean over the cells that agree in these columns, by their values, in the order of first need."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for i in rows:
        found.setdefault(tuple(columns[name][i] for name in names), []).append(values[i])
    return {at: float(np.mean(some)) for at, some in found.items()}


def _extremes(
    view: SweepView, columns: Columns, values: NDArray[np.float64], rows: Sequence[int]
) -> str:
    """The least and the largest value, and where, for those who cannot see the chart."""
    named = [name for name in view.column_names() if name != view.panels]

    def at(i: int) -> str:
        return ", ".join(f"{name} {_text(columns[name][i])}" for name in named)

    least, most = min(rows, key=values.__getitem__), max(rows, key=values.__getitem__)
    return f"{view.measure}: from {values[least]:.3g} at {at(least)} to {values[most]:.3g} at {at(most)}."


def _title(view: SweepView) -> str:
    return (
        view.title
        or f"{view.measure} by {' and '.join(n for n in (view.across, view.down or view.by) if n)}"
    )


def _text(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
