"""Links to figures by number, also across chapters: filled in once all pages are laid out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from html import unescape
from typing import NamedTuple

from layerbook.core.language import gettext
from layerbook.site.prose.markup import escape_text

_LINK = re.compile(r'<a class="reference" data-figure="([^"]*)">[^<]*</a>')
_PHRASE = re.compile(r'<a class="point" data-figure="([^"]*)"')


class ShownFigure(NamedTuple):
    """A figure on a page: its name `chapter/id figure`, its id there, and its number."""

    name: str
    id: str
    number: str


class Place(NamedTuple):
    """The place of a figure: the page with its title, and the figure there."""

    page: str
    title: str
    figure: ShownFigure


class FilledPage(NamedTuple):
    """A page with links in place of its references, and the names of figures that no page shows."""

    html: str
    missing: Set[str]


def fill_figure_links(html: str, page: str, figures: Mapping[str, Sequence[Place]]) -> FilledPage:
    """Return a page with the numbers of the figures that it refers to, its own before others.

    A link to a figure that no page shows becomes text. Phrases that point to a part of a figure
    lead to it as well.
    """
    missing: set[str] = set()

    def place_of(name: str) -> Place | None:
        places = figures.get(name, ())
        if not places:
            missing.add(name)
            return None
        own_chapter = name.partition("/")[0]
        return min(
            places, key=lambda candidate: (candidate.page != page, candidate.page != own_chapter)
        )

    def fill(match: re.Match[str]) -> str:
        place = place_of(unescape(match[1]))
        return _link(place, page) if place else gettext("a figure")

    def fill_phrase(match: re.Match[str]) -> str:
        place = place_of(unescape(match[1]))
        return f'<a class="point" href="{_address(place, page)}"' if place else "<a"

    return FilledPage(_PHRASE.sub(fill_phrase, _LINK.sub(fill, html)), missing)


def _link(place: Place, page: str) -> str:
    """Return `Figure 5.3`, or of another page without a number `Figure 2 in TITLE`."""
    text = gettext("Figure {number}", number=place.figure.number)
    if place.page != page and "." not in place.figure.number:
        text = gettext("{place} in {page}", place=text, page=place.title)
    return f'<a class="reference" href="{_address(place, page)}">{escape_text(text)}</a>'


def _address(place: Place, page: str) -> str:
    href = "" if place.page == page else f"{place.page}.html"
    return escape_text(f"{href}#{place.figure.id}")
