"""Progress on standard error: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerbook.core.text import escape_controls

if TYPE_CHECKING:
    from rich import progress as rich

SECONDS_BETWEEN_LINES = 5.0


class Task:
    """A piece of long work in progress, which shows nothing."""

    def advance(self, amount: int = 1) -> None:
        """Add `amount` finished steps."""

    def set_status(self, text: str) -> None:
        """Show which step is running."""


class Reporter:
    """Shows progress and prints remarks; this one shows nothing."""

    def info(self, text: str) -> None:
        """Print one line."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[Task]:
        """Start a task of `total` steps (None: unknown)."""
        yield Task()


class LineReporter(Reporter):
    """Prints a line when a task starts, every few seconds, and when it ends."""

    def info(self, text: str) -> None:
        """Print one line."""
        print(escape_controls(text), file=sys.stderr, flush=True)  # noqa: T201

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[Task]:
        """Print the task's lines."""
        started = time.monotonic()
        self.info(f"{label} ...")
        yield _LineTask(self, label, total, last_line=started)
        self.info(f"{label}: done in {time.monotonic() - started:.1f} s")


@dataclass
class _LineTask(Task):
    reporter: LineReporter
    label: str
    total: int | None
    last_line: float  # when it was printed
    steps: int = 0

    def advance(self, amount: int = 1) -> None:
        self.steps += amount
        if self.total and time.monotonic() - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = time.monotonic()
            self.reporter.info(f"{self.label}: {100 * self.steps // self.total} %")


class TerminalReporter(LineReporter):
    """Draws a bar on a terminal with rich."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[Task]:
        """Draw the task's bar and its status."""
        from rich import progress as rich  # imported here: it slows down every command's start
        from rich.console import Console

        bar = rich.Progress(
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
            rich.DownloadColumn() if unit == "bytes" else rich.MofNCompleteColumn(),
            rich.TimeElapsedColumn(),
            rich.TextColumn("{task.fields[status]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        with bar:
            yield _BarTask(bar, bar.add_task(escape_controls(label), total=total, status=""))


@dataclass(frozen=True)
class _BarTask(Task):
    bar: rich.Progress
    id: rich.TaskID

    def advance(self, amount: int = 1) -> None:
        self.bar.advance(self.id, amount)

    def set_status(self, text: str) -> None:
        self.bar.update(self.id, status=escape_controls(text))


def make_reporter(*, quiet: bool = False) -> Reporter:
    """Return the reporter for standard error: a terminal, a file or nothing."""
    if quiet:
        return Reporter()
    return TerminalReporter() if sys.stderr.isatty() else LineReporter()
