"""Build a book: run experiments that are not current, then render the site."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import layerbook
from layerbook.book.media import MEDIA_FOLDERS
from layerbook.core import language
from layerbook.core.errors import Problem, SpecError
from layerbook.core.paths import paths_below
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.core.text import pluralize
from layerbook.plotting.pool import DrawingPool
from layerbook.site.provenance import model_sources
from layerbook.store import build_stamp, cache, publish
from layerbook.store.build_stamp import BuildOutput
from layerbook.store.code_digest import sources_digest
from layerbook.store.freshness import ExperimentStatus, check_status, select
from layerbook.store.json_format import json_digest
from layerbook.store.keys import LIBRARIES, code_modules, library_versions
from layerbook.store.project import Project, cells_with_figures
from layerbook.store.trust import CODE_DIR

if TYPE_CHECKING:
    from layerbook.runner.run import ExecutorFactory, Outcome
    from layerbook.site.builder import SiteBuilder, SiteContents
    from layerbook.site.page_cache import PageCache

RENDERING_LIBRARIES = (
    "jinja2",
    "markdown-it-py",
    "mdit-py-plugins",
    "pygments",
    "matplotlib",
    "seaborn",
    "numpy",
)


@dataclass(frozen=True)
class BuildResult:
    """The experiments that ran, the result of the rendering, and what has no current result."""

    outcomes: tuple[Outcome, ...]
    output: BuildOutput
    stale: tuple[str, ...] = ()


def build(
    project: Project,
    site: Path,
    reporter: Reporter,
    *,
    run_stale: bool = True,
    only: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    executor_factory: ExecutorFactory | None = None,
    live: bool = False,
    stamp_options: Mapping[str, Any] | None = None,
) -> BuildResult:
    """Bring results and site up to date; without `run_stale`, render the results as they are.

    executor_factory: opens what the experiments run on; by default, this process.
    live: also write the live edition.
    stamp_options: leave a stamp under these options, with which `build_stamp.read` tells the next
        build that nothing has changed.
    Raises SpecError for the prose, and StoreError if another build is running or the site folder
    holds other files; both before anything runs, if the mistake shows without results.
    """
    if live:
        from layerbook.site.live_edition import require_gguf, write_live_edition

        require_gguf(project.source)
    with (
        cache.lock(project.root, read_only=not run_stale),
        DrawingPool(jobs) as drawing_pool,
    ):
        if run_stale:
            project.remove_leftovers()
        statuses = check_status(project)
        todo = select(statuses, only, force=force) if run_stale else ()
        outcomes: tuple[Outcome, ...] = ()
        if todo:
            from layerbook.runner.local import local_executor
            from layerbook.runner.run import run_experiments
            from layerbook.site.prose.checks import check_prose

            check_prose(project)
            publish.check_target(site)
            drawing_pool.expect(len(todo))
            executor = executor_factory or local_executor
            outcomes = run_experiments(project, todo, reporter, executor, force=force)
            statuses = check_status(project)
        renderer = SiteRenderer(project, statuses, drawing_pool)
        result = renderer.publish(site, reporter, force=force)
        if live:
            summary = write_live_edition(project.source, site, reporter)
            result = replace(result, summary=f"{result.summary}\n{summary}")
        is_fresh = all(status.freshness.settled for status in statuses)
        if stamp_options is not None and (is_fresh or not run_stale):
            _write_stamp(renderer, site, result, stamp_options)
        stale = tuple(s.experiment.address for s in statuses if not s.freshness.usable)
        return BuildResult(outcomes, result, stale)


class SiteRenderer:
    """Renders the book from its results as they are; never imports torch."""

    def __init__(
        self, project: Project, statuses: Sequence[ExperimentStatus], drawing_pool: DrawingPool
    ) -> None:
        self.project, self._statuses, self._drawing_pool = project, statuses, drawing_pool
        self._inputs_digest = digest_inputs(project, statuses)

    def publish(self, target: Path, reporter: Reporter, *, force: bool = False) -> BuildOutput:
        """Bring the site folder up to date, unless none of its inputs has changed.

        Call it under the project's lock. Raises SpecError for the prose, StoreError for the folder.
        """
        project, site_digest = self.project, self._site_digest()
        name = self._name(target)
        stored: dict[str, Any] = json.loads(project.cache.get_blob("sites", name) or b"{}")
        if not force and stored.get("digest") == site_digest and _is_published(target, stored):
            return BuildOutput(f"{target} is current", **stored["findings"])
        contents = self._render(reporter, ignore_cache=force)
        report = publish.publish(contents.files, target)
        findings: dict[str, Any] = {
            "failed": len(contents.messages),
            "refuted": contents.refuted,
            "model": project.source.name,
            "messages": contents.messages
            + [
                f"{target}/{path}: no longer part of the book, but kept: it was edited"
                for path in report.kept_modified
            ],
        }
        files_digest = publish.publication_digest(target)
        record = {"digest": site_digest, "files": files_digest, "findings": findings}
        project.cache.put_blob("sites", name, json.dumps(record).encode())
        pages = pluralize(sum(path.endswith(".html") for path in contents.files), "page")
        changes = (
            f"{pluralize(len(report.written), 'file')} written, {len(report.removed):,} removed"
        )
        summary = f"{target}: {pages}, {pluralize(len(contents.files), 'file')}; {changes}"
        return BuildOutput(summary, **findings)

    def _site_digest(self) -> str:
        chapters = self.project.templates_dir / "chapters"
        return json_digest([self._inputs_digest, _digest_files(chapters, _files(chapters))])

    def _name(self, target: Path) -> str:
        """Return the name of a site in the cache; a book can be moved together with it."""
        return os.path.relpath(target, self.project.root)

    def is_current(self, target: Path) -> bool:
        """Return whether all inputs and the site are unchanged since `publish`."""
        project = self.project
        stored: dict[str, Any] = json.loads(
            project.cache.get_blob("sites", self._name(target)) or b"{}"
        )
        return (
            project.specs_are_unchanged()
            and digest_inputs(project, self._statuses) == self._inputs_digest
            and stored.get("digest") == self._site_digest()
            and _is_published(target, stored)
        )

    def find_outdated_files(self, target: Path) -> tuple[str, ...]:
        """Render in memory and return the paths that are missing, outdated or extra in a folder."""
        site = self._render(SilentReporter()).files
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
            builder = self._make_builder(self._open_page_cache())
            problems = self._add_chapters(builder, SilentReporter())
            return [*problems, *builder.find_problems()]

    def _render(self, reporter: Reporter, *, ignore_cache: bool = False) -> SiteContents:
        """Render the site in memory, taking pages with unchanged inputs from the cache.

        Raises SpecError with the problems of all chapters.
        """
        with language.use(self.project.book.own_words):
            page_cache = self._open_page_cache(ignore_stored=ignore_cache)
            builder = self._make_builder(page_cache)
            if problems := self._add_chapters(builder, reporter):
                raise SpecError(problems)
            contents = builder.finish()
        # A page may mix old and new inputs if they changed during the rendering.
        if digest_inputs(self.project, self._statuses) == self._inputs_digest:
            page_cache.save()
        return contents

    # The renderers are imported late: a build that finds the site current does not need them.

    def _open_page_cache(self, *, ignore_stored: bool = False) -> PageCache:
        from layerbook.site.page_cache import PageCache

        project = self.project
        return PageCache(
            project.cache, project.source.name, self._inputs_digest, ignore_stored=ignore_stored
        )

    def _make_builder(self, page_cache: PageCache) -> SiteBuilder:
        from layerbook.site.builder import SiteBuilder

        return SiteBuilder(self.project, self._statuses, self._drawing_pool, page_cache)

    def _add_chapters(self, builder: SiteBuilder, reporter: Reporter) -> list[Problem]:
        """Add all chapters to a builder, and return their problems."""
        from layerbook.site.prose.checks import read_prose

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
        return problems


def _is_published(target: Path, stored: Mapping[str, Any]) -> bool:
    """Return whether a folder holds the files of the last build, not an older site from git."""
    files_digest = publish.publication_digest(target)
    return files_digest is not None and files_digest == stored.get("files")


def _write_stamp(
    renderer: SiteRenderer, site: Path, result: BuildOutput, options: Mapping[str, Any]
) -> None:
    """Leave a stamp, unless a file changed while the build ran."""
    project = renderer.project
    paths = _stamped_paths(project, site)
    snapshot = build_stamp.snapshot(paths)
    if renderer.is_current(site):  # of the files as they are in the snapshot
        output = replace(result, summary=f"{site} is current")
        build_stamp.write(project.root, options, paths, snapshot, output)


def _stamped_paths(project: Project, site: Path) -> list[Path]:
    """Return the files and folders that a build reads and writes."""
    models = {source for e in project.experiments() for source in model_sources(project, e)}
    return [
        project.root / "experiments",
        project.templates_dir,
        *(project.root / folder for folder in (CODE_DIR, *MEDIA_FOLDERS)),
        site,
        Path(layerbook.__file__).parent,
        Path(str(files("layerbook.templates"))),
        *(library for name in (*LIBRARIES, *RENDERING_LIBRARIES) for library in _metadata(name)),
        *(path for source in {project.source, *models} for path in source.files()),
    ]


def _metadata(name: str) -> list[Path]:
    """Return the file that changes when another version of a library is installed."""
    with suppress(metadata.PackageNotFoundError):
        path = getattr(metadata.distribution(name), "_path", None)
        return [Path(path) / "METADATA"] if path else []
    return []


def digest_inputs(project: Project, statuses: Sequence[ExperimentStatus]) -> str:
    """Return a digest of all inputs of the site except the chapters' prose.

    Reads no numbers, and imports nothing that draws.
    """
    package_templates = Path(str(files("layerbook.templates")))
    results = [
        project.result_path(experiment)
        for status in statuses
        for experiment in (status.experiment, *cells_with_figures(status.experiment))
    ]
    results += [
        folder / f"{status.experiment.address}.json"
        for folder in project.other_model_dirs()
        for status in statuses
    ]
    return json_digest(
        [
            project.specs_digest,
            _digest_templates(project.templates_dir),
            _digest_templates(package_templates),
            _digest_files(project.root, results),
            _digest_files(
                project.root,
                [path for folder in MEDIA_FOLDERS for path in _files(project.root / folder)],
            ),
            [(status.experiment.address, status.freshness.usable) for status in statuses],
            sources_digest(m for status in statuses for m in code_modules(status.experiment)),
            library_versions(RENDERING_LIBRARIES),
            f"{project.source} {project.fingerprint} {project.publication_date}",
        ]
    )


def _digest_templates(folder: Path) -> dict[str, str]:
    """Return the digest of each template; in a checkout, the package's folder has prose in it."""
    prose = folder / "chapters"
    return _digest_files(folder, [p for p in _files(folder) if not p.is_relative_to(prose)])


def _files(folder: Path) -> list[Path]:
    return [path for path in paths_below(folder) if path.is_file() and path.suffix != ".pyc"]


def _digest_files(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the digest of each file by its path in the folder, empty for a missing file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in paths
    }
