"""The page that lists the sources of a book and the places that cite them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from layerbook.book.bibliography import Bibliography
from layerbook.site.blocks import Link
from layerbook.site.pages import ReferencesPage, ReferenceView
from layerbook.site.prose.mentions import Mention, places_by_key


def references_page(bibliography: Bibliography, mentions: Iterable[Mention]) -> ReferencesPage:
    """List the sources by author, each with the sections that cite it, in reading order."""
    places = places_by_key(mentions, "citation")
    return ReferencesPage(
        tuple(
            _reference(bibliography, key, places.get(key, ())) for key in bibliography.sorted_keys()
        )
    )


def _reference(bibliography: Bibliography, key: str, places: tuple[Link, ...]) -> ReferenceView:
    source = bibliography.get(key)
    return ReferenceView(
        key=key,
        label=bibliography.label(key),
        authors="; ".join(source.authors),
        year=bibliography.year(key),
        title=source.title,
        venue=source.venue,
        url=source.url,
        display_url=re.sub(r"^https?://(www\.)?", "", source.url),
        used_for=source.used_for,
        places=places,
    )
