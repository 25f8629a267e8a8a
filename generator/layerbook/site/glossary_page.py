"""The page that explains the terms of a book and lists the places that use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from layerbook.book.glossary import Entry, Glossary
from layerbook.site.blocks import Link
from layerbook.site.pages import GlossaryPage, TermView
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.mentions import Mention, places_by_key
from layerbook.site.prose.render import render_definition


def glossary_page(
    glossary: Glossary,
    mentions: Iterable[Mention],
    chapters: Mapping[str, Link],
    math: MathRenderer,
) -> GlossaryPage:
    """List the terms by name, each with the sections that use it. Raises SpecError.

    chapters: the links that `see` names.
    """
    places = places_by_key(mentions, "term")

    def view(entry: Entry) -> TermView:
        term = entry.term
        definition = render_definition(term.text, glossary.file, entry.text_place.line, math)
        see = tuple(chapters[name] for name in term.see if name in chapters)
        return TermView(term.id, term.name, definition, see, places.get(term.id, ()))

    return GlossaryPage(tuple(map(view, glossary.sorted_entries())))
