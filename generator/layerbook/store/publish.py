"""Publish a site into a folder, file by file, leaving other files alone.

A marker file lists the published files with their digests. During a publication it lists both the
old and the new files, so that the next one can finish the work of one that was killed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.core.paths import paths_below, read_file, resolve_within

MARKER_NAME = ".layerbook-site.json"
FRONT_PAGE = "index.html"
MAX_MARKER_BYTES = 50_000_000


@dataclass(frozen=True)
class PublishReport:
    """The changes of a publication, as paths in the folder.

    kept_modified: files that are no longer in the site, but were edited and so kept.
    """

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept_modified: tuple[str, ...] = ()


def _check_path(path: str) -> str:
    parts = path.split("/")
    if {"", ".", ".."} & set(parts) or set("\\:\0") & set(path):
        raise ValueError(f"{path!r} is not a path inside the folder")
    return path


SitePath = Annotated[str, AfterValidator(_check_path)]


class _Marker(BaseModel):
    """The published files and their sha256; `before`: those that a publication is replacing."""

    files: dict[SitePath, str]
    before: dict[SitePath, str] = {}

    def encode(self) -> bytes:
        data = self.model_dump(exclude_defaults=True)
        return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    def owns(self, path: str, digest: str | None) -> bool:
        return digest is not None and digest in (self.files.get(path), self.before.get(path))


def publish(tree: Mapping[str, bytes], target: Path) -> PublishReport:
    """Make the folder `target` hold `tree`, a mapping from paths to bytes.

    Files that an earlier publication wrote and that are not in `tree` are removed; all others
    stay. `index.html` is written last. Only the marker is flushed to the disk: pages can be built
    again, and flushing each is slow. Raises StoreError for a folder with content but no marker,
    for a path that leaves the folder, and if the disk refuses.
    """
    _check_tree(tree, target)
    try:
        check_target(target)
        target.mkdir(parents=True, exist_ok=True)
        atomic.remove_temporary_files(target, recursive=True)
        return _publish(tree, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be published ({error.strerror or error})") from error


def check_target(target: Path) -> None:
    """Raise StoreError if `publish` would refuse the folder."""
    if target.exists() and not target.is_dir():
        raise StoreError(f"{target}: is a file; the site needs a folder")
    if target.is_dir():
        _read_marker(target)


def published_files(target: Path) -> tuple[str, ...]:
    """Return the files that the marker lists; none if it is missing or unreadable."""
    return tuple(_find_marker(target).files)


def matches_marker(target: Path) -> bool:
    """Return whether every file of a finished publication has the digest in the marker."""
    marker = _find_marker(target)
    is_finished = bool(marker.files) and not marker.before
    return is_finished and all(
        _digest(target, path) == digest for path, digest in marker.files.items()
    )


def has_content(target: Path, path: str, data: bytes) -> bool:
    """Return whether a file of the site has these bytes."""
    return _digest(target, path) == hashlib.sha256(data).hexdigest()


def _check_tree(tree: Mapping[str, bytes], target: Path) -> None:
    for path in tree:
        try:
            _check_path(path)
        except ValueError as error:
            raise StoreError(f"{target}: {error}") from error
        if path == MARKER_NAME:
            raise StoreError(f"{target}: {path!r} is reserved")
        if any(str(parent) in tree for parent in PurePosixPath(path).parents):
            raise StoreError(f"{target}: {path!r} would lie inside another page")


def _publish(tree: Mapping[str, bytes], target: Path) -> PublishReport:
    marker = _read_marker(target)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in tree.items()}
    dropped = sorted((marker.files.keys() | marker.before.keys()) - tree.keys())
    removed = [path for path in dropped if marker.owns(path, _digest(target, path))]
    kept_modified = [path for path in dropped if path not in removed and (target / path).is_file()]
    changed = [path for path, digest in digests.items() if _digest(target, path) != digest]
    changed.sort(key=lambda path: (path == FRONT_PAGE, path))
    if changed or removed:
        under_way = _Marker(files=digests, before={**marker.before, **marker.files})
        atomic.write(target / MARKER_NAME, under_way.encode())
    # If a page becomes a folder, or a folder a page, the old one must be removed first.
    blocking = [old for old in removed if any(_overlap(old, new) for new in changed)]
    _remove(target, blocking)
    for path in changed:
        resolve_within(target, (target / path).parent)  # a link at the page itself is replaced
        _remove_empty_folders(target / path)
        atomic.write(target / path, tree[path], durable=False)
    _remove(target, [path for path in removed if path not in blocking])
    atomic.write(target / MARKER_NAME, _Marker(files=digests).encode())
    return PublishReport(tuple(changed), tuple(removed), tuple(kept_modified))


def _read_marker(target: Path) -> _Marker:
    """Return the marker, an empty one for an empty folder. Raises StoreError."""
    path = target / MARKER_NAME
    try:
        return _parse_marker(target)
    except FileNotFoundError as error:
        if all(entry.name.endswith(atomic.TEMPORARY_SUFFIX) for entry in target.iterdir()):
            return _Marker(files={})
        raise StoreError(
            f"{target}: contains files that no build wrote ({MARKER_NAME} is missing); "
            "empty the folder or name another one"
        ) from error
    except ValueError as error:
        raise StoreError(
            f"{path}: cannot be read, so it is unknown which files a build wrote; empty the folder"
        ) from error


def _find_marker(target: Path) -> _Marker:
    """Return the marker, an empty one if it is missing or unreadable."""
    with suppress(OSError, ValueError, StoreError):
        return _parse_marker(target)
    return _Marker(files={})


def _parse_marker(target: Path) -> _Marker:
    path = resolve_within(target, target / MARKER_NAME)
    return _Marker.model_validate_json(read_file(path, MAX_MARKER_BYTES))


def _digest(target: Path, path: str) -> str | None:
    """Return the digest of a file; None if no build wrote it.

    Such a file is missing, too large, or behind a link that leads outside.
    """
    try:
        file = resolve_within(target, target / path)
        return hashlib.sha256(read_file(file)).hexdigest() if file.is_file() else None
    except StoreError:
        return None


def _overlap(path: str, other_path: str) -> bool:
    return path.startswith(f"{other_path}/") or other_path.startswith(f"{path}/")


def _remove(target: Path, paths: Iterable[str]) -> None:
    """Remove files, and the folders that this leaves empty."""
    for path in paths:
        (target / path).unlink(missing_ok=True)
        for parent in list(PurePosixPath(path).parents)[:-1]:
            with suppress(OSError):  # not empty
                (target / parent).rmdir()


def _remove_empty_folders(folder: Path) -> None:
    """Remove a folder without files, which a killed publication may leave in a page's place."""
    if folder.is_dir() and not folder.is_symlink():
        for path in (*reversed(paths_below(folder)), folder):
            with suppress(OSError):  # a file, or a folder that is not empty
                path.rmdir()
