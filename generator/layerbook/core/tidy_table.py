"""The numbers of a figure as data: one observation a row, each column under a name of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np

from layerbook.core.figures import (
    Axis,
    Figure,
    Frames,
    Heatmap,
    Label,
    Lines,
    Panel,
    Panels,
    Scatter,
    Table,
    TableValue,
)
from layerbook.core.language import gettext

Cell = TableValue | Label
_DRAWN_BREAKS = str.maketrans({"⏎": "\n", "⇥": "\t", "⇤": "\r"})
_DRAWN_SPACE = re.compile(r"(?<!\w)·|·(?!\w)")
"""A dot that does not stand between two letters or numbers, as that of `q·k` does."""


def tidy_table(figure: Figure) -> Table:
    """Return the data of a figure; heatmaps have a row for each cell, panels are a column.

    Labels have spaces where pictures draw them as dots; the cells of a table are left alone.
    """
    table = _tidy_table(figure)
    columns = _unique_names(tuple(map(_undrawn, table.columns)))
    if isinstance(figure, Table):
        return Table(columns, table.rows)
    rows = tuple(
        tuple(_undrawn(cell) if isinstance(cell, str) else cell for cell in row)
        for row in table.rows
    )
    return Table(columns, rows)


def _undrawn(label: str) -> str:
    """Return a label with spaces and line breaks again; the dot of a product stays."""
    return _DRAWN_SPACE.sub(" ", label).translate(_DRAWN_BREAKS)


def _tidy_table(figure: Figure) -> Table:
    if isinstance(figure, Panels):
        return _stack(figure.panels)
    if isinstance(figure, Frames) and figure.step == "stage":
        return _stack([f.picture for f in figure.frames if not isinstance(f.picture, Panels)])
    table = _heatmap_cells(figure) if isinstance(figure, Heatmap) else figure.table()
    width = max([len(table.columns), *(len(row) for row in table.rows)])
    rows = tuple((*row, *[""] * (width - len(row))) for row in table.rows)
    return Table(_unique_names((*table.columns, *[""] * (width - len(table.columns)))), rows)


def _heatmap_cells(figure: Heatmap) -> Table:
    """Return the place, the labels and the value of each cell that exists."""
    value = f"{figure.value} ({figure.unit})" if figure.unit else figure.value
    columns = (
        *_step_names(figure.rows, gettext("row")),
        *_step_names(figure.columns, gettext("column")),
        value,
    )
    columns = (*columns, "cell") if figure.cells else columns
    rows = [
        (
            *_step(figure.rows, i),
            *_step(figure.columns, j),
            float(number),
            *((figure.cells[i][j],) if figure.cells else ()),
        )
        for (i, j), number in np.ndenumerate(figure.values)
        if not (figure.causal and j > i) and not np.isnan(number)
    ]
    return Table(columns, tuple(rows))


def _step_names(axis: Axis, position_name: str) -> tuple[str, ...]:
    return (position_name, axis.title()) if axis.labels else (axis.title(),)


def _step(axis: Axis, index: int) -> tuple[Cell, ...]:
    """Return the place of a step on its axis, and its label if it has one."""
    position = axis.start + index
    return (position, axis.labels[index]) if axis.labels else (position,)


def _stack(panels: Sequence[Panel]) -> Table:
    """Stack the rows of all panels under the union of their columns, with empty cells where a panel
    lacks a column."""
    tables = [tidy_table(panel) for panel in panels]
    if len({table.columns for table in tables}) > 1:
        # Each panel may have its own unit, such as the share of the variance of an axis.
        tables = [tidy_table(_without_units(panel)) for panel in panels]
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    rows = []
    for panel, table in zip(panels, tables, strict=True):
        for row in table.rows:
            cells: dict[str, Cell] = dict(zip(table.columns, row, strict=True))
            rows.append((panel.title, *(cells.get(name, "") for name in names)))
    return Table(_unique_names((gettext("panel"), *names)), tuple(rows))


def _without_units(panel: Panel) -> Panel:
    if isinstance(panel, Lines | Scatter):
        return replace(panel, x=replace(panel.x, unit=""), y=replace(panel.y, unit=""))
    return panel


def _unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns, numbered where one is repeated or missing."""
    unique: list[str] = []
    for place, name in enumerate(names, start=1):
        numbered = (f"{name} {number}" for number in count(2))
        name = name or gettext("column {place}", place=place)
        unique.append(name if name not in unique else next(n for n in numbered if n not in unique))
    return tuple(unique)
