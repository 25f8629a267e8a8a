"""Checks of the chapters' prose that need no results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from layerbook.book import bibliography
from layerbook.book.loader import Chapter, find_missing_claim_fields
from layerbook.core.errors import Problem, SpecError, did_you_mean
from layerbook.site.prose.links import LinkTargets, find_links
from layerbook.site.prose.lint import find_typed_answers, find_typed_numbers
from layerbook.site.prose.outline import parse_outline
from layerbook.site.prose.references import Reference, find_references
from layerbook.store.project import Project


def prose_path(project: Project, chapter: Chapter) -> Path:
    """Return the path of a chapter's Markdown."""
    return project.templates_dir / "chapters" / f"{chapter.name}.md"


def read_prose(project: Project, chapter: Chapter) -> str:
    """Read the Markdown of a chapter. Raises SpecError if it cannot be read."""
    path = prose_path(project, chapter)
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        hint = did_you_mean(chapter.name, [other.stem for other in path.parent.glob("*.md")])
        message = f"the chapter's prose is missing: {path}{hint}"
        raise SpecError([Problem(chapter.file, 1, 1, message)]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from error


def check_prose(project: Project) -> None:
    """Check that prose and claims refer to existing experiments, sources and fields.

    Raises SpecError with the problems of all chapters.
    """
    problems = find_missing_claim_fields(project.experiments())
    try:
        sources = bibliography.load(project.templates_dir)
    except SpecError as error:
        raise SpecError((*problems, *error.problems)) from error
    for chapter in project.book.chapters:
        try:
            problems += _unknown_references(project, chapter, sources)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)


def _unknown_references(
    project: Project, chapter: Chapter, sources: bibliography.Bibliography | None
) -> Iterator[Problem]:
    addresses = {experiment.address for experiment in project.experiments()}
    own_ids = {experiment.id for experiment in chapter.experiments}
    for reference in _references(project, chapter):
        name = reference.name
        address = name if "/" in name else f"{chapter.name}/{name}"
        if reference.function == "cite":
            message = "" if sources and name in sources.publications else _no_source(sources, name)
        else:
            hint = did_you_mean(name, own_ids | addresses)
            message = "" if address in addresses else f"no experiment is called {name!r}{hint}"
        if message:
            file, message = str(prose_path(project, chapter)), f"{reference.function}(): {message}"
            yield Problem(file, reference.line, reference.column, message)


def _references(project: Project, chapter: Chapter) -> tuple[Reference, ...]:
    return find_references(read_prose(project, chapter), str(prose_path(project, chapter)))


def _no_source(sources: bibliography.Bibliography | None, key: str) -> str:
    if sources:
        return sources.unknown_key_message(key)
    return f"this book has no templates/{bibliography.REFERENCES_FILE} to look {key!r} up in"


def find_link_problems(
    project: Project, prose: Mapping[str, str], targets: LinkTargets
) -> list[Problem]:
    """Report links in prose (by chapter), captions and claims that lead nowhere."""
    problems = []
    for chapter in project.book.chapters:
        texts = [(str(prose_path(project, chapter)), 1, prose[chapter.name])]
        for experiment in chapter.experiments:
            captions = experiment.captions.values()
            texts += [(experiment.file, caption.line, caption.text) for caption in captions]
            texts += [(experiment.file, claim.line, claim.says) for claim in experiment.claims]
        for file, first_line, text in texts:
            for link in find_links(parse_outline(text)):
                if message := targets.problem(link.address, f"{chapter.name}.html"):
                    line = first_line + link.place.line - 1
                    problems.append(Problem(file, line, link.place.column, message))
    return problems


def find_uncited_sources(project: Project) -> list[Problem]:
    """Report sources that no chapter cites."""
    sources = bibliography.load(project.templates_dir)
    if sources is None:
        return []
    cited_keys = {
        reference.name
        for chapter in project.book.chapters
        for reference in _references(project, chapter)
        if reference.function == "cite"
    }
    return [
        Problem(sources.file, position.line, position.column, f"no chapter cites {key!r}")
        for key, position in sources.key_positions.items()
        if key not in cited_keys
    ]


def lint_prose(project: Project) -> list[Problem]:
    """Report numbers and answers to predictions that are typed instead of read off a result."""
    problems: list[Problem] = []
    for chapter in project.book.chapters:
        prose, file = read_prose(project, chapter), str(prose_path(project, chapter))
        problems += find_typed_numbers(prose, file)
        problems += find_typed_answers(prose, file)
    return problems
