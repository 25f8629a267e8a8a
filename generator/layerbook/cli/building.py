"""The commands that run experiments and render the book: `run`, `build`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerbook.cli.errors import print_trace
from layerbook.cli.options import (
    FILE,
    FOLDER,
    ChosenBook,
    book_options,
    drafts_option,
    executor_option,
    jobs_option,
    only_option,
    pass_options,
    quiet_option,
)
from layerbook.cli.output import print_lines, print_text
from layerbook.core.errors import UsageError
from layerbook.core.paths import check_output
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize
from layerbook.store import build_stamp

if TYPE_CHECKING:
    from layerbook.book.contents import Experiment
    from layerbook.model.sources import ModelSource
    from layerbook.runner.run import Outcome
    from layerbook.store.build_stamp import BuildOutput


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run`."""

    book: ChosenBook
    spec: Path | None
    out: Path | None
    only: tuple[str, ...]
    force: bool
    dry_run: bool
    executor: str | None
    quiet: bool

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if self.spec is None and self.out is not None:
            raise UsageError(
                "--out is for the results of one SPEC; a book has a folder for its own"
            )
        if self.spec is not None and (self.only or self.force):
            raise UsageError("--only and --force are for the book; a SPEC is always run as a whole")
        if self.spec is not None and self.out is None and not self.dry_run:
            raise UsageError("name the folder for the results: layerbook run SPEC.yaml --out DIR")


@dataclass(frozen=True, kw_only=True)
class BuildCommandOptions:
    """The options of `build`."""

    book: ChosenBook
    site: Path | None
    no_run: bool
    only: tuple[str, ...]
    force: bool
    strict: bool
    live: bool
    drafts: bool
    executor: str | None
    jobs: int
    quiet: bool

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if self.no_run and (self.only or self.executor is not None):
            option = "--only" if self.only else "--executor"
            raise UsageError(f"{option} is for running experiments, and --no-run runs nothing")

    def stamp_options(self) -> Mapping[str, Any] | None:
        """Return the options that a build's stamp depends on; None for a build without a stamp."""
        if self.only or self.force or self.executor:
            return None
        names = ("site", "no_run", "live", "drafts")
        return {"model": self.book.model, **{name: getattr(self, name) for name in names}}


@click.command()
@book_options
@click.argument("spec", required=False, type=FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder for the results of SPEC, ID.json."
)
@only_option
@click.option("--force", is_flag=True, help="Also run what is up to date.")
@click.option("--dry-run", is_flag=True, help="Print the plan and its counts, and run nothing.")
@executor_option
@quiet_option
@pass_options(RunOptions)
def run(options: RunOptions) -> None:
    """Run the experiments that are out of date, or all experiments of one chapter's SPEC."""
    options.check()
    if options.spec is None:
        _run_book(options)
    else:
        _run_spec(options.spec, options)


def _run_book(options: RunOptions) -> None:
    from layerbook.runner.run import run_experiments
    from layerbook.store import cache, results
    from layerbook.store.freshness import check_status, select
    from layerbook.store.project import open_project

    report = make_reporter(quiet=options.quiet)
    project = open_project(options.book.root, options.book.model, report)
    statuses = select(check_status(project), options.only, force=options.force)
    if options.dry_run:
        _print_plan(project.source, [status.experiment for status in statuses])
        return
    with cache.lock(options.book.root):
        results.remove_leftovers(project.results_root)
        outcomes = run_experiments(
            project, statuses, report, address=options.executor, force=options.force
        )
    folder = project.results_root / project.source.name
    _print_run(project.experiments(), outcomes, folder)


def _run_spec(spec: Path, options: RunOptions) -> None:
    from layerbook.runner.run import open_executor
    from layerbook.runner.spec_files import load_spec_file, run_file

    report = make_reporter(quiet=options.quiet)
    loaded = load_spec_file(spec, options.book.model, report)
    if options.dry_run:
        _print_plan(loaded.source, [e for e in loaded.experiments if not e.inapplicable])
        return
    folder = options.out or Path()
    check_output(options.book.root, folder)
    address, source = options.executor, loaded.source
    with closing(open_executor(address, source, loaded.precision, report)) as executor:
        outcomes = run_file(loaded, folder, executor, report)
    _print_run(loaded.experiments, outcomes, folder)


@click.command()
@book_options
@click.option("--site", type=FOLDER, show_default="site/ in the book", help="The output folder.")
@click.option("--no-run", is_flag=True, help="Only render; needs neither torch nor the model.")
@only_option
@click.option("--force", is_flag=True, help="Also run and render what is up to date.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a claim does not hold on this model.")
@click.option("--live", is_flag=True, help="Also write the model beside the site, into live/.")
@drafts_option
@executor_option
@jobs_option
@quiet_option
@pass_options(BuildCommandOptions)
def build(options: BuildCommandOptions) -> None:
    """Run the experiments that are out of date, then render the book."""
    options.check()
    book, stamp_options = options.book, options.stamp_options()
    if stamp_options and (output := build_stamp.read(book.root, stamp_options)):
        _print_build(output, strict=options.strict)
        return
    if options.site is not None:
        check_output(book.root, options.site)
    from layerbook.cli.format_status import skipped_lines
    from layerbook.site.build import BuildOptions
    from layerbook.site.build import build as build_book
    from layerbook.store.project import open_project

    report = make_reporter(quiet=options.quiet)
    build_options = BuildOptions(
        run_stale=not options.no_run,
        only=options.only,
        force=options.force,
        jobs=options.jobs,
        executor=options.executor,
        live=options.live,
        stamp_options=stamp_options,
    )
    download_report = None if options.no_run else report
    project = open_project(book.root, book.model, download_report, drafts=options.drafts)
    result = build_book(project, options.site or project.site_dir, report, build_options)
    print_lines(skipped_lines(project.experiments()))
    run_failed = False
    if result.outcomes:
        run_failed = _print_outcomes(result.outcomes, project.results_root / project.source.name)
    _print_build(result.output, strict=options.strict, run_failed=run_failed)


def _print_plan(source: ModelSource, experiments: Sequence[Experiment]) -> None:
    from layerbook.runner.plan_description import describe_plan

    print_lines(describe_plan(source, experiments))


def _print_build(output: BuildOutput, *, strict: bool, run_failed: bool = False) -> None:
    """Print the outcome of a build; exit with 1 if something failed."""
    print_lines(output.messages, err=True)
    print_text(output.summary)
    refuted = output.refuted if strict else 0
    if refuted:
        claims = pluralize(refuted, "claim")
        print_text(f"--strict: {claims} not true of {output.model}", err=True)
    if run_failed or refuted or output.failed:
        sys.exit(1)


def _print_run(
    experiments: Sequence[Experiment], outcomes: Sequence[Outcome], folder: Path
) -> None:
    """Print the outcome of a run; exit with 1 if an experiment failed."""
    from layerbook.cli.format_status import skipped_lines

    print_lines(skipped_lines(experiments))
    if _print_outcomes(outcomes, folder):
        sys.exit(1)


def _print_outcomes(outcomes: Sequence[Outcome], folder: Path) -> bool:
    """Print what ran, and return whether an experiment failed."""
    from layerbook.cli.format_status import outcome_lines

    for trace in {outcome.trace: None for outcome in outcomes}:
        print_trace(trace)
    print_lines(outcome_lines(outcomes, str(folder)))
    return any(outcome.verdict == "failed" for outcome in outcomes)
