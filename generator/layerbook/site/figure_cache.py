"""Figures as the page shows them: drawn once, then taken from the working cache until data or drawing changes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from layerbook.site.tokens_html import passage_html, strip_html, table_html
from layerbook.core.figures import (
    Bars,
    Diagram,
    Figure,
    Frames,
    Heatmap,
    Lines,
    MatrixChain,
    Panels,
    Passage,
    Scatter,
    Table,
    TokenStrip,
)
from layerbook.store.cache import WorkingCache
from layerbook.store.code_digest import source_digest
from layerbook.store.keys import library_versions
from layerbook.plotting.pool import DrawingJob, PendingDrawing, DrawingPool

_SCALAR_TYPES = frozenset({bool, float, int, str, type(None)})
_PLACEHOLDER = re.compile(r"<!--drawing ([0-9a-f]{64}) (\d+)-->")
DRAWING_LIBRARIES = ("matplotlib", "seaborn", "numpy", "pillow")
CSS_KINDS: dict[type, str] = {
    Bars: "bars",
    Diagram: "diagram",
    Frames: "frames",
    Heatmap: "heatmap",
    Lines: "lines",
    MatrixChain: "shapes",
    Panels: "panels",
    Passage: "passage",
    Scatter: "scatter",
    Table: "table",
    TokenStrip: "token-strip",
}
"""The names of figures in the style sheet."""


class FigureRenderer:
    """The figures of one rendering, from the cache of a project where they were drawn before.

    What was not is handed to the drawing pool, and the page gets a mark in its place, which `fill_placeholders` replaces.
    """

    def __init__(self, cache: WorkingCache, drawing_pool: DrawingPool) -> None:
        self._cache, self._drawing_pool = cache, drawing_pool
        self._code = source_digest("plotting", "core/figures", "core/tokens")
        self._code += json.dumps(library_versions(DRAWING_LIBRARIES))
        self._pending: dict[str, PendingDrawing] = {}
        self._drawn: dict[str, tuple[str, ...]] = {}

    def html(self, figure: Figure, id: str) -> str:
        """The markup of one figure: SVG for charts, HTML for what is made of words; not for a sequence (TypeError)."""
        if isinstance(figure, TokenStrip):
            return strip_html(figure)
        if isinstance(figure, Passage):
            return passage_html(figure)
        if isinstance(figure, Table):
            return table_html(figure, figure.title or "Table")
        if isinstance(figure, Frames):
            raise TypeError("a sequence has a picture for each frame")
        return self._placeholders(DrawingJob("picture", id, figure))[0]

    def frames(self, figure: Frames, id: str) -> tuple[str, ...]:
        """The pictures of a sequence, all on one scale."""
        return self._placeholders(DrawingJob("frames", id, figure), len(figure.frames))

    def diagram(
        self, figure: Diagram, id: str, compact: bool, links: Mapping[str, str] | None = None
    ) -> str:
        """The decoder, small for the head of a chapter, or with its parts as links."""
        return self._placeholders(
            DrawingJob("diagram", id, figure, compact, tuple(sorted((links or {}).items())))
        )[0]

    def _placeholders(self, job: DrawingJob, count: int = 1) -> tuple[str, ...]:
        """The marks that stand for the pictures of a job until `fill_placeholders`."""
        options = f"{job.kind}:{job.id}:{job.compact}:{job.links}"
        key = f"{self._code}:{options}:{figure_digest(job.figure)}"
        if key not in self._drawn and key not in self._pending:
            known = self._cache.get_blob("figures", key)
            if known is None:
                self._pending[key] = self._drawing_pool.submit(job)
            else:
                self._drawn[key] = tuple(json.loads(known))
        name = hashlib.sha256(key.encode()).hexdigest()
        return tuple(f"<!--drawing {name} {i}-->" for i in range(count))

    def fill_placeholders(self, page: str) -> str:
        """The page with every mark replaced by its picture, once all are drawn."""
        for key, pending in self._pending.items():
            self._drawn[key] = pending.result()
            self._cache.put_blob("figures", key, json.dumps(self._drawn[key]).encode())
        self._pending.clear()
        pictures = {
            hashlib.sha256(key.encode()).hexdigest(): drawn for key, drawn in self._drawn.items()
        }
        return _PLACEHOLDER.sub(lambda match: pictures[match[1]][int(match[2])], page)


def figure_digest(figure: Figure) -> str:
    """sha256 over all that a figure says: equal figures have equal digests in every process."""
    found = hashlib.sha256()
    for part in _digest_parts(figure):
        found.update(part)
    return found.hexdigest()


def _digest_parts(value: Any) -> Iterator[bytes]:
    """Each value with its type and its length before it, so that no two figures run together."""
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape} ".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif dataclasses.is_dataclass(value):
        yield f"{type(value).__name__} ".encode()
        for field in dataclasses.fields(value):
            yield from _digest_parts(getattr(value, field.name))
    elif isinstance(value, tuple | list) and _SCALAR_TYPES.issuperset(map(type, value)):
        text = repr(value).encode(
            "utf-8", "surrogatepass"
        )  # a long series is one part, not thousands
        yield f"plain {len(text)} ".encode() + text
    elif isinstance(value, tuple | list):
        yield f"tuple {len(value)} ".encode()
        for part in value:
            yield from _digest_parts(part)
    else:
        text = repr(value).encode("utf-8", "surrogatepass")
        yield f"{type(value).__name__} {len(text)} ".encode() + text
