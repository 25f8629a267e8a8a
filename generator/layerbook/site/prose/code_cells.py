"""Short Python programs that the prose shows, each with the result that it must produce.

A cell is `templates/code/CHAPTER/NAME.py`. Its first lines may be comments, which no page shows:

    # equals: r("outputs").answer.prob
    # within: 0.0001

`equals` is an expression over the book's results, in the language of claims: the value of the
cell's last line, an expression. Nothing here runs a cell; a book's tests do.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from layerbook.book.claims.check import Check, CheckError, Reference, parse
from layerbook.book.claims.values import to_python
from layerbook.book.node import FILE_START, Position
from layerbook.core.errors import LayerbookError, Problem, SpecError, UsageError, did_you_mean
from layerbook.core.paths import resolve_within

WITHIN = 0.0001
"""The default tolerance of a number."""
MAX_CODE, MAX_OUTPUT = 4000, 500  # characters
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_HEADER = re.compile(r"#[ ]*(\w+):[ ]*(.*)")


@dataclass(frozen=True)
class CodeCell:
    """A code cell, as read from its file.

    code: the source that is shown. equals: the expected value of its last line, or None.
    within: the tolerance of a number.
    equals_at: the position of `equals` in the file.
    """

    name: str
    file: str
    code: str
    equals: Check | None = None
    within: float = WITHIN
    equals_at: Position = FILE_START

    @property
    def references(self) -> tuple[Reference, ...]:
        """The experiments that `equals` names."""
        return self.equals.references if self.equals else ()

    def problem(self, error: CheckError) -> Problem:
        """Return an error of `equals` as a problem at its place."""
        return _problem(self.file, self.equals_at, error)

    def expected(self, result_of: Callable[[str], object]) -> Any:
        """Return the value of the last line, as plain Python. Raises SpecError at `equals`.

        result_of: returns the result of an experiment, for r().
        """
        if self.equals is None:
            return None
        try:
            return _plain(self.equals.value(None, {}, result_of))
        except CheckError as error:
            raise SpecError([self.problem(error)]) from error

    def output(self, result_of: Callable[[str], object]) -> str:
        """Return the expected value as Python prints it, with as many digits as `within` allows.

        Raises SpecError if it is too long to show.
        """
        text = repr(_rounded(self.expected(result_of), self.within))
        if len(text) > MAX_OUTPUT:
            message = f"the value has more than {MAX_OUTPUT} characters; use a part of it"
            raise SpecError([Problem(self.file, *self.equals_at, message)])
        return text


def _problem(file: str, position: Position, error: CheckError) -> Problem:
    return Problem(file, position.line, position.column + error.column, error.message)


def cell_folder(templates_dir: Path, chapter: str) -> Path:
    """Return the folder of a chapter's cells, which need not exist."""
    return templates_dir / "code" / chapter


def read_cell(folder: Path, name: str) -> CodeCell:
    """Read the cell of this name. Raises UsageError if there is none, SpecError for its content."""
    path = folder / f"{name}.py"
    names = sorted(file.stem for file in folder.glob("*.py"))
    if not _NAME.fullmatch(name) or name not in names:
        available = f"available: {', '.join(names)}" if names else f"{folder} has none"
        raise UsageError(f"no code cell named {name!r}{did_you_mean(name, names)}; {available}")
    try:
        text = resolve_within(folder.parent, path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, LayerbookError) as error:
        raise SpecError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from error
    return parse_cell(name, str(path), text)


def parse_cell(name: str, file: str, text: str) -> CodeCell:
    """Read a cell from its text. Raises SpecError."""
    if len(text) > MAX_CODE:
        raise SpecError([Problem(file, 1, 1, f"a cell has at most {MAX_CODE:,} characters")])
    header = list(_header_lines(text, file))
    code = "\n".join(text.split("\n")[len(header) :]).lstrip("\n")
    equals, equals_at, within = None, FILE_START, WITHIN
    for line in header:
        if line.key == "equals":
            equals, equals_at = _parse_equals(line, file), line.position
        else:
            within = _parse_within(line, file)
    body = _parse_python(code, file, text.removesuffix(code).count("\n"))
    if equals and not (body and isinstance(body[-1], ast.Expr)):
        message = "the last line of a cell with `equals` is an expression, whose value is compared"
        raise SpecError([Problem(file, text.rstrip().count("\n") + 1, 1, message)])
    return CodeCell(name, file, code.rstrip("\n"), equals, within, equals_at)


class _HeaderLine(NamedTuple):
    """A comment `# key: value`; the value begins at `position`."""

    key: str
    value: str
    position: Position


def _header_lines(text: str, file: str) -> Iterator[_HeaderLine]:
    for number, line in enumerate(text.split("\n"), start=1):
        match = _HEADER.fullmatch(line.rstrip())
        if match is None:
            return
        key, value = match.groups()
        if key not in ("equals", "within"):
            if hint := did_you_mean(key, ("equals", "within")):
                raise SpecError([Problem(file, number, 3, f"unknown comment {key!r}{hint}")])
            return
        yield _HeaderLine(key, value, Position(number, match.start(2) + 1))


def _parse_equals(line: _HeaderLine, file: str) -> Check:
    try:
        check = parse(line.value)
        for node in ast.walk(check.tree):
            if isinstance(node, ast.Name) and node.id == "result":
                message = 'a cell has no experiment of its own; name one, as in r("id")'
                raise CheckError(message, node.col_offset)
        if check.references:
            return check
        message = 'a comparison with a constant proves nothing; name a result, as in r("id")'
        raise CheckError(message)
    except CheckError as error:
        raise SpecError([_problem(file, line.position, error)]) from error


def _parse_within(line: _HeaderLine, file: str) -> float:
    try:
        within = float(line.value)
    except ValueError:
        within = 0
    if not 0 < within < 1:
        message = f"within: a number between 0 and 1, not {line.value!r}"
        raise SpecError([Problem(file, *line.position, message)])
    return within


def _parse_python(code: str, file: str, lines_before: int) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code).body
    except SyntaxError as error:
        line, column = lines_before + (error.lineno or 1), error.offset or 1
        raise SpecError([Problem(file, line, column, f"invalid Python: {error.msg}")]) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SpecError([Problem(file, lines_before + 1, 1, f"invalid Python: {error}")]) from error


def _plain(value: Any) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray) else to_python(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _rounded(value: Any, within: float) -> Any:
    if isinstance(value, list):
        return [_rounded(item, within) for item in value]
    return round(value, math.ceil(-math.log10(within))) if isinstance(value, float) else value
