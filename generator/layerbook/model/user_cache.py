"""The user's cache: where models lie, digests of big files remembered, directories sealed with a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
CHUNK_BYTES = 1 << 20


def root() -> Path:
    """The cache folder: `LAYERBOOK_CACHE`, or the platform's place for caches. It may not exist yet."""
    chosen = os.environ.get("LAYERBOOK_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("layerbook", appauthor=False)


def env_flag(name: str) -> bool:
    """Whether an environment variable such as `LAYERBOOK_OFFLINE` says yes."""
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; remembered by path, size and time of change, so a second look is quick."""
    stat = path.stat()
    known, name = _load_digests(), str(path.resolve())
    seen = [stat.st_size, stat.st_mtime_ns]
    entry = known.get(name)
    if isinstance(entry, list) and entry[:2] == seen and len(entry) == 3:
        return str(entry[2])
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    # A cache that cannot be written only costs the time to hash again.
    with suppress(OSError):
        write_atomically(
            root() / "digests.json",
            json.dumps(known | {name: [*seen, found]}, indent=0, sort_keys=True).encode(),
        )
    return found


def _load_digests() -> dict[str, Any]:
    try:
        known = json.loads((root() / "digests.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: a temporary file beside it, flushed to the disk, moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_manifest(directory: Path, facts: Mapping[str, Any]) -> None:
    """Flush every file of a directory to the disk and write, last, the manifest that `matches_manifest` checks."""
    files = {}
    for path in sorted(directory.iterdir()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
            files[path.name] = {
                "bytes": path.stat().st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
    write_atomically(
        directory / MANIFEST,
        json.dumps({**facts, "files": files}, indent=2, sort_keys=True).encode(),
    )


def matches_manifest(directory: Path) -> bool:
    """Whether a sealed directory still has exactly the bytes its manifest names."""
    try:
        files = json.loads((directory / MANIFEST).read_bytes())["files"]
        return bool(files) and all(
            (directory / name).stat().st_size == entry["bytes"]
            and file_digest(directory / name) == entry["sha256"]
            for name, entry in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
