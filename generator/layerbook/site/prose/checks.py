"""Checks of a book's prose that need no results."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from layerbook.book import bibliography, glossary
from layerbook.book.loader import find_missing_claim_fields
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.core.errors import Problem, SpecError, did_you_mean, first_problems
from layerbook.site.prose.anchors import static_anchors
from layerbook.site.prose.chapter_checks import ChapterChecker
from layerbook.site.prose.chapter_text import TextPiece, read_prose
from layerbook.site.prose.link_checks import (
    definition_links,
    find_link_problems,
    find_unknown_references,
    find_unshown_references,
    page_files,
)
from layerbook.site.prose.links import LinkTargets
from layerbook.site.prose.markdown_checks import find_markdown_problems, find_misplaced_references
from layerbook.site.prose.media_checks import find_clashing_files
from layerbook.site.prose.reference_checks import impossible_references
from layerbook.store.project import Project


def check_prose(project: Project) -> None:
    """Check a book as far as it needs no results. Raises SpecError with all problems."""
    if problems := find_prose_problems(project):
        raise SpecError(problems)


def find_prose_problems(project: Project) -> list[Problem]:
    """Report problems in prose, captions and claims that can be found without results."""
    problems = find_missing_claim_fields(project.experiments())
    problems += find_theme_problems(project.root, project.book.theme)
    problems += first_problems(find_clashing_files(project.root))
    try:
        sources = bibliography.load(project.templates_dir)
        terms = glossary.load(project.templates_dir)
    except SpecError as error:
        return [*problems, *error.problems]
    static = tuple(MediaFolders(project.root).static_paths())
    prose: dict[str, TextPiece] = {}
    names = [e.id for e in project.experiments()] + [c.name for c in project.book.chapters]

    @cache  # reading a page's anchors parses the page
    def find_ids(page: str) -> Collection[str] | None:
        piece = prose.get(page.removesuffix(".html"))
        return None if piece is None else static_anchors(piece.outline, names)

    targets = LinkTargets(page_files(project, sources, terms), None, find_ids, static)
    for chapter in project.book.pages:
        try:
            prose[chapter.name] = read_prose(project, chapter)
        except SpecError as error:
            problems += error.problems
    if terms:
        problems += first_problems(_glossary_problems(project, terms, targets))
    for chapter in project.book.pages:
        if chapter.name in prose:
            checker = ChapterChecker(project, chapter, prose[chapter.name], sources, terms)
            problems += first_problems(checker.problems())
    if len(prose) == len(project.book.pages):  # otherwise a missing page may have the place
        problems += first_problems(find_unshown_references(project, prose))
        unknown = impossible_references(project.book.pages, prose)
        problems += first_problems(find_unknown_references(project, prose, unknown))
    return list(dict.fromkeys((*problems, *find_link_problems(project, prose, targets))))


def _glossary_problems(
    project: Project, terms: glossary.Glossary, targets: LinkTargets
) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of the glossary, links that lead nowhere, unknown chapters."""
    chapters = [chapter.name for chapter in project.book.chapters]
    for entry in terms.entries.values():
        piece = TextPiece(terms.file, entry.text_position.line, entry.term.text)
        yield from find_markdown_problems(piece)
        yield from find_misplaced_references(piece)
        for name, position in entry.see.items():
            if name not in chapters:
                message = f"no chapter named {name!r}{did_you_mean(name, chapters)}"
                yield Problem(terms.file, position.line, position.column, message)
    for link in definition_links(terms):
        if message := targets.problem(link.address, "glossary.html"):
            yield link.problem(message)
