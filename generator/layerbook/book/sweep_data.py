"""The values of an axis from a file beside the spec: a text a line, a column of a CSV, a field of JSON lines."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerbook.book.yaml import Node, Position, SpecFile
from layerbook.core.errors import did_you_mean
from layerbook.core.labels import TableValue

MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class AxisData:
    """The values of an axis, the file in which they stand, and what else that file has of each."""

    nodes: tuple[Node, ...]
    file: SpecFile
    tags: Mapping[str, tuple[TableValue, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)


class DataFile:
    """The file that an axis names with `file:`; `column` says which of its columns has the values."""

    def __init__(self, folder: Path, axis: Node, spec_file: SpecFile) -> None:
        self.axis, self.spec_file = axis, spec_file
        self.name = str(axis.value["file"].value)
        self.position = axis.value["file"].position
        self.path = folder / self.name
        self.data_file = SpecFile(self.path)

    def read(self) -> AxisData | None:
        """Its values; None, and the problems noted, where it has none."""
        content = self._read_bytes()
        if content is None:
            return None
        digest = hashlib.sha256(content).hexdigest()
        column = self.axis.value.get("column")
        wanted = column.value if column is not None and isinstance(column.value, str) else ""
        try:
            rows = list(self._rows(content.decode("utf-8-sig")))
        except (UnicodeDecodeError, csv.Error) as error:
            self.spec_file.add_problem(self.position, f"{self.data_file.name} cannot be read: {error}")
            return None
        if self.data_file.problems:
            self.spec_file.problems.extend(self.data_file.problems)
            return None
        if not rows:
            self.spec_file.add_problem(self.position, f"{self.data_file.name} has no values")
            return None
        wrong = self.axis.value.get("sha256")
        if wrong is not None and wrong.value != digest:
            self.spec_file.add_problem(wrong.position, f"{self.data_file.name} has another sha256: {digest}")
            return None
        names = list(rows[0][1])
        if not wanted and len(names) == 1:
            wanted = names[0]
        if wanted not in names:
            what = (
                f"no column {wanted!r}{did_you_mean(wanted, names)}"
                if wanted
                else "several columns; name one"
            )
            self.spec_file.add_problem(
                (column or self.axis).position,
                f"{self.data_file.name} has {what}; there are {', '.join(names)}",
            )
            return None
        nodes = tuple(_node(row[wanted], Position(line, 1)) for line, row in rows)
        written = self.path.suffix == ".csv"  # where a number can only stand as text
        tags = {n: tuple(_tag_value(row[n], written) for _, row in rows) for n in names if n != wanted}
        source = (
            {"file": self.name}
            | ({"column": wanted} if column is not None else {})
            | {"sha256": digest}
        )
        return AxisData(nodes, self.data_file, tags, source)

    def _read_bytes(self) -> bytes | None:
        if Path(self.name).is_absolute() or ".." in Path(self.name).parts:
            self.spec_file.add_problem(
                self.position,
                f"{self.name!r} should lie beside the spec or below it: books can be moved",
            )
            return None
        try:
            with self.path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            near = did_you_mean(self.path.name, [p.name for p in self.path.parent.glob("*")])
            self.spec_file.add_problem(self.position, f"{self.data_file.name} cannot be read: {error.strerror}{near}")
            return None
        if len(content) > MAX_BYTES:
            self.spec_file.add_problem(self.position, f"{self.data_file.name} is larger than {MAX_BYTES:,} bytes")
            return None
        return content

    def _rows(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row with its line; the kind of file is told by the ending of its name."""
        if self.path.suffix == ".csv":
            yield from self._csv_rows(text)
        elif self.path.suffix == ".jsonl":
            yield from self._jsonl_rows(text)
        elif self.path.suffix == ".txt":
            yield from _text_rows(text)
        else:
            self.data_file.add_problem(Position(1, 1), "should be a .txt, .csv or .jsonl file")

    def _csv_rows(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header: list[str] = []
        line = 1
        for row in reader:
            if not header:
                header = row
                if len(set(header)) < len(header) or "" in header:
                    self.data_file.add_problem(Position(1, 1), "each column should have a name of its own")
                    return
            elif len(row) != len(header):
                self.data_file.add_problem(Position(line, 1), f"has {len(row)} fields, the header {len(header)}")
            else:
                yield line, dict(zip(header, row, strict=True))
            line = reader.line_num + 1

    def _jsonl_rows(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        names: list[str] = []
        for line, found in enumerate(text.split("\n"), start=1):
            if not found.strip():
                continue
            try:
                row = json.loads(found)
            except ValueError as error:
                self.data_file.add_problem(Position(line, 1), f"not JSON: {error}")
                continue
            if not isinstance(row, dict):
                self.data_file.add_problem(Position(line, 1), "should be an object, as all other lines")
                continue
            names = names or list(row)
            if missing := [name for name in names if name not in row]:
                self.data_file.add_problem(Position(line, 1), f"has no {missing[0]!r}, which the first line has")
                continue
            yield line, {name: row[name] for name in names}


def _text_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """A text a line, spaces at either end included; empty lines are none."""
    for line, found in enumerate(text.split("\n"), start=1):
        if found.rstrip("\r"):
            yield line, {"text": found.rstrip("\r")}


def _node(value: Any, position: Position) -> Node:
    """A value of the file as a spec would have it; all of it stands at the beginning of its line."""
    if isinstance(value, dict):
        inner: Any = {key: _node(part, position) for key, part in value.items()}
        return Node(inner, position, position, 1, dict.fromkeys(value, position))
    if isinstance(value, list):
        return Node(tuple(_node(part, position) for part in value), position, position, 1)
    return Node(value, position, position, 1)


def _tag_value(value: Any, written: bool) -> TableValue:
    """Another column's value as the table shows it."""
    if isinstance(value, str):
        return parse_number(value) if written else value
    return value if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def parse_number(text: str) -> TableValue:
    """The number that a text is, as its shortest form writes it; any other text as it is."""
    for kind in (int, float):
        try:
            found = kind(text)
        except ValueError:
            continue
        if str(found) == text:
            return found
    return text
