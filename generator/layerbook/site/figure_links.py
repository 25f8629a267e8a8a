"""Links to figures by number, also across chapters: filled in once all pages are laid out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import NamedTuple

from layerbook.core.language import gettext
from layerbook.site.prose.markup import escape_text

_LINK = re.compile(r'<a class="reference" data-figure="([^"]*)">[^<]*</a>')


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


def fill_figure_links(
    html: str, page: str, figures: Mapping[str, Sequence[Place]], report: Callable[[str], None]
) -> str:
    """Return a page with the numbers of the figures that it refers to, its own before others.

    A link to a figure that no page shows is reported by the figure's name, and becomes text.
    """

    def fill(match: re.Match[str]) -> str:
        name = unescape(match[1])
        places = figures.get(name, ())
        if not places:
            report(name)
            return gettext("a figure")
        own_chapter = name.partition("/")[0]
        place = min(
            places, key=lambda candidate: (candidate.page != page, candidate.page != own_chapter)
        )
        return _link(place, page)

    return _LINK.sub(fill, html)


def _link(place: Place, page: str) -> str:
    """Return `Figure 5.3`, or of another page without a number `Figure 2 in TITLE`."""
    text = gettext("Figure {number}", number=place.figure.number)
    if place.page != page and "." not in place.figure.number:
        text = gettext("{place} in {page}", place=text, page=place.title)
    href = "" if place.page == page else f"{place.page}.html"
    address = f"{href}#{place.figure.id}"
    return f'<a class="reference" href="{escape_text(address)}">{escape_text(text)}</a>'
