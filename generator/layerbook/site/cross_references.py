"""References such as `@fig-name` to places on other pages: set once all pages are laid out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import unescape
from typing import NamedTuple

from layerbook.core.errors import did_you_mean
from layerbook.core.language import gettext
from layerbook.site.prose.markdown import Target
from layerbook.site.prose.markup import escape_text
from layerbook.site.prose.reference_checks import MAX_HINTS

_LINK = re.compile(r'<a class="reference" data-reference="([^"]*)">[^<]*</a>')


class PageTargets(NamedTuple):
    """The places that references can lead to on one page."""

    page: str
    title: str
    targets: tuple[Target, ...]


class Place(NamedTuple):
    """One of these places."""

    page: str
    title: str
    target: Target


def collect_places(pages: Iterable[PageTargets]) -> dict[str, list[Place]]:
    """Return all places by the references that lead to them: `@fig-x` and `@fig-page/x`."""
    places: dict[str, list[Place]] = {}
    for page, title, targets in pages:
        for target in targets:
            place = Place(page, title, target)
            places.setdefault(f"@{target.kind}-{target.name}", []).append(place)
            places.setdefault(f"@{target.kind}-{page}/{target.name}", []).append(place)
    return places


def fill_cross_references(
    html: str,
    page: str,
    places: Mapping[str, Sequence[Place]],
    report: Callable[[str, str], object],
) -> str:
    """Return a page with links in place of its references to other pages.

    One that leads nowhere, or to several pages, is reported with what is wrong, and becomes text.
    """

    unknown: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        written = unescape(match[1])
        matching = places.get(written, ())
        if len(matching) == 1:
            return _link(matching[0], page)
        if not matching:
            unknown.add(written)
        report(written, _message(written, matching, places if len(unknown) <= MAX_HINTS else ()))
        return escape_text(written)

    return _LINK.sub(fill, html)


def _message(written: str, matching: Sequence[Place], names: Iterable[str]) -> str:
    if not matching:
        return f"nothing in this book is called {written}{did_you_mean(written, names)}"
    kind, _, name = written.partition("-")
    pages = " and ".join(place.page for place in matching)
    return f"{written} is on the pages {pages}; write {kind}-{matching[0].page}/{name}"


def _link(place: Place, page: str) -> str:
    """Return the label of a place, with the page's title if it does not say where it is."""
    target = place.target
    label, address = target.label, f"#{target.id}"
    if place.page != page:
        address = f"{place.page}.html{address}"
        if target.kind != "fig" or "." not in label:
            title = escape_text(place.title)
            label = gettext("{place} in {page}", place=label, page=f"<i>{title}</i>")
    return f'<a class="reference" href="{escape_text(address)}">{label}</a>'
