"""The commands that look and report, and change neither results nor site."""

from __future__ import annotations

from pathlib import Path

import click

from layerbook.cli.errors import handle_errors
from layerbook.cli.options import (
    book_option,
    jobs_option,
    model_option,
    only_option,
    print_lines,
    quiet_option,
)
from layerbook.core.errors import UsageError
from layerbook.core.progress import make_reporter

MAX_THREADS = 512

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def add_commands(group: click.Group) -> None:
    """Make these commands of the program."""
    for command in (status, verify, diff):
        group.add_command(command)


@click.command()
@book_option
@model_option
@click.option(
    "--check",
    "checking",
    is_flag=True,
    help="Exit 1 unless results and site/ are what the sources give.",
)
@json_option
@jobs_option
@handle_errors
def status(root: Path, model: str | None, checking: bool, as_json: bool, jobs: int) -> int:
    """Say which results are not what the sources would give, and what changed. Nothing runs."""
    from layerbook.cli.format_status import book_status, status_json, status_lines
    from layerbook.store.freshness import check_status
    from layerbook.store.project import open_project

    project = open_project(root, model)
    work = check_status(project)
    pages = None
    if checking:
        from layerbook.plotting.pool import DrawingPool
        from layerbook.site.build import SiteRenderer

        with DrawingPool(jobs) as drawing_pool:
            renderer = SiteRenderer(project, work, drawing_pool)
            pages = renderer.find_outdated_files(project.root / "site")
    found = book_status(project, work)
    print_lines(
        [status_json(project.source.name, found, pages)] if as_json else status_lines(found, pages)
    )
    return 1 if checking and (pages or not all(w.freshness.usable for w in work)) else 0


@click.command()
@book_option
@model_option
@only_option
@click.option(
    "--threads",
    metavar="N,...",
    default="1,2",
    show_default=True,
    help="How many threads, one run for each.",
)
@json_option
@quiet_option
@handle_errors
def verify(
    root: Path, model: str | None, only: tuple[str, ...], threads: str, as_json: bool, quiet: bool
) -> int:
    """Run the experiments again from nothing and compare with the results that are there; none is replaced.

    What was found is noted in experiments/verification/, which the book shows.
    """
    from layerbook.cli.format_verification import verification_json, verification_lines
    from layerbook.compare.verify import verify as verifying
    from layerbook.store import cache, verification
    from layerbook.store.freshness import check_status, select
    from layerbook.store.project import open_project

    counts = _thread_counts(threads)
    report = make_reporter(quiet=quiet)
    project = open_project(root, model, report)
    with cache.lock(root):
        work = check_status(project)
        verification.read_record(project)  # a damaged record is told before anything runs
        found = verifying(project, select(work, only, force=True), counts, report)
        entries = {one.address: entry for one in found.experiments if (entry := one.record_entry(counts))}
        known = [experiment.address for experiment in project.experiments()]
        record = verification.write_record(project, entries, known) if entries else None
    print_lines(
        [verification_json(project.source.name, found)] if as_json else verification_lines(found, record)
    )
    return 0 if found.same else 1


@click.command()
@book_option
@model_option
@click.argument("old")
@click.argument("new", required=False)
@json_option
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page, both sides.",
)
@handle_errors
def diff(
    root: Path, model: str | None, old: str, new: str | None, as_json: bool, page: Path | None
) -> int:
    """Say what differs between the results OLD and NEW: numbers, verdicts, figures, and the sentences that use them.

    Each is a folder, a model with results in this book, or a revision of git; NEW is the book's own results by default.
    Exit code 1 where anything differs.
    """
    from tempfile import TemporaryDirectory

    from layerbook.cli import format_diff
    from layerbook.compare.diff import diff as comparing
    from layerbook.compare.result_set import open_result_set
    from layerbook.store.project import open_project

    project = open_project(root, model)
    with (
        TemporaryDirectory(prefix="layerbook-") as first,
        TemporaryDirectory(prefix="layerbook-") as second,
    ):
        sides = (
            open_result_set(project, old, Path(first)),
            open_result_set(project, new or project.source.name, Path(second)),
        )
        found = comparing(project, *sides)
    if page is not None:
        page.write_text(format_diff.diff_page(project, found), encoding="utf-8")
    print_lines(
        [format_diff.diff_json(project, found)]
        if as_json
        else format_diff.diff_lines(project, found)
    )
    return 0 if found.same else 1


def _thread_counts(text: str) -> tuple[int, ...]:
    """`1,4` -> (1, 4); UsageError for what is no list of small positive numbers."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= MAX_THREADS for part in parts):
        raise UsageError(
            f"--threads {text}: give one number of threads or several, as 1,4, each at most {MAX_THREADS}"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))
