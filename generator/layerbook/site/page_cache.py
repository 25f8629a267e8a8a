"""A page laid out, with all that belongs to it, kept so that the next build need not lay it out again.

Each page has one place in the working cache, so the cache stays as large as the book however often it is built.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from layerbook.site.prose.citations import Citation
from layerbook.site.search import SearchRow
from layerbook.store.cache import WorkingCache

_ABOUT = "leaf.json"
_FILES = "files/"


@dataclass(frozen=True)
class CachedPage:
    """One page or more that are made together.

    files: the pages and what they link to, by path in the site. rows: what the search finds, as (href, page, section,
    text). css_rules: the rules that its formulas need, by class. claim_ids: the ids of the claims that it shows. citations:
    the sources that it cites, as (key, place in words, href). refuted: how many of the claims it lists do not hold.
    messages: one for each experiment whose result is not there.
    """

    files: Mapping[str, bytes]
    rows: tuple[SearchRow, ...] = ()
    css_rules: Mapping[str, str] = field(default_factory=dict)
    claim_ids: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    refuted: int = 0
    messages: tuple[str, ...] = ()


def load_page(cache: WorkingCache, name: str, key: str) -> CachedPage | None:
    """The leaf that was kept at this place under exactly this key; None where there is another, or none."""
    data = cache.get_blob("leaves", name)
    if data is None:
        return None
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        about = json.loads(packed.read(_ABOUT))
        if about["key"] != key:
            return None
        names = [name for name in packed.namelist() if name.startswith(_FILES)]
        return CachedPage(
            files={name.removeprefix(_FILES): packed.read(name) for name in names},
            rows=tuple((href, page, section, text) for href, page, section, text in about["rows"]),
            css_rules=about["css_rules"],
            claim_ids=tuple(about["claim_ids"]),
            citations=tuple(Citation(*row) for row in about["citations"]),
            refuted=about["refuted"],
            messages=tuple(about["messages"]),
        )


def store_page(cache: WorkingCache, name: str, key: str, page: CachedPage) -> None:
    """Keep a leaf, in place of the one before it."""
    about = {
        name: getattr(page, name)
        for name in ("rows", "css_rules", "claim_ids", "citations", "refuted", "messages")
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(_ABOUT, json.dumps({"key": key} | about))
        for path, content in page.files.items():
            packed.writestr(_FILES + path, content)
    cache.put_blob("leaves", name, buffer.getvalue())
