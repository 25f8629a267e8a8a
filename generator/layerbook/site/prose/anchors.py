"""The anchors of a page, as far as its prose determines them without results."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from layerbook.site.prose.markdown import heading_slug
from layerbook.site.prose.outline import Outline

BLOCK_PREFIXES = (
    *("claim", "cite", "term", "code", "about", "eq", "tbl", "fig", "fn", "fnref", "sec"),
    *("theme", "open", "contents", "main", "image", "video", "tab"),
)
"""The first words of anchors of blocks and of the page's own parts, beside experiments."""
_NUMBER = re.compile(r"-\d+$")


@dataclass(frozen=True)
class Anchors(Collection[str]):
    """The anchors of headings, and the prefixes of the anchors of blocks."""

    headings: tuple[str, ...]
    beginnings: tuple[str, ...]

    def __contains__(self, anchor: object) -> bool:
        text = str(anchor)
        is_heading = text in self.headings or _NUMBER.sub("", text) in self.headings
        return is_heading or any(f"{text}-".startswith(f"{name}-") for name in self.beginnings)

    def __iter__(self) -> Iterator[str]:
        return iter(self.headings)

    def __len__(self) -> int:
        return len(self.headings)


def static_anchors(outline: Outline, experiments: Collection[str]) -> Anchors | None:
    """Return the anchors of a page; None if its headings depend on results.

    experiments: the ids with which anchors of figures begin.
    """
    nodes = [node for opening, node in outline.inline_nodes() if opening.type == "heading_open"]
    if any(mark in outline.original_text(node) for node in nodes for mark in "{$@"):
        return None
    headings = tuple(heading_slug(_plain_text(node.content)) for node in nodes)
    return Anchors(headings, (*experiments, *BLOCK_PREFIXES))


def _plain_text(markdown: str) -> str:
    """Return a heading without the addresses of its links, which are not part of its anchor."""
    return re.sub(r"\]\([^)]*\)", "", markdown)
