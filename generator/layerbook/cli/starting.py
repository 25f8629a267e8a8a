"""The commands that write new files: `init`, `guide`, `new`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerbook.cli.options import book_option, model_option
from layerbook.cli.output import print_lines, print_text

if TYPE_CHECKING:
    from layerbook.book.starter import Kind


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option("--minimal", is_flag=True, help="Write one short chapter instead of a small book.")
@click.option(
    "--language",
    default="en",
    show_default=True,
    metavar="CODE",
    help="The language of the new book: en or de, also with a region, such as de-AT.",
)
@model_option
def init(folder: Path, minimal: bool, language: str, model: str | None) -> None:
    """Write a small book to start from into the new folder NAME. Runs nothing."""
    from layerbook.book.starter import write_starter
    from layerbook.model.sources import DEFAULT_MODEL, resolve
    from layerbook.store import trust as trusted

    resolve(model or DEFAULT_MODEL)  # a misspelt name is reported before anything is written
    kind: Kind = "minimal" if minimal else "lecture"
    names = write_starter(folder, model or DEFAULT_MODEL, kind, language)
    if not minimal:
        trusted.trust(folder)  # its code is ours
    print_lines([str(folder / name) for name in names])
    enter = "" if folder.resolve() == Path().resolve() else f"cd {shlex.quote(str(folder))} && "
    print_text(f"Now: {enter}layerbook build, then open site/index.html")


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
def guide(folder: Path) -> None:
    """Write the guide into the new folder NAME: how to write and publish a book.

    Its pages are Markdown, in NAME/templates/. The guide is a book itself: `layerbook build` in
    that folder builds its site.
    """
    from layerbook.book.starter import write_starter
    from layerbook.model.sources import DEFAULT_MODEL

    write_starter(folder, DEFAULT_MODEL, "guide")
    pages = folder / "templates" / "pages"
    print_text(f"Begin with {pages / 'tutorial.md'}, or build the site:")
    print_text(f"layerbook build --book {shlex.quote(str(folder))}")


@click.group()
def new() -> None:
    """Write a new file into the book."""


@new.command("analysis")
@book_option
@click.argument("name")
def new_analysis(root: Path, name: str) -> None:
    """Write a new analysis NAME for this book, and its test. Runs nothing.

    NAME is written as in specs, for example `word-shares`.
    """
    from layerbook.book.loader import read_book_spec
    from layerbook.book.starter import write_analysis
    from layerbook.store import trust as trusted
    from layerbook.store.project import resolve_model

    resolve_model(root)  # refuses a folder without a book
    was_trusted = not trusted.load_own_code(root).refusal
    book = read_book_spec(root)
    paths = write_analysis(root, name, book.model, book.language)
    print_lines([str(root / path) for path in paths])
    if was_trusted:
        trusted.trust(root)  # the new file is ours
    folder = shlex.quote(str(root))
    print_text(f"Now: write `analysis: {name}` and a prompt into a spec, and `layerbook build`.")
    print_text(f"After each change of the file: `layerbook trust {folder}`.")
