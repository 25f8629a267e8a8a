"""Stand-ins with which chapters are rendered in memory: a cache that writes nothing, and no drawing."""

from __future__ import annotations

from dataclasses import dataclass, field

from layerbook.core.figures import Frames
from layerbook.plotting.pool import DrawingJob, DrawingPool, PendingDrawing
from layerbook.store.cache import WorkingCache

_UNSHARED_KINDS = frozenset({"figures", "leaves"})


@dataclass(frozen=True)
class MemoryCache(WorkingCache):
    """Reads what the book's cache knows of formulas, writes nowhere."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """From memory, else from the book's cache."""
        found = self.blobs.get((kind, key))
        return found if found is not None or kind in _UNSHARED_KINDS else super().get_blob(kind, key)

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Into memory."""
        self.blobs[kind, key] = data


class _BlankDrawing(PendingDrawing):
    def result(self) -> tuple[str, ...]:
        return ("",) * (len(self.job.figure.frames) if isinstance(self.job.figure, Frames) else 1)


class NullDrawingPool(DrawingPool):
    """Hands out nothing in place of pictures."""

    def submit(self, job: DrawingJob) -> PendingDrawing:
        """A job that is done at once."""
        return _BlankDrawing(job)
