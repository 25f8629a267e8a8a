"""References such as `@fig-name` to places on other pages, filled in at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import NamedTuple

from layerbook.core.errors import did_you_mean
from layerbook.core.language import gettext
from layerbook.site.prose.markdown import Target
from layerbook.site.prose.markup import escape_text
from layerbook.site.prose.reference_checks import MAX_HINTS

_LINK = re.compile(r'<a class="reference" data-reference="([^"]*)">[^<]*</a>')


class PageText(NamedTuple):
    """The HTML of a page, and the places on it that references can lead to."""

    page: str
    title: str
    html: str
    targets: tuple[Target, ...]


class FilledPage(NamedTuple):
    """A page with links in place of its references.

    unknown: the message for each reference that leads nowhere, or to several pages.
    """

    html: str
    unknown: Mapping[str, str]


class _Place(NamedTuple):
    page: str
    title: str
    target: Target


def fill_cross_references(pages: Sequence[PageText]) -> dict[str, FilledPage]:
    """Return all pages of a book by name; unknown references become text."""
    places = _places(pages)
    return {page.page: _fill(page, places) for page in pages}


def _places(pages: Iterable[PageText]) -> dict[str, list[_Place]]:
    """Return all places by the references that lead to them: `@fig-x` and `@fig-page/x`."""
    places: dict[str, list[_Place]] = {}
    for page in pages:
        for target in page.targets:
            place = _Place(page.page, page.title, target)
            places.setdefault(f"@{target.kind}-{target.name}", []).append(place)
            places.setdefault(f"@{target.kind}-{page.page}/{target.name}", []).append(place)
    return places


def _fill(page: PageText, places: Mapping[str, Sequence[_Place]]) -> FilledPage:
    unknown: dict[str, str] = {}

    def fill(match: re.Match[str]) -> str:
        written = unescape(match[1])
        matching = places.get(written, ())
        if len(matching) == 1:
            return _link(matching[0], page.page)
        if written not in unknown:
            names = places if len(unknown) < MAX_HINTS else ()
            unknown[written] = _message(written, matching, names)
        return escape_text(written)

    return FilledPage(_LINK.sub(fill, page.html), unknown)


def _message(written: str, matching: Sequence[_Place], names: Iterable[str]) -> str:
    if not matching:
        return f"nothing in this book is called {written}{did_you_mean(written, names)}"
    kind, _, name = written.partition("-")
    pages = " and ".join(place.page for place in matching)
    return f"{written} is on the pages {pages}; write {kind}-{matching[0].page}/{name}"


def _link(place: _Place, page: str) -> str:
    """Return a link; for a place on another page, with the title of the page."""
    target = place.target
    label, address = target.label, f"#{target.id}"
    if place.page != page:
        address = f"{place.page}.html{address}"
        if target.kind != "fig" or "." not in label:
            title = escape_text(place.title)
            label = gettext("{place} in {page}", place=label, page=f"<i>{title}</i>")
    return f'<a class="reference" href="{escape_text(address)}">{label}</a>'
