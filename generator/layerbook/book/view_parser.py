"""Parse the `views` of a sweep."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from layerbook.book.claims.check import Check
from layerbook.book.claims.type_check import possible_types
from layerbook.book.columns import MeasuredValue
from layerbook.book.figure_names import analysis_name_patterns, readable_names
from layerbook.book.node import Node
from layerbook.book.schema import ViewSpec
from layerbook.book.sweep import Axis
from layerbook.book.sweep_views import MEASURE, are_numbers
from layerbook.book.validation import validate
from layerbook.core.analysis import Analysis
from layerbook.core.errors import did_you_mean
from layerbook.core.text import listed


class ViewParser:
    """Parse the views of a sweep with these axes and measures; report problems."""

    def __init__(
        self,
        analysis_type: type[Analysis[Any]],
        axes: tuple[Axis, ...],
        measures: Mapping[str, Check],
    ) -> None:
        self.analysis_type, self.axes, self.measures = analysis_type, axes, measures
        self.columns = grid_columns(axes)

    def parse(self, experiment: Node) -> dict[str, ViewSpec]:
        """Return the views of an experiment by name."""
        views: dict[str, ViewSpec] = {}
        for name, node in experiment.get_mapping("views").items():
            view = validate(ViewSpec, node) if isinstance(node.value, dict) else None
            if view is not None:
                self._check_content(view, node)
                self._check_columns(view, node)
                views[name] = view
        return views

    def _check_content(self, view: ViewSpec, node: Node) -> None:
        if message := _view_problem(view, self.columns):
            node.add_problem(message)
        if view.figure:
            self._check_figure(node.value["figure"])
        if view.measure:
            self._check_measure(node.value["measure"])
        for measure in node.get_list("measures"):
            self._check_measure(measure)

    def _check_columns(self, view: ViewSpec, node: Node) -> None:
        if view.over:
            self._check_column(node.value["over"], "axis", [axis.name for axis in self.axes])
        for key in ("across", "down", "by", "panels"):
            if getattr(view, key):
                self._check_column(node.value[key], "column", self.columns)
        across = self.columns.get(view.across, ())
        if view.by and not are_numbers(across):
            node.value["by"].add_problem(
                f"{view.across!r} is not all numbers, so it is drawn as bars, without 'by'; "
                "use 'panels' or 'down'"
            )
        known = (*self.columns, *self.measures)
        for name in view.names:
            if name not in known:
                message = f"the sweep has no column {name!r}{did_you_mean(name, known)}"
                node.value["names"].add_key_problem(name, message)

    def _check_figure(self, node: Node) -> None:
        """Report a figure that no cell has."""
        names = analysis_name_patterns(self.analysis_type)
        if not any(re.fullmatch(name, node.value) for name in names):
            hint = did_you_mean(node.value, readable_names(names))
            node.add_problem(f"the cells have no figure {node.value!r}{hint}")

    def _check_measure(self, node: Node) -> None:
        """Report a measure that the sweep does not have, or that is text."""
        if node.value not in self.measures:
            available = f"; available: {', '.join(self.measures)}" if self.measures else ""
            hint = did_you_mean(node.value, list(self.measures))
            node.add_problem(f"the sweep has no measure {node.value!r}{hint}{available}")
            return
        types = possible_types(self.measures[node.value], self.analysis_type.result_type)
        if types and all(kind is str for kind in types):
            node.add_problem(f"the measure {node.value!r} is text; a view draws numbers")

    def _check_column(self, node: Node, noun: str, names: Collection[str]) -> None:
        """Report an axis or a column that the sweep does not have."""
        if node.value in names:
            return
        hint = did_you_mean(node.value, names)
        for axis in self.axes:
            if axis.source.get("column") == node.value:
                hint = f" (its values are the axis {axis.name!r})"
        available = f"; available: {', '.join(names)}" if names else ""
        node.add_problem(f"the sweep has no {noun} {node.value!r}{hint}{available}")


def _view_problem(view: ViewSpec, columns: Collection[str]) -> str:
    measures = view.measures or (view.measure,) if view.measures or view.measure else ()
    if bool(measures) == bool(view.figure) or (view.measure and view.measures):
        return "needs either `measure` or `measures`, across a column, or `figure`, over an axis"
    if measures and not view.across:
        names = listed([repr(measure) for measure in measures])
        return f"needs `across`, the column along the axis of {names}"
    if view.figure and not view.over:
        return f"needs `over`, the axis along which {view.figure!r} is shown"
    if view.measures and MEASURE in columns:
        return f"draws several measures, so the grid cannot have a column {MEASURE!r}"
    if view.measures:
        unused = ["over", "by", "panels"]
    else:
        unused = ["over"] if view.measure else ["across", "down", "by", "panels"]
    extra = [key for key in unused if getattr(view, key)]
    if view.down and view.by and "by" not in extra:
        extra.append("by")
    return f"does not use {extra[0]!r}" if extra else ""


def grid_columns(axes: tuple[Axis, ...]) -> dict[str, tuple[MeasuredValue, ...]]:
    """Return the values of each column of the grid."""
    columns: dict[str, tuple[MeasuredValue, ...]] = {}
    for axis in axes:
        columns |= {axis.name: axis.labels, **axis.tags}
    return columns
