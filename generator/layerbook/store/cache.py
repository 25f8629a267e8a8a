"""The hidden working cache `.layerbook/` of a project: what this machine has computed and drawn. Disposable."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from layerbook.core.errors import StoreError
from layerbook.store import atomic

CACHE_FOLDER = ".layerbook"
LOCK_NAME = "lock"
MAX_KEYS_PER_EXPERIMENT = 16  # keys per experiment: enough to go back and forth between branches


@dataclass(frozen=True)
class WorkingCache:
    """The working cache of the project at `root`. Whatever is unreadable in it counts as not there."""

    root: Path

    @property
    def folder(self) -> Path:
        """The hidden folder; it may not exist yet."""
        return self.root / CACHE_FOLDER

    def record_computed(
        self, model: str, chapter: str, id: str, key_digest: str, result_digest: str
    ) -> None:
        """This machine computed the experiment under that key, and agreed with the entry of that digest."""
        known = self._computed(model, chapter, id)
        known.pop(key_digest, None)
        latest = dict([*known.items(), (key_digest, result_digest)][-MAX_KEYS_PER_EXPERIMENT:])
        self._put(self._record(model, chapter, id), json.dumps(latest, indent=1).encode())

    def was_computed(
        self, model: str, chapter: str, id: str, key_digest: str, result_digest: str
    ) -> bool:
        """Whether `record_computed` was told exactly this."""
        return self._computed(model, chapter, id).get(key_digest) == result_digest

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """The bytes kept under a key; None where there are none, or damaged ones."""
        try:
            content = self._blob(kind, key).read_bytes()
        except OSError:
            return None
        digest, data = content[:32], content[32:]
        return data if _signature(kind, key, data) == digest else None

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Keep bytes under a key; where the disk refuses, as a book that may only be read, they are made anew."""
        with suppress(StoreError):
            self._put(self._blob(kind, key), _signature(kind, key, data) + data)

    def _computed(self, model: str, chapter: str, id: str) -> dict[str, str]:
        try:
            known = json.loads(self._record(model, chapter, id).read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _record(self, model: str, chapter: str, id: str) -> Path:
        return self.folder / "computed" / model / chapter / f"{id}.json"

    def _blob(self, kind: str, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / kind / name[:2] / name[2:]

    def _put(self, path: Path, data: bytes) -> None:
        _prepare(self.folder)
        atomic.write(path, data, durable=False)


def _signature(kind: str, key: str, data: bytes) -> bytes:
    """The digest that a blob begins with: of the bytes, and of whose they are."""
    return hashlib.sha256(f"{kind} {len(key)} {key} ".encode() + data).digest()


@contextmanager
def lock(root: Path) -> Iterator[None]:
    """Only one build at a time in a project; raises StoreError at once where another is running.

    The system frees the lock of a build that was killed. Not re-entrant.
    """
    from filelock import FileLock, Timeout

    folder = root / CACHE_FOLDER
    try:
        _prepare(folder)
        held = FileLock(folder / LOCK_NAME, timeout=0)
        held.acquire()
    except Timeout as error:
        raise StoreError(f"another build is running in {root}; wait for it, or stop it") from error
    except OSError as error:
        raise StoreError(f"{folder}: cannot be used ({error.strerror or error})") from error
    try:
        yield
    finally:
        held.release()


def clean(root: Path) -> None:
    """Empty the working cache; results stay. Raises StoreError while a build is running."""
    if not (root / CACHE_FOLDER).exists():
        return
    with lock(root):
        for entry in sorted((root / CACHE_FOLDER).iterdir()):
            if entry.name == LOCK_NAME:
                continue  # held
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _prepare(folder: Path) -> None:
    """Make the folder, and keep it out of version control wherever the project lies."""
    if not (folder / ".gitignore").exists():
        atomic.write(folder / ".gitignore", b"*\n", durable=False)
