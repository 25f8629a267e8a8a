"""The command `serve`: the site as it is, or a live preview of the book."""

from __future__ import annotations

from pathlib import Path

from layerbook.cli.options import ServeOptions
from layerbook.cli.output import print_text
from layerbook.core.errors import UsageError
from layerbook.core.paths import resolve_within
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize
from layerbook.site.preview import Preview, PreviewState
from layerbook.site.serve import serve
from layerbook.store.project import SITE_FOLDER


def serve_site(root: Path, port: int) -> None:
    """Serve the site of a book as it is. Raises UsageError if there is none."""
    folder = _site_folder(root)
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no book yet; run `layerbook build`")
    serve(folder, port, lambda address: print_text(f"Serving {folder} at {address} until Ctrl-C"))


def watch_and_serve(options: ServeOptions) -> None:
    """Build a book and serve it; rebuild it after every change.

    Raises the error of the first build if there is no page to show it in.
    """
    folder, run = _site_folder(options.root), options.run_stale
    preview = Preview(options.root, options.model, drafts=options.drafts, run=run)
    preview.rebuild(make_reporter(quiet=False))
    _print_state(preview.state)
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no page to show yet")
    print_ready = f"Serving {folder} at {{}}; changes are shown at once, until Ctrl-C"
    serve(
        folder,
        options.port,
        lambda address: print_text(print_ready.format(address)),
        preview,
        lambda: preview.follow(make_reporter(quiet=not run), _print_state),
    )


def _site_folder(root: Path) -> Path:
    folder = root / SITE_FOLDER
    resolve_within(root, folder, links=False)
    return folder


def _print_state(state: PreviewState) -> None:
    for problem in state.problems:
        print_text(f"{problem.place}: {problem.message}", err=True)
    if not state.problems:
        stale = pluralize(len(state.stale), "experiment")
        print_text(f"site is current{f'; {stale} out of date' if state.stale else ''}")
