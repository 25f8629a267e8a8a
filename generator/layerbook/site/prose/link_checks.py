"""Links and references in prose that lead nowhere, and the links of a whole book."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from layerbook.book import bibliography, glossary
from layerbook.book.contents import Chapter, full_address
from layerbook.core.errors import Problem, SpecError
from layerbook.site.prose.chapter_text import chapter_texts, prose_path
from layerbook.site.prose.links import OTHER_PAGES, LinkTargets, find_autolinks, find_links
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


def find_link_problems(
    project: Project, prose: Mapping[str, str], targets: LinkTargets
) -> Iterator[Problem]:
    """Yield links in prose (by chapter), captions and claims that lead nowhere."""
    for chapter in project.book.pages:
        chapter_file = str(prose_path(project, chapter))
        for piece in chapter_texts(chapter, prose.get(chapter.name, ""), chapter_file):
            for link in find_links(parse_outline(piece.text)):
                if message := targets.problem(link.address, f"{chapter.name}.html"):
                    line = piece.first_line + link.place.line - 1
                    yield Problem(piece.file, line, link.place.column, message)


def link_addresses(chapter: Chapter, prose: str) -> tuple[str, ...]:
    """Return the addresses of the links in a chapter's prose, captions and claims, each once."""
    links = (
        link
        for piece in chapter_texts(chapter, prose, chapter.file)
        for link in find_links(parse_outline(piece.text))
    )
    return tuple(dict.fromkeys(link.address for link in links))


def find_link_addresses(
    project: Project, prose: Mapping[str, str], terms: glossary.Glossary | None
) -> Iterator[Problem]:
    """Yield the address of every link in prose, captions, claims and terms, with its place."""
    for chapter in project.book.pages:
        chapter_file = str(prose_path(project, chapter))
        for piece in chapter_texts(chapter, prose[chapter.name], chapter_file):
            outline = parse_outline(piece.text)
            for link in (*find_links(outline), *find_autolinks(outline)):
                line = piece.first_line + link.place.line - 1
                yield Problem(piece.file, line, link.place.column, link.address)
    if terms is None:
        return
    for entry in terms.entries.values():
        outline, place = parse_outline(entry.term.text), entry.text_place
        for link in (*find_links(outline), *find_autolinks(outline)):
            yield Problem(terms.file, place.line + link.place.line - 1, place.column, link.address)


def find_unshown_figures(
    project: Project, prose: Mapping[str, str], names: Collection[str]
) -> list[Problem]:
    """Report references to figures, named `chapter/id figure`, that no page shows."""
    problems: list[Problem] = []
    if not names:  # the usual case, in which no prose has to be parsed
        return problems
    for chapter in project.book.pages:
        file = str(prose_path(project, chapter))
        for reference in find_references(prose.get(chapter.name, ""), file):
            name = full_address(reference.name, chapter.name)
            matching = [item for item in names if item.partition(" ")[0] == name]
            if reference.function in TO_FIGURE and matching:
                message = f"{reference.function}(): no page shows the figure {matching[0]!r}"
                problems.append(Problem(file, reference.line, reference.column, message))
    return problems


def find_unknown_references(
    project: Project, prose: Mapping[str, str], unknown: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    """Yield the unknown references such as `@fig-name`.

    unknown: the message of each unknown reference of each chapter.
    """
    for chapter in project.book.pages:
        messages = unknown.get(chapter.name)
        if not messages:
            continue
        file = str(prose_path(project, chapter))
        for written, place in parse_outline(prose[chapter.name]).references():
            if written in messages:
                yield Problem(file, place.line, place.column, messages[written])


def find_unshown_references(project: Project, prose: Mapping[str, str]) -> Iterator[Problem]:
    """Yield references to figures that no page can show."""
    references = {
        chapter: _safe_references(project, chapter, prose[chapter.name])
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
    if any(map(names_figures_by_variable, prose.values())):
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
                file = str(prose_path(project, chapter))
                yield Problem(file, reference.line, reference.column, message)


def _safe_references(project: Project, chapter: Chapter, text: str) -> tuple[Reference, ...]:
    """Return the references of a chapter; none if it does not parse (reported elsewhere)."""
    try:
        return find_references(text, str(prose_path(project, chapter)))
    except SpecError:
        return ()
