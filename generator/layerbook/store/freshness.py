"""How an entry on disk stands to the sources, told from its head alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layerbook.core.errors import StoreError
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.keys import Key

State = Literal["fresh", "stale", "missing", "unreadable", "uncomputed"]


@dataclass(frozen=True)
class Freshness:
    """How one entry stands.

    fresh: current, and computed on this machine. uncomputed: current, but made elsewhere, or with the libraries in
    `changed`. stale: what `changed` names is no longer what it was made from. missing: there is no entry.
    unreadable: `reason` says why.
    """

    state: State
    changed: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        detail = "; ".join(self.changed) or self.reason
        return f"{self.state} ({detail})" if detail else self.state

    @property
    def usable(self) -> bool:
        """Whether a book built without the model may show the entry as current."""
        return self.state in ("fresh", "uncomputed")


def check_freshness(path: Path, key: Key, cache: WorkingCache) -> Freshness:
    """How the entry at `path` stands to `key`, the key its experiment has now. Nothing is computed."""
    try:
        header = results.read_header(path)
    except results.ResultFileError as error:
        return (
            Freshness("missing")
            if error.reason == "missing"
            else Freshness("unreadable", reason=error.what)
        )
    except StoreError as error:
        return Freshness("unreadable", reason=str(error))
    changed = header.key.changed(key)
    if not header.key.same_sources(key):
        return Freshness("stale", changed)
    if cache.was_computed(header.model, header.chapter, header.id, key.digest, header.digest):
        return Freshness("fresh")
    return Freshness("uncomputed", changed)
