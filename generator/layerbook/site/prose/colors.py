"""Highlight listings, in most languages in a process that can be killed.

A pattern of a Pygments lexer may take exponential time in one match, which nothing interrupts.
Run as a program, this module colors listings until its input ends.
"""

from __future__ import annotations

import atexit
import io
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeVar

from layerbook.core.child_process import AnsweringProcess, answer_lines

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
            if language in VETTED:
                return color(text, language)
            return str(_process().ask(text, language))
        except EOFError:
            raise TakesTooLongError from None
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
def _process() -> AnsweringProcess:
    process = AnsweringProcess(__name__, WATCHDOG_SECONDS)
    atexit.register(process.close)
    return process


if __name__ == "__main__":
    answer_lines(color)
