"""The glossary and the list of references, with the places in chapters that mention each entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Entry, Glossary
from layerbook.core.language import gettext
from layerbook.site import pages
from layerbook.site.blocks import Link
from layerbook.site.prose.captions import render_definition
from layerbook.site.prose.formulas import MathRenderer

_SCHEME = re.compile(r"^https?://(www\.)?")


class Mention(NamedTuple):
    """A place in a chapter that cites the source, or uses the term, with this `key`.

    kind: the kind of its anchor, `citation` or `term`. title: the chapter and the section.
    """

    kind: str
    key: str
    title: str
    href: str


def find_mentions(chapter: pages.ChapterPage | pages.IndexPage) -> Iterator[Mention]:
    """Yield the sources and terms that a chapter mentions, in order, with their sections."""
    for section in chapter.body.sections:
        section_name = f": {section.title}" if section.id else gettext(", at the beginning")
        for anchor in section.anchors:
            if anchor.source:
                href = f"{chapter.name}.html#{anchor.id}"
                yield Mention(anchor.kind, anchor.source, f"{chapter.title}{section_name}", href)


def _links_by_key(mentions: Iterable[Mention], kind: str) -> dict[str, tuple[Link, ...]]:
    """Return a link to each section that mentions a source or term, in reading order."""
    links_by_key: dict[str, dict[str, Link]] = {}
    for mention in mentions:
        if mention.kind == kind:
            links = links_by_key.setdefault(mention.key, {})
            links.setdefault(mention.title, Link(mention.title, mention.href))
    return {key: tuple(links.values()) for key, links in links_by_key.items()}


def references_page(
    bibliography: Bibliography, mentions: Iterable[Mention]
) -> pages.ReferencesPage:
    """List the sources by author, each with the sections that cite it."""
    links = _links_by_key(mentions, "citation")

    def view(key: str) -> pages.ReferenceView:
        source = bibliography.get(key)
        return pages.ReferenceView(
            key=key,
            label=bibliography.label(key),
            authors="; ".join(source.authors),
            year=bibliography.year(key),
            title=source.title,
            venue=source.venue,
            url=source.url,
            display_url=_SCHEME.sub("", source.url),
            used_for=source.used_for,
            places=links.get(key, ()),
        )

    return pages.ReferencesPage(tuple(map(view, bibliography.sorted_keys())))


def glossary_page(
    glossary: Glossary,
    mentions: Iterable[Mention],
    chapters: Mapping[str, Link],
    math: MathRenderer,
) -> pages.GlossaryPage:
    """List the terms by name, each with the sections that use it.

    chapters: the links to chapters by name, for `see`. Raises SpecError for a definition.
    """
    links = _links_by_key(mentions, "term")

    def view(entry: Entry) -> pages.TermView:
        term = entry.term
        definition = render_definition(glossary, entry, math)
        see = tuple(chapters[name] for name in term.see if name in chapters)
        return pages.TermView(term.id, term.name, definition, see, links.get(term.id, ()))

    return pages.GlossaryPage(tuple(map(view, glossary.sorted_entries())))
