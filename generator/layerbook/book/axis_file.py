"""Read the values of a sweep's axis from a text, CSV or JSON lines file beside the spec."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from layerbook.book.columns import MeasuredValue, parse_column, unify_column
from layerbook.book.node import FILE_START, FileProblem, Node, Position, display_path
from layerbook.book.yaml import LINE_BREAK, MAX_DEPTH, SURROGATE, TOO_DEEP
from layerbook.core.errors import OutsideError, UsageError, did_you_mean
from layerbook.core.paths import resolve_within
from layerbook.core.text import listed

MAX_BYTES = 10_000_000
MAX_VALUES = 500_000
MAX_SHOWN = 20
SEPARATORS = (b"\n", b"\r", b",")


@dataclass(frozen=True)
class AxisData:
    """The values of an axis.

    tags: the other columns of the file. source: the file, its column and its digest.
    """

    nodes: tuple[Node, ...]
    tags: Mapping[str, tuple[MeasuredValue, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)


class _Row(NamedTuple):
    position: Position
    values: Mapping[str, Any]


def read_axis_file(folder: Path, axis: Node) -> AxisData | None:
    """Read the file that an axis names; report problems and return None if it cannot be used."""
    file_node, column_node = axis.value["file"], axis.get("column")
    path = folder / file_node.value
    file = display_path(path)
    try:
        content = _read_bytes(folder, file_node.value)
        rows = _read_rows(path, content)
    except UsageError as error:
        file_node.add_problem(str(error))
        return None
    except FileProblem as problem:
        axis.problems.add(file, problem.position, problem.message)
        return None
    digest = hashlib.sha256(content).hexdigest()
    digest_node = axis.get("sha256")
    if digest_node is not None and digest_node.value != digest:
        digest_node.add_problem(f"{file} has a different sha256: {digest}")
        return None
    names = list(rows[0].values)
    column = axis.get_text("column") or (names[0] if len(names) == 1 else "")
    if column not in names:
        hint = did_you_mean(column, names)
        reason = f"no column {column!r:.80}{hint}" if column else "several columns; name one"
        available = listed([f"{name:.80}" for name in names], MAX_SHOWN)
        (column_node or axis).add_problem(f"{file} has {reason}; available: {available}")
        return None
    read_tag = parse_column if path.suffix == ".csv" else unify_column
    source = {"file": file_node.value}
    if column_node is not None:
        source["column"] = column
    source["sha256"] = digest
    return AxisData(
        nodes=tuple(_make_node(row.values[column], row.position, file, axis) for row in rows),
        tags={n: read_tag([row.values[n] for row in rows]) for n in names if n != column},
        source=source,
    )


def _read_bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(
            f"{name!r} must be in the folder of the spec or below it, so that the book can be moved"
        )
    if "\0" in name:
        raise UsageError(f"{name!r} is not a path: it has a null character")
    try:
        resolved = resolve_within(folder, path)
        if resolved.exists() and not resolved.is_file():  # a pipe would block its reader
            raise UsageError(f"{display_path(path)} is not a file")
        with resolved.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OutsideError as error:
        raise UsageError(
            f"{name!r} is outside the folder of the spec, or reached through a link"
        ) from error
    except OSError as error:
        hint = did_you_mean(path.name, [p.name for p in path.parent.glob("*")])
        message = f"{display_path(path)} cannot be read: {error.strerror}{hint}"
        raise UsageError(message) from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{display_path(path)} is larger than {MAX_BYTES:,} bytes")
    if sum(map(content.count, SEPARATORS)) > MAX_VALUES:
        raise UsageError(f"{display_path(path)} has more than {MAX_VALUES:,} lines and commas")
    return content


def _read_rows(path: Path, content: bytes) -> list[_Row]:
    if path.suffix not in READERS:
        raise FileProblem(FILE_START, "should be a .txt, .csv or .jsonl file")
    try:
        rows = list(READERS[path.suffix](content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = len(re.split(LINE_BREAK.pattern.encode(), content[: error.start]))
        raise FileProblem(Position(line, 1), "the file is not UTF-8") from error
    if not rows:
        raise UsageError(f"{display_path(path)} has no values")
    return rows


def _text_rows(text: str) -> Iterator[_Row]:
    """Read one value per line, keeping leading and trailing spaces; skip empty lines."""
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        if line:
            yield _Row(Position(number, 1), {"text": line})


def _csv_rows(text: str) -> Iterator[_Row]:
    """Read one value per row below the header; skip empty lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or "" in header:
            raise FileProblem(FILE_START, "every column must have a different name")
        position = Position(reader.line_num + 1, 1)
        for row in reader:
            if row and len(row) != len(header):
                message = f"has {len(row)} fields, but the header has {len(header)}"
                raise FileProblem(position, message)
            if row:
                yield _Row(position, dict(zip(header, row, strict=True)))
            position = Position(reader.line_num + 1, 1)
    except csv.Error as error:
        raise FileProblem(Position(reader.line_num, 1), f"not CSV: {error}") from error


def _jsonl_rows(text: str) -> Iterator[_Row]:
    """Read one value per line; each line is an object with the keys of the first."""
    names: dict[str, None] = {}
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        if not line.strip():
            continue
        position = Position(number, 1)
        row = _parse_json(line, position)
        if not isinstance(row, dict):
            raise FileProblem(position, "must be an object, like every other line")
        names = names or dict.fromkeys(row)
        for name in names:
            if name not in row:
                raise FileProblem(position, f"has no {name!r:.80}, which the first line has")
        for name in row:
            if name not in names:
                message = f"has {name!r:.80}, which the first line does not have"
                raise FileProblem(position, message)
        yield _Row(position, {name: row[name] for name in names})


def _parse_json(line: str, position: Position) -> Any:
    """Parse a line as strict JSON: no NaN, overflowing number, repeated key or deep nesting."""

    def parse_float(text: str) -> float:
        if not math.isfinite(float(text)):
            raise FileProblem(position, f"{text:.80} is not a finite number")
        return float(text)

    def build_object(items: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in items:
            if key in values:
                raise FileProblem(position, f"the key {key!r:.80} is defined twice")
            values[key] = value
        return values

    try:
        value = json.loads(
            line,
            parse_float=parse_float,
            parse_constant=parse_float,
            object_pairs_hook=build_object,
        )
    except RecursionError as error:
        raise FileProblem(position, TOO_DEEP) from error
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} (column {error.colno})"
        raise FileProblem(position, message) from error
    except ValueError as error:  # an integer of thousands of digits
        raise FileProblem(position, f"not JSON: {error}") from error
    _check_json(value, position, depth=0)
    return value


def _check_json(value: Any, position: Position, depth: int) -> None:
    """Raise FileProblem for a value that is nested too deep, or a text with a lone surrogate."""
    if depth > MAX_DEPTH:
        raise FileProblem(position, TOO_DEEP)
    if isinstance(value, str) and SURROGATE.search(value):
        raise FileProblem(position, "an escape is a lone surrogate, half of a character")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_json(key, position, depth + 1)
            _check_json(inner, position, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, position, depth + 1)


READERS: Mapping[str, Callable[[str], Iterator[_Row]]] = {
    ".txt": _text_rows,
    ".csv": _csv_rows,
    ".jsonl": _jsonl_rows,
}


def _make_node(value: Any, position: Position, file: str, axis: Node) -> Node:
    """Return a value of the file as a node at the start of its line."""
    key_positions = {}
    if isinstance(value, dict):
        key_positions = dict.fromkeys(value, position)
        value = {key: _make_node(inner, position, file, axis) for key, inner in value.items()}
    elif isinstance(value, list):
        value = tuple(_make_node(inner, position, file, axis) for inner in value)
    return Node(value, position, file, axis.problems, key_positions=key_positions)
