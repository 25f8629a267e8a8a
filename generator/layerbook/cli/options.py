"""Options that several commands share."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from layerbook.core.errors import UsageError

Options = TypeVar("Options")

DASK_ADDRESS = re.compile(
    r"dask(?P<tls>\+tls)?://(?P<address>(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5})/?"
)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

book_option = click.option(
    "--book",
    "root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="The folder of the book, which has experiments/ in it.",
)
model_option = click.option(
    "--model",
    metavar="MODEL",
    help="Use another model: a name, a folder, a .gguf file, or ORG/NAME@REVISION on the Hub.",
)
only_option = click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run only this chapter or experiment. May be repeated.",
)


def _parse_executor(_: click.Context, __: click.Parameter, executor: str | None) -> str | None:
    """Return the address of a scheduler as Dask writes it. Raises UsageError."""
    if executor is None:
        return None
    match = DASK_ADDRESS.fullmatch(executor)
    if match is None:
        raise UsageError(
            f"--executor {executor}: give the address of a Dask scheduler, dask://HOST:PORT or "
            "dask+tls://HOST:PORT"
        )
    return f"{'tls' if match['tls'] else 'tcp'}://{match['address']}"


executor_option = click.option(
    "--executor",
    metavar="WHERE",
    callback=_parse_executor,
    help="Run on the workers of a Dask scheduler: dask://HOST:PORT or dask+tls://HOST:PORT.",
)
jobs_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    default=min(4, os.cpu_count() or 1),
    show_default=True,
    help="Number of processes that draw figures.",
)
drafts_option = click.option(
    "--drafts", is_flag=True, help="Include chapters that are marked as drafts."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Show no progress.")


@dataclass(frozen=True)
class ChosenBook:
    """The folder of a book, and a model to use in place of the book's own."""

    root: Path
    model: str | None


def book_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--book` and `--model` to a command, which gets both as its parameter `book`."""

    @book_option
    @model_option
    @functools.wraps(command)
    def call(root: Path, model: str | None, **options: object) -> None:
        command(book=ChosenBook(root, model), **options)

    return call


def pass_options(kind: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Pass the options of a command as one object, whose fields have their names."""

    def decorate(command: Callable[[Options], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**options: object) -> None:
            command(kind(**options))

        return call

    return decorate
