"""The hidden working cache `.layerbook/` of a project: what this machine computed and drew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import StoreError

CACHE_FOLDER = ".layerbook"
LOCK_NAME = "lock"
GITIGNORE_NAME = ".gitignore"
COMPUTED_KIND = "computed"
MODULES_KIND = "modules"
# Notes on results that were computed here; only running the experiments again gives them back.
NOTE_KINDS = (COMPUTED_KIND, MODULES_KIND)
MAX_KEYS_PER_EXPERIMENT = 16  # enough to switch between branches


@dataclass(frozen=True)
class CleanReport:
    """What `clean` removed, as numbers of files by kind, and the number of notes that stay."""

    removed: Mapping[str, int]
    kept_notes: int


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
        return self.folder / COMPUTED_KIND / model / chapter / f"{id}.json"

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


def clean(root: Path, *, everything: bool = False) -> CleanReport:
    """Empty the working cache; results stay, and so do the notes on what was computed here.

    everything: remove the notes too.
    Raises StoreError while a build is running.
    """
    folder = root / CACHE_FOLDER
    removed: dict[str, int] = {}
    if not folder.exists():
        return CleanReport(removed, 0)
    with lock(root):
        for entry in sorted(folder.iterdir()):
            is_note = entry.name in NOTE_KINDS
            if entry.name in (LOCK_NAME, GITIGNORE_NAME) or (is_note and not everything):
                continue
            removed[entry.name] = _count_files(entry)
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    return CleanReport(removed, _count_files(folder / COMPUTED_KIND))


def _count_files(entry: Path) -> int:
    if entry.is_symlink() or not entry.is_dir():
        return int(entry.is_file())
    return sum(path.is_file() for path in entry.rglob("*"))


def _create(folder: Path) -> None:
    """Create the cache folder, excluded from version control."""
    if not (folder / GITIGNORE_NAME).exists():
        atomic.write(folder / GITIGNORE_NAME, b"*\n", durable=False)
