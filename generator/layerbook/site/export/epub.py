"""The book as EPUB 3: a page for each chapter, formulas as MathML, figures as SVG."""

from __future__ import annotations

import hashlib
import mimetypes
import uuid
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree.ElementTree import Element

from layerbook.book.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from layerbook.core.errors import StoreError
from layerbook.core.language import gettext
from layerbook.site.export.archive import write_archive
from layerbook.site.export.document import (
    ON_SCREEN,
    SVG,
    Links,
    classes,
    fill_template,
    read_article,
    remove,
    serialize,
)
from layerbook.site.export.inert import XLINK_HREF
from layerbook.site.export.site_files import SiteFiles, is_plain_path
from layerbook.site.pages import BookInfo, NavChapter

MATHML = "{http://www.w3.org/1998/Math/MathML}"
STYLE = "style.css"
NO_DATE = "2000-01-01"
"""The date of a book without one: EPUB requires a date, and the clock would change the bytes."""
CONTROLS = {"input", "select", "textarea", "output", "dialog", "script"}
KEPT_ATTRIBUTES = {
    "id", "class", "lang", "dir", "title", "href", "src", "alt", "width", "height", "colspan",
    "rowspan", "scope", "open", "start", "role", "poster", "controls", "datetime",
    "aria-label", "aria-labelledby", "aria-describedby", "aria-hidden",
}  # fmt: skip
_PLAIN_TAGS = {"button": "span", "fieldset": "div", "legend": "p", "label": "span"}


class Item(NamedTuple):
    """A file of the publication, with the `properties` of its manifest item."""

    path: str
    media_type: str
    data: bytes
    properties: str = ""


def write_epub(
    site: Path, book: BookInfo, pages: Sequence[NavChapter], published: str, path: Path
) -> None:
    """Write pages of a built site as an EPUB.

    published: YYYY-MM-DD, or empty. Equal sites give equal bytes.
    Raises StoreError for a page or a picture that is missing.
    """
    articles = {page.name: read_article(site, page) for page in pages}
    for article in articles.values():
        remove(article, lambda e: e.tag in CONTROLS or bool(classes(e) & ON_SCREEN))
    links = Links(articles, prefix=False, url=book.url, suffix=".xhtml")
    contents = {"contents": gettext("Contents"), "entries": pages}
    style = files("layerbook.site.export").joinpath("epub.css").read_bytes()
    items = [
        _page_item("nav", "epub_contents.html", book, **contents)._replace(properties="nav"),
        _page_item("cover", "epub_cover.html", book),
        *[_chapter_item(page, articles[page.name], book, links) for page in pages],
        Item(STYLE, "text/css", style),
        *_media_items(site, articles.values()),
    ]
    members = [
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", _CONTAINER),
        ("EPUB/book.opf", _package(book, items, published)),
    ]
    write_archive(path, [*members, *((f"EPUB/{item.path}", item.data) for item in items)])


_CONTAINER = b"""<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""


def _chapter_item(page: NavChapter, article: Element, book: BookInfo, links: Links) -> Item:
    links.relink(page.name, article)
    _as_plain_text(article)
    _drop_dead_ids(article)
    item = _page_item(
        page.name, "epub.html", book, title=page.title, article=serialize(article, xml=True)
    )
    tags = " ".join(element.tag for element in article.iter())
    properties = [kind for kind, name in (("mathml", MATHML), ("svg", SVG)) if name in tags]
    return item._replace(properties=" ".join(properties))


def _page_item(name: str, template: str, book: BookInfo, **values: object) -> Item:
    html = fill_template(template, **{"book": book, "title": book.title, **values})
    return Item(f"{name}.xhtml", "application/xhtml+xml", html.encode())


def _as_plain_text(article: Element) -> None:
    """Turn controls into text, and drop attributes that only scripts and browsers use."""
    for element in article.iter():
        element.tag = _PLAIN_TAGS.get(element.tag, element.tag)
        if element.tag.startswith("{"):
            element.attrib.pop("role", None)
            element.attrib.pop("tabindex", None)
            continue
        for name in set(element.attrib) - KEPT_ATTRIBUTES:
            del element.attrib[name]
        if element.tag in ("div", "span") and element.get("role") == "region":
            del element.attrib["role"]
            element.attrib.pop("aria-label", None)
        if element.tag in ("p", "span", "div") and "role" not in element.attrib:
            element.attrib.pop("aria-label", None)
    for table in article.iter("table"):
        for cell in table.iter("th"):
            cell.attrib.pop("aria-sort", None)


def _drop_dead_ids(article: Element) -> None:
    """Remove references and links to ids that are no longer on the page."""
    ids = {element.get("id") for element in article.iter()}
    for element in article.iter():
        for name in ("aria-labelledby", "aria-describedby"):
            if any(id not in ids for id in element.get(name, "").split()):
                del element.attrib[name]
        for name in ("href", XLINK_HREF):
            href = element.get(name, "")
            if href.startswith("#") and href[1:] not in ids:
                del element.attrib[name]


def _media_items(site: Path, articles: Iterable[Element]) -> Iterator[Item]:
    """Yield the pictures and videos of pages.

    Raises StoreError for a path that leads up, and for other files, such as pages with scripts.
    """
    site_files = SiteFiles(site)
    elements = [element for article in articles for element in article.iter()]
    names = [element.get(name) for element in elements for name in ("src", "poster")]
    for path in dict.fromkeys(names):
        if not path or ":" in path:
            continue
        data, suffix = site_files.read(path), PurePosixPath(path).suffix
        is_picture = suffix.lower() in (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)
        if not is_picture or not is_plain_path(path):
            raise StoreError(f"{site}: {path!r} is not the path of a picture or video in the site")
        kind = mimetypes.guess_type(f"file{suffix}")[0] or "application/octet-stream"
        yield Item(path, kind, data)


def _package(book: BookInfo, items: Sequence[Item], published: str) -> bytes:
    digest = hashlib.sha256(b"\0".join(item.data for item in items)).hexdigest()
    package = fill_template(
        "epub_package.opf",
        book=book,
        items=items,
        identifier=book.url or f"urn:uuid:{uuid.UUID(digest[:32], version=5)}",
        published=published or NO_DATE,
    )
    return package.encode()
