"""Find links and references that lead nowhere, and list the links of a whole book."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from layerbook.book import bibliography, glossary
from layerbook.book.contents import Chapter, full_address
from layerbook.book.node import Position
from layerbook.core.errors import Problem, SpecError, first_problems
from layerbook.site.prose.chapter_text import NO_PROSE, TextPiece, chapter_texts
from layerbook.site.prose.links import OTHER_PAGES, LinkTargets, find_links
from layerbook.site.prose.outline import parse_outline
from layerbook.site.prose.references import (
    TO_FIGURE,
    Reference,
    find_references,
    names_figures_by_variable,
)
from layerbook.store.project import Project


def page_files(
    project: Project,
    sources: bibliography.Bibliography | None,
    terms: glossary.Glossary | None,
) -> tuple[str, ...]:
    """Return the names of the pages that a book has."""
    names = [*(chapter.name for chapter in project.book.chapters), *OTHER_PAGES]
    names += ["references"] if sources else []
    names += ["glossary"] if terms else []
    return tuple(f"{name}.html" for name in names)


class SourceLink(NamedTuple):
    """The address of a link, and its position in the files of the book."""

    address: str
    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """Return a problem at the position of the link."""
        return Problem(self.file, self.line, self.column, message)


def find_link_problems(
    project: Project, prose: Mapping[str, TextPiece], targets: LinkTargets
) -> Iterator[Problem]:
    """Yield links in prose (by chapter), captions and claims that lead nowhere."""
    for chapter in project.book.pages:
        links = chapter_links(chapter, prose.get(chapter.name, NO_PROSE))
        page = f"{chapter.name}.html"
        yield from first_problems(
            link.problem(message)
            for link in links
            if (message := targets.problem(link.address, page))
        )


def chapter_links(chapter: Chapter, prose: TextPiece) -> Iterator[SourceLink]:
    """Yield the links in a chapter's prose, captions and claims."""
    for piece in chapter_texts(chapter, prose):
        for address, position in find_links(piece.outline):
            yield SourceLink(
                address, piece.file, piece.first_line + position.line - 1, position.column
            )


def definition_links(terms: glossary.Glossary) -> Iterator[SourceLink]:
    """Yield the links in the definitions of terms."""
    for entry in terms.entries.values():
        start = entry.text_position
        for address, position in find_links(parse_outline(entry.term.text)):
            yield SourceLink(address, terms.file, start.line + position.line - 1, start.column)


def find_unshown_figures(
    project: Project, prose: Mapping[str, TextPiece], names: Collection[str]
) -> list[Problem]:
    """Report references to figures, named `chapter/id figure`, that no page shows."""
    problems: list[Problem] = []
    if not names:  # the usual case, in which no prose has to be parsed
        return problems
    for chapter in project.book.pages:
        piece = prose.get(chapter.name, NO_PROSE)
        for reference in find_references(piece):
            name = full_address(reference.name, chapter.name)
            matching = [item for item in names if item.partition(" ")[0] == name]
            if reference.function in TO_FIGURE and matching:
                message = f"{reference.function}(): no page shows the figure {matching[0]!r}"
                problems.append(Problem(piece.file, reference.line, reference.column, message))
    return problems


def find_unknown_references(
    project: Project, prose: Mapping[str, TextPiece], unknown: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    """Yield the unknown references such as `@fig-name`.

    unknown: the message of each unknown reference of each chapter.
    """
    for chapter in project.book.pages:
        messages = unknown.get(chapter.name)
        if not messages:
            continue
        piece = prose[chapter.name]
        for written, position in piece.outline.references():
            if written in messages:
                yield piece.problem(position, messages[written])


def find_unshown_references(project: Project, prose: Mapping[str, TextPiece]) -> Iterator[Problem]:
    """Yield references to figures that no page can show."""
    references = {
        chapter: _safe_references(prose[chapter.name])
        for chapter in project.book.pages
        if chapter.name in prose
    }
    shown: dict[str, set[object]] = {}
    for chapter, of_chapter in references.items():
        for reference in of_chapter:
            if reference.function == "figure":
                address = full_address(reference.name, chapter.name)
                shown.setdefault(address, set()).add(
                    reference.second if reference.is_complete else None
                )
    if any(names_figures_by_variable(piece.text) for piece in prose.values()):
        return
    for chapter, of_chapter in references.items():
        for reference in of_chapter:
            address = full_address(reference.name, chapter.name)
            figures = shown.get(address, set())
            # None: the only figure of the experiment, or one that is not written out.
            is_shown = reference.second in figures or None in figures or not reference.second
            if reference.function in TO_FIGURE and not (is_shown and figures):
                figure = f"{address} {reference.second or ''}".strip()
                message = f"{reference.function}(): no page shows the figure {figure!r}"
                position = Position(reference.line, reference.column)
                yield prose[chapter.name].problem(position, message)


def _safe_references(prose: TextPiece) -> tuple[Reference, ...]:
    """Return the references of a chapter; none if it does not parse (reported elsewhere)."""
    try:
        return find_references(prose)
    except SpecError:
        return ()
