"""What stands around every command: errors as text for people, exit codes, and output that any terminal can take.

Exit codes: 0 ok, 1 findings or failures, 2 usage or spec, 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from layerbook.cli import interrupt
from layerbook.core.errors import LayerbookError, SpecError
from layerbook.core.text import pluralize


class CommandGroup(click.Group):
    """The commands; an interrupt ends each of them alike, also while it reads its options."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            interrupt.exit_interrupted()


def handle_errors(command: Callable[..., int]) -> Callable[..., None]:
    """Expected errors as text on standard error, with the exit code that fits; anything else is a bug."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except SpecError as error:
            click.echo(f"{error}\n{pluralize(len(error.problems), 'problem')}", err=True)
            code = error.exit_code
        except LayerbookError as error:
            click.echo(f"layerbook: {error}", err=True)
            code = error.exit_code
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads on; click ends quietly
            click.echo(f"layerbook: {error}", err=True)
            code = 1
        sys.exit(code)

    return guarded


def escape_unencodable_output() -> None:
    """Characters that the terminal's encoding lacks are printed as escapes, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
