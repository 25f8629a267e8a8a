"""The unique ids of a page: of its template, figures, claims and headings."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from html import unescape
from itertools import chain, count

from jinja2 import Environment, TemplateNotFound

CHAPTER_DIAGRAM = "where"
"""The id of the drawing that shows the chapter's place in the model."""
PICTURE_SUFFIX = "-svg"
"""The suffix of a figure's id in the id of its picture."""
_SCRIPT_IDS = ("token-tip", "preview")
_EXTENDS_PACKAGE = re.compile(r"""{%-?\s*extends\s+["'](layerbook/[^"']+)["']""")
_LITERAL_ID = re.compile(r'\sid="([\w-]+)"')
_ID = re.compile(r'\sid="([^"]+)"')


class PageIds:
    """Assigns unique ids on one page; some are `used` from the start."""

    def __init__(self, used: Iterable[str] = ()) -> None:
        self._used = set(used)
        self._next_numbers: dict[str, Iterator[int]] = {}
        self._owned: dict[Hashable, str] = {}

    def add(self, id: str) -> str:
        """Return `id`, or the first of `id-2`, `id-3` and so on that is free, and take it."""
        start, *suffix = id.partition(PICTURE_SUFFIX)  # ids inside a picture start with its id
        # Numbers in use are not tried again, since a page can repeat one heading many times.
        numbers = self._next_numbers.setdefault(id, count(2))
        numbered = (f"{start}-{number}{''.join(suffix)}" for number in numbers)
        free = next(candidate for candidate in chain([id], numbered) if self._is_free(candidate))
        self._used.add(free)
        return free

    def of(self, owner: Hashable, id: str) -> str:
        """Return the id of `owner` on the page; the first call takes a free one, as `add` does."""
        if owner not in self._owned:
            self._owned[owner] = self.add(id)
        return self._owned[owner]

    def _is_free(self, id: str) -> bool:
        return self._used.isdisjoint((id, id.partition(PICTURE_SUFFIX)[0]))


def page_ids(page_templates: Environment, template: str) -> PageIds:
    """Return the ids of a page; the ids in its template and its scripts are taken."""
    sources = (_source(page_templates, name) for name in ("base.html", template))
    diagram = (f"{CHAPTER_DIAGRAM}{part}" for part in ("", "-title", "-desc"))
    return PageIds(chain(_SCRIPT_IDS, diagram, *map(_LITERAL_ID.findall, sources)))


def find_ids(page: str) -> frozenset[str]:
    """Return the ids in the HTML of a page."""
    return frozenset(map(unescape, _ID.findall(page)))


def _source(page_templates: Environment, name: str) -> str:
    """Return the source of a template, and of the package's that it extends."""
    loader = page_templates.loader
    try:
        source = loader.get_source(page_templates, name)[0] if loader else ""
    except TemplateNotFound:  # reported when the page is rendered
        return ""
    extended = _EXTENDS_PACKAGE.search(source)
    return source + _source(page_templates, extended[1]) if extended else source
