"""The stamp of a build: the state of all files that it read and wrote, and its output.

While no file changes, the next build prints the same output and does nothing. Files are compared by
size, times and inode, so no content is read; this module imports only the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import layerbook
from layerbook.core.paths import DeepFolderError, scan
from layerbook.store.cache import WorkingCache

BLOB_KIND = "stamps"
SKIPPED_FOLDER = f"{os.sep}__pycache__{os.sep}"


@dataclass(frozen=True)
class BuildOutput:
    """The output of a build, which the next build prints again if nothing has changed.

    failed: the number of experiments without a result that a page needs.
    refuted: the number of claims that do not hold on `model`.
    """

    summary: str
    failed: int
    refuted: int
    model: str
    messages: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """A digest of the size, times and inode of files, and of all files in folders."""

    paths: Sequence[str]
    digest: str

    @classmethod
    def take(cls, paths: Iterable[Path | str]) -> Snapshot:
        """Return the current state of files and folders, which need not exist."""
        names = [str(path) for path in paths]
        digest = hashlib.sha256()
        for name in names:
            for path, state in _states(Path(name)):
                digest.update(f"{path}\0{state}\n".encode("utf-8", "surrogateescape"))
        return cls(names, digest.hexdigest())


def read(root: Path, options: Mapping[str, Any]) -> BuildOutput | None:
    """Return the output of the last build with these options, if no file has changed since."""
    try:
        stamp = json.loads(WorkingCache(root).get_blob(BLOB_KIND, _name(root, options)) or b"{}")
        if stamp.get("environment") != _environment():
            return None
        snapshot = Snapshot(**stamp["snapshot"])
        if snapshot != Snapshot.take(snapshot.paths):
            return None
        return BuildOutput(**stamp["output"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write(root: Path, options: Mapping[str, Any], snapshot: Snapshot, output: BuildOutput) -> None:
    """Store the output of a build, and the state of all its files when it ended."""
    stamp = {
        "environment": _environment(),
        "snapshot": asdict(snapshot),
        "output": asdict(output),
    }
    name = _name(root, options)
    WorkingCache(root).put_blob(BLOB_KIND, name, json.dumps(stamp).encode())


def _states(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the paths and states of a file, or of the files in a folder, in order."""
    if not path.is_dir():
        yield str(path), _state(path)
        return
    try:
        for entry in scan(path):  # the target of a link to a folder is not read
            if not entry.is_dir(follow_symlinks=False) and SKIPPED_FOLDER not in entry.path:
                yield entry.path, _state(entry)
    except (OSError, DeepFolderError) as error:  # a build refuses such a folder
        yield str(path), str(error)


def _state(file: Path | os.DirEntry[str]) -> str:
    try:
        stat = file.stat()
    except OSError:  # a broken link
        return "missing"
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _name(root: Path, options: Mapping[str, Any]) -> str:
    return json.dumps([os.path.realpath(root), Path.cwd(), dict(options)], default=str)


def _environment() -> dict[str, Any]:
    """Return the inputs of a build other than files: the package, Python and the date."""
    return {
        "package": str(Path(layerbook.__file__).resolve()),
        "python": sys.version,
        "libraries": sys.path,
        "date": os.environ.get("SOURCE_DATE_EPOCH", ""),
    }
