"""Functions that link to sources, terms and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from layerbook.book.bibliography import REFERENCES_FILE, Bibliography
from layerbook.book.glossary import GLOSSARY_FILE, Glossary
from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.figures import Label
from layerbook.plotting.parts import Part, find_part
from layerbook.site.prose.functions.context import ChapterContext, FunctionGroup, prose_function
from layerbook.site.prose.markup import Anchor, Inline, escape_text
from layerbook.site.tokens_html import as_token

_PART_KEYS = ("row", "column", "panel")


class LinkFunctions(FunctionGroup):
    """Link to sources, terms and figures, and record the links."""

    def __init__(self, context: ChapterContext) -> None:
        super().__init__(context)
        self._citations: Counter[str] = Counter()
        self._term_uses: Counter[str] = Counter()

    @prose_function(steps=20)
    def cite(self, key: str, show: str = "label") -> Inline:
        """`cite("key")`: a link to a source, with an anchor that the list of sources links to."""
        sources = require_bibliography(self._context.bibliography)
        source, label = sources.get(key), sources.label(key)
        texts = {
            "label": label,
            "authors": source.short_authors,
            "year": sources.year(key),
            "title": source.title,
        }
        if show not in texts:
            hint = did_you_mean(show, texts)
            raise UsageError(f"cite() cannot show {show!r}{hint}; available: {', '.join(texts)}")
        tooltip = label if show == "title" else source.title
        self._citations[key] += 1
        id = self._context.ids.add(f"cite-{key}-{self._citations[key]}")
        preview = self._preview_id(f"source-{key}")
        html = (
            f'<a class="cite" id="{id}" href="references.html#{key}" '
            f'title="{escape_text(tooltip)}" data-preview="{preview}">'
            f"{escape_text(texts[show])}</a>"
        )
        return Inline(html, texts[show], (Anchor("citation", id, key),))

    @prose_function(steps=20)
    def term(self, name: str, show: str = "") -> Inline:
        """`term("logits", "words to show")`: a link to a term, which shows its entry on hover."""
        term = require_glossary(self._context.glossary).get(name).term
        id, text = term.id, show or term.name
        self._term_uses[id] += 1
        anchor = self._context.ids.add(f"term-{id}-{self._term_uses[id]}")
        preview = self._preview_id(id)
        html = (
            f'<a class="term" id="{anchor}" href="glossary.html#{id}" '
            f'data-preview="{preview}">{escape_text(text)}</a>'
        )
        return Inline(html, text, (Anchor("term", anchor, id),))

    @prose_function(steps=20)
    def ref(self, id: str, name: str | None = None) -> Inline:
        """`ref("id", "figure")`: a link such as *Figure 5.3*, also to figures of other chapters."""
        figure = escape_text(self._context.views.figure_name(id, name))
        return Inline(f'<a class="reference" data-figure="{figure}">Figure</a>', "Figure")

    @prose_function(steps=20)
    def point(self, id: str, name: str, part: object, show: object = "") -> Inline:
        """`point("id", "figure", "part", "words")`: words that light up a part of a figure.

        The part is a line, bar, point, box or panel by its name, or a row of a heat map.
        `{"row": "a", "column": "b"}` is a cell, and `{"column": "b"}` a whole column; `"panel"` is
        the title of one heat map among several. Tokens and numbers can stand for names.
        """
        if isinstance(part, Mapping) and not show:
            raise UsageError('point(): a cell or column needs words: point(..., {...}, "words")')
        views, words = self._context.views, show or part
        shown = words if isinstance(words, Inline) else Inline(escape_text(str(words)), str(words))
        place = _part_place(part)
        figure = views.figure_data(id, name)
        if figure is None:
            return shown
        attributes = _part_attributes(find_part(figure, *place))
        full_name = escape_text(views.figure_name(id, name))
        html = f'<a class="point" data-figure="{full_name}"{attributes}>{shown.html}</a>'
        return Inline(html, shown.text, shown.anchors)

    @property
    def terms(self) -> dict[str, str]:
        """The terms used so far, in order, and the ids of what their links show."""
        return {term: self._preview_id(term) for term in self._term_uses}

    @property
    def sources(self) -> dict[str, str]:
        """The sources cited so far, in order, and the ids of what their links show."""
        return {key: self._preview_id(f"source-{key}") for key in self._citations}

    def _preview_id(self, key: str) -> str:
        return self._context.ids.of(("preview", key), f"about-{key}")


def require_bibliography(sources: Bibliography | None) -> Bibliography:
    """Return the sources of a book. Raises UsageError if it has none."""
    if sources is None:
        raise UsageError(f"this book has no templates/{REFERENCES_FILE} to look sources up in")
    return sources


def require_glossary(terms: Glossary | None) -> Glossary:
    """Return the terms of a book. Raises UsageError if it has none."""
    if terms is None:
        raise UsageError(f"this book has no templates/{GLOSSARY_FILE} to look terms up in")
    return terms


def _part_place(part: object) -> tuple[Label | None, Label | None, str]:
    """Return the row, the column and the panel of a part; its own name counts as a row.

    Raises UsageError.
    """
    if not isinstance(part, Mapping):
        return _part_label(part), None, ""
    for key in part:
        if key not in _PART_KEYS:
            hint = did_you_mean(str(key), _PART_KEYS)
            raise UsageError(f"point(): a part has no {key!r}{hint}")
    return _part_label(part.get("row")), _part_label(part.get("column")), str(part.get("panel", ""))


def _part_label(value: object) -> Label | None:
    """Return the label that a name, a number or a token is. Raises UsageError for others."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Inline):
        return str(value)
    try:
        return as_token(value)
    except TypeError as error:
        message = f"point() needs the name of a part, a number or a token: {error}"
        raise UsageError(message) from error


def _part_attributes(part: Part) -> str:
    """Return what `point.js` reads: the name of a part, or the places of a cell and its grids."""
    if part.name:
        return f' data-part="{escape_text(part.name)}"'
    place = ["" if index is None else str(index) for index in (part.row, part.column)]
    grids = "" if part.grids is None else f' data-grids="{" ".join(map(str, part.grids))}"'
    return f' data-cell="{",".join(place)}"{grids}'
