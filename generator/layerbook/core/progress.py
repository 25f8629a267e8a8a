"""How long work shows itself: a bar on a terminal, plain lines elsewhere. Everything goes to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Task(Protocol):
    """One piece of long work under way."""

    def advance(self, amount: int = 1) -> None:
        """`amount` more is done."""

    def set_status(self, text: str) -> None:
        """What is being done right now."""


class Reporter(Protocol):
    """Where progress and remarks go; the rest of the package never prints."""

    def info(self, text: str) -> None:
        """One line for the reader."""

    def task(self, label: str, total: int | None, unit: str = "") -> Any:
        """A context manager that yields a `Task` of `total` steps (None: unknown)."""


class SilentReporter:
    """No progress at all; for tests and for other programs."""

    def info(self, text: str) -> None:
        """Nothing."""

    def advance(self, amount: int = 1) -> None:
        """Nothing."""

    def set_status(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[SilentReporter]:
        """Itself."""
        yield self


class LineReporter:
    """Plain lines: one when a task starts, one now and then, one when it ends."""

    every_seconds = 5.0

    def info(self, text: str) -> None:
        """One line."""
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[_LineTask]:
        """Start line, occasional lines, end line with the time it took."""
        task = _LineTask(self, label, total, unit)
        self.info(f"{label} ...")
        yield task
        self.info(f"{label}: done in {time.monotonic() - task.started:.1f} s")


class _LineTask:
    def __init__(self, lines: LineReporter, label: str, total: int | None, unit: str) -> None:
        self.lines, self.label, self.total, self.unit = lines, label, total, unit
        self.done = 0
        self.started = self.spoke = time.monotonic()

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        if self.total and time.monotonic() - self.spoke > LineReporter.every_seconds:
            self.spoke = time.monotonic()
            self.lines.info(f"{self.label}: {100 * self.done // self.total} %")

    def set_status(self, text: str) -> None:
        """Not worth a line of its own."""


class TerminalReporter(LineReporter):
    """A bar on a terminal, drawn by rich."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[Any]:
        """A bar that names what is being done."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            amount,
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield _BarTask(progress, progress.add_task(label, total=total, now=""))


class _BarTask:
    def __init__(self, progress: Any, id: Any) -> None:
        self.progress, self.id = progress, id

    def advance(self, amount: int = 1) -> None:
        self.progress.advance(self.id, amount)

    def set_status(self, text: str) -> None:
        self.progress.update(self.id, now=text)


def make_reporter(*, quiet: bool = False) -> Reporter:
    """The reporter that fits where standard error goes."""
    if quiet:
        return SilentReporter()
    return TerminalReporter() if sys.stderr.isatty() else LineReporter()
