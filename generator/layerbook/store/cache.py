"""The hidden working cache `.layerbook/` of a project: what this machine computed and drew.

Entries are authenticated with a secret of the user: those in a cache that came with a book, from
somebody else, count as missing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.core.paths import read_file, resolve_within, scan
from layerbook.model import user_cache

CACHE_FOLDER = ".layerbook"
LOCK_NAME = "lock"
GITIGNORE_NAME = ".gitignore"
# Notes on results that were computed here. If they are lost, the experiments must run again.
COMPUTED_KIND = "computed"
SECRET_BYTES = 32
MAX_KEYS_PER_EXPERIMENT = 16  # enough to switch between branches


@dataclass(frozen=True)
class CleanReport:
    """The number of files that `clean` removed, by kind, and the number of notes that it kept."""

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

    def record_computed(self, name: str, key_digest: str, result_digest: str) -> None:
        """Record that this machine computed the result of that digest under a key.

        name: of the result, `model/chapter/id`.
        """
        results = self._read_computed(name)
        results.pop(key_digest, None)
        latest = dict([*results.items(), (key_digest, result_digest)][-MAX_KEYS_PER_EXPERIMENT:])
        self._write(COMPUTED_KIND, name, json.dumps(latest).encode())

    def was_computed(self, name: str, key_digest: str, result_digest: str) -> bool:
        """Return whether `record_computed` recorded exactly this."""
        return self._read_computed(name).get(key_digest) == result_digest

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """Return the bytes stored under a key; None if they are missing, damaged or foreign."""
        secret = user_secret()
        try:
            path = resolve_within(self.root, self._blob_path(kind, key), links=False)
            content = read_file(path)
        except (OSError, StoreError):
            return None
        digest, data = content[:32], content[32:]
        if secret is None or not hmac.compare_digest(_blob_digest(secret, kind, key, data), digest):
            return None
        return data

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Store bytes under a key, unless the disk refuses, as in a read-only book."""
        with suppress(StoreError):
            self._write(kind, key, data)

    def keep_newest(self, kind: str, count: int) -> None:
        """Remove all blobs of a kind but the newest `count`, as far as the disk lets it."""
        with suppress(StoreError, OSError):
            folder = resolve_within(self.root, self.folder / kind, links=False)
            files = [entry for entry in scan(folder) if entry.is_file(follow_symlinks=False)]
            files.sort(key=lambda file: -file.stat(follow_symlinks=False).st_mtime_ns)
            for file in files[count:]:
                Path(file.path).unlink(missing_ok=True)

    def _read_computed(self, name: str) -> dict[str, str]:
        results = json.loads(self.get_blob(COMPUTED_KIND, name) or b"{}")
        return results if isinstance(results, dict) else {}

    def _blob_path(self, kind: str, key: str) -> Path:
        """Return the path of a blob in the project."""
        name = hashlib.sha256(_encode_key(key)).hexdigest()
        return self.root / CACHE_FOLDER / kind / name[:2] / name[2:]

    def _write(self, kind: str, key: str, data: bytes) -> None:
        """Write a blob; none without a secret. Raises StoreError if the disk refuses."""
        secret, path = user_secret(), self._blob_path(kind, key)
        if secret is not None:
            resolve_within(self.root, path, links=False)
            _create(self.root)
            content = _blob_digest(secret, kind, key, data) + data
            atomic.write(path, content, durable=False)


def user_secret() -> bytes | None:
    """Return the user's secret, created when first needed; None if the user's cache refuses it."""
    return _load_or_create(user_cache.root() / "secret")


@cache
def _load_or_create(path: Path) -> bytes | None:
    if (secret := _load_secret(path)) is None:
        try:
            atomic.write(path, secrets.token_bytes(SECRET_BYTES), mode=0o600)
        except StoreError:
            return None
        secret = _load_secret(path)  # another process may have replaced it meanwhile
    return secret


def _load_secret(path: Path) -> bytes | None:
    with suppress(OSError):
        secret = path.read_bytes()
        return secret if len(secret) == SECRET_BYTES else None
    return None


def _blob_digest(secret: bytes, kind: str, key: str, data: bytes) -> bytes:
    """Return the authenticated digest of a blob's kind, key and bytes."""
    encoded_key = _encode_key(f"{kind} {len(key)} {key} ")
    return hmac.digest(secret, encoded_key + data, "sha256")


def _encode_key(key: str) -> bytes:
    """Encode a key. It may be a path, in which surrogates stand for bytes that are not UTF-8."""
    return key.encode("utf-8", "surrogateescape")


@contextmanager
def lock(root: Path, *, read_only: bool = False) -> Iterator[None]:
    """Lock a project for one build; the system frees the lock of a killed one.

    read_only: the build changes no sources or results, so it goes on where the disk refuses a lock.
    Raises StoreError if another build is running. Not re-entrant.
    """
    from filelock import FileLock, Timeout

    folder = root / CACHE_FOLDER
    file_lock = FileLock(folder / LOCK_NAME, timeout=0)
    try:
        resolve_within(root, folder / LOCK_NAME, links=False)
        _create(root)
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
    with lock(root):  # rejects a cache that is a link
        for entry in sorted(folder.iterdir()):
            is_note = entry.name == COMPUTED_KIND
            if entry.name in (LOCK_NAME, GITIGNORE_NAME) or (is_note and not everything):
                continue
            if entry.is_dir() and not entry.is_symlink():
                removed[entry.name] = _remove_folder(entry)
            else:
                removed[entry.name] = int(entry.is_file())
                entry.unlink()
    return CleanReport(removed, _count_notes(folder / COMPUTED_KIND))


def _remove_folder(folder: Path) -> int:
    """Remove a folder with all that is in it; return the number of files.

    `shutil.rmtree` fails on a thousand nested folders, so each folder is first moved to the top.
    """
    count = 0
    pending = [folder]
    while pending:
        for path in list(pending.pop().iterdir()):
            if path.is_dir() and not path.is_symlink():
                pending.append(path.rename(folder / secrets.token_hex(16)))
            else:
                path.unlink()
                count += 1
    for path in folder.iterdir():
        path.rmdir()
    folder.rmdir()
    return count


def _count_notes(folder: Path) -> int:
    is_ours = folder.is_dir() and not folder.is_symlink()
    return sum(path.is_file() for path in folder.glob("*/*")) if is_ours else 0


def _create(root: Path) -> None:
    """Create the cache folder, excluded from version control. Raises StoreError."""
    path = root / CACHE_FOLDER / GITIGNORE_NAME
    if not path.exists():
        resolve_within(root, path, links=False)
        atomic.write(path, b"*\n", durable=False)
