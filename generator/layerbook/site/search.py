"""The search index. It is a classic script, since pages opened from disk may not fetch data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layerbook.site import pages


class SearchRow(NamedTuple):
    """A section in the search index."""

    href: str
    page: str
    section: str
    text: str


_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029'"}


def search_rows(page: pages.Page) -> tuple[SearchRow, ...]:
    """Return a row for each section, source or term of a page, and for each chapter's claims."""
    return tuple(
        SearchRow(f"{page.name}.html#{id}".removesuffix("#"), page.title, section, text)
        for id, section, text in _sections(page)
        if section or text.strip()
    )


def _sections(page: pages.Page) -> Iterator[tuple[str, str, str]]:
    """Yield the id, the title and the text of each part of a page that the search can lead to."""
    match page:
        case pages.ChapterPage() | pages.IndexPage():
            for section in page.body.sections:
                yield section.id, section.title, section.text
        case pages.ClaimsPage():
            for chapter in page.chapters:
                text = " ".join(str(row.sentence) for row in chapter.rows)
                # A link to a claim unfolds the claims of the chapter; one to the heading does not.
                yield chapter.rows[0].id, chapter.title, text
        case pages.ReferencesPage():
            for source in page.entries:
                text = f"{source.authors} {source.title} {source.venue} {source.used_for}"
                yield source.key, source.label, text
        case pages.GlossaryPage():
            for term in page.entries:
                yield term.id, term.name, str(term.definition)


def search_index(rows: Sequence[SearchRow]) -> bytes:
    """Return `assets/search-index.js` with the rows in reading order.

    They are a JSON string inside a JavaScript string: a browser reads it faster than a literal,
    and no character of the text can end the script.
    """
    data = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return f"window.layerbookIndex = JSON.parse({json.dumps(data).translate(_UNSAFE)});\n".encode()
