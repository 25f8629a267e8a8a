"""Build a book: run experiments that are not current, then render the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerbook.book.files import check_book_files
from layerbook.core import language
from layerbook.core.errors import Problem, SpecError
from layerbook.core.paths import check_output
from layerbook.core.progress import Reporter
from layerbook.core.text import pluralize
from layerbook.plotting.pool import DrawingPool
from layerbook.site.builder import SiteBuilder, SiteContents
from layerbook.site.inputs import digest_files, digest_inputs, files_in, input_paths
from layerbook.site.live_edition import require_gguf, write_live_edition
from layerbook.site.page_cache import PageCache
from layerbook.site.prose.chapter_text import read_prose
from layerbook.site.prose.checks import check_prose
from layerbook.store import build_stamp, cache, publish
from layerbook.store.build_stamp import BuildOutput
from layerbook.store.freshness import ExperimentStatus, check_status, select
from layerbook.store.project import Project

if TYPE_CHECKING:
    from layerbook.runner.run import ExecutorFactory, Outcome


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The options of a build.

    run_stale: run what is not current; otherwise render the results as they are.
    only: names of chapters and experiments to run. force: also run and render what is current.
    jobs: number of processes that draw.
    executor_factory: opens the executor of the experiments; by default, this process runs them.
    live: also write the live edition.
    stamp_options: the options of the command. The build leaves them in a stamp, from which the
        next build with the same options can tell that nothing has changed.
    """

    run_stale: bool = True
    only: Sequence[str] = ()
    force: bool = False
    jobs: int = 1
    executor_factory: ExecutorFactory | None = None
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


def build(
    project: Project,
    site: Path,
    reporter: Reporter,
    options: BuildOptions,
) -> BuildResult:
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
            project.remove_leftovers()
        statuses = check_status(project)
        todo = select(statuses, options.only, force=options.force) if options.run_stale else ()
        outcomes: tuple[Outcome, ...] = ()
        if todo:
            from layerbook.runner.local import local_executor
            from layerbook.runner.run import run_experiments

            check_prose(project)
            publish.check_target(site)
            drawing_pool.expect(len(todo))
            executor = options.executor_factory or local_executor
            outcomes = run_experiments(project, todo, reporter, executor, force=options.force)
            statuses = check_status(project)
        renderer = SiteRenderer(project, statuses, drawing_pool)
        result = renderer.publish(site, reporter, force=options.force)
        if options.live:
            summary = write_live_edition(project.source, site, reporter)
            result = replace(result, summary=f"{result.summary}\n{summary}")
        is_fresh = all(status.freshness.settled for status in statuses)
        if options.stamp_options is not None and (is_fresh or not options.run_stale):
            _write_stamp(renderer, site, result, options.stamp_options)
        stale = tuple(s.experiment.address for s in statuses if not s.freshness.usable)
        return BuildResult(outcomes, result, stale)


class SiteRenderer:
    """Renders the book from its results as they are; never imports torch."""

    def __init__(
        self, project: Project, statuses: Sequence[ExperimentStatus], drawing_pool: DrawingPool
    ) -> None:
        self.project, self._statuses, self._drawing_pool = project, statuses, drawing_pool
        self._inputs_digest = digest_inputs(project, statuses)
        self._chapters_digest = _digest_chapters(project)

    def publish(self, target: Path, reporter: Reporter, *, force: bool = False) -> BuildOutput:
        """Bring the site folder up to date; pages whose inputs are unchanged come from the cache.

        Call it under the project's lock. Raises SpecError for the prose, StoreError for the folder,
        OutsideError if it is behind a link of the book.
        """
        contents = self._render(reporter, ignore_cache=force)
        # Links may have appeared while the build ran, for example through a pull.
        check_book_files(self.project.root)
        check_output(self.project.root, target)
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
            model=self.project.source.name,
            messages=[*contents.messages, *kept_messages],
        )

    def inputs_are_unchanged(self) -> bool:
        """Return whether the files on disk are still those that this renderer was made for."""
        return (
            self.project.specs_are_unchanged()
            and digest_inputs(self.project, self._statuses) == self._inputs_digest
            and _digest_chapters(self.project) == self._chapters_digest
        )

    def find_outdated_files(self, target: Path) -> tuple[str, ...]:
        """Render in memory and return the paths that are missing, outdated or extra in a folder."""
        site = self._render(Reporter()).files
        outdated = [
            path for path, data in site.items() if not publish.has_content(target, path, data)
        ]
        outdated += [path for path in publish.published_files(target) if path not in site]
        if not outdated and not publish.matches_marker(target):
            return (publish.MARKER_NAME,)
        return tuple(sorted(outdated))

    def find_problems(self) -> list[Problem]:
        """Report problems that a build would find with the existing results. Draws nothing."""
        with language.use(self.project.book.own_words):
            builder = self._make_builder()
            problems = self._add_chapters(builder, Reporter())
            return [*problems, *builder.find_problems()]

    def _render(self, reporter: Reporter, *, ignore_cache: bool = False) -> SiteContents:
        """Render the site in memory, taking pages with unchanged inputs from the cache.

        Raises SpecError with the problems of all chapters.
        """
        with language.use(self.project.book.own_words):
            builder = self._make_builder(ignore_cache=ignore_cache)
            if problems := self._add_chapters(builder, reporter):
                raise SpecError(problems)
            contents = builder.finish()
        # A page may mix old and new inputs if they changed during the rendering.
        if digest_inputs(self.project, self._statuses) == self._inputs_digest:
            builder.page_cache.save()
        return contents

    def _make_builder(self, *, ignore_cache: bool = False) -> SiteBuilder:
        project = self.project
        page_cache = PageCache(
            project.cache, project.source.name, self._inputs_digest, ignore_stored=ignore_cache
        )
        return SiteBuilder(project, self._statuses, self._drawing_pool, page_cache)

    def _add_chapters(self, builder: SiteBuilder, reporter: Reporter) -> list[Problem]:
        """Add all chapters to a builder, and return their problems, each once."""
        problems: list[Problem] = []
        chapters = self.project.book.pages
        with reporter.task("Rendering", len(chapters)) as task:
            for chapter in chapters:
                task.set_status(chapter.title)
                try:
                    builder.add_chapter(chapter, read_prose(self.project, chapter))
                except SpecError as error:
                    problems += error.problems
                task.advance()
        return list(dict.fromkeys(problems))


def _digest_chapters(project: Project) -> dict[str, str]:
    chapters = project.templates_dir / "chapters"
    return digest_files(chapters, files_in(chapters))


def _write_stamp(
    renderer: SiteRenderer, site: Path, result: BuildOutput, options: Mapping[str, Any]
) -> None:
    """Leave a stamp, unless a file changed while the build ran."""
    project = renderer.project
    snapshot = build_stamp.Snapshot.take([*input_paths(project), site])
    if renderer.inputs_are_unchanged() and publish.matches_marker(site):
        output = replace(result, summary=f"{site} is current")
        build_stamp.write(project.root, options, snapshot, output)
