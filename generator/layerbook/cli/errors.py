"""Print expected errors to stderr and exit with their code. Bugs propagate.

Exit codes: 0 success, 1 findings or failures, 2 wrong usage or an error in a spec, 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import click

from layerbook.cli import interrupt
from layerbook.cli.output import print_text
from layerbook.core.errors import LayerbookError, SpecError, format_trace
from layerbook.core.text import escape_controls, pluralize


class CommandGroup(click.Group):
    """A group that handles the errors and interrupts of all its commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and exit with the code of its error."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            interrupt.exit_interrupted()
        except click.ClickException as error:  # click prints it; it may quote a file's name
            error.message = escape_controls(error.message)  # type: ignore[misc]
            raise
        except LayerbookError as error:
            print_trace(error.trace or (format_trace(error) if error.__cause__ else ""))
            if isinstance(error, SpecError):
                print_text(f"{error}\n{pluralize(len(error.problems), 'problem')}", err=True)
            else:
                print_text(f"layerbook: {error}", err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click exits quietly
            file = f"{error.filename}: " if error.filename else ""
            print_text(f"layerbook: {file}{error.strerror or error}", err=True)
            sys.exit(1)


def print_trace(trace: str) -> None:
    """Print a traceback to stderr if the command has `--debug`."""
    context = click.get_current_context()
    if trace and context.find_root().params.get("debug"):
        print_text(trace, err=True, nl=not trace.endswith("\n"))


def escape_unencodable_output() -> None:
    """Print characters that the terminal's encoding lacks as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
