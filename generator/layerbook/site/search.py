"""The search index. It is a classic script, since pages opened from disk may not fetch data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from layerbook.site.pages import ChapterPage, ClaimsPage, GlossaryPage, IndexPage, ReferencesPage


class SearchRow(NamedTuple):
    """A section in the search index."""

    href: str
    page: str
    section: str
    text: str


_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029'"}


def chapter_rows(page: ChapterPage | IndexPage) -> tuple[SearchRow, ...]:
    """Return a row for each section of a chapter."""
    return tuple(
        SearchRow(
            f"{page.name}.html" + (f"#{section.id}" if section.id else ""),
            page.title,
            section.title,
            section.text,
        )
        for section in page.body.sections
        if section.title or section.text.strip()
    )


def claim_rows(page: ClaimsPage) -> tuple[SearchRow, ...]:
    """Return a row for the claims of each chapter."""
    rows = []
    for chapter in page.chapters:
        sentences = " ".join(str(row.sentence) for row in chapter.rows)
        href = f"{page.name}.html#{chapter.id}"
        rows.append(SearchRow(href, page.title, chapter.title, sentences))
    return tuple(rows)


def reference_rows(page: ReferencesPage) -> tuple[SearchRow, ...]:
    """Return a row for each source."""
    rows = []
    for entry in page.entries:
        text = f"{entry.authors} {entry.title} {entry.venue} {entry.used_for}"
        rows.append(SearchRow(f"{page.name}.html#{entry.key}", page.title, entry.label, text))
    return tuple(rows)


def glossary_rows(page: GlossaryPage) -> tuple[SearchRow, ...]:
    """Return a row for each term."""
    return tuple(
        SearchRow(f"{page.name}.html#{entry.id}", page.title, entry.name, str(entry.definition))
        for entry in page.entries
    )


def search_index(rows: Sequence[SearchRow]) -> bytes:
    """Return `assets/search-index.js` with the rows in reading order.

    They are a JSON string inside a JavaScript string: a browser reads it faster than a literal,
    and no character of the text can end the script.
    """
    data = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return f"window.layerbookIndex = JSON.parse({json.dumps(data).translate(_UNSAFE)});\n".encode()
