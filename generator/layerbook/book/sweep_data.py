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

from layerbook.book.yaml import Node, Place, SpecFile
from layerbook.core.errors import did_you_mean
from layerbook.core.labels import Cell

MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Read:
    """The values of an axis, the file in which they stand, and what else that file has of each."""

    nodes: tuple[Node, ...]
    file: SpecFile
    tags: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)


class DataFile:
    """The file that an axis names with `file:`; `column` says which of its columns has the values."""

    def __init__(self, folder: Path, axis: Node, told: SpecFile) -> None:
        self.axis, self.told = axis, told
        self.name = str(axis.value["file"].value)
        self.place = axis.value["file"].place
        self.path = folder / self.name
        self.data = SpecFile(self.path)

    def read(self) -> Read | None:
        """Its values; None, and the problems noted, where it has none."""
        content = self._content()
        if content is None:
            return None
        digest = hashlib.sha256(content).hexdigest()
        column = self.axis.value.get("column")
        wanted = column.value if column is not None and isinstance(column.value, str) else ""
        try:
            rows = list(self._rows(content.decode("utf-8-sig")))
        except (UnicodeDecodeError, csv.Error) as error:
            self.told.add(self.place, f"{self.data.name} cannot be read: {error}")
            return None
        if self.data.problems:
            self.told.problems.extend(self.data.problems)
            return None
        if not rows:
            self.told.add(self.place, f"{self.data.name} has no values")
            return None
        wrong = self.axis.value.get("sha256")
        if wrong is not None and wrong.value != digest:
            self.told.add(wrong.place, f"{self.data.name} has another sha256: {digest}")
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
            self.told.add(
                (column or self.axis).place,
                f"{self.data.name} has {what}; there are {', '.join(names)}",
            )
            return None
        nodes = tuple(_node(row[wanted], Place(line, 1)) for line, row in rows)
        written = self.path.suffix == ".csv"  # where a number can only stand as text
        tags = {n: tuple(_tag(row[n], written) for _, row in rows) for n in names if n != wanted}
        source = (
            {"file": self.name}
            | ({"column": wanted} if column is not None else {})
            | {"sha256": digest}
        )
        return Read(nodes, self.data, tags, source)

    def _content(self) -> bytes | None:
        if Path(self.name).is_absolute() or ".." in Path(self.name).parts:
            self.told.add(
                self.place,
                f"{self.name!r} should lie beside the spec or below it: books can be moved",
            )
            return None
        try:
            with self.path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            near = did_you_mean(self.path.name, [p.name for p in self.path.parent.glob("*")])
            self.told.add(self.place, f"{self.data.name} cannot be read: {error.strerror}{near}")
            return None
        if len(content) > MAX_BYTES:
            self.told.add(self.place, f"{self.data.name} is larger than {MAX_BYTES:,} bytes")
            return None
        return content

    def _rows(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row with its line; the kind of file is told by the ending of its name."""
        if self.path.suffix == ".csv":
            yield from self._of_csv(text)
        elif self.path.suffix == ".jsonl":
            yield from self._of_json_lines(text)
        elif self.path.suffix == ".txt":
            yield from _of_lines(text)
        else:
            self.data.add(Place(1, 1), "should be a .txt, .csv or .jsonl file")

    def _of_csv(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header: list[str] = []
        line = 1
        for row in reader:
            if not header:
                header = row
                if len(set(header)) < len(header) or "" in header:
                    self.data.add(Place(1, 1), "each column should have a name of its own")
                    return
            elif len(row) != len(header):
                self.data.add(Place(line, 1), f"has {len(row)} fields, the header {len(header)}")
            else:
                yield line, dict(zip(header, row, strict=True))
            line = reader.line_num + 1

    def _of_json_lines(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        names: list[str] = []
        for line, found in enumerate(text.split("\n"), start=1):
            if not found.strip():
                continue
            try:
                row = json.loads(found)
            except ValueError as error:
                self.data.add(Place(line, 1), f"not JSON: {error}")
                continue
            if not isinstance(row, dict):
                self.data.add(Place(line, 1), "should be an object, as all other lines")
                continue
            names = names or list(row)
            if missing := [name for name in names if name not in row]:
                self.data.add(Place(line, 1), f"has no {missing[0]!r}, which the first line has")
                continue
            yield line, {name: row[name] for name in names}


def _of_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """A text a line, spaces at either end included; empty lines are none."""
    for line, found in enumerate(text.split("\n"), start=1):
        if found.rstrip("\r"):
            yield line, {"text": found.rstrip("\r")}


def _node(value: Any, place: Place) -> Node:
    """A value of the file as a spec would have it; all of it stands at the beginning of its line."""
    if isinstance(value, dict):
        inner: Any = {key: _node(part, place) for key, part in value.items()}
        return Node(inner, place, place, 1, dict.fromkeys(value, place))
    if isinstance(value, list):
        return Node(tuple(_node(part, place) for part in value), place, place, 1)
    return Node(value, place, place, 1)


def _tag(value: Any, written: bool) -> Cell:
    """Another column's value as the table shows it."""
    if isinstance(value, str):
        return number(value) if written else value
    return value if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def number(text: str) -> Cell:
    """The number that a text is, as its shortest form writes it; any other text as it is."""
    for kind in (int, float):
        try:
            found = kind(text)
        except ValueError:
            continue
        if str(found) == text:
            return found
    return text
