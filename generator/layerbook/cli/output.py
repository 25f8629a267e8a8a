"""Print lines, tables and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from layerbook.core.text import escape_controls


def print_text(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text to stdout, or to stderr; control characters are escaped."""
    click.echo(escape_controls(text), err=err, nl=nl)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines to stdout, or to stderr. A line feed within a line is shown as `\\n`.

    A text from a book therefore cannot look like a line of the program.
    """
    for line in lines:
        print_text(line.replace("\n", "\\n"), err=err)


def print_json(data: Any) -> None:
    """Print data as indented JSON."""
    print_text(json.dumps(data, indent=2, ensure_ascii=False))


def summarize_counts(values: Sequence[str], texts: Mapping[str, str]) -> str:
    """Count the values, in the words of `texts`: `2 new, 1 failed`."""
    return ", ".join(
        f"{values.count(value)} {text}" for value, text in texts.items() if value in values
    )


def json_value(value: Any) -> Any:
    """Return a value for JSON. Numbers that JSON lacks, and other objects, become text."""
    if isinstance(value, Mapping):
        return {str(name): json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
