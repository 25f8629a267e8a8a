"""Links in prose, and checks that their targets exist."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it.token import Token as Node

from layerbook.book.media import STATIC_FOLDER
from layerbook.book.node import Position
from layerbook.core.errors import did_you_mean
from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.outline import Outline

OTHER_PAGES = ("index", "claims", "colophon")
_PAGE_SUFFIXES = (".html", ".htm", ".md", "")


class Link(NamedTuple):
    """The address of a link, and its position in the source."""

    address: str
    position: Position


@dataclass(frozen=True)
class LinkTargets:
    """The targets that links of a book can have.

    pages: names of files, such as `index.html`.
    files: paths of other files of the site; None if they are not known yet.
    find_ids: returns the ids of a page, or None if they are not known.
    static: paths of the book's own files, which are always known.
    """

    pages: Collection[str]
    files: Collection[str] | None
    find_ids: Callable[[str], Collection[str] | None]
    static: Collection[str] = ()

    def problem(self, address: str, own_page: str) -> str:
        """Return the problem with a link on a page, or ""."""
        try:
            parts = urlsplit(site_address(address))
        except ValueError as error:
            return f"{address!r} is not a valid address: {error}"
        if parts.scheme:
            return ""
        if parts.netloc:
            return f"{address!r} does not work in a book opened from disk; start it with https://"
        if not parts.path and not parts.fragment:
            return "the link has no address"
        page = posixpath.normpath(unquote(parts.path)) if parts.path else own_page
        if page in self.pages:
            return self._anchor_problem(page, unquote(parts.fragment))
        if page in self.static or (self.files is not None and page in self.files):
            return ""
        if page.startswith(f"{STATIC_FOLDER}/"):
            return f"there is no file {page!r}{did_you_mean(page, self.static)}"
        if self.files is None and posixpath.splitext(page)[1] not in _PAGE_SUFFIXES:
            return ""
        kind = "page" if posixpath.splitext(page)[1] in _PAGE_SUFFIXES else "file"
        names = self.pages if kind == "page" else (self.files or ())
        return f"no {kind} named {page!r}{did_you_mean(page, names)}"

    def _anchor_problem(self, page: str, anchor: str) -> str:
        ids = self.find_ids(page) if anchor else None
        if ids is None or anchor in ids:
            return ""
        hint = did_you_mean(f"#{anchor}", [f"#{id}" for id in ids])
        return f"{page} has no place called '#{anchor}'{hint}"


def find_links(outline: Outline) -> Iterator[Link]:
    """Yield the links of a piece of prose, and the addresses that it defines for links."""
    defined = set()
    for definition in outline.definitions.values():
        address = str(definition["href"])
        defined.add(address)
        first, _ = definition["map"]
        column = outline.source_lines[first].find(unquote(address)) + 1
        yield Link(address, Position(first + 1, max(column, 1)))
    for _, node in outline.inline_nodes():
        text, offset = outline.text(node), 0
        for child in _walk(node):
            if child.type != "link_open":
                continue
            address = str(child.attrs["href"])
            start = _find_address(text, address, offset, is_bare=child.info == "auto")
            if start is None and address in defined:
                continue
            offset = offset if start is None else start
            yield Link(address, outline.position(node, offset))


def _walk(node: Node) -> Iterator[Node]:
    for child in node.children or ():
        yield child
        yield from _walk(child)


def _find_address(text: str, address: str, offset: int, *, is_bare: bool) -> int | None:
    """Return the offset of an address in the source, where it may not be percent-encoded.

    is_bare: the link is written as `<https://a.example>`.
    """
    for written in (address, unquote(address)):
        for opening in ("<",) if is_bare else ("](", "](<"):
            start = text.find(opening + written, offset)
            if start >= 0:
                return start + len(opening)
    return None
