"""What several commands share: options, and printing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

book_option = click.option(
    "--book",
    "root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="The book's folder, the one with experiments/ in it.",
)
model_option = click.option(
    "--model",
    metavar="MODEL",
    help="A model by name, a folder, a .gguf file, or ORG/NAME@REVISION of the Hub.",
)
only_option = click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run only this chapter or experiment; may be repeated.",
)
executor_option = click.option(
    "--executor",
    metavar="WHERE",
    help="Where to run: dask://HOST:PORT, a scheduler that is there; without it, here.",
)
jobs_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    default=min(4, os.cpu_count() or 1),
    help="Processes that draw figures.",
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress.")


def print_lines(lines: Sequence[str], err: bool = False) -> int:
    """Print lines; 0, the exit code of a command that has nothing else to say."""
    for line in lines:
        click.echo(line, err=err)
    return 0
