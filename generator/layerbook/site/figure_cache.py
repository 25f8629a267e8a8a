"""Figures as markup, drawn once and cached until their data or the drawing code changes."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from layerbook.core import figures, language
from layerbook.core.errors import LayerbookError
from layerbook.plotting.pool import DrawingJob, DrawingPool
from layerbook.store.cache import WorkingCache
from layerbook.store.code_digest import packages_digest, source_digest
from layerbook.store.keys import library_versions

_PLACEHOLDER = re.compile(r"<!--drawing ([0-9a-f]{64}) ([0-9]{1,9})-->")
MAX_PICTURES = 50_000_000
"""The characters of all pictures of a page; a page with many has two million."""
DRAWING_LIBRARIES = ("matplotlib", "seaborn", "numpy", "pillow")


class FigureRenderer:
    """Renders figures as placeholders, which `fill_placeholders` replaces with their pictures.

    Pictures come from the cache; the drawing pool draws the missing ones.
    """

    def __init__(self, cache: WorkingCache, drawing_pool: DrawingPool) -> None:
        self._cache, self._drawing_pool = cache, drawing_pool
        self._code = source_digest("plotting", "core/figures", "core/tokens", "core/language")
        self._code += json.dumps(library_versions(DRAWING_LIBRARIES))
        self._pending: set[str] = set()
        self._drawn: dict[str, tuple[str, ...]] = {}

    def pictures(self, job: DrawingJob) -> tuple[str, ...]:
        """Return the placeholder of a drawing, or one for each frame of a sequence."""
        job = replace(job, language=language.current())
        key = hashlib.sha256(f"{self._code}{content_digest(job)}".encode()).hexdigest()
        if key not in self._drawn and key not in self._pending:
            cached = self._cache.get_blob("figures", key)
            if cached is None:
                self._pending.add(key)
                self._drawing_pool.submit(key, job)
            else:
                self._drawn[key] = tuple(json.loads(cached))
        count = len(job.figure.frames) if isinstance(job.figure, figures.Frames) else 1
        return tuple(f"<!--drawing {key} {i}-->" for i in range(count))

    def fill_placeholders(self, page: str) -> str:
        """Return the page with its pictures; waits until all are drawn.

        Raises LayerbookError if they are too large together.
        """
        for key, drawing in self._drawing_pool.results().items():
            self._drawn[key] = drawing
            self._cache.put_blob("figures", key, json.dumps(drawing).encode())
        self._pending.clear()

        def fill(match: re.Match[str]) -> str:
            pictures, number = self._drawn.get(match[1], ()), int(match[2])
            # A template of the book may contain a comment that only looks like a placeholder.
            return pictures[number] if number < len(pictures) else match[0]

        # It may also repeat a placeholder.
        if sum(len(fill(match)) for match in _PLACEHOLDER.finditer(page)) > MAX_PICTURES:
            megabytes = MAX_PICTURES // 1_000_000
            raise LayerbookError(f"the figures of a page are larger than {megabytes} MB together")
        return _PLACEHOLDER.sub(fill, page)


def content_digest(value: Any) -> str:
    """Return a digest of a figure or a drawing job, equal for equal values in every process."""
    return hashlib.sha256(json.dumps(value, default=_as_json).encode()).hexdigest()


def _as_json(value: Any) -> Any:
    """Encode arrays, records, and functions by their code, each with its type, for a digest."""
    if isinstance(value, np.ndarray):
        data = hashlib.sha256(np.ascontiguousarray(value).tobytes())
        return [value.dtype.str, value.shape, data.hexdigest()]
    if is_dataclass(value):
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        return {type(value).__name__: values}
    if isinstance(value, BaseModel):
        return {type(value).__name__: dict(value)}
    if inspect.isfunction(value):
        return [value.__name__, packages_digest([value.__module__])]
    return repr(value)
