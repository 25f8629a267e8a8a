"""Render the book: results to views, views to pages, pages to the site folder. Never imports torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from layerbook.store import verification
from layerbook.core.errors import Problem, SpecError
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project, cells_with_figures
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.core.text import pluralize
from layerbook.core import atomic
from layerbook.store import publish
from layerbook.store.code_digest import source_digest
from layerbook.store.keys import library_versions
from layerbook.plotting.pool import DrawingPool

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
class RenderResult:
    """What became of a rendering. failed: figures or chapters without a result; refuted: claims that do not hold."""

    summary: str
    failed: int = 0
    refuted: int = 0
    messages: tuple[str, ...] = ()


@dataclass
class SiteContents:
    """The site in memory: path to bytes, and what was found on the way."""

    files: dict[str, bytes] = field(default_factory=dict)
    failed: int = 0
    refuted: int = 0
    messages: list[str] = field(default_factory=list)


def render(
    project: Project,
    statuses: Sequence[ExperimentStatus],
    target: Path,
    report: Reporter,
    drawing_pool: DrawingPool,
    force: bool = False,
) -> RenderResult:
    """Bring the site folder up to date; where nothing it is made from has changed, nothing is even imported.

    Call it under the project's lock. Raises SpecError for the prose, StoreError where the folder refuses.
    """
    inputs_digest = compute_inputs_digest(project, statuses)
    site_digest = compute_site_digest(project, inputs_digest)
    place = os.path.relpath(target, project.root)  # so that a book can be moved with its cache
    record = project.cache.get_blob("sites", place)
    known = json.loads(record) if record else {}
    if not force and known.get("stamp") == site_digest and publish.matches_marker(target):
        return RenderResult(
            f"{target} is current", known["failed"], known["refuted"], tuple(known["messages"])
        )
    tree = render_in_memory(
        project, statuses, report, drawing_pool, inputs_digest, ignore_cache=force
    )
    published = publish.publish(tree.files, target)
    kept_modified = [
        f"{target}/{path}: no longer part of the book, but changed by hand: it stays"
        for path in published.kept_modified
    ]
    found: dict[str, Any] = {
        "stamp": site_digest,
        "failed": tree.failed,
        "refuted": tree.refuted,
        "messages": tree.messages + kept_modified,
    }
    project.cache.put_blob("sites", place, json.dumps(found).encode())
    pages = pluralize(sum(path.endswith(".html") for path in tree.files), "page")
    changes = (
        f"{pluralize(len(published.written), 'file')} written, {len(published.removed):,} removed"
    )
    summary = f"{target}: {pages}, {pluralize(len(tree.files), 'file')}; {changes}"
    return RenderResult(summary, tree.failed, tree.refuted, tuple(found["messages"]))


def compute_site_digest(project: Project, inputs_digest: str) -> str:
    """A digest of everything the site is made from: its ground, and the chapters' prose."""
    found = hashlib.sha256(inputs_digest.encode())
    for path in sorted((project.templates_dir / "chapters").rglob("*")):
        if path.is_file():
            found.update(f"{path.name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def compute_inputs_digest(project: Project, statuses: Sequence[ExperimentStatus]) -> str:
    """A digest of everything the site is made from but the chapters' prose.

    It is taken without reading numbers or importing what draws.
    """
    found = hashlib.sha256(project.specs_digest.encode())
    for folder in (project.templates_dir, Path(str(files("layerbook.templates")))):
        for path in sorted(
            path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
        ):
            if not path.is_relative_to(project.templates_dir / "chapters"):
                name = path.relative_to(folder).as_posix()
                found.update(f"{name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    for one in statuses:
        found.update(
            f"{one.experiment.chapter}/{one.experiment.id} {one.freshness.usable} ".encode()
        )
        for entry in map(
            project.result_path, (one.experiment, *cells_with_figures(one.experiment))
        ):
            found.update(hashlib.sha256(entry.read_bytes()).digest() if entry.is_file() else b"-")
    for path in _other_model_results(project, statuses):
        found.update(
            f"{path.relative_to(project.results_root)} ".encode()
            + hashlib.sha256(path.read_bytes()).digest()
        )
    record = verification.record_path(project)
    found.update(hashlib.sha256(record.read_bytes()).digest() if record.is_file() else b"-")
    found.update((source_digest() + json.dumps(library_versions(RENDERING_LIBRARIES))).encode())
    found.update(f"{project.source} {project.fingerprint} {project.publication_date}".encode())
    return found.hexdigest()


def _other_model_results(project: Project, statuses: Sequence[ExperimentStatus]) -> list[Path]:
    """Other models' results of the book's experiments, which the list of claims shows beside its own."""
    names = sorted({f"{one.experiment.chapter}/{one.experiment.id}.json" for one in statuses})
    there = (folder / name for folder in project.other_model_dirs() for name in names)
    return [path for path in there if path.is_file()]


def find_outdated_files(
    project: Project, statuses: Sequence[ExperimentStatus], target: Path, drawing_pool: DrawingPool
) -> tuple[str, ...]:
    """Paths in the site folder that are missing, old or too many, found by rendering the book in memory."""
    tree = render_in_memory(
        project, statuses, SilentReporter(), drawing_pool, compute_inputs_digest(project, statuses)
    ).files
    wrong = [path for path, data in tree.items() if not atomic.has_content(target / path, data)]
    wrong += [path for path in publish.published_files(target) if path not in tree]
    return tuple(sorted(wrong)) if wrong or publish.matches_marker(target) else (publish.MARKER_NAME,)


def render_in_memory(
    project: Project,
    statuses: Sequence[ExperimentStatus],
    report: Reporter,
    drawing_pool: DrawingPool,
    inputs_digest: str,
    ignore_cache: bool = False,
) -> SiteContents:
    """The whole site in memory; pages kept on this `inputs_digest` are not laid out again, unless all are to be `ignore_cache`.

    Raises SpecError with every problem of every chapter's prose, and of claims.
    """
    # Imported here because a build that finds the site current need not load the renderers.
    from layerbook.site.builder import SiteBuilder
    from layerbook.site.prose.checks import read_prose

    tree = SiteContents()
    problems: list[Problem] = []
    builder = SiteBuilder(project, statuses, drawing_pool, inputs_digest, ignore_cache)
    with report.task("Rendering", len(project.book.chapters) + 1) as task:
        for number, chapter in enumerate(project.book.chapters, start=1):
            task.set_status(chapter.title)
            try:
                builder.add_chapter(chapter, number, read_prose(project, chapter))
            except SpecError as error:
                problems += error.problems
            task.advance()
        if problems:
            raise SpecError(problems)
        tree.files = builder.site_files()
        task.advance()
    if (
        compute_inputs_digest(project, statuses) == inputs_digest
    ):  # else a page may hold something of before an edit and something of after it
        builder.store_pages()
    tree.failed, tree.refuted, tree.messages = builder.failed, builder.refuted, builder.messages
    return tree
