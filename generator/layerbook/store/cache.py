"""The hidden working cache `.layerbook/` of a project: what this machine computed and drew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import StoreError

CACHE_FOLDER = ".layerbook"
LOCK_NAME = "lock"
MAX_KEYS_PER_EXPERIMENT = 16  # enough to switch between branches


@dataclass(frozen=True)
class WorkingCache:
    """The working cache of the project at `root`. Unreadable entries count as missing."""

    root: Path

    @property
    def folder(self) -> Path:
        """The hidden folder; it may not exist yet."""
        return self.root / CACHE_FOLDER

    def record_computed(
        self, model: str, chapter: str, id: str, key_digest: str, result_digest: str
    ) -> None:
        """Record that this machine computed the result of that digest under a key."""
        results = self._read_computed(model, chapter, id)
        results.pop(key_digest, None)
        latest = dict([*results.items(), (key_digest, result_digest)][-MAX_KEYS_PER_EXPERIMENT:])
        self._write(self._computed_path(model, chapter, id), json.dumps(latest, indent=1).encode())

    def was_computed(
        self, model: str, chapter: str, id: str, key_digest: str, result_digest: str
    ) -> bool:
        """Return whether `record_computed` recorded exactly this."""
        return self._read_computed(model, chapter, id).get(key_digest) == result_digest

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """Return the bytes stored under a key; None if they are missing or damaged."""
        try:
            content = self._blob_path(kind, key).read_bytes()
        except OSError:
            return None
        digest, data = content[:32], content[32:]
        return data if _blob_digest(kind, key, data) == digest else None

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Store bytes under a key, unless the disk refuses, as in a read-only book."""
        with suppress(StoreError):
            self._write(self._blob_path(kind, key), _blob_digest(kind, key, data) + data)

    def _read_computed(self, model: str, chapter: str, id: str) -> dict[str, str]:
        try:
            results = json.loads(self._computed_path(model, chapter, id).read_bytes())
        except (OSError, ValueError):
            return {}
        return results if isinstance(results, dict) else {}

    def _computed_path(self, model: str, chapter: str, id: str) -> Path:
        return self.folder / "computed" / model / chapter / f"{id}.json"

    def _blob_path(self, kind: str, key: str) -> Path:
        name = hashlib.sha256(_encode_key(key)).hexdigest()
        return self.folder / kind / name[:2] / name[2:]

    def _write(self, path: Path, data: bytes) -> None:
        _create(self.folder)
        atomic.write(path, data, durable=False)


def _blob_digest(kind: str, key: str, data: bytes) -> bytes:
    """Return the digest that a blob begins with: of its kind, key and bytes."""
    return hashlib.sha256(_encode_key(f"{kind} {len(key)} {key} ") + data).digest()


def _encode_key(key: str) -> bytes:
    """Encode a key; in one that is a path, Python writes bytes that are not UTF-8 as surrogates."""
    return key.encode("utf-8", "surrogateescape")


@contextmanager
def lock(root: Path, *, read_only: bool = False) -> Iterator[None]:
    """Lock a project for one build; the system frees the lock of a killed one.

    read_only: the build changes nothing in the project, so that it can do without a lock where the
        disk refuses one.
    Raises StoreError if another build is running. Not re-entrant.
    """
    from filelock import FileLock, Timeout

    folder = root / CACHE_FOLDER
    file_lock = FileLock(folder / LOCK_NAME, timeout=0)
    try:
        _create(folder)
        file_lock.acquire()
    except Timeout as error:
        raise StoreError(f"another build is running in {root}; wait for it, or stop it") from error
    except StoreError:
        if not read_only:
            raise
    except OSError as error:
        if not read_only:
            message = f"{folder}: cannot be used ({error.strerror or error})"
            raise StoreError(message) from error
    try:
        yield
    finally:
        file_lock.release()


def clean(root: Path) -> None:
    """Empty the working cache; results stay. Raises StoreError while a build is running."""
    if not (root / CACHE_FOLDER).exists():
        return
    with lock(root):
        for entry in sorted((root / CACHE_FOLDER).iterdir()):
            if entry.name == LOCK_NAME:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _create(folder: Path) -> None:
    """Create the cache folder, excluded from version control."""
    if not (folder / ".gitignore").exists():
        atomic.write(folder / ".gitignore", b"*\n", durable=False)
