"""The search index: a classic script, since pages opened from disk may not fetch data."""

from __future__ import annotations

import json
from collections.abc import Iterable

from generator.book.pages import ChapterPage, ClaimsPage, ReferencesPage

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029'"}


def search_index(
    chapters: Iterable[ChapterPage], claims: ClaimsPage | None = None, references: ReferencesPage | None = None
) -> bytes:
    """`assets/search-index.js`: every section with its page, title and text, in reading order; then claims and sources.

    The rows are a JSON string inside a JavaScript string, which a browser reads faster than a literal and in which no
    character of the text can end the script.
    """
    rows = [
        [f"{page.name}.html" + (f"#{section.id}" if section.id else ""), page.title, section.title, section.text]
        for page in chapters
        for section in page.body.text_for_search
        if section.title or section.text.strip()
    ]
    for one in claims.chapters if claims else ():
        text = " ".join(str(row.sentence) for row in one.rows)
        rows.append([f"claims.html#{one.id}", ClaimsPage.title, one.title, text])
    for source in references.entries if references else ():
        text = " ".join(filter(None, (source.authors, source.title, source.venue, source.used_for)))
        rows.append([f"references.html#{source.key}", ReferencesPage.title, source.label, text])
    data = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return f"window.layerbookIndex = JSON.parse({json.dumps(data).translate(_UNSAFE)});\n".encode()
