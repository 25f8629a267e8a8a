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

from layerbook.book import bibliography
from layerbook.store import verification
from layerbook.core.errors import Problem, SpecError, did_you_mean
from layerbook.book.loader import Chapter, claim_problems
from layerbook.store.project import Project, Work, shown_cells
from layerbook.core.progress import Reporter, Silent, counted
from layerbook.store import atomic
from layerbook.store.keys import library_versions, source_digest
from layerbook.plotting.pool import Workshop

LIBRARIES = ("jinja2", "markdown-it-py", "mdit-py-plugins", "pygments", "matplotlib", "seaborn", "numpy")


@dataclass(frozen=True)
class Rendered:
    """What became of a rendering. failed: figures or chapters without a result; refuted: claims that do not hold."""

    summary: str
    failed: int = 0
    refuted: int = 0
    messages: tuple[str, ...] = ()


@dataclass
class Tree:
    """The site in memory: path to bytes, and what was found on the way."""

    files: dict[str, bytes] = field(default_factory=dict)
    failed: int = 0
    refuted: int = 0
    messages: list[str] = field(default_factory=list)


def render(
    project: Project, work: Sequence[Work], target: Path, report: Reporter, workshop: Workshop, force: bool = False
) -> Rendered:
    """Bring the site folder up to date; where nothing it is made from has changed, nothing is even imported.

    Call it under the project's lock. Raises SpecError for the prose, StoreError where the folder refuses.
    """
    ground = ground_of(project, work)
    stamp = stamp_of(project, ground)
    place = os.path.relpath(target, project.root)  # so that a book can be moved with its cache
    record = project.cache.get_blob("sites", place)
    known = json.loads(record) if record else {}
    if not force and known.get("stamp") == stamp and atomic.intact(target):
        return Rendered(f"{target} is current", known["failed"], known["refuted"], tuple(known["messages"]))
    tree = build_tree(project, work, report, workshop, ground, fresh=force)
    published = atomic.publish(tree.files, target)
    spared = [
        f"{target}/{path}: no longer part of the book, but changed by hand: it stays" for path in published.spared
    ]
    found: dict[str, Any] = {
        "stamp": stamp,
        "failed": tree.failed,
        "refuted": tree.refuted,
        "messages": tree.messages + spared,
    }
    project.cache.put_blob("sites", place, json.dumps(found).encode())
    pages = counted(sum(path.endswith(".html") for path in tree.files), "page")
    changes = f"{counted(len(published.written), 'file')} written, {len(published.removed):,} removed"
    summary = f"{target}: {pages}, {counted(len(tree.files), 'file')}; {changes}"
    return Rendered(summary, tree.failed, tree.refuted, tuple(found["messages"]))


def stamp_of(project: Project, ground: str) -> str:
    """A digest of everything the site is made from: its ground, and the chapters' prose."""
    found = hashlib.sha256(ground.encode())
    for path in sorted((project.templates / "chapters").rglob("*")):
        if path.is_file():
            found.update(f"{path.name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def ground_of(project: Project, work: Sequence[Work]) -> str:
    """A digest of everything the site is made from but the chapters' prose.

    It is taken without reading numbers or importing what draws.
    """
    found = hashlib.sha256(project.specs.encode())
    for folder in (project.templates, Path(str(files("layerbook.templates")))):
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            if not path.is_relative_to(project.templates / "chapters"):
                name = path.relative_to(folder).as_posix()
                found.update(f"{name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    for one in work:
        found.update(f"{one.experiment.chapter}/{one.experiment.id} {one.freshness.usable} ".encode())
        for entry in map(project.entry, (one.experiment, *shown_cells(one.experiment))):
            found.update(hashlib.sha256(entry.read_bytes()).digest() if entry.is_file() else b"-")
    for path in _of_other_models(project, work):
        found.update(f"{path.relative_to(project.results)} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    record = verification.path_of(project)
    found.update(hashlib.sha256(record.read_bytes()).digest() if record.is_file() else b"-")
    found.update((source_digest() + json.dumps(library_versions(LIBRARIES))).encode())
    found.update(f"{project.source} {project.fingerprint} {project.published}".encode())
    return found.hexdigest()


def _of_other_models(project: Project, work: Sequence[Work]) -> list[Path]:
    """Other models' results of the book's experiments, which the list of claims shows beside its own."""
    names = sorted({f"{one.experiment.chapter}/{one.experiment.id}.json" for one in work})
    there = (folder / name for folder in project.other_models() for name in names)
    return [path for path in there if path.is_file()]


def differing_pages(project: Project, work: Sequence[Work], target: Path, workshop: Workshop) -> tuple[str, ...]:
    """Paths in the site folder that are missing, old or too many, found by rendering the book in memory."""
    tree = build_tree(project, work, Silent(), workshop, ground_of(project, work)).files
    wrong = [path for path, data in tree.items() if not atomic.holds(target / path, data)]
    wrong += [path for path in atomic.published(target) if path not in tree]
    return tuple(sorted(wrong)) if wrong or atomic.intact(target) else (atomic.MARKER,)


def build_tree(
    project: Project, work: Sequence[Work], report: Reporter, workshop: Workshop, ground: str, fresh: bool = False
) -> Tree:
    """The whole site in memory; pages kept on this `ground` are not laid out again, unless all are to be `fresh`.

    Raises SpecError with every problem of every chapter's prose, and of claims.
    """
    from layerbook.site.builder import (
        Binder,
    )  # what it imports takes a while, and a site that is current needs none of it

    tree = Tree()
    problems: list[Problem] = []
    binder = Binder(project, work, workshop, ground, fresh)
    with report.task("Rendering", len(project.book.chapters) + 1) as task:
        for number, chapter in enumerate(project.book.chapters, start=1):
            task.note(chapter.title)
            try:
                binder.add_chapter(chapter, number, read_prose(project, chapter))
            except SpecError as error:
                problems += error.problems
            task.advance()
        if problems:
            raise SpecError(problems)
        tree.files = binder.finish()
        task.advance()
    if ground_of(project, work) == ground:  # else a page may hold something of before an edit and something of after it
        binder.keep()
    tree.failed, tree.refuted, tree.messages = binder.failed, binder.refuted, binder.messages
    return tree


def read_prose(project: Project, chapter: Chapter) -> str:
    """The Markdown of a chapter; SpecError at the chapter's spec where there is none."""
    path = prose_path(project, chapter)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        there = [p.stem for p in path.parent.glob("*.md")]
        hint = did_you_mean(chapter.name, there)
        raise SpecError([Problem(chapter.file, 1, 1, f"the chapter's prose is missing: {path}{hint}")]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from error


def check_prose(project: Project) -> None:
    """Every chapter has prose, it is a template, all experiments and sources it names exist, and all fields of claims.

    Raises SpecError with all problems.
    """
    from layerbook.site.prose.references import references

    addresses = {f"{e.chapter}/{e.id}" for e in project.experiments()}
    problems = claim_problems(project.experiments())
    try:
        sources = bibliography.load(project.templates)
    except SpecError as error:
        raise SpecError((*problems, *error.problems)) from error
    for chapter in project.book.chapters:
        file = str(prose_path(project, chapter))
        try:
            found = references(read_prose(project, chapter), file)
        except SpecError as error:
            problems += error.problems
            continue
        for one in found:
            what = ""
            if one.function == "cite":
                what = "" if sources and one.name in sources.publications else _no_source(sources, one.name)
            elif (one.name if "/" in one.name else f"{chapter.name}/{one.name}") not in addresses:
                near = did_you_mean(one.name, {e.id for e in chapter.experiments} | addresses)
                what = f"no experiment is called {one.name!r}{near}"
            if what:
                problems.append(Problem(file, one.line, one.column, f"{one.function}(): {what}"))
    if problems:
        raise SpecError(problems)


def _no_source(sources: bibliography.Bibliography | None, key: str) -> str:
    return sources.unknown(key) if sources else f"this book has no templates/{bibliography.FILE} to look {key!r} up in"


def uncited(project: Project) -> tuple[Problem, ...]:
    """Sources that no chapter cites by name: no errors, but nobody will look for them."""
    from layerbook.site.prose.references import references

    sources = bibliography.load(project.templates)
    if sources is None:
        return ()
    prose = ((read_prose(project, c), str(prose_path(project, c))) for c in project.book.chapters)
    cited = {one.name for source, file in prose for one in references(source, file) if one.function == "cite"}
    where = ((key, place) for key, place in sources.places.items() if key not in cited)
    return tuple(Problem(sources.file, p.line, p.column, f"no chapter cites {key!r}") for key, p in where)


def bare_numerals(project: Project) -> tuple[Problem, ...]:
    """Numbers, and answers to predictions, that are typed into the prose: no errors, but they follow no model."""
    from layerbook.site.prose.lint_numbers import numerals
    from layerbook.site.prose.lint_predictions import typed_answers

    prose = [(read_prose(project, c), str(prose_path(project, c))) for c in project.book.chapters]
    return tuple(p for source, file in prose for p in (*numerals(source, file), *typed_answers(source, file)))


def prose_path(project: Project, chapter: Chapter) -> Path:
    """Where a chapter's Markdown lies."""
    return project.templates / "chapters" / f"{chapter.name}.md"
