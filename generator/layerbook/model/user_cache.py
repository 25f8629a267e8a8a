"""The user's cache: models, digests of big files, and manifests of directories."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from layerbook.core import atomic
from layerbook.core.errors import StoreError, UsageError

MANIFEST = "manifest.json"
_rehashed: ContextVar[dict[str, Any] | None] = ContextVar("rehashed", default=None)


def root() -> Path:
    """Return the cache folder: `LAYERBOOK_CACHE` or the platform's; it may not exist yet.

    Raises UsageError for a relative path, which in a stranger's book would lead into that book, and
    if the user has no home.
    """
    if configured := os.environ.get("LAYERBOOK_CACHE"):
        return require_absolute(expand_home(configured), "LAYERBOOK_CACHE")
    from platformdirs import user_cache_path

    try:
        return user_cache_path("layerbook", appauthor=False)
    except RuntimeError as error:
        raise UsageError(
            "this user has no home folder for the cache; set LAYERBOOK_CACHE to a folder"
        ) from error


def require_absolute(path: Path, setting: str) -> Path:
    """Return the path. Raises UsageError if it is relative."""
    if not path.is_absolute():
        raise UsageError(f"{setting} is {str(path)!r}, but should be an absolute path")
    return path


def expand_home(path: str | Path) -> Path:
    """Return a path with `~` or `~NAME` replaced. Raises UsageError if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{str(path)!r}: the home folder is unknown") from error


def env_flag(name: str) -> bool:
    """Return whether an environment variable such as `LAYERBOOK_OFFLINE` is switched on."""
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def file_digest(path: Path, *, rehash: bool = False) -> str:
    """Return the SHA-256 of a file, remembered until its size, times or inode change.

    rehash: ignore the remembered digest, since a disk can corrupt a file without changing these.
    """
    name, state = str(path.resolve()), _state(path)
    digests = _load_digests()
    remembered = _rehashed.get()
    entry = (digests if remembered is None else remembered).get(name)
    if not rehash and isinstance(entry, list) and entry[:-1] == state:
        return str(entry[-1])
    digest = sha256_of(path)
    if _state(path) == state:  # else it was written meanwhile
        entry = [*state, digest]
        if remembered is not None:
            remembered[name] = entry
        with suppress(StoreError):  # a read-only cache only costs the time to hash again
            # `Path.exists` raises an error for a folder that may not be read.
            existing = {
                file: known
                for file, known in digests.items()
                if os.path.exists(file)  # noqa: PTH110
            }
            atomic.write(_digests_file(), _to_json(existing | {name: entry}))
    return digest


@contextmanager
def rehashing() -> Iterator[None]:
    """Rehash every file within the block instead of using remembered digests."""
    token = _rehashed.set({})
    try:
        yield
    finally:
        _rehashed.reset(token)


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(directory: Path, facts: Mapping[str, Any]) -> None:
    """Flush the files of a directory to disk, then write the manifest for `matches_manifest`."""
    files = {}
    for path in sorted(directory.iterdir()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    atomic.write(directory / MANIFEST, _to_json({**facts, "files": files}))


def matches_manifest(directory: Path) -> bool:
    """Return whether a directory has exactly the files of its manifest, with the same bytes."""
    try:
        files = json.loads((directory / MANIFEST).read_bytes())["files"]
        names = {path.name for path in directory.iterdir()} - {MANIFEST}
        return (
            bool(files)
            and names == files.keys()
            and all(
                (directory / name).stat().st_size == entry["bytes"]
                and file_digest(directory / name) == entry["sha256"]
                for name, entry in files.items()
            )
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _digests_file() -> Path:
    return root() / "digests.json"


def _load_digests() -> Mapping[str, Any]:
    try:
        return _parse_digests(_digests_file(), tuple(_state(_digests_file())))
    except (OSError, ValueError, RecursionError):
        return {}


@lru_cache(maxsize=1)
def _parse_digests(path: Path, state: tuple[int, ...]) -> Mapping[str, Any]:
    """Parse the file; `state` makes sure that a changed file is parsed again."""
    digests = json.loads(path.read_bytes())
    return digests if isinstance(digests, dict) else {}


def _to_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
