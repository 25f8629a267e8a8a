"""Build a book: run experiments that are not current, then render the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerbook.book.files import check_book_files
from layerbook.core.paths import check_output
from layerbook.core.progress import Reporter
from layerbook.core.text import pluralize
from layerbook.plotting.pool import DrawingPool
from layerbook.site.builder import SiteBuilder, SiteContents
from layerbook.site.inputs import input_paths
from layerbook.site.live_edition import require_gguf, write_live_edition
from layerbook.site.prose.checks import check_prose
from layerbook.store import build_stamp, cache, publish, results
from layerbook.store.build_stamp import BuildOutput
from layerbook.store.freshness import check_status, select
from layerbook.store.project import Project

if TYPE_CHECKING:
    from layerbook.runner.run import Outcome


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The options of a build.

    run_stale: run what is not current; otherwise render the results as they are.
    only: names of chapters and experiments to run. force: also run and render what is current.
    jobs: number of processes that draw.
    executor: the address of a Dask scheduler; by default, this process runs the experiments.
    live: also write the live edition.
    stamp_options: the options of the command. The build leaves them in a stamp, from which the
        next build with the same options can tell that nothing has changed.
    """

    run_stale: bool = True
    only: Sequence[str] = ()
    force: bool = False
    jobs: int = 1
    executor: str | None = None
    live: bool = False
    stamp_options: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class BuildResult:
    """The outcome of a build.

    outcomes: of the experiments that ran. output: of the rendering.
    stale: the addresses of experiments without a current result.
    """

    outcomes: tuple[Outcome, ...]
    output: BuildOutput
    stale: tuple[str, ...] = ()


def build(project: Project, site: Path, reporter: Reporter, options: BuildOptions) -> BuildResult:
    """Bring results and site up to date.

    Raises SpecError for mistakes in the prose, and StoreError if another build is running or the
    site folder holds files that no build wrote. Mistakes that can be seen without results are
    reported before anything runs.
    """
    if options.live:
        require_gguf(project.source)
    with (
        cache.lock(project.root, read_only=not options.run_stale),
        DrawingPool(options.jobs) as drawing_pool,
    ):
        if options.run_stale:
            results.remove_leftovers(project.results_root)
        statuses = check_status(project)
        todo = select(statuses, options.only, force=options.force) if options.run_stale else ()
        outcomes: tuple[Outcome, ...] = ()
        if todo:
            from layerbook.runner.run import run_experiments

            check_prose(project)
            publish.check_target(site)
            drawing_pool.expect(len(todo))
            outcomes = run_experiments(
                project, todo, reporter, address=options.executor, force=options.force
            )
            statuses = check_status(project)
        builder = SiteBuilder(project, statuses, drawing_pool, ignore_cache=options.force)
        output = _publish_site(project, builder.render(reporter), site)
        if options.live:
            summary = write_live_edition(project.source, site, reporter)
            output = replace(output, summary=f"{output.summary}\n{summary}")
        is_fresh = all(status.freshness.settled for status in statuses)
        if options.stamp_options is not None and (is_fresh or not options.run_stale):
            snapshot = build_stamp.Snapshot.take([*input_paths(project), site])
            # A file may have changed while the build ran.
            if builder.inputs_are_unchanged() and publish.matches_marker(site):
                current = replace(output, summary=f"{site} is current")
                build_stamp.write(project.root, options.stamp_options, snapshot, current)
        stale = tuple(s.experiment.address for s in statuses if not s.freshness.usable)
        return BuildResult(outcomes, output, stale)


def _publish_site(project: Project, contents: SiteContents, target: Path) -> BuildOutput:
    """Bring the site folder up to date. Call it under the project's lock.

    Raises StoreError for the folder, OutsideError if it is behind a link of the book.
    """
    # Links may have appeared while the build ran, for example through a pull.
    check_book_files(project.root)
    check_output(project.root, target)
    report = publish.publish(contents.files, target)
    summary = f"{target} is current"
    if report.written or report.removed:
        pages = pluralize(sum(path.endswith(".html") for path in contents.files), "page")
        files = pluralize(len(contents.files), "file")
        written = pluralize(len(report.written), "file")
        removed = f"{len(report.removed):,} removed"
        summary = f"{target}: {pages}, {files}; {written} written, {removed}"
    kept_messages = [
        f"{target}/{path}: no longer part of the book, but kept: it was edited"
        for path in report.kept_modified
    ]
    return BuildOutput(
        summary,
        failed=len(contents.messages),
        refuted=contents.refuted,
        model=project.source.name,
        messages=[*contents.messages, *kept_messages],
    )


def find_outdated_files(builder: SiteBuilder, target: Path) -> tuple[str, ...]:
    """Render a book in memory; return what is missing, outdated or extra in a folder, by path."""
    site = builder.render(Reporter()).files
    outdated = [path for path, data in site.items() if not publish.has_content(target, path, data)]
    outdated += [path for path in publish.published_files(target) if path not in site]
    if not outdated and not publish.matches_marker(target):
        return (publish.MARKER_NAME,)
    return tuple(sorted(outdated))
