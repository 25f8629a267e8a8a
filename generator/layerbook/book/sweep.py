"""A sweep: one analysis over a grid of its parameters, cell by cell, summed up as one tidy table.

A cell is an experiment of its own, with its own result; the sweep's result is the table of what each cell measured, so
that a page, a claim or a check of freshness never has to open the cells again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, SkipValidation, model_serializer

from layerbook.book.claims.check import Check, CheckError
from layerbook.book.sweep_views import SweepView, view_figure
from layerbook.core.analysis import Analysis, Result
from layerbook.core.figures import Figure
from layerbook.core.labels import TableValue
from layerbook.core.requests import ActivationCaches, Request

MAX_CELLS = 100_000
MODEL_AXIS = "model"
"""The axis that is no parameter of an analysis."""

MeasuredValue = float | int | str | bool | None


@dataclass(frozen=True)
class Axis:
    """One parameter and the values it takes.

    values: as the analysis takes them, layers and heads absolute. spec_values: the same as the canonical spec has them.
    labels: as the table shows them. tags: other columns of the file that the values came from, one entry for each
    value. source: that file, its column and its digest.
    """

    name: str
    values: tuple[Any, ...]
    spec_values: tuple[Any, ...]
    labels: tuple[TableValue, ...]
    tags: Mapping[str, tuple[TableValue, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GridCell:
    """One cell: its analysis, where in the grid it is, by axis and by tag, and its model, where models are swept."""

    analysis: Analysis[Any]
    coordinates: Mapping[str, TableValue]
    model: str = ""

    @property
    def description(self) -> str:
        """Where in the grid it is, for people: `prompts ' 2 + 2 = ', top_k 5`."""
        return ", ".join(f"{axis} {value!r}" for axis, value in self.coordinates.items())


class SweepResult(Result):
    """What every cell measured, a row a cell: the last axis runs fastest."""

    axes: tuple[str, ...] = Field(
        description="The parameters that were swept: columns of the table."
    )
    tags: tuple[str, ...] = Field(
        description="Columns that came with the values of an axis, from its file."
    )
    measures: tuple[str, ...] = Field(description="Columns that were measured.")
    columns: dict[str, tuple[MeasuredValue, ...]] = Field(description="Each column [cells] by its name.")
    cells: tuple[str, ...] = Field(description="The id of each cell's own result [cells].")

    @property
    def rows(self) -> list[dict[str, MeasuredValue]]:
        """The table row by row: `row["answer"]`."""
        names = list(self.columns)
        return [
            dict(zip(names, row, strict=True)) for row in zip(*self.columns.values(), strict=True)
        ]


class SweepAnalysis(Analysis[SweepResult]):
    """An analysis over a grid of its parameters; its cells run, it does not.

    Shapes: a table of as many rows as there are cells, the product of the lengths of the axes.
    Units: those of what each measure reads.
    Limits: a measure reads its own cell alone; what joins cells is a claim on the table.
    Source: the tidy table, Wickham 2014 (doi:10.18637/jss.v059.i10).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    result_type: ClassVar[type[Result]] = SweepResult

    base: SkipValidation[Analysis[Any]]
    axes: SkipValidation[tuple[Axis, ...]]
    measures: SkipValidation[dict[str, Check]]
    views: SkipValidation[tuple[SweepView, ...]]

    @model_serializer
    def _canonical(self) -> dict[str, Any]:
        """What the table depends on; how it is drawn is no part of it."""
        names = {axis.name for axis in self.axes}
        common = {
            name: value
            for name, value in self.base.model_dump(mode="json").items()
            if name not in names
        }
        grid = {axis.name: dict(axis.source) or list(axis.spec_values) for axis in self.axes}
        return common | {
            "sweep": grid,
            "measures": {name: check.text for name, check in self.measures.items()},
        }

    def __len__(self) -> int:
        """How many cells there are."""
        return prod(len(axis.values) for axis in self.axes)

    def cells(self) -> Iterator[GridCell]:
        """The cells one by one; the last axis runs fastest."""
        yield from map(
            self.cell_at, itertools.product(*(range(len(axis.values)) for axis in self.axes))
        )

    def cell_at(self, index: Sequence[int]) -> GridCell:
        """The cell at these values, by their numbers along each axis."""
        values = {axis.name: axis.values[i] for axis, i in zip(self.axes, index, strict=True)}
        model = values.pop(MODEL_AXIS, "")
        at: dict[str, TableValue] = {}
        for axis, i in zip(self.axes, index, strict=True):
            at |= {axis.name: axis.labels[i]} | {
                name: column[i] for name, column in axis.tags.items()
            }
        return GridCell(self.base.model_copy(update=values), at, model)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are swept; none where all cells run on the book's."""
        return next((axis.values for axis in self.axes if axis.name == MODEL_AXIS), ())

    def cells_along(self, name: str) -> list[GridCell]:
        """The cells along one axis, the other axes at their first value."""
        index = [axis.name for axis in self.axes].index(name)
        return [
            self.cell_at([i if at == index else 0 for at in range(len(self.axes))])
            for i in range(len(self.axes[index].values))
        ]

    def make_row(self, cell: GridCell, result: Result) -> dict[str, MeasuredValue]:
        """The cell's row of the table. Raises CheckError, naming the measure, where one does not fit the result."""
        row: dict[str, MeasuredValue] = dict(cell.coordinates)
        for name, check in self.measures.items():
            try:
                value = check.value(result, {"cell": cell.coordinates})
            except CheckError as error:
                raise CheckError(f"the measure {name!r}: {error.message}", error.column) from error
            if not isinstance(value, bool | int | float | str | None):
                raise CheckError(
                    f"the measure {name!r} must give a number, a text, or true or false"
                )
            row[name] = value
        return row

    def make_table(self, rows: Iterable[tuple[str, Mapping[str, MeasuredValue]]]) -> SweepResult:
        """The table of all rows, each with the id of its cell."""
        tags = tuple(name for axis in self.axes for name in axis.tags)
        names = tuple(axis.name for axis in self.axes)
        columns: dict[str, list[MeasuredValue]] = {name: [] for name in (*names, *tags, *self.measures)}
        cells = []
        for id, row in rows:
            cells.append(id)
            for name, column in columns.items():
                column.append(row[name])
        made = {name: tuple(column) for name, column in columns.items()}
        return SweepResult(
            axes=names, tags=tags, measures=tuple(self.measures), columns=made, cells=tuple(cells)
        )

    def runs(self) -> dict[str, Request]:
        """Nothing: the cells ask."""
        return {}

    def measure(self, captures: ActivationCaches) -> SweepResult:
        """Nothing to measure but in the cells: TypeError."""
        raise TypeError("a sweep is measured cell by cell")

    def figures(self, result: SweepResult) -> dict[str, Figure]:
        """The views of a measure, by name; those that show the cells' own figures need their results."""
        return {
            view.name: view_figure(view, result.columns, len(result.cells))
            for view in self.views
            if view.measure
        }
