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
from layerbook.site.page_cache import RenderedPage
from layerbook.site.prose.markup import Target, escape_text
from layerbook.site.prose.references import MAX_HINTS

_REFERENCE = re.compile(r'<a class="reference" data-reference="([^"]*)">[^<]*</a>')
_FIGURE = re.compile(r'<a class="reference" data-figure="([^"]*)">[^<]*</a>')
_PHRASE = re.compile(r'<a class="point" data-figure="([^"]*)"')
"""The start of a phrase that points to a part of a figure."""


class FilledPage(NamedTuple):
    """A page with links in place of its references.

    unknown: the message for each `@` reference that leads nowhere, or to several pages.
    unshown: the figures, named `chapter/id figure`, that it refers to and that no page shows.
    """

    html: str
    unknown: Mapping[str, str]
    unshown: Set[str]


class _PageTarget(NamedTuple):
    page: str
    title: str
    target: Target


Targets = Mapping[str, Sequence[_PageTarget]]


def fill_cross_references(
    pages: Mapping[str, RenderedPage], titles: Mapping[str, str]
) -> dict[str, FilledPage]:
    """Return all pages of a book by name; references that lead nowhere become text."""
    targets = _targets_by_name(pages, titles)
    return {name: _fill(name, page.html(name), targets) for name, page in pages.items()}


def _targets_by_name(
    pages: Mapping[str, RenderedPage], titles: Mapping[str, str]
) -> dict[str, list[_PageTarget]]:
    """Return all targets by what prose calls them.

    These names are `@fig-x`, `@fig-page/x` and, for figures, `chapter/id figure`.
    """
    targets: dict[str, list[_PageTarget]] = {}
    for page, rendered in pages.items():
        for target in rendered.targets:
            names = [f"@{target.kind}-{target.name}", f"@{target.kind}-{page}/{target.name}"]
            for name in filter(None, [*names, target.figure]):
                targets.setdefault(name, []).append(_PageTarget(page, titles[page], target))
    return targets


def _fill(page: str, html: str, targets: Targets) -> FilledPage:
    unknown: dict[str, str] = {}
    unshown: set[str] = set()

    def fill_reference(match: re.Match[str]) -> str:
        written = unescape(match[1])
        matching = targets.get(written, ())
        if len(matching) == 1:
            return _link(matching[0], page)
        if written not in unknown:
            names = targets if len(unknown) < MAX_HINTS else ()
            unknown[written] = _message(written, matching, names)
        return escape_text(written)

    def find_figure(name: str) -> _PageTarget | None:
        """Return a figure on this page or, if this page does not show it, in its own chapter."""
        if name not in targets:
            unshown.add(name)
            return None
        chapter = name.partition("/")[0]
        return min(targets[name], key=lambda p: (p.page != page, p.page != chapter))

    def fill_figure(match: re.Match[str]) -> str:
        linked = find_figure(unescape(match[1]))
        return _link(linked, page) if linked else gettext("a figure")

    def fill_phrase(match: re.Match[str]) -> str:
        linked = find_figure(unescape(match[1]))
        return f'<a class="point" href="{_address(linked, page)}"' if linked else "<a"

    html = _REFERENCE.sub(fill_reference, html)
    html = _PHRASE.sub(fill_phrase, _FIGURE.sub(fill_figure, html))
    return FilledPage(html, unknown, unshown)


def _message(written: str, matching: Sequence[_PageTarget], names: Iterable[str]) -> str:
    if not matching:
        return f"nothing in this book is called {written}{did_you_mean(written, names)}"
    kind, _, name = written.partition("-")
    pages = " and ".join(target.page for target in matching)
    return f"{written} is on the pages {pages}; write {kind}-{matching[0].page}/{name}"


def _link(linked: _PageTarget, page: str) -> str:
    """Return a link, with the title of another page unless a number such as 5.3 says enough."""
    label = linked.target.label
    if linked.page != page and (linked.target.kind != "fig" or "." not in label):
        title = escape_text(linked.title)
        label = gettext("{place} in {page}", place=label, page=f"<i>{title}</i>")
    return f'<a class="reference" href="{_address(linked, page)}">{label}</a>'


def _address(linked: _PageTarget, page: str) -> str:
    file = "" if linked.page == page else f"{linked.page}.html"
    return escape_text(f"{file}#{linked.target.id}")
