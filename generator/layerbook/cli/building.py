"""The commands that run experiments and render the book: `run`, `build`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerbook.cli.errors import print_trace
from layerbook.cli.options import (
    FILE,
    FOLDER,
    book_option,
    drafts_option,
    executor_option,
    jobs_option,
    model_option,
    only_option,
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
    from layerbook.model.timer import Timer
    from layerbook.runner.run import Outcome
    from layerbook.store.build_stamp import BuildOutput


@click.command()
@book_option
@model_option
@click.argument("spec", required=False, type=FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder for the results of SPEC, ID.json."
)
@only_option
@click.option("--force", is_flag=True, help="Also run what is up to date.")
@click.option("--dry-run", is_flag=True, help="Print the plan and its counts, and run nothing.")
@click.option("--timings", is_flag=True, help="Print how long each experiment and each step took.")
@executor_option
@quiet_option
def run(
    root: Path,
    model: str | None,
    spec: Path | None,
    out: Path | None,
    only: tuple[str, ...],
    force: bool,
    dry_run: bool,
    timings: bool,
    executor: str | None,
    quiet: bool,
) -> None:
    """Run the experiments that are out of date, or all experiments of one chapter's SPEC."""
    from layerbook.cli.format_status import skipped_lines
    from layerbook.model.timer import Timer
    from layerbook.runner.run import executor_for, run_experiments
    from layerbook.runner.spec_files import load_spec_file, run_file
    from layerbook.store import cache
    from layerbook.store.freshness import check_status, select
    from layerbook.store.project import open_project

    _check_run_options(spec, out, from_book=bool(only) or force, dry_run=dry_run, timings=timings)
    report, timer = make_reporter(quiet=quiet), Timer()
    executor_factory = executor_for(executor, timer)
    if spec is not None:
        loaded = load_spec_file(spec, model, report)
        experiments = loaded.experiments
        if dry_run:
            _print_plan(loaded.source, [e for e in experiments if not e.inapplicable])
            return
        folder = out or Path()
        check_output(root, folder)
        outcomes = run_file(loaded, folder, report, executor_factory)
    else:
        project = open_project(root, model, report)
        experiments = project.experiments()
        statuses = select(check_status(project), only, force=force)
        if dry_run:
            _print_plan(project.source, [status.experiment for status in statuses])
            return
        folder = project.results_root / project.source.name
        with cache.lock(root):
            project.remove_leftovers()
            outcomes = run_experiments(project, statuses, report, executor_factory, force=force)
    print_lines(skipped_lines(experiments))
    _print_outcomes(outcomes, folder, timer if timings else None)
    if any(outcome.verdict == "failed" for outcome in outcomes):
        sys.exit(1)


@click.command()
@book_option
@model_option
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
def build(
    root: Path,
    model: str | None,
    site: Path | None,
    no_run: bool,
    only: tuple[str, ...],
    force: bool,
    strict: bool,
    live: bool,
    drafts: bool,
    executor: str | None,
    jobs: int,
    quiet: bool,
) -> None:
    """Run the experiments that are out of date, then render the book."""
    if no_run and (only or executor is not None):
        option = "--only" if only else "--executor"
        raise UsageError(f"{option} is for running experiments, and --no-run runs nothing")
    stamp_options = None
    if not (only or force or executor):
        stamp_options = {
            "model": model,
            "site": site,
            "no_run": no_run,
            "live": live,
            "drafts": drafts,
        }
        if output := build_stamp.read(root, stamp_options):
            _print_build(output, strict=strict)
            return
    if site is not None:
        check_output(root, site)
    from layerbook.cli.format_status import skipped_lines
    from layerbook.site.build import BuildOptions
    from layerbook.site.build import build as build_book
    from layerbook.store.project import open_project

    report, executor_factory = make_reporter(quiet=quiet), None
    if executor is not None:
        from layerbook.runner.run import executor_for

        executor_factory = executor_for(executor)
    options = BuildOptions(
        run_stale=not no_run,
        only=only,
        force=force,
        jobs=jobs,
        executor_factory=executor_factory,
        live=live,
        stamp_options=stamp_options,
    )
    project = open_project(root, model, None if no_run else report, drafts=drafts)
    result = build_book(project, site or project.site_dir, report, options)
    print_lines(skipped_lines(project.experiments()))
    if result.outcomes:
        _print_outcomes(result.outcomes, project.results_root / project.source.name)
    run_failed = any(outcome.verdict == "failed" for outcome in result.outcomes)
    _print_build(result.output, strict=strict, run_failed=run_failed)


def _check_run_options(
    spec: Path | None, out: Path | None, *, from_book: bool, dry_run: bool, timings: bool
) -> None:
    if timings and dry_run:
        raise UsageError("--timings shows how long a run took, and --dry-run runs nothing")
    if spec is None and out is not None:
        raise UsageError("--out is for the results of one SPEC; a book has a folder for its own")
    if spec is not None and from_book:
        raise UsageError("--only and --force are for the book; a SPEC is always run as a whole")
    if spec is not None and out is None and not dry_run:
        raise UsageError("name the folder for the results: layerbook run SPEC.yaml --out DIR")


def _print_plan(source: ModelSource, experiments: Sequence[Experiment]) -> None:
    from layerbook.cli.format_status import plan_lines
    from layerbook.runner.plan_description import describe_plan

    print_lines(plan_lines(*describe_plan(source, experiments)))


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


def _print_outcomes(outcomes: Sequence[Outcome], folder: Path, timer: Timer | None = None) -> None:
    from layerbook.cli.format_status import outcome_lines
    from layerbook.cli.format_timings import timing_lines

    for trace in {outcome.trace: None for outcome in outcomes}:
        print_trace(trace)
    print_lines(outcome_lines(outcomes, str(folder)))
    if timer and outcomes:
        print_lines(["", *timing_lines(timer)])
