"""The user's cache: models, remembered digests of big files, manifests of directories."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from layerbook.core import atomic
from layerbook.core.errors import StoreError

MANIFEST = "manifest.json"


def root() -> Path:
    """Return the cache folder: `LAYERBOOK_CACHE` or the platform's; it may not exist yet."""
    if chosen := os.environ.get("LAYERBOOK_CACHE"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("layerbook", appauthor=False)


def env_flag(name: str) -> bool:
    """True if an environment variable such as `LAYERBOOK_OFFLINE` is switched on."""
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, remembered until its size or time of change differs."""
    stat = path.stat()
    digests, name = _load_digests(), str(path.resolve())
    state = [stat.st_size, stat.st_mtime_ns]
    entry = digests.get(name)
    if isinstance(entry, list) and entry[:2] == state and len(entry) == 3:
        return str(entry[2])
    digest = sha256_of(path)
    digests[name] = [*state, digest]
    with suppress(StoreError):  # a read-only cache only costs the time to hash again
        atomic.write(root() / "digests.json", _to_json(digests))
    return digest


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
    """True if a directory has exactly the bytes of its manifest."""
    try:
        files = json.loads((directory / MANIFEST).read_bytes())["files"]
        return bool(files) and all(
            (directory / name).stat().st_size == entry["bytes"]
            and file_digest(directory / name) == entry["sha256"]
            for name, entry in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _load_digests() -> dict[str, Any]:
    try:
        digests = json.loads((root() / "digests.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _to_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
