"""The search index: a classic script, since pages opened from disk may not fetch data."""

from __future__ import annotations

import json
from collections.abc import Sequence

from layerbook.site.pages import ChapterPage, ClaimsPage, ReferencesPage

SearchRow = tuple[str, str, str, str]
"""Address, title of the page, title of the section, text."""

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029'"}


def chapter_rows(page: ChapterPage) -> tuple[SearchRow, ...]:
    """Every section of a chapter: where it is, its page's title, its own and its text."""
    return tuple(
        (
            f"{page.name}.html" + (f"#{section.id}" if section.id else ""),
            page.title,
            section.title,
            section.text,
        )
        for section in page.body.sections
        if section.title or section.text.strip()
    )


def claim_rows(page: ClaimsPage) -> tuple[SearchRow, ...]:
    """The claims of each chapter, as one section."""
    return tuple(
        (
            f"{page.name}.html#{one.id}",
            page.title,
            one.title,
            " ".join(str(row.sentence) for row in one.rows),
        )
        for one in page.chapters
    )


def reference_rows(page: ReferencesPage) -> tuple[SearchRow, ...]:
    """The sources that the book cites, each as a section."""
    return tuple(
        (
            f"{page.name}.html#{one.key}",
            page.title,
            one.label,
            f"{one.authors} {one.title} {one.venue} {one.used_for}",
        )
        for one in page.entries
    )


def search_index(rows: Sequence[SearchRow]) -> bytes:
    """`assets/search-index.js`: the rows, in reading order.

    They are a JSON string inside a JavaScript string, which a browser reads faster than a literal and in which no
    character of the text can end the script.
    """
    data = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return f"window.layerbookIndex = JSON.parse({json.dumps(data).translate(_UNSAFE)});\n".encode()
