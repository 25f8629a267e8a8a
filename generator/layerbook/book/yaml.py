"""A YAML 1.2 file as a tree of values that know where they stand, refused where it is too big, deep or odd.

ruamel.yaml scans and parses; the tree is built here, from its events, so that every value and every alias keeps its
line and column, and so that nothing is expanded before its size is known. Scalars follow the core schema of YAML 1.2.2,
section 10.3.2: `no` and `12:30` are text, `1e4` and `.5` are numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from layerbook.core.errors import Problem, SpecError

MAX_BYTES = 1_000_000
MAX_LINE = 100_000  # characters; some tokens of YAML take quadratic time to scan
MAX_DEPTH = 20
MAX_SIZE = 4_000_000  # characters after aliases are expanded, each value counted as 16 more

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
WORD_VALUES = {"": None, "~": None, **dict.fromkeys(("null", "Null", "NULL"))}
WORD_VALUES |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(
    ("false", "False", "FALSE"), False
)
# Line breaks of YAML 1.1 that editors do not count as such, what YAML forbids, and halves of characters.
UNPRINTABLE = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufffd\U00010000-\U0010ffff]"
)


class Position(NamedTuple):
    """Where something stands in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, eq=False)
class Node:
    """A value and its place; an alias has its own place, what is inside it stands where the anchor is.

    value: text, a number, a boolean, None, a tuple of nodes, or nodes by key.
    key_positions: where each key of a mapping stands. source: a scalar as the file writes it, from `start` on.
    size: the characters that it takes when it is written out in full.
    """

    value: Any
    position: Position
    start: Position
    expanded_size: int
    key_positions: dict[str, Position] = field(default_factory=dict)
    source: str = ""

    def to_python(self) -> Any:
        """The value alone, as JSON has it."""
        if isinstance(self.value, dict):
            return {key: node.to_python() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.to_python() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """The value under a key of a mapping, if this is one and has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    @property
    def text_line(self) -> int:
        """The line where a text itself begins: below the header of a block."""
        return self.position_in_text(0).line

    def position_in_text(self, offset: int) -> Position:
        """Where a character of a text's value stands in the file.

        Value and source are walked side by side: folding changes only whitespace, quoting only adds characters.
        """
        source = self.source
        at = _skip_whitespace(source, _text_start(source))
        for char in str(self.value)[:offset]:
            if not char.isspace():
                found = source.find(char, at, at + 12)  # an escape is not found: stay near
                at = _skip_whitespace(source, found + 1 if found >= 0 else at)
        before = source[:at].split("\n")
        column = len(before[-1]) + (self.start.column if len(before) == 1 else 1)
        return Position(self.start.line + len(before) - 1, column)


def _skip_whitespace(source: str, at: int) -> int:
    """The first place from `at` on that is not whitespace; the last one where there is none."""
    while at < len(source) - 1 and source[at].isspace():
        at += 1
    return at


def _text_start(source: str) -> int:
    """Where the text itself begins in a scalar's source: after its anchor, block header or quote."""
    head = re.match(r"(?:[&!]\S*\s+)*(?:[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\n\s*|[\"'])?", source)
    return head.end() if head else 0


@dataclass(frozen=True)
class SpecFile:
    """A file, what is wrong with it so far, and its tree: None where there is nothing to go on with."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The path as messages show it: relative to the working directory where it lies below."""
        path = self.path.absolute()
        here = Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else str(self.path)

    def add_problem(self, position: Position, message: str) -> None:
        """Note a problem."""
        problem = Problem(self.name, position.line, position.column, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def read(self) -> Node | None:
        """The mapping at the top of the file; problems are noted, and None means that they are fatal."""
        text = self._text()
        if text is None:
            return None
        try:
            return _TreeBuilder(self, text).document()
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = f"{error.problem} ({error.context})" if error.context else error.problem
            if "'\\t'" in str(error.problem):
                what = "a tab cannot indent or separate; use spaces"
            self.add_problem(
                Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1),
                f"not valid YAML: {what}",
            )
        except (
            YAMLError,
            ValueError,
            LookupError,
        ) as error:  # the scanner's own slips on broken escapes and tags
            self.add_problem(
                Position(1, 1),
                f"not valid YAML: {str(error).splitlines()[0] if str(error) else error!r}",
            )
        except SpecError as error:
            self.problems.extend(p for p in error.problems if p not in self.problems)
        return None

    def _text(self) -> str | None:
        try:
            with self.path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            self.add_problem(Position(1, 1), f"cannot be read: {error.strerror}")
            return None
        if len(data) > MAX_BYTES:
            self.add_problem(
                Position(1, 1), f"the file is larger than {MAX_BYTES:,} bytes, which no spec should be"
            )
            return None
        try:
            text = data.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
            self.add_problem(_position_at(before, len(before)), "the file is not UTF-8")
            return None
        return text if self._is_scannable(text) else None

    def _is_scannable(self, text: str) -> bool:
        odd = UNPRINTABLE.search(text)
        if odd:
            code = f"U+{ord(odd[0]):04X}"
            escape = f"\\u{ord(odd[0]):04x}"
            self.add_problem(
                _position_at(text, odd.start()),
                f"the character {code} must be written {escape}, in double quotes",
            )
        for number, line in enumerate(text.split("\n") if len(text) > MAX_LINE else (), start=1):
            if len(line) > MAX_LINE:
                self.add_problem(
                    Position(number, MAX_LINE + 1), f"the line is longer than {MAX_LINE:,} characters"
                )
                return False
        return not odd


def _position_at(text: str, index: int) -> Position:
    lines = re.split(r"\r\n|\r|\n", text[:index])
    return Position(len(lines), len(lines[-1]) + 1)


class _TreeBuilder:
    """From events to nodes; raises SpecError where going on would be pointless."""

    def __init__(self, file: SpecFile, text: str) -> None:
        self.file, self.text = file, text
        self.anchors: dict[str, Node | None] = {}  # None while the value is still open
        self.total_size = 0
        self.stream: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def document(self) -> Node | None:
        top: Node | None = None
        for event in self.stream:
            if isinstance(event, events.DocumentStartEvent):
                if top is not None:
                    self._abort(event, "a second document begins here; a spec is one document")
                if event.version and tuple(event.version) != (1, 2):
                    self._abort(event, "specs are YAML 1.2")
            elif isinstance(event, events.NodeEvent):
                top = self._node(event, 1)
        if top is None or not isinstance(top.value, dict):
            self.file.add_problem(
                top.position if top else Position(1, 1), "a spec is a mapping (`key: value`) at the top"
            )
            return None
        return top

    def _abort(self, event: Any, message: str) -> None:
        position = _position(event)
        raise SpecError([Problem(self.file.name, position.line, position.column, message)])

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, events.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._abort(event, f"nested more than {MAX_DEPTH} deep")
        if event.tag is not None:
            self.file.add_problem(_position(event), f"tags are not used in specs ({_short_tag(event.tag)})")
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, events.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, events.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._mapping(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _count_size(self, event: Any, expanded_size: int) -> int:
        self.total_size += expanded_size
        if self.total_size > MAX_SIZE:
            self._abort(
                event,
                f"with its aliases written out the file is larger than {MAX_SIZE:,} characters",
            )
        return expanded_size

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            inside = event.anchor in self.anchors
            self._abort(
                event,
                f"the alias *{event.anchor} {'contains itself' if inside else 'has no anchor before it'}",
            )
        assert node is not None
        self._count_size(event, node.expanded_size)
        return replace(node, position=_position(event))

    def _scalar(self, event: Any) -> Node:
        text, position = event.value, _position(event)
        expanded_size = self._count_size(event, 16 + len(text))
        source = self.text[event.start_mark.index : event.end_mark.index]
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.file.add_problem(position, "an escape gives half a character (a lone surrogate)")
            text = ""
        value = text if event.style else self._resolve(text, position)
        return Node(value, position, position, expanded_size, source=source)

    def _resolve(self, text: str, position: Position) -> Any:
        """A plain scalar by the core schema; a number that no float holds is a problem, and becomes 0."""
        if text in WORD_VALUES:
            return WORD_VALUES[text]
        if INTEGER.fullmatch(text) and len(text) <= 40:
            digits, base = (
                text.removeprefix("0o").removeprefix("0x"),
                {"0o": 8, "0x": 16}.get(text[:2], 10),
            )
            return int(digits, base)
        if NOT_FINITE.fullmatch(text) or (FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            self.file.add_problem(position, f"{text if len(text) < 40 else 'this'} is not a finite number")
            return 0
        return float(text) if FLOAT.fullmatch(text) else text

    def _sequence(self, event: Any, depth: int) -> Node:
        expanded_size, items = self._count_size(event, 16), []
        while not isinstance(inner := next(self.stream), events.SequenceEndEvent):
            items.append(self._node(inner, depth + 1))
        position = _position(event)
        return Node(tuple(items), position, position, expanded_size + sum(item.expanded_size for item in items))

    def _mapping(self, event: Any, depth: int) -> Node:
        expanded_size = self._count_size(event, 16)
        values: dict[str, Node] = {}
        key_positions: dict[str, Position] = {}
        while not isinstance(inner := next(self.stream), events.MappingEndEvent):
            key, value = self._node(inner, depth + 1), self._node(next(self.stream), depth + 1)
            expanded_size += key.expanded_size + value.expanded_size
            name = key.value
            if not isinstance(name, str):
                plain = key.source if key.source.strip() else "this"
                self.file.add_problem(key.position, f"a key must be text; {plain} is not, unless it is quoted")
            elif name == "<<" and not key.source.startswith(("'", '"')):
                self.file.add_problem(
                    key.position, "merge keys (<<) are not part of YAML 1.2; write the keys out"
                )
            elif name in values:
                self.file.add_problem(
                    key.position,
                    f"the key {name!r} is here twice; it is first on line {key_positions[name].line}",
                )
            else:
                empty = (
                    value.value is None and not value.source
                )  # it would stand where the next thing does
                values[name] = replace(value, position=key.position, start=key.position) if empty else value
                key_positions[name] = key.position
        position = _position(event)
        return Node(values, position, position, expanded_size, key_positions)


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _short_tag(tag: Any) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")[:40]
