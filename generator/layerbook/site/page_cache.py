"""A page laid out, with all that belongs to it, kept so that the next build need not lay it out again.

Each page has one place in the working cache, so the cache stays as large as the book however often it is built.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from layerbook.site.search import Row
from layerbook.store.cache import Cache

_ABOUT = "leaf.json"
_FILES = "files/"


@dataclass(frozen=True)
class Leaf:
    """One page or more that are made together.

    files: the pages and what they link to, by path in the site. rows: what the search finds, as (href, page, section,
    text). styles: the rules that its formulas need, by class. anchors: the ids of the claims that it shows. citations:
    the sources that it cites, as (key, place in words, href). refuted: how many of the claims it lists do not hold.
    messages: one for each experiment whose result is not there.
    """

    files: Mapping[str, bytes]
    rows: tuple[Row, ...] = ()
    styles: Mapping[str, str] = field(default_factory=dict)
    anchors: tuple[str, ...] = ()
    citations: tuple[tuple[str, str, str], ...] = ()
    refuted: int = 0
    messages: tuple[str, ...] = ()


def kept(cache: Cache, place: str, key: str) -> Leaf | None:
    """The leaf that was kept at this place under exactly this key; None where there is another, or none."""
    data = cache.get_blob("leaves", place)
    if data is None:
        return None
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        about = json.loads(packed.read(_ABOUT))
        if about["key"] != key:
            return None
        names = [name for name in packed.namelist() if name.startswith(_FILES)]
        return Leaf(
            files={name.removeprefix(_FILES): packed.read(name) for name in names},
            rows=tuple((href, page, section, text) for href, page, section, text in about["rows"]),
            styles=about["styles"],
            anchors=tuple(about["anchors"]),
            citations=tuple((key, title, href) for key, title, href in about["citations"]),
            refuted=about["refuted"],
            messages=tuple(about["messages"]),
        )


def keep(cache: Cache, place: str, key: str, leaf: Leaf) -> None:
    """Keep a leaf, in place of the one before it."""
    about = {name: getattr(leaf, name) for name in ("rows", "styles", "anchors", "citations", "refuted", "messages")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(_ABOUT, json.dumps({"key": key} | about))
        for path, content in leaf.files.items():
            packed.writestr(_FILES + path, content)
    cache.put_blob("leaves", place, buffer.getvalue())
