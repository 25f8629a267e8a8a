"""Citations: `{{ cite("xiao2023") }}` in the prose, and the page that lists what was cited and where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from layerbook.book.bibliography import REFERENCES_FILE, Bibliography
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.pages import ChapterPage, Link, ReferencesPage, ReferenceView
from layerbook.core.errors import UsageError, did_you_mean

Citation = tuple[str, str, str]
"""The key of a source, and where it is cited: in words, and as an address."""

CITATION_PARTS = ("label", "authors", "year", "title")
_HEADING_OR_CITATION = re.compile(
    r'<h[2-6] id="(?P<heading>[^"]+)"|<a class="cite" id="(?P<id>cite-(?P<key>[^"]+)-\d+)"'
)


def make_cite(bibliography: Bibliography | None) -> Callable[..., Inline]:
    """The prose's function for one page; each link it makes has an id, to be led back to."""
    made: Counter[str] = Counter()

    def cite(key: str, show: str = "label") -> Inline:
        if bibliography is None:
            raise UsageError(f"cite() looks sources up in templates/{REFERENCES_FILE}, which this book does not have")
        if show not in CITATION_PARTS:
            there = ", ".join(CITATION_PARTS)
            raise UsageError(f"cite() cannot show {show!r}{did_you_mean(show, CITATION_PARTS)}; there are {there}")
        one = bibliography.get(key)
        words = {
            "label": bibliography.label(key),
            "authors": one.short_authors,
            "year": bibliography.year(key),
            "title": one.title,
        }[show]
        made[key] += 1
        told = one.title if show != "title" else bibliography.label(key)
        opening = f'<a class="cite" id="cite-{key}-{made[key]}" href="references.html#{key}" title="{escape_text(told)}">'
        return Inline(f"{opening}{escape_text(words)}</a>", words)

    return cite


def references_page(bibliography: Bibliography, shorten_prompt: Iterable[Citation]) -> ReferencesPage:
    """The list by author; each source leads back to every section that cites it, in reading order."""
    places: dict[str, dict[str, Link]] = {}
    for key, title, href in shorten_prompt:
        places.setdefault(key, {}).setdefault(title, Link(title, href))
    entries = []
    for key in bibliography.sorted_keys():
        one = bibliography.get(key)
        entries.append(
            ReferenceView(
                key=key,
                label=bibliography.label(key),
                authors="; ".join(one.authors),
                year=bibliography.year(key),
                title=one.title,
                venue=one.venue,
                url=one.url,
                address=re.sub(r"^https?://(www\.)?", "", one.url),
                used_for=one.used_for,
                places=tuple(places.get(key, {}).values()),
            )
        )
    return ReferencesPage(tuple(entries))


def find_citations(chapter: ChapterPage) -> tuple[Citation, ...]:
    """Each citation of a chapter, in order, with the section where it is in one."""
    titles = {heading.id: heading.text for heading in chapter.body.headings}
    found: list[Citation] = []
    section = ""
    for one in _HEADING_OR_CITATION.finditer(chapter.body.html):
        if one["heading"]:
            section = titles.get(one["heading"], section)
        else:
            title = f"{chapter.title}: {section}" if section else f"{chapter.title}, at the beginning"
            found.append((one["key"], title, f"{chapter.name}.html#{one['id']}"))
    return tuple(found)
