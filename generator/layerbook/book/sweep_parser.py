"""Parse the `sweep` and the `measures` of an experiment."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from layerbook.book.axis_file import AxisData, read_axis_file
from layerbook.book.book_file import book_folder, locate_model
from layerbook.book.claims import check as claims
from layerbook.book.claims.type_check import missing_fields
from layerbook.book.columns import MeasuredValue, parse_number, unify_column
from layerbook.book.node import Node
from layerbook.book.sweep import MAX_CELLS, MODEL_AXIS, Axis, Sweep
from layerbook.book.validation import unknown_key_message
from layerbook.book.view_parser import ViewParser, grid_columns
from layerbook.core.analysis import Analysis
from layerbook.core.errors import did_you_mean

AnalysisBuilder = Callable[[Node], Analysis[Any] | None]
AxisNodes = Mapping[str, Node]


class SweepParser:
    """Parse the sweep of an experiment. The validation of the experiment checks the types of keys.

    build_analysis: build the analysis of one cell, or report problems and return None.
    """

    def __init__(
        self, node: Node, analysis_type: type[Analysis[Any]], build_analysis: AnalysisBuilder
    ) -> None:
        self.node, self.sweep = node, node.value["sweep"]
        self.analysis_type, self.build_analysis = analysis_type, build_analysis

    def parse(self) -> Sweep | None:
        """Return the sweep; report problems and return None if it is not valid."""
        axis_nodes = self.node.get_mapping("sweep")
        axis_data: dict[str, AxisData] = {}
        for name, values in axis_nodes.items():
            if (data := self._read_axis(name, values)) is not None:
                axis_data[name] = data
        if not axis_nodes or len(axis_data) < len(axis_nodes) or self._has_clashes(axis_data):
            return None
        cells = prod(len(data.nodes) for data in axis_data.values())
        if cells > MAX_CELLS:
            message = f"the grid has {cells:,} cells; a sweep can have at most {MAX_CELLS:,}"
            self.sweep.add_problem(message)
            return None
        first_values = {name: data.nodes[0] for name, data in axis_data.items()}
        base = self.build_analysis(self._cell_node(first_values))
        if base is None:
            return None
        axes = [self._build_axis(name, data, first_values) for name, data in axis_data.items()]
        valid_axes = tuple(axis for axis in axes if axis is not None)
        measures = self._parse_measures(valid_axes)
        if len(valid_axes) < len(axes):
            return None
        views = ViewParser(self.analysis_type, valid_axes, measures).parse(self.node)
        return Sweep(base=base, axes=valid_axes, measures=measures, views=views)

    def _read_axis(self, name: str, values: Node) -> AxisData | None:
        parameters = self.analysis_type.model_fields
        if name not in parameters and name != MODEL_AXIS:
            message = unknown_key_message(name, parameters)
            self.sweep.add_key_problem(name, message)
            return None
        if name in self.node.value:
            self.node.add_key_problem(
                name, f"{name!r} is swept, so it cannot also have a fixed value"
            )
            return None
        if isinstance(values.value, tuple) and values.value:
            is_broken = any(value.reported for value in values.value)
            return None if is_broken else AxisData(values.value)
        if not values.get_text("file"):
            return None
        data = read_axis_file(Path(self.node.file).parent, values)
        if data is None or name == MODEL_AXIS:
            return data
        return replace(data, nodes=tuple(self._parse_number(name, node) for node in data.nodes))

    def _has_clashes(self, axis_data: Mapping[str, AxisData]) -> bool:
        """Report columns of files whose names already mean something else in the table."""
        first_files: dict[str, str] = {}
        clashes = False
        for axis_name, data in axis_data.items():
            for tag in data.tags:
                file = data.source["file"]
                message = ""
                if tag in axis_data:
                    message = f"and {tag!r} is an axis of this sweep"
                elif tag in self.analysis_type.model_fields:
                    message = f"and {tag!r} is a parameter, which this column would not set"
                elif tag in first_files:
                    message = f"and so has {first_files[tag]}"
                first_files.setdefault(tag, file)
                if message:
                    clashes = True
                    self.sweep.value[axis_name].value["file"].add_problem(
                        f"{file} has a column {tag!r}, {message}; give the column another name"
                    )
        return clashes

    def _parse_number(self, name: str, node: Node) -> Node:
        """Parse a number that was read as text, unless the parameter accepts text."""
        is_text = isinstance(node.value, str)
        if not is_text or self._fits(name, node.value) or self._fits(name, [node.value]):
            return node
        number = parse_number(node.value)
        return node if number is None else replace(node, value=number)

    def _cell_node(self, values: AxisNodes) -> Node:
        """Return the experiment with these values in place of its sweep."""
        sweep_keys = ("sweep", "measures", "views")
        items = {key: node for key, node in self.node.value.items() if key not in sweep_keys}
        positions = dict(self.node.key_positions)
        for name, value in values.items():
            if name != MODEL_AXIS:
                items[name] = self._wrap_in_list(name, value)
                positions[name] = self.sweep.key_positions[name]
        return replace(self.node, value=items, key_positions=positions)

    def _wrap_in_list(self, name: str, value: Node) -> Node:
        """Make a single value a list if the parameter needs one."""
        value_data = value.to_python()
        if isinstance(value.value, tuple) or self._fits(name, value_data):
            return value
        if _takes_only_lists(self.analysis_type, name) or self._fits(name, [value_data]):
            return replace(value, value=(value,), key_positions={})
        return value

    def _fits(self, name: str, value_data: Any) -> bool:
        adapter = _parameter_adapter(self.analysis_type, name)
        try:
            adapter.validate_json(json.dumps(value_data), strict=True)
        except ValidationError:
            return False
        return True

    def _build_axis(self, name: str, data: AxisData, first_values: AxisNodes) -> Axis | None:
        """Build every value of an axis with the first values of the others."""
        values, spec_values = [], []
        for node in data.nodes:
            if name == MODEL_AXIS:
                if not isinstance(node.value, str) or not node.value:
                    node.add_problem(f"should be the name of a model, not {node.value!r}")
                    continue
                values.append(locate_model(node.value, book_folder(Path(self.node.file))))
                spec_values.append(node.value)
                continue
            analysis = self.build_analysis(self._cell_node({**first_values, name: node}))
            if analysis is not None:
                values.append(getattr(analysis, name))
                spec_values.append(analysis.model_dump(mode="json", include={name})[name])
        if len(values) < len(data.nodes) or self._has_repeated_value(name, spec_values):
            return None
        labels = _table_labels([node.to_python() for node in data.nodes])
        return Axis(name, tuple(values), tuple(spec_values), labels, data.tags, data.source)

    def _has_repeated_value(self, name: str, spec_values: list[Any]) -> bool:
        first_index: dict[str, int] = {}
        for i, value in enumerate(spec_values):
            first = first_index.setdefault(json.dumps(value, sort_keys=True), i)
            if first != i:
                message = f"{name}: value {i + 1} repeats value {first + 1}"
                self.sweep.add_key_problem(name, message)
                return True
        return False

    def _parse_measures(self, axes: tuple[Axis, ...]) -> dict[str, claims.Check]:
        measures: dict[str, claims.Check] = {}
        columns = grid_columns(axes)
        for name, text in self.node.get_mapping("measures").items():
            if name in columns:
                message = f"{name!r} is already a column of the grid"
                self.node.value["measures"].add_key_problem(name, message)
            if not isinstance(text.value, str):
                continue
            try:
                check = claims.parse(text.value, ("cell",))
            except claims.CheckError as error:
                text.add_text_problem(error.column, error.message)
                continue
            for reference in check.references:
                message = "a measure can only read its own cell: r() is not available here"
                text.add_text_problem(reference.column, message)
            fields = missing_fields(check, self.analysis_type.result_type, lambda _: None)
            for mistake in (*fields, *_unknown_columns(check, columns)):
                text.add_text_problem(mistake.column, mistake.message)
            measures[name] = check
        return measures


def _unknown_columns(check: claims.Check, columns: Collection[str]) -> Iterator[claims.CheckError]:
    """Yield an error for each `cell["name"]` of a column that the grid does not have."""
    for node in ast.walk(check.tree):
        match node:
            case ast.Subscript(value=ast.Name(id="cell"), slice=ast.Constant(value=str(name))):
                if name not in columns:
                    hint = did_you_mean(name, columns)
                    message = f"the grid has no column {name!r}{hint}"
                    yield claims.CheckError(message, node.slice.col_offset)


@cache
def _parameter_adapter(analysis_type: type[Analysis[Any]], name: str) -> TypeAdapter[Any]:
    """Return the validator of one parameter with its bounds."""
    field = analysis_type.model_fields[name]
    annotation: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotation)


@cache
def _takes_only_lists(analysis_type: type[Analysis[Any]], name: str) -> bool:
    return _parameter_adapter(analysis_type, name).json_schema().get("type") == "array"


def _table_labels(values: Sequence[Any]) -> tuple[MeasuredValue, ...]:
    """Return distinct labels of an axis' values for the table."""
    labels = unify_column([_table_label(value_data) for value_data in values])
    if len(set(labels)) == len(labels):
        return labels
    return tuple(json.dumps(value_data, ensure_ascii=False) for value_data in values)


def _table_label(value_data: Any) -> Any:
    """Return a list of one element as that element, and a chat of one turn as text."""
    if isinstance(value_data, list) and len(value_data) == 1:
        return _table_label(value_data[0])
    if isinstance(value_data, dict) and isinstance(value_data.get("chat"), str):
        notes = ["chat"]
        notes += [] if value_data.get("answer", True) else ["no answer header"]
        notes += [
            f"{key} {value}" for key, value in value_data.items() if key not in ("chat", "answer")
        ]
        return f"{value_data['chat']} ({', '.join(notes)})"
    return value_data
