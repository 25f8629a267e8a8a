"""Figures as the page shows them: drawn once, then taken from the working cache until data or drawing changes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from generator.book.tokens_html import passage_html, strip_html, table_html
from generator.figure import Diagram, Figure, Frames, Passage, Table, TokenStrip
from generator.store.cache import Cache
from generator.store.keys import library_versions, source_digest

LIBRARIES = ("matplotlib", "seaborn", "numpy", "pillow")
KINDS = {
    "TokenStrip": "token-strip",
    "Passage": "passage",
    "Table": "table",
    "Heatmap": "heatmap",
    "Lines": "lines",
    "Bars": "bars",
    "Scatter": "scatter",
    "Panels": "panels",
    "Diagram": "diagram",
    "Shapes": "shapes",
    "Frames": "frames",
}


def kind(figure: Figure) -> str:
    """The name of what is drawn, as the stylesheet knows it."""
    return KINDS[type(figure).__name__]


class Drawings:
    """Draws figures through the cache of a project. matplotlib is imported only for what was never drawn."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._code = source_digest("figures", "figure", "labels", "tokens") + json.dumps(library_versions(LIBRARIES))

    def html(self, figure: Figure, id: str) -> str:
        """The markup of one figure: SVG for charts, HTML for what is made of words."""
        if isinstance(figure, TokenStrip):
            return strip_html(figure)
        if isinstance(figure, Passage):
            return passage_html(figure)
        if isinstance(figure, Table):
            return table_html(figure, figure.title or "Table")
        return self._kept("picture", id, figure, ())[0]

    def frames(self, figure: Frames, id: str) -> tuple[str, ...]:
        """The pictures of a sequence, all on one scale."""
        return self._kept("frames", id, figure, ())

    def diagram(self, figure: Diagram, id: str, compact: bool, links: Mapping[str, str] | None = None) -> str:
        """The decoder, small for the head of a chapter, or with its parts as links."""
        return self._kept("diagram", id, figure, (compact, tuple(sorted((links or {}).items()))))[0]

    def _kept(self, how: str, id: str, figure: Any, options: tuple[Any, ...]) -> tuple[str, ...]:
        key = f"{self._code}:{how}:{id}:{options}:{digest(figure)}"
        if (known := self._cache.get_blob("figures", key)) is not None:
            return tuple(json.loads(known))
        from generator.figures import draw

        if how == "frames":
            drawn = draw.frames(figure, id)
        elif how == "diagram":
            drawn = (draw.diagram(figure, id, compact=options[0], links=dict(options[1])),)
        else:
            drawn = (draw.picture(figure, id),)
        self._cache.put_blob("figures", key, json.dumps(drawn).encode())
        return drawn


def digest(figure: Figure) -> str:
    """sha256 over all that a figure says: equal figures have equal digests in every process."""
    found = hashlib.sha256()
    for part in _parts(figure):
        found.update(part)
    return found.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """Each value with its type and its length before it, so that no two figures run together."""
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape} ".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif dataclasses.is_dataclass(value):
        yield f"{type(value).__name__} ".encode()
        for field in dataclasses.fields(value):
            yield from _parts(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        yield f"tuple {len(value)} ".encode()
        for part in value:
            yield from _parts(part)
    else:
        text = repr(value).encode("utf-8", "surrogatepass")
        yield f"{type(value).__name__} {len(text)} ".encode() + text
