"""Rendered pages and their data, stored for the next build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from layerbook.site.mentions import Mention
from layerbook.site.prose.markup import Target
from layerbook.site.search import SearchRow
from layerbook.store.cache import WorkingCache
from layerbook.store.json_format import json_digest


@dataclass(frozen=True)
class RenderedPage:
    """One page, or several that are rendered together.

    files: the pages and the data they link to, by path in the site.
    css_rules: the rules of its formulas, by class.
    claim_ids: the HTML ids of the claims it shows.
    messages: one for each experiment that should have a result and has none.
    incomplete: some experiment has no result, for whatever reason.
    minutes: how long reading takes.
    targets: the places on it that references can lead to.
    refuted: the number of claims it lists that do not hold.
    links: the addresses of the links in its prose, captions and claims.
    """

    files: Mapping[str, bytes]
    rows: tuple[SearchRow, ...] = ()
    css_rules: Mapping[str, str] = field(default_factory=dict)
    claim_ids: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    messages: tuple[str, ...] = ()
    incomplete: bool = False
    minutes: int = 0
    targets: tuple[Target, ...] = ()
    refuted: int = 0
    links: tuple[str, ...] = ()

    def html(self, name: str) -> str:
        """Return the HTML of one of its pages."""
        return self.files[f"{name}.html"].decode()

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


_ADAPTER = TypeAdapter(RenderedPage)


class PageCache:
    """The pages of a book on one model, one entry for each name.

    A page is valid if its own inputs and the inputs of the whole site are unchanged.
    """

    def __init__(
        self, cache: WorkingCache, model: str, site_inputs: str, *, ignore_stored: bool = False
    ) -> None:
        self._cache, self._model, self._site_inputs = cache, model, site_inputs
        self._ignore_stored = ignore_stored
        self._unsaved: dict[str, bytes] = {}

    def load(self, name: str, own_inputs: str) -> RenderedPage | None:
        """Return the stored page, or None if there is none for these inputs."""
        data = None if self._ignore_stored else self._cache.get_blob("pages", self._entry(name))
        key, _, content = (data or b"").partition(b"\n")
        return _ADAPTER.validate_json(content) if key == self._key(own_inputs) else None

    def load_or_render(
        self, name: str, own_inputs: str, render: Callable[[], RenderedPage]
    ) -> RenderedPage:
        """Return the stored page of these inputs; otherwise render and add it."""
        page = self.load(name, own_inputs)
        if page is None:
            page = render()
            self.add(name, own_inputs, page)
        return page

    def add(self, name: str, own_inputs: str, page: RenderedPage) -> None:
        """Add a new page, to be stored by `save`."""
        self._unsaved[name] = self._key(own_inputs) + b"\n" + _ADAPTER.dump_json(page)

    def save(self) -> None:
        """Store the added pages in place of older ones with the same names."""
        for name, data in self._unsaved.items():
            self._cache.put_blob("pages", self._entry(name), data)

    def _entry(self, name: str) -> str:
        return f"{self._model}/{name}"

    def _key(self, own_inputs: str) -> bytes:
        return json_digest([self._site_inputs, own_inputs]).encode()
