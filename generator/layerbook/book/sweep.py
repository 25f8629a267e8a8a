"""A sweep: one analysis over a grid of its parameters, summarized in a tidy table.

Each cell is an experiment with its own result. The result of the sweep is the table of what was
measured in each cell, so pages, claims and freshness checks need not open the cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from pydantic import Field

from layerbook.book.claims.check import Check, CheckError
from layerbook.book.columns import MAX_NUMBER, MeasuredValue, unify_column
from layerbook.book.sweep_views import SweepTable, view_figure
from layerbook.core.analysis import Analysis, Result
from layerbook.core.figures import Figure
from layerbook.core.rounding import round_values

if TYPE_CHECKING:
    from layerbook.book.schema import ViewSpec  # not a part of keys

MAX_CELLS = 100_000
MODEL_AXIS = "model"  # the axis that is not a parameter of the analysis


@dataclass(frozen=True)
class Axis:
    """A parameter and its values.

    values: the values for the analysis, with absolute layers and heads.
    spec_values: the values in the canonical spec.
    labels: the values in the table.
    tags: the other columns of the file with the values, an entry for each value.
    source: that file, its column and its digest.
    """

    name: str
    values: tuple[Any, ...]
    spec_values: tuple[Any, ...]
    labels: tuple[MeasuredValue, ...]
    tags: Mapping[str, tuple[MeasuredValue, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GridCell:
    """A cell: its analysis, its coordinates by axis and tag, and its model in a sweep of models.

    model: a name, or the path of a model in the book's folder.
    """

    analysis: Analysis[Any]
    coordinates: Mapping[str, MeasuredValue]
    model: str | None = None

    @property
    def description(self) -> str:
        """The coordinates in words: `prompts ' 2 + 2 = ', top_k 5`."""
        return ", ".join(f"{axis} {value!r}" for axis, value in self.coordinates.items())


class SweepResult(Result):
    """The measures of every cell, one row per cell; the last axis varies fastest."""

    axes: tuple[str, ...] = Field(
        description="The parameters that were swept: columns of the table."
    )
    tags: tuple[str, ...] = Field(
        description="Columns that came with the values of an axis, from its file."
    )
    measures: tuple[str, ...] = Field(description="Columns that were measured.")
    columns: dict[str, tuple[MeasuredValue, ...]] = Field(
        description="Each column [cells] by its name."
    )
    cells: tuple[str, ...] = Field(description="The id of each cell's own result [cells].")

    @property
    def rows(self) -> list[dict[str, MeasuredValue]]:
        """The table row by row: `row["answer"]`."""
        rows = zip(*self.columns.values(), strict=True)
        return [dict(zip(self.columns, row, strict=True)) for row in rows]


@dataclass(frozen=True, eq=False)
class Sweep:
    """An analysis over a grid of its parameters. Only its cells run.

    Shapes: a table with a row for each cell; their number is the product of the axes' lengths.
    Units: those of the values that each measure reads.
    Limits: a measure reads only its own cell; claims on the table can compare cells.
    Source: the tidy table, Wickham 2014 (doi:10.18637/jss.v059.i10).
    """

    base: Analysis[Any]
    axes: tuple[Axis, ...]
    measures: Mapping[str, Check]
    views: Mapping[str, ViewSpec]

    def spec(self) -> dict[str, Any]:
        """Return the parameters that the table depends on, without its views."""
        axis_names = {axis.name for axis in self.axes}
        return {
            **self.base.model_dump(mode="json", exclude=axis_names),
            "sweep": {axis.name: dict(axis.source) or list(axis.spec_values) for axis in self.axes},
            "measures": {name: check.text for name, check in self.measures.items()},
        }

    def __len__(self) -> int:
        """Return the number of cells."""
        return prod(len(axis.values) for axis in self.axes)

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the sweep; empty if all cells run on the book's model."""
        return next((axis.values for axis in self.axes if axis.name == MODEL_AXIS), ())

    def cells(self) -> Iterator[GridCell]:
        """Yield the cells; the last axis varies fastest."""
        ranges = (range(len(axis.values)) for axis in self.axes)
        yield from map(self._cell_at, itertools.product(*ranges))

    def cells_along(self, name: str) -> list[GridCell]:
        """Return the cells along one axis, with the other axes at their first value."""
        ranges = (range(len(axis.values) if axis.name == name else 1) for axis in self.axes)
        return list(map(self._cell_at, itertools.product(*ranges)))

    def _cell_at(self, index: Sequence[int]) -> GridCell:
        values: dict[str, Any] = {}
        coordinates: dict[str, MeasuredValue] = {}
        for axis, i in zip(self.axes, index, strict=True):
            values[axis.name] = axis.values[i]
            coordinates[axis.name] = axis.labels[i]
            for tag, column in axis.tags.items():
                coordinates[tag] = column[i]
        model = values.pop(MODEL_AXIS, None)
        return GridCell(self.base.model_copy(update=values), coordinates, model)

    def make_row(self, cell: GridCell, result: Result) -> dict[str, MeasuredValue]:
        """Return the cell's row of the table. Raises CheckError if a measure does not fit."""
        row: dict[str, MeasuredValue] = dict(cell.coordinates)
        for name, check in self.measures.items():
            try:
                value = check.value(result, {"cell": cell.coordinates})
            except CheckError as error:
                message = f"the measure {name!r}: {error.message}"
                raise CheckError(message, error.column) from error
            if not isinstance(value, bool | int | float | str | None):
                message = f"the measure {name!r} must give a number, a text, or true or false"
                raise CheckError(message)
            if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
                number = f"{value!s:.30}, not a number up to {MAX_NUMBER:g}"
                raise CheckError(f"the measure {name!r} gives {number}")
            row[name] = value
        return row

    def make_table(self, rows: Sequence[tuple[str, Mapping[str, MeasuredValue]]]) -> SweepResult:
        """Return the table of all rows, each with the id of its cell."""
        axes = tuple(axis.name for axis in self.axes)
        tags = tuple(name for axis in self.axes for name in axis.tags)
        columns: dict[str, tuple[MeasuredValue, ...]] = {}
        for name in (*axes, *tags, *self.measures):
            column = [row[name] for _, row in rows]
            columns[name] = unify_column(round_values(column) if name in self.measures else column)
        return SweepResult(
            axes=axes,
            tags=tags,
            measures=tuple(self.measures),
            columns=columns,
            cells=tuple(id for id, _ in rows),
        )

    def figures(self, result: SweepResult) -> dict[str, Figure]:
        """Return the views of measures; the cells' own figures need the cells' results."""
        names = {axis.name: axis.source["column"] for axis in self.axes if "column" in axis.source}
        table = SweepTable(result.columns, result.axes, result.tags, names)
        return {
            name: view_figure(name, view, table)
            for name, view in self.views.items()
            if not view.figure
        }
