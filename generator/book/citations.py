"""Citations: `{{ cite("xiao2023") }}` in the prose, and the page that lists what was cited and where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from generator.bibliography import FILE, Bibliography
from generator.book.markup import Inline, escaped
from generator.book.pages import ChapterPage, Link, ReferencesPage, ReferenceView
from generator.errors import UsageError, did_you_mean

SHOWN = ("label", "authors", "year", "title")
_HEADING_OR_CITATION = re.compile(
    r'<h[2-6] id="(?P<heading>[^"]+)"|<a class="cite" id="(?P<id>cite-(?P<key>[^"]+)-\d+)"'
)


def citing(bibliography: Bibliography | None) -> Callable[..., Inline]:
    """The prose's function for one page; each link it makes has an id, to be led back to."""
    made: Counter[str] = Counter()

    def cite(key: str, show: str = "label") -> Inline:
        if bibliography is None:
            raise UsageError(f"cite() looks sources up in templates/{FILE}, which this book does not have")
        if show not in SHOWN:
            there = ", ".join(SHOWN)
            raise UsageError(f"cite() cannot show {show!r}{did_you_mean(show, SHOWN)}; there are {there}")
        one = bibliography.get(key)
        words = {
            "label": bibliography.label(key),
            "authors": one.short_authors,
            "year": bibliography.year(key),
            "title": one.title,
        }[show]
        made[key] += 1
        told = one.title if show != "title" else bibliography.label(key)
        opening = f'<a class="cite" id="cite-{key}-{made[key]}" href="references.html#{key}" title="{escaped(told)}">'
        return Inline(f"{opening}{escaped(words)}</a>", words)

    return cite


def references_page(bibliography: Bibliography, chapters: Sequence[ChapterPage]) -> ReferencesPage:
    """The list by author; each source leads back to every section that cites it, in reading order."""
    places: dict[str, list[Link]] = {}
    for chapter in chapters:
        for key, link in _places(chapter):
            if link.title not in [other.title for other in places.setdefault(key, [])]:
                places[key].append(link)
    entries = []
    for key in bibliography.ordered():
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
                places=tuple(places.get(key, ())),
            )
        )
    return ReferencesPage(tuple(entries))


def _places(chapter: ChapterPage) -> Iterator[tuple[str, Link]]:
    """Each citation of a chapter, by key, and its place: the chapter, and the section where it is in one."""
    titles = {heading.id: heading.text for heading in chapter.body.headings}
    section = ""
    for found in _HEADING_OR_CITATION.finditer(chapter.body.html):
        if found["heading"]:
            section = titles.get(found["heading"], section)
        else:
            title = f"{chapter.title}: {section}" if section else f"{chapter.title}, at the beginning"
            yield found["key"], Link(title, f"{chapter.name}.html#{found['id']}")
