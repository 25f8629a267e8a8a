"""Highlight listings, in most languages in a process that can be killed.

A pattern of a Pygments lexer may take exponential time in one match, which nothing interrupts.
Run as a program, this module colors listings until its input ends.
"""

from __future__ import annotations

import atexit
import faulthandler
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeVar

T = TypeVar("T")
VETTED = frozenset(
    {"bash", "console", "css", "django", "html", "javascript", "json", "markdown", "python", "text"}
    | {"toml", "xml", "yaml"}
)
"""Languages that need no process of their own, by Pygments' first name for each.

Their patterns were tried on repeated pieces of code (`tests/fuzz`); none takes exponential time.
"""
SECONDS = 2.0
"""The processor time for a listing; a usual listing takes some milliseconds."""
WATCHDOG_SECONDS = 5
"""The time for a listing in the other process, which shares the machine."""
SECONDS_OF_PAGE = 10.0


class TakesTooLongError(Exception):
    """Highlighting a listing would take too long."""


class Allowance:
    """The time that the listings of a page may still take."""

    def __init__(self, seconds: float = SECONDS_OF_PAGE) -> None:
        self._seconds = seconds

    def color(self, text: str, language: str) -> str:
        """Return code as spans with the classes of Pygments.

        language: Pygments' first name for it. Raises TakesTooLongError.
        """
        if self._seconds <= 0:
            raise TakesTooLongError
        start = time.monotonic()
        try:
            return color(text, language) if language in VETTED else _process().color(text, language)
        finally:
            self._seconds -= time.monotonic() - start


def color(text: str, language: str) -> str:
    """Return code as spans, colored in this process. Raises TakesTooLongError between tokens."""
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    # A listing within a listing could be in any other language.
    lexer = get_lexer_by_name(language, handlecodeblocks=False)
    out = io.StringIO()
    HtmlFormatter(nowrap=True).format(_in_time(lexer.get_tokens(text)), out)
    return out.getvalue()


def _in_time(parts: Iterable[T]) -> Iterator[T]:
    end = time.process_time() + SECONDS
    for part in parts:
        if time.process_time() > end:
            raise TakesTooLongError
        yield part


@cache
def _process() -> _ColorProcess:
    return _ColorProcess()


class _ColorProcess:
    """A process that colors one listing after the other; it is started when it is needed.

    It ends when this process closes its input, and by a watchdog if a listing takes too long.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        atexit.register(self._end)

    def color(self, text: str, language: str) -> str:
        """Return code as spans. Raises TakesTooLongError."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],  # -P: import nothing from a book's folder
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
        try:
            print(json.dumps([text, language]), file=self._process.stdin, flush=True)
            return str(json.loads(next(iter(self._process.stdout or ()))))
        except (BrokenPipeError, StopIteration):  # the process has ended, without an answer
            self._end()
            raise TakesTooLongError from None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    """Answer each line of the input, a text and its language, with a line."""
    for line in sys.stdin:
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        sys.stdout.write(json.dumps(color(*json.loads(line))) + "\n")
        sys.stdout.flush()
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
