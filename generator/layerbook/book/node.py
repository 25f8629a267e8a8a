"""Values of a YAML file with their file, line and column, and the problems found in all files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from layerbook.core.errors import MAX_PROBLEMS, Problem, SpecError, more_problems


class Position(NamedTuple):
    """A place in a file; line and column count from 1."""

    line: int
    column: int


FILE_START = Position(1, 1)


class FileProblem(Exception):
    """A problem that makes the rest of a file unreadable."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(message)
        self.position, self.message = position, message


class ProblemList:
    """The problems of all files, each only once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def __len__(self) -> int:
        return len(self._problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def add(self, file: str, position: Position, message: str, trace: str = "") -> None:
        """Add a problem at a place of a file. Raises SpecError if there are too many."""
        problem = Problem(file, position.line, position.column, message, trace)
        if len(self._problems) == MAX_PROBLEMS and problem not in self._problems:
            raise SpecError([*self._problems, more_problems(problem)])
        self._problems[problem] = None


@dataclass(frozen=True, eq=False)
class Node:
    """A value in a file.

    An alias has its own position. The values inside it have the positions of the anchored values.

    value: text, a number, a boolean, None, a tuple of nodes, or a dict of nodes.
    key_positions: the positions of a mapping's keys.
    source, source_position: a scalar as it is written in the file, and where.
    reported: a problem with the scalar was already reported, and `value` is a placeholder.
    """

    value: Any
    position: Position
    file: str
    problems: ProblemList = field(repr=False)
    last_line: int = 1
    key_positions: Mapping[str, Position] = field(default_factory=dict)
    source: str = ""
    source_position: Position = FILE_START
    reported: bool = False

    def add_problem(self, message: str, trace: str = "") -> None:
        """Report a problem with this value."""
        self.problems.add(self.file, self.position, message, trace)

    def add_key_problem(self, key: str, message: str) -> None:
        """Report a problem with a key of this mapping."""
        self.problems.add(self.file, self.key_positions[key], message)

    def add_text_problem(self, offset: int, message: str) -> None:
        """Report a problem with a character of this text."""
        self.problems.add(self.file, self.position_in_text(offset), message)

    def to_python(self) -> Any:
        """Return the plain value, as in JSON."""
        if isinstance(self.value, dict):
            return {key: node.to_python() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.to_python() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """Return the value of a key; None if there is none or this is not a mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def get_text(self, key: str) -> str:
        """Return the text under a key; empty if there is none or it is not text."""
        node = self.get(key)
        return node.value if node is not None and isinstance(node.value, str) else ""

    def get_list(self, key: str) -> tuple[Node, ...]:
        """Return the elements of the list under a key; empty if it is not a list."""
        node = self.get(key)
        return node.value if node is not None and isinstance(node.value, tuple) else ()

    def get_mapping(self, key: str) -> Mapping[str, Node]:
        """Return the values of the mapping under a key; empty if it is not a mapping."""
        node = self.get(key)
        return node.value if node is not None and isinstance(node.value, dict) else {}

    @property
    def children(self) -> tuple[Node, ...]:
        """The elements of a list or the values of a mapping."""
        if isinstance(self.value, dict):
            return tuple(self.value.values())
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def text_line(self) -> int:
        """The line where a text begins, below the header of a block."""
        return self.position_in_text(0).line

    def position_in_text(self, offset: int) -> Position:
        """Return the position of a character of the text.

        Reads the value and its source side by side: folding only changes whitespace, and quoting
        only adds characters.
        """
        source = self.source
        index = _skip_whitespace(source, _text_start(source))
        for char in str(self.value)[:offset]:
            if not char.isspace():
                match = source.find(char, index, index + 12)  # the source may have an escape here
                index = _skip_whitespace(source, match + 1 if match >= 0 else index)
        lines = source[:index].split("\n")
        first = self.source_position
        column = len(lines[-1]) + (first.column if len(lines) == 1 else 1)
        return Position(first.line + len(lines) - 1, column)


def _skip_whitespace(source: str, index: int) -> int:
    while index < len(source) - 1 and source[index].isspace():
        index += 1
    return index


def _text_start(source: str) -> int:
    """Return the index of a scalar's text after its anchor, block header or quote."""
    head = re.match(r"(?:[&!]\S*\s+)*(?:[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\n\s*|[\"'])?", source)
    return head.end() if head else 0


def display_path(path: Path) -> str:
    """Return a path for messages: relative to the working directory if it is below it."""
    absolute, cwd = path.absolute(), Path.cwd()
    return str(absolute.relative_to(cwd)) if absolute.is_relative_to(cwd) else str(path)
