"""Errors with a message for the reader; any other exception is a bug.

The command line prints the message and exits with the error's `exit_code`:

LayerbookError (1)
├── SpecError (2)    problems in the specs or chapters
├── UsageError (2)   a wrong option, name or path on the command line
├── ModelError (1)   the model is missing, or not one that Layerbook reads
├── StoreError (1)   a result or a lock on disk is not usable
│   └── OutsideError     a path leads outside the folder that it must lie in
└── RunError (1)     an experiment failed while it ran
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

MAX_MESSAGE = 300
MAX_PROBLEMS = 100
MAX_PROBLEM = 2000  # characters
MAX_NAME, MAX_NAMES = 80, 500


class LayerbookError(Exception):
    """Base class of the errors that the command line prints.

    trace: the traceback of the exception behind it, which `--debug` prints.
    """

    exit_code = 1
    trace = ""


@dataclass(frozen=True, order=True)
class Problem:
    """A message about one place of one file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    trace: str = field(default="", compare=False)

    def __str__(self) -> str:
        # The names of files, and names inside them, can contain line breaks.
        file, message = (text.replace("\n", "\\n") for text in (self.file, self.message))
        if len(message) > MAX_PROBLEM:
            message = f"{message[: MAX_PROBLEM // 2]} … {message[-MAX_PROBLEM // 2 :]}"
        return f"{file}:{self.line}:{self.column}: {message}"


def first_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Return the first problems; if there are more, end with a problem that says so."""
    first = list(islice(problems, MAX_PROBLEMS + 1))
    return [*first[:MAX_PROBLEMS], *map(more_problems, first[MAX_PROBLEMS:])]


def more_problems(problem: Problem) -> Problem:
    """Return the problem that replaces this one and all after it."""
    return replace(problem, message="there are more problems; fix these first")


class SpecError(LayerbookError):
    """All problems in the specs or the chapters, sorted by place."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        self.trace = "\n".join({p.trace: None for p in self.problems if p.trace})
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(LayerbookError):
    """A wrong option, name or path on the command line."""

    exit_code = 2


class ModelError(LayerbookError):
    """The model is missing or not supported; the message says what to do."""


class StoreError(LayerbookError):
    """A result or a lock on disk is not usable; the message names the file."""


class OutsideError(StoreError):
    """A path leads outside the folder that it must lie in."""


class RunError(LayerbookError):
    """An experiment failed while it ran."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


def describe_exception(error: BaseException, module_file: str) -> str:
    """Describe an exception on one line, with the place in an analysis' file that raised it.

    module_file: the file; if the traceback has no call from it, the innermost call is named.
    """
    file, line = _error_location(error, module_file)
    name, message = type(error).__name__, one_line(_message(error))
    location = f"{file.removeprefix(f'{Path.cwd()}{os.sep}')}:{line}"
    return f"{name}: {message} ({location})" if message else f"{name} ({location})"


def one_line(message: object) -> str:
    """Return a library's error message, possibly long and multi-line, as one short line."""
    text = " ".join(str(message).split())
    return f"{text[:MAX_MESSAGE]}…" if len(text) > MAX_MESSAGE else text


def _error_location(error: BaseException, module_file: str) -> tuple[str, int]:
    if isinstance(error, SyntaxError):  # raised by the import, about a line of the file
        return error.filename or module_file, error.lineno or 1
    calls = traceback.extract_tb(error.__traceback__)
    if not calls:
        return module_file, 1
    calls_in_file = [call for call in calls if call.filename == module_file]
    innermost = (calls_in_file or calls)[-1]
    return innermost.filename, innermost.lineno or 1


def _message(error: BaseException) -> str:
    from pydantic import ValidationError  # imported here: it takes longer than all other errors

    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return ".".join([error.title, *map(str, first["loc"])]) + f": {first['msg']}"
    return str(error)


def format_trace(error: BaseException) -> str:
    """Return the traceback of an exception as Python prints it."""
    return "".join(traceback.format_exception(error))


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean 'X'?)` for the closest candidate, or nothing if none is close.

    Ignores long names, and all but the first few hundred candidates.
    """
    if len(name) > MAX_NAME:
        return ""
    names = [candidate for candidate in islice(candidates, MAX_NAMES) if len(candidate) <= MAX_NAME]
    matches = get_close_matches(name, names, n=1, cutoff=0.6)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
