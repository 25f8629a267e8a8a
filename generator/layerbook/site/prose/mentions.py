"""The places in the chapters that cite a source or use a term, for the pages that list them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from layerbook.core.language import gettext
from layerbook.site.blocks import Link
from layerbook.site.pages import ChapterPage, IndexPage


class Mention(NamedTuple):
    """A place that names the source or term `key`: its title, and its address.

    kind: as of the anchor, `citation` or `term`.
    """

    kind: str
    key: str
    title: str
    href: str


def find_mentions(chapter: ChapterPage | IndexPage) -> Iterator[Mention]:
    """Yield the sources and terms that a chapter mentions, in order, with their sections."""
    for section in chapter.body.sections:
        place = f": {section.title}" if section.id else gettext(", at the beginning")
        for anchor in section.anchors:
            if anchor.source:
                href = f"{chapter.name}.html#{anchor.id}"
                yield Mention(anchor.kind, anchor.source, f"{chapter.title}{place}", href)


def places_by_key(mentions: Iterable[Mention], kind: str) -> dict[str, tuple[Link, ...]]:
    """Return a link to each section that names a source or term, in reading order."""
    places: dict[str, dict[str, Link]] = {}
    for mention in mentions:
        if mention.kind == kind:
            links = places.setdefault(mention.key, {})
            links.setdefault(mention.title, Link(mention.title, mention.href))
    return {key: tuple(links.values()) for key, links in places.items()}
