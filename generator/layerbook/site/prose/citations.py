"""The page that lists the sources of a book and the places that cite them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from layerbook.book.bibliography import Bibliography
from layerbook.site.pages import ChapterPage, Link, ReferencesPage, ReferenceView


class Citation(NamedTuple):
    """A place that cites the source `key`: its title, and its address."""

    key: str
    title: str
    href: str


def find_citations(chapter: ChapterPage) -> Iterator[Citation]:
    """Yield the citations of a chapter in order, each titled by its section."""
    for section in chapter.body.sections:
        place = f": {section.title}" if section.id else ", at the beginning"
        for anchor in section.anchors:
            if anchor.kind == "citation":
                href = f"{chapter.name}.html#{anchor.id}"
                yield Citation(anchor.source, f"{chapter.title}{place}", href)


def references_page(bibliography: Bibliography, citations: Iterable[Citation]) -> ReferencesPage:
    """List the sources by author, each with the sections that cite it, in reading order."""
    places: dict[str, dict[str, Link]] = {}
    for citation in citations:
        links = places.setdefault(citation.key, {})
        links.setdefault(citation.title, Link(citation.title, citation.href))
    return ReferencesPage(
        tuple(
            _reference(bibliography, key, tuple(places.get(key, {}).values()))
            for key in bibliography.sorted_keys()
        )
    )


def _reference(bibliography: Bibliography, key: str, places: tuple[Link, ...]) -> ReferenceView:
    source = bibliography.get(key)
    return ReferenceView(
        key=key,
        label=bibliography.label(key),
        authors="; ".join(source.authors),
        year=bibliography.year(key),
        title=source.title,
        venue=source.venue,
        url=source.url,
        display_url=re.sub(r"^https?://(www\.)?", "", source.url),
        used_for=source.used_for,
        places=places,
    )
