"""The pages of a built site as element trees, to be recombined into other documents.

Names of HTML elements have no namespace; those of SVG and MathML do.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

import html5lib
from html5lib.serializer import HTMLSerializer
from jinja2 import Environment, PackageLoader, StrictUndefined

from layerbook.core.errors import StoreError
from layerbook.core.paths import resolve_within
from layerbook.site.export.inert import XLINK_HREF, is_active, make_inert
from layerbook.site.export.site_files import read_site_file
from layerbook.site.pages import NavChapter

SVG = "{http://www.w3.org/2000/svg}"
MAX_PAGE_BYTES = 20_000_000
MAX_ELEMENT_DEPTH = 200
PARSING_SECONDS = 20
ID_LISTS = ("aria-labelledby", "aria-describedby", "for", "headers")
OMITTED_CLASSES = {
    "anchor", "disclosure", "disclosure-link", "disclosures", "listing", "previews", "stepper",
    "tick-box", "turn", "visually-hidden",
}  # fmt: skip
"""Classes of elements that only make sense on screen; descriptions are also in `aria-label`."""
ON_SCREEN = {"badges", "cell-bar", "downloads", "edit", "live", "playground"}
"""Classes of elements that e-books and slides leave out."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Possessive and without `(`, so that a value of many `url(#` takes linear time.
_URL_ID = re.compile(r"url\(([\"']?)#([^()\"']++)\1\)")


def read_article(site: Path, chapter: NavChapter, *, unfolded: bool = True) -> Element:
    """Return the text of a page, with the ids and links of the site.

    unfolded: with all folded parts open, as in print.
    Raises StoreError if the site does not have the page.
    """
    path = resolve_within(site, site / chapter.href, links=False)
    tree = _parse(path, read_site_file(path, MAX_PAGE_BYTES).decode("utf-8", "replace"))
    article = next(tree.iter("article"), None)
    if article is None:
        raise StoreError(f"{path}: has no <article>, so there is no text to export")
    remove(article, lambda element: is_active(element) or bool(classes(element) & OMITTED_CLASSES))
    make_inert(article)
    if unfolded:
        for element in article.iter("details"):
            element.set("open", "")
    return article


def classes(element: Element) -> set[str]:
    """Return the classes of an element."""
    return set(element.get("class", "").split())


def _parse(path: Path, text: str) -> Element:
    """Parse a page, which may be a stranger's. Raises StoreError at the limits."""
    tree: Element = html5lib.parse(_TimedText(path, text), namespaceHTMLElements=False)
    level, depth = list(tree), 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > MAX_ELEMENT_DEPTH:
            raise StoreError(f"{path}: its elements are nested more than {MAX_ELEMENT_DEPTH} deep")
    return tree


class _TimedText(io.StringIO):
    """A text that can be read only for some time: a page can make its parser very slow."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self._path, self._end = path, time.process_time() + PARSING_SECONDS

    def read(self, size: int | None = -1) -> str:
        """Return some of the text. Raises StoreError when the time is over."""
        if time.process_time() > self._end:
            raise StoreError(f"{self._path}: takes longer than {PARSING_SECONDS} seconds to read")
        return super().read(size)


def remove(tree: Element, unwanted: Callable[[Element], bool]) -> None:
    """Remove elements with their content, but keep the text after them."""
    children: list[Element] = []
    texts: list[list[str]] = [[tree.text or ""]]  # after the start, then after each kept child
    for child in tree:
        if isinstance(child.tag, str) and not unwanted(child):
            remove(child, unwanted)
            children.append(child)
            texts.append([])
        texts[-1].append(child.tail or "")
    tree.text = "".join(texts[0]) or None
    for child, parts in zip(children, texts[1:], strict=True):
        child.tail = "".join(parts) or None
    tree[:] = children


class Links:
    """The targets of links in an exported document.

    A link to an id that is not on its page leads to the top of the page.

    articles: the pages of the document, by name.
    prefix: whether all pages are in one file, where ids begin with the page's name.
    url: where the site is published; without it, links to what the document lacks are text.
    suffix: of the pages' files, if each page has its own.
    """

    def __init__(
        self, articles: Mapping[str, Element], *, prefix: bool, url: str = "", suffix: str = ""
    ) -> None:
        self._prefix, self._url, self._suffix = prefix, url, suffix
        self._ids = {
            f"{name}.html": {element.get("id") for element in article.iter()}
            for name, article in articles.items()
        }

    def new_id(self, page: str, id: str) -> str:
        """Return an id that is unique in the document."""
        return f"{page}--{id}" if self._prefix else id

    def target(self, page: str, href: str) -> str | None:
        """Return the new target of a page's link; None if the document does not contain it."""
        if re.match(r"[a-z][a-z0-9+.-]*:", href, re.IGNORECASE):
            return href
        file, _, fragment = href.partition("#")
        if file and file not in self._ids:
            try:
                return urljoin(self._url, href) if self._url else None
            except ValueError:  # a link such as `//[` has no valid host
                return None
        if file and fragment not in self._ids[file]:
            fragment = ""  # the target is in an omitted part of the page
        other = file.removesuffix(".html") or page
        if not self._prefix:
            return f"{'' if not file else other + self._suffix}{'#' if fragment else ''}{fragment}"
        return f"#{other}--{fragment}" if fragment else f"#{other}"

    def relink(self, page: str, article: Element) -> None:
        """Change ids and links of a page in place."""
        for element in article.iter():
            self._relink_ids(page, element)
            for name in ("href", XLINK_HREF):
                href = element.attrib.pop(name, None)
                target = None if href is None else self.target(page, href)
                if target is not None:
                    element.set(name, target)
            element.attrib.pop("download", None)

    def _relink_ids(self, page: str, element: Element) -> None:
        if id := element.get("id"):
            element.set("id", self.new_id(page, id))
        for name in ID_LISTS:
            if ids := element.get(name):
                element.set(name, " ".join(self.new_id(page, id) for id in ids.split()))
        if self._prefix:
            for name, value in element.attrib.items():
                if "url(" in value:
                    new = _URL_ID.sub(lambda m: f"url(#{self.new_id(page, m[2])})", value)
                    element.set(name, new)


@cache
def _templates() -> Environment:
    loader = PackageLoader("layerbook.site", "export")
    return Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=StrictUndefined)


def fill_template(name: str, **values: object) -> str:
    """Fill in a template of this package; values are escaped unless the template says `safe`."""
    return _templates().get_template(name).render(values)


def serialize(element: Element, *, xml: bool = False) -> str:
    """Return an element as HTML, or as XHTML whose namespaces are declared."""
    if xml:
        for descendant in element.iter():
            namespace, _, name = descendant.tag.removeprefix("{").rpartition("}")
            if namespace and name in ("svg", "math"):
                descendant.set("xmlns", namespace)
    serializer = HTMLSerializer(
        quote_attr_values="always",
        omit_optional_tags=False,
        minimize_boolean_attributes=False,
        use_trailing_solidus=xml,
        escape_lt_in_attrs=True,
        escape_rcdata=True,
        resolve_entities=False,
        alphabetical_attributes=True,
    )
    walker = html5lib.getTreeWalker("etree")
    html: str = serializer.render(walker(element))
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", html) if xml else html
