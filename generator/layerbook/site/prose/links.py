"""Links in prose, and checks that their targets exist, as far as they are known."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from layerbook.book.bibliography import Bibliography
from layerbook.book.contents import Chapter
from layerbook.book.glossary import Glossary
from layerbook.book.media import STATIC_FOLDER
from layerbook.book.node import Position
from layerbook.core.errors import Problem, did_you_mean, first_problems
from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.chapter_text import NO_PROSE, TextPiece, chapter_texts, definition_text
from layerbook.site.prose.markdown import heading_slug, walk
from layerbook.site.prose.outline import Outline
from layerbook.store.project import Project

OTHER_PAGES = ("index", "claims", "colophon")
BLOCK_PREFIXES = (
    *("claim", "cite", "term", "code", "about", "eq", "tbl", "fig", "fn", "fnref", "sec"),
    *("theme", "open", "contents", "main", "image", "video", "tab"),
)
"""The first words of anchors of blocks and of the page's own parts, beside experiments."""
_PAGE_SUFFIXES = (".html", ".htm", ".md", "")
_NUMBER = re.compile(r"-\d+$")


class Link(NamedTuple):
    """The address of a link, and its position in the files of the book."""

    address: str
    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """Return a problem at the position of the link."""
        return Problem(self.file, self.line, self.column, message)


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
        is_page = posixpath.splitext(page)[1] in _PAGE_SUFFIXES
        if self.files is None and not is_page:
            return ""
        kind, names = ("page", self.pages) if is_page else ("file", self.files or ())
        return f"no {kind} named {page!r}{did_you_mean(page, names)}"

    def _anchor_problem(self, page: str, anchor: str) -> str:
        ids = self.find_ids(page) if anchor else None
        if ids is None or anchor in ids:
            return ""
        hint = did_you_mean(f"#{anchor}", [f"#{id}" for id in ids])
        return f"{page} has no place called '#{anchor}'{hint}"


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
    # The address of a link in a heading is not part of the anchor.
    headings = tuple(heading_slug(re.sub(r"\]\([^)]*\)", "", node.content)) for node in nodes)
    return Anchors(headings, (*experiments, *BLOCK_PREFIXES))


def page_files(
    project: Project, sources: Bibliography | None, terms: Glossary | None
) -> tuple[str, ...]:
    """Return the names of the pages that a book has."""
    names = [*(chapter.name for chapter in project.book.chapters), *OTHER_PAGES]
    names += ["references"] if sources else []
    names += ["glossary"] if terms else []
    return tuple(f"{name}.html" for name in names)


def find_link_problems(
    project: Project, prose: Mapping[str, TextPiece], targets: LinkTargets
) -> Iterator[Problem]:
    """Yield links in prose (by chapter), captions and claims that lead nowhere."""
    for chapter in project.book.pages:
        links = chapter_links(chapter, prose.get(chapter.name, NO_PROSE))
        page = f"{chapter.name}.html"
        yield from first_problems(
            link.problem(message)
            for link in links
            if (message := targets.problem(link.address, page))
        )


def chapter_links(chapter: Chapter, prose: TextPiece) -> Iterator[Link]:
    """Yield the links in a chapter's prose, captions and claims."""
    for piece in chapter_texts(chapter, prose):
        yield from find_links(piece)


def definition_links(terms: Glossary) -> Iterator[Link]:
    """Yield the links in the definitions of terms."""
    for entry in terms.entries.values():
        for link in find_links(definition_text(terms, entry)):
            yield link._replace(column=entry.text_position.column)


def find_links(piece: TextPiece) -> Iterator[Link]:
    """Yield the links of a piece of prose, and the addresses that it defines for links."""

    def link(address: str, position: Position) -> Link:
        line = piece.first_line + position.line - 1
        return Link(address, piece.file, line, position.column)

    outline = piece.outline
    defined = set()
    for definition in outline.definitions.values():
        address = str(definition["href"])
        defined.add(address)
        first, _ = definition["map"]
        column = outline.source_lines[first].find(unquote(address)) + 1
        yield link(address, Position(first + 1, max(column, 1)))
    for _, node in outline.inline_nodes():
        text, offset = outline.text(node), 0
        for child in walk(node.children or ()):
            if child.type != "link_open":
                continue
            address = str(child.attrs["href"])
            start = _find_address(text, address, offset, is_bare=child.info == "auto")
            if start is None and address in defined:
                continue
            offset = offset if start is None else start
            yield link(address, outline.position(node, offset))


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
