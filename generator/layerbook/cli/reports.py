"""The commands that compare and report: `status`, `verify`, `diff`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from layerbook.cli.options import (
    ChosenBook,
    book_options,
    jobs_option,
    json_option,
    only_option,
    quiet_option,
)
from layerbook.cli.output import print_json, print_lines
from layerbook.core import atomic, language
from layerbook.core.paths import check_output
from layerbook.core.progress import make_reporter


@click.command()
@book_options
@click.option(
    "--check", "checking", is_flag=True, help="Exit with 1 if a result or site/ is out of date."
)
@json_option
@jobs_option
def status(book: ChosenBook, checking: bool, as_json: bool, jobs: int) -> None:
    """List the results that are out of date, and the reasons. Runs nothing."""
    from layerbook.cli.format_status import (
        orphan_lines,
        orphan_paths,
        status_data,
        status_lines,
    )
    from layerbook.store.freshness import check_status
    from layerbook.store.key_changes import add_changed_modules
    from layerbook.store.orphans import find_orphans
    from layerbook.store.project import open_project

    project = open_project(book.root, book.model)
    statuses = check_status(project)
    files = None
    if checking:
        from layerbook.plotting.pool import DrawingPool
        from layerbook.site.build import find_outdated_files
        from layerbook.site.builder import SiteBuilder

        with DrawingPool(jobs) as drawing_pool:
            builder = SiteBuilder(project, statuses, drawing_pool)
            files = find_outdated_files(builder, project.site_dir)
    changes = {
        status.experiment.address: add_changed_modules(project.cache, status.freshness.changes)
        for status in statuses
    }
    if as_json:
        data = status_data(project.source.name, statuses, changes, files)
        print_json(data | {"orphans": orphan_paths(find_orphans(project))})
    else:
        print_lines(status_lines(statuses, changes, files))
        print_lines(orphan_lines(find_orphans(project)))
    if checking and (files or not all(status.freshness.current for status in statuses)):
        sys.exit(1)


@click.command()
@book_options
@only_option
@json_option
@quiet_option
def verify(book: ChosenBook, only: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Run the experiments again and compare them with the committed results.

    No result is replaced. Exits with 1 if an experiment differs or has no current result.
    """
    from layerbook.cli.format_status import all_same, verification_data, verification_lines
    from layerbook.compare.verify import verify as verify_results
    from layerbook.model.user_cache import rehashing
    from layerbook.store import cache
    from layerbook.store.freshness import check_status, select
    from layerbook.store.project import open_project

    report = make_reporter(quiet=quiet)
    with rehashing():
        project = open_project(book.root, book.model, report)
        with cache.lock(book.root):
            statuses = check_status(project)
            checks = verify_results(project, select(statuses, only, force=True), report)
    if as_json:
        print_json(verification_data(project.source.name, checks))
    else:
        print_lines(verification_lines(checks))
    if not all_same(checks):
        sys.exit(1)


@click.command()
@book_options
@click.argument("old")
@click.argument("new", required=False)
@json_option
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write an HTML page with both sides.",
)
def diff(book: ChosenBook, old: str, new: str | None, as_json: bool, page: Path | None) -> None:
    """Compare the results OLD and NEW, and the sentences that use them.

    OLD and NEW can be folders, also those of `run --out`, models with results in this book, or git
    revisions. NEW defaults to the results of the book. Exits with 1 if anything differs.
    """
    from layerbook.cli.format_diff import diff_data, diff_lines, diff_page
    from layerbook.compare.diff import diff as diff_results
    from layerbook.compare.result_set import open_result_set
    from layerbook.store.project import open_project

    project = open_project(book.root, book.model)
    with TemporaryDirectory(prefix="layerbook-") as scratch:
        sides = (
            open_result_set(project, old, Path(scratch) / "old"),
            open_result_set(project, new or project.source.name, Path(scratch) / "new"),
        )
        outcome = page_outcome = diff_results(project, *sides)
        if page is not None and project.book.own_words.code != "en":
            with language.use(project.book.own_words):
                page_outcome = diff_results(project, *sides)
    if page is not None:
        check_output(book.root, page)
        atomic.write_output(page, diff_page(project, page_outcome).encode())
    if as_json:
        print_json(diff_data(project, outcome))
    else:
        print_lines(diff_lines(project, outcome))
    if not outcome.same:
        sys.exit(1)
