"""References to figures, sections and formulas, filled in once all pages are laid out.

Prose writes `@fig-name` or calls `ref("id", "figure")`; rendering leaves a link without an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from html import unescape
from typing import NamedTuple

from layerbook.core.errors import did_you_mean
from layerbook.core.language import gettext
from layerbook.site.prose.markdown import Target
from layerbook.site.prose.markup import escape_text
from layerbook.site.prose.reference_checks import MAX_HINTS

_REFERENCE = re.compile(r'<a class="reference" data-reference="([^"]*)">[^<]*</a>')
_FIGURE = re.compile(r'<a class="reference" data-figure="([^"]*)">[^<]*</a>')
_PHRASE = re.compile(r'<a class="point" data-figure="([^"]*)"')
"""The start of a phrase that points to a part of a figure."""


class PageText(NamedTuple):
    """The HTML of a page, and the places on it that references can lead to."""

    page: str
    title: str
    html: str
    targets: tuple[Target, ...]


class FilledPage(NamedTuple):
    """A page with links in place of its references.

    unknown: the message for each `@` reference that leads nowhere, or to several pages.
    unshown: the figures, named `chapter/id figure`, that it refers to and that no page shows.
    """

    html: str
    unknown: Mapping[str, str]
    unshown: Set[str]


class _Place(NamedTuple):
    page: str
    title: str
    target: Target


Places = Mapping[str, Sequence[_Place]]


def fill_cross_references(pages: Sequence[PageText]) -> dict[str, FilledPage]:
    """Return all pages of a book by name; references that lead nowhere become text."""
    places = _places(pages)
    return {page.page: _fill(page, places) for page in pages}


def _places(pages: Iterable[PageText]) -> dict[str, list[_Place]]:
    """Return all places by what refers to them: `@fig-x`, `@fig-page/x` and `chapter/id figure`."""
    places: dict[str, list[_Place]] = {}
    for page in pages:
        for target in page.targets:
            names = [f"@{target.kind}-{target.name}", f"@{target.kind}-{page.page}/{target.name}"]
            for name in filter(None, [*names, target.figure]):
                places.setdefault(name, []).append(_Place(page.page, page.title, target))
    return places


def _fill(page: PageText, places: Places) -> FilledPage:
    unknown: dict[str, str] = {}
    unshown: set[str] = set()

    def fill_reference(match: re.Match[str]) -> str:
        written = unescape(match[1])
        matching = places.get(written, ())
        if len(matching) == 1:
            return _link(matching[0], page.page)
        if written not in unknown:
            names = places if len(unknown) < MAX_HINTS else ()
            unknown[written] = _message(written, matching, names)
        return escape_text(written)

    def find_figure(name: str) -> _Place | None:
        """Return a figure's place on this page or, if it has none, in the figure's own chapter."""
        if name not in places:
            unshown.add(name)
            return None
        chapter = name.partition("/")[0]
        return min(places[name], key=lambda p: (p.page != page.page, p.page != chapter))

    def fill_figure(match: re.Match[str]) -> str:
        place = find_figure(unescape(match[1]))
        return _link(place, page.page) if place else gettext("a figure")

    def fill_phrase(match: re.Match[str]) -> str:
        place = find_figure(unescape(match[1]))
        return f'<a class="point" href="{_address(place, page.page)}"' if place else "<a"

    html = _REFERENCE.sub(fill_reference, page.html)
    html = _PHRASE.sub(fill_phrase, _FIGURE.sub(fill_figure, html))
    return FilledPage(html, unknown, unshown)


def _message(written: str, matching: Sequence[_Place], names: Iterable[str]) -> str:
    if not matching:
        return f"nothing in this book is called {written}{did_you_mean(written, names)}"
    kind, _, name = written.partition("-")
    pages = " and ".join(place.page for place in matching)
    return f"{written} is on the pages {pages}; write {kind}-{matching[0].page}/{name}"


def _link(place: _Place, page: str) -> str:
    """Return a link, with the title of another page unless a number such as 5.3 says enough."""
    label = place.target.label
    if place.page != page and (place.target.kind != "fig" or "." not in label):
        title = escape_text(place.title)
        label = gettext("{place} in {page}", place=label, page=f"<i>{title}</i>")
    return f'<a class="reference" href="{_address(place, page)}">{label}</a>'


def _address(place: _Place, page: str) -> str:
    file = "" if place.page == page else f"{place.page}.html"
    return escape_text(f"{file}#{place.target.id}")
