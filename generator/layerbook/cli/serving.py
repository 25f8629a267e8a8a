"""The command `serve`: the site as it is, or a live preview of the book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerbook.cli.options import ChosenBook, book_options, drafts_option
from layerbook.cli.output import print_text
from layerbook.core.errors import UsageError
from layerbook.core.paths import resolve_within
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize

if TYPE_CHECKING:
    from layerbook.site.preview import PreviewState


@click.command()
@book_options
@click.option("--port", default=8000, show_default=True, help="The port; 0 picks a free one.")
@click.option("--run", "run_stale", is_flag=True, help="Also run experiments that are out of date.")
@click.option("--no-watch", is_flag=True, help="Serve site/ as it is; do not rebuild it.")
@drafts_option
def serve(book: ChosenBook, port: int, run_stale: bool, no_watch: bool, drafts: bool) -> None:
    """Show the book at a local address; rebuild what you change, and reload its page.

    Mistakes are shown in the page. Experiments run only with --run.
    """
    if not no_watch:
        _watch_and_serve(book, port, run_stale=run_stale, drafts=drafts)
    elif run_stale or drafts or book.model:
        raise UsageError(
            "--no-watch builds nothing, so --run, --drafts and --model would have no effect"
        )
    else:
        _serve_site(book.root, port)


def _serve_site(root: Path, port: int) -> None:
    """Serve the site of a book as it is. Raises UsageError if there is none."""
    from layerbook.site.serve import serve as serve_folder

    folder = _site_folder(root)
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no book yet; run `layerbook build`")
    serve_folder(
        folder, port, lambda address: print_text(f"Serving {folder} at {address} until Ctrl-C")
    )


def _watch_and_serve(book: ChosenBook, port: int, *, run_stale: bool, drafts: bool) -> None:
    """Build a book and serve it; rebuild it after every change.

    Raises the error of the first build if there is no page to show it in.
    """
    from layerbook.site.preview import Preview
    from layerbook.site.serve import serve as serve_folder

    folder = _site_folder(book.root)
    preview = Preview(book.root, book.model, drafts=drafts, run=run_stale)
    preview.rebuild(make_reporter(quiet=False))
    _print_state(preview.state)
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no page to show yet")

    def print_ready(address: str) -> None:
        print_text(f"Serving {folder} at {address}; changes are shown at once, until Ctrl-C")

    def follow() -> None:
        preview.follow(make_reporter(quiet=not run_stale), _print_state)

    serve_folder(folder, port, print_ready, preview, follow)


def _site_folder(root: Path) -> Path:
    from layerbook.store.project import SITE_FOLDER

    folder = root / SITE_FOLDER
    resolve_within(root, folder, links=False)
    return folder


def _print_state(state: PreviewState) -> None:
    for problem in state.problems:
        print_text(f"{problem.place}: {problem.message}", err=True)
    if not state.problems:
        stale = pluralize(len(state.stale), "experiment")
        print_text(f"site is current{f'; {stale} out of date' if state.stale else ''}")
