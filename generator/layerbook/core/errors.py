"""Errors with a message for the reader; any other exception is a bug.

The command line prints the message and exits with the error's `exit_code`:

LayerbookError (1)
├── SpecError (2)    problems in the specs or chapters
├── UsageError (2)   a wrong option, name or path on the command line
├── ModelError (1)   the model is missing, or not one that Layerbook reads
├── StoreError (1)   a result or a lock on disk is not usable
└── RunError (1)     an experiment failed while it ran
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class LayerbookError(Exception):
    """Base class of the errors that the command line prints."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class Problem:
    """A message about one place of one file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SpecError(LayerbookError):
    """All problems in the specs or the chapters, sorted by place."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(LayerbookError):
    """A wrong option, name or path on the command line."""

    exit_code = 2


class ModelError(LayerbookError):
    """The model is missing or not supported; the message says what to do."""


class StoreError(LayerbookError):
    """A result or a lock on disk is not usable; the message names the file."""


class RunError(LayerbookError):
    """An experiment failed while it ran."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean 'X'?)` for the closest candidate, or nothing if none is close."""
    matches = get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
