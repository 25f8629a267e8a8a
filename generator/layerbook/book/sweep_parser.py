"""The `sweep` of an experiment: the values of each axis, written out or from a file, each checked where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from math import prod
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from layerbook.book.claims import check as claims
from layerbook.book.sweep import MAX_CELLS, MODEL_AXIS, Axis, SweepAnalysis
from layerbook.book.sweep_data import AxisData, DataFile, parse_number
from layerbook.book.sweep_views import SweepView
from layerbook.book.validation import unknown_key_message
from layerbook.book.yaml import Node, SpecFile
from layerbook.core.analysis import Analysis
from layerbook.core.errors import did_you_mean
from layerbook.core.labels import TableValue

KEY_KINDS = {"measure": "measure", "over": "axis"}

AnalysisBuilder = Callable[[Node, SpecFile], Analysis[Any] | None]


class SweepParser:
    """Reads the sweep of one experiment. `build_analysis` makes the analysis of a single cell, or notes what is wrong with it."""

    def __init__(self, node: Node, kind: type[Analysis[Any]], file: SpecFile, build_analysis: AnalysisBuilder) -> None:
        self.node, self.kind, self.file, self.build_analysis = node, kind, file, build_analysis

    def parse(self) -> SweepAnalysis | None:
        """The analysis over its grid; None, and the problems noted, where it has some."""
        sweep = self.node.value["sweep"]
        if not isinstance(sweep.value, dict) or not sweep.value:
            return None  # noted with the other common keys
        read = {name: self._read_axis(name, values) for name, values in sweep.value.items()}
        good = {name: found for name, found in read.items() if found is not None}
        if len(good) < len(read):
            return None
        if (count := prod(len(found.nodes) for found in good.values())) > MAX_CELLS:
            self.file.add_problem(
                sweep.position, f"the grid has {count:,} cells; at most {MAX_CELLS:,} are one sweep"
            )
            return None
        first = self.build_analysis(
            self._cell_node({name: found.nodes[0] for name, found in good.items()}), self.file
        )
        if first is None:
            return None
        axes = [self._build_axis(name, found, good) for name, found in good.items()]
        made = tuple(axis for axis in axes if axis is not None)
        measures = self._measures(made)
        if len(made) < len(axes):
            return None
        return SweepAnalysis(base=first, axes=made, measures=measures, views=self._views(made, measures))

    def _read_axis(self, name: str, values: Node) -> AxisData | None:
        if name not in self.kind.model_fields and name != MODEL_AXIS:
            self.file.add_problem(
                self.node.value["sweep"].key_positions[name], unknown_key_message(name, list(self.kind.model_fields))
            )
            return None
        if name in self.node.value:
            self.file.add_problem(self.node.key_positions[name], f"{name!r} is swept, so it has no value of its own")
            return None
        if isinstance(values.value, dict):
            path = values.value.get("file")
            if path is None or not isinstance(path.value, str):
                return None  # noted with the other common keys
            read = DataFile(self.file.path.parent, values, self.file).read()
            return (
                None
                if read is None
                else replace(read, nodes=tuple(self._coerce_number(name, node) for node in read.nodes))
            )
        return (
            AxisData(tuple(values.value), self.file)
            if isinstance(values.value, tuple) and values.value
            else None
        )

    def _cell_node(self, at: Mapping[str, Node]) -> Node:
        """The experiment as if it had these values: a value by itself where a list is meant becomes a list of one."""
        sweep = self.node.value["sweep"]
        plain = {
            key: value
            for key, value in self.node.value.items()
            if key not in ("sweep", "measures", "views")
        }
        values = {name: self._wrap_in_list(name, value) for name, value in at.items() if name != MODEL_AXIS}
        return replace(
            self.node,
            value=plain | values,
            key_positions=self.node.key_positions | {name: sweep.key_positions[name] for name in values},
        )

    def _wrap_in_list(self, name: str, value: Node) -> Node:
        if isinstance(value.value, tuple) or self._fits(name, value.to_python()):
            return value
        if not _takes_only_lists(self.kind, name) and not self._fits(name, [value.to_python()]):
            return value
        return Node((value,), value.position, value.start, value.expanded_size)

    def _coerce_number(self, name: str, node: Node) -> Node:
        """A number that a file can only write as text, where the parameter takes numbers."""
        if name == MODEL_AXIS:
            return node
        if (
            not isinstance(node.value, str)
            or self._fits(name, node.value)
            or self._fits(name, [node.value])
        ):
            return node
        return replace(node, value=parse_number(node.value))

    def _fits(self, name: str, plain: Any) -> bool:
        try:
            _parameter_adapter(self.kind, name).validate_json(json.dumps(plain), strict=True)
        except ValidationError:
            return False
        return True

    def _build_axis(self, name: str, found: AxisData, all_read: Mapping[str, AxisData]) -> Axis | None:
        """Every value of an axis as the analysis takes it, tried with the first value of the other axes."""
        others = {other: read.nodes[0] for other, read in all_read.items()}
        made: list[tuple[Any, Any]] = []
        for node in found.nodes:
            if name == MODEL_AXIS:
                made += self._check_model(node, found)
            elif (one := self.build_analysis(self._cell_node(others | {name: node}), found.file)) is not None:
                made.append((getattr(one, name), one.model_dump(mode="json", include={name})[name]))
        self.file.problems.extend(p for p in found.file.problems if p not in self.file.problems)
        if len(made) < len(found.nodes):
            return None
        seen: dict[str, int] = {}
        for i, (_, plain) in enumerate(made):
            before = seen.setdefault(json.dumps(plain, sort_keys=True), i)
            if before != i:
                self.file.add_problem(
                    self.node.value["sweep"].key_positions[name],
                    f"{name}: value {i + 1} is value {before + 1} again",
                )
                return None
        labels = tuple(_table_label(node.to_python()) for node in found.nodes)
        values, plains = zip(*made, strict=True)
        return Axis(name, values, plains, labels, found.tags, found.source)

    def _check_model(self, node: Node, found: AxisData) -> list[tuple[str, str]]:
        """The name of a model; whether there is one, the run finds out."""
        if not isinstance(node.value, str) or not node.value:
            found.file.add_problem(node.position, f"should be the name of a model, not {node.value!r}")
            return []
        return [(node.value, node.value)]

    def _measures(self, axes: tuple[Axis, ...]) -> dict[str, claims.Check]:
        node = self.node.get("measures")
        measures: dict[str, claims.Check] = {}
        taken = {name for axis in axes for name in (axis.name, *axis.tags)}
        for name, text in node.value.items() if node and isinstance(node.value, dict) else ():
            assert node is not None
            if name in taken:
                self.file.add_problem(node.key_positions[name], f"{name!r} is a column of the grid already")
            if not isinstance(text.value, str):
                continue  # noted with the other common keys
            try:
                check = claims.parse(text.value, ("cell",))
            except claims.CheckError as error:
                self.file.add_problem(text.position_in_text(error.column), error.message)
                continue
            for reference in check.references:
                position = text.position_in_text(reference.column)
                self.file.add_problem(position, "a measure reads its own cell alone: there is no r() here")
            measures[name] = check
        return measures

    def _views(self, axes: tuple[Axis, ...], measures: Mapping[str, claims.Check]) -> tuple[SweepView, ...]:
        node = self.node.get("views")
        columns = [name for axis in axes for name in (axis.name, *axis.tags)]
        known = dict.fromkeys(("across", "down", "by", "panels"), columns)
        known |= {"measure": list(measures), "over": [axis.name for axis in axes]}
        made = []
        for name, spec in node.value.items() if node and isinstance(node.value, dict) else ():
            if not isinstance(spec.value, dict):
                continue  # noted with the other common keys
            view = SweepView(
                name,
                **{
                    key: part.value
                    for key, part in spec.value.items()
                    if isinstance(part.value, str)
                },
            )
            if message := _view_problem(view):
                self.file.add_problem(spec.position, message)
            for key, names in known.items():
                if (used := getattr(view, key)) and used not in names:
                    near = did_you_mean(used, names)
                    self.file.add_problem(
                        spec.value[key].position,
                        f"the sweep has no {KEY_KINDS.get(key, 'column')} {used!r}{near}",
                    )
            made.append(view)
        return tuple(made)


def _view_problem(view: SweepView) -> str:
    """What a view lacks, or has too much of."""
    if bool(view.measure) == bool(view.figure):
        return "draws either a measure, across a column, or a figure of the cells, over an axis"
    if view.measure and not view.across:
        return f"draws {view.measure!r} and needs the column that it is drawn across"
    if view.figure and not view.over:
        return f"shows {view.figure!r} and needs the axis that it steps over"
    unused = ("over",) if view.measure else ("across", "down", "by", "panels")
    extra = [key for key in unused if getattr(view, key)]
    if view.down and view.by:
        extra.append("by")
    return f"has no use for {extra[0]!r}" if extra else ""


@cache
def _parameter_adapter(kind: type[Analysis[Any]], name: str) -> TypeAdapter[Any]:
    """pydantic's reader for a parameter, bounds included."""
    field = kind.model_fields[name]
    bounded: Any = Annotated[(field.annotation, *field.metadata)]
    return TypeAdapter(bounded)


@cache
def _takes_only_lists(kind: type[Analysis[Any]], name: str) -> bool:
    return _parameter_adapter(kind, name).json_schema().get("type") == "array"


def _table_label(plain: Any) -> TableValue:
    """A value as a table shows it: numbers and texts as they are, a list of one as its element, others as JSON."""
    if isinstance(plain, list) and len(plain) == 1:
        return _table_label(plain[0])
    if isinstance(plain, dict) and isinstance(plain.get("chat"), str):
        return str(plain["chat"])
    return plain if isinstance(plain, str | int | float) else json.dumps(plain, ensure_ascii=False)
