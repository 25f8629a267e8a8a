"""Errors that are meant to be read by people.

Everything the package raises on purpose is a `LayerbookError`; the command line prints its text and
exits with its `exit_code`. Anything else that escapes is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class LayerbookError(Exception):
    """A failure with a message for the reader; `exit_code` 1 means findings, 2 usage or spec."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong at one place of one file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SpecError(LayerbookError):
    """Every problem found in the specs or the chapters, all at once."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(LayerbookError):
    """A wrong option, name or path on the command line."""

    exit_code = 2


class ModelError(LayerbookError):
    """The model cannot be had or is not one we can read; the text says what to do about it."""


class StoreError(LayerbookError):
    """A result or a lock on disk is not usable; the text names the file."""


class RunError(LayerbookError):
    """An experiment failed while it ran."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """` (did you mean 'X'?)` for the nearest known name, or nothing where none is near."""
    near = get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""
