"""Writing files whole: a reader, or a build killed at any moment, sees the old bytes or the new, never a part."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from layerbook.core.errors import StoreError

MARKER_NAME = ".layerbook-site.json"
TEMPORARY_SUFFIX = ".layerbook-tmp"
FRONT_PAGE = "index.html"


@dataclass(frozen=True)
class PublishReport:
    """What one publication did, as paths inside the folder.

    `kept_modified` were ours, are no longer part of the site, and were changed by other hands: they stay.
    """

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept_modified: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Marker:
    """What a folder's marker says: our files and their sha256; `before` is what a publication under way replaces."""

    files: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The marker's bytes; a settled folder's marker has no `before`."""
        data = {"files": dict(sorted(self.files.items()))} | (
            {"before": dict(sorted(self.before.items()))} if self.before else {}
        )
        return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()

    def owns(self, path: str, digest: str) -> bool:
        """Whether we wrote these very bytes at that path."""
        return digest in (self.files.get(path), self.before.get(path))


def write(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Put `data` at `path`, whole: temporary file in the same folder, fsync, rename.

    False, and the file untouched, where it holds these bytes already. `durable=False` leaves out the fsync, for
    what checks itself and can be made again. Raises StoreError where the disk refuses.
    """
    try:
        if has_content(path, data):
            return False
        try:
            _replace(path, data, durable)
        except (
            FileNotFoundError
        ):  # seldom: asking first for each of many cells would take as long as writing it
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, data, durable)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from error
    return True


def remove_temporary_files(folder: Path, name: str = "*", *, deep: bool = False) -> None:
    """Remove what a killed `write` left of files called `name`; only while no other build is at work there."""
    pattern = f".{name}.*{TEMPORARY_SUFFIX}"
    for leftover in folder.rglob(pattern) if deep else folder.glob(pattern):
        with suppress(OSError):
            leftover.unlink()


def publish(tree: Mapping[str, bytes], target: Path) -> PublishReport:
    """Make the folder `target` hold `tree` (paths with `/` to bytes), writing only what changed.

    Files that the folder's marker says we wrote and that are no longer in `tree` go; all others stay. The marker
    is widened before the first file is touched and settled after the last, so a publication that was killed is
    mended by the next one. `index.html` is the last page written. Raises StoreError for a folder with content and
    no marker of ours, for a path that leaves the folder, and where the disk refuses.
    """
    for path in tree:
        if not _inside(path) or path == MARKER_NAME:
            raise StoreError(f"{target}: {path!r} is no path of a page")
        if any(str(parent) in tree for parent in PurePosixPath(path).parents):
            raise StoreError(f"{target}: {path!r} would lie inside another page")
    try:
        return _publish(tree, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be published ({error.strerror or error})") from error


def check_target(target: Path) -> None:
    """Raise StoreError where `publish` would refuse this folder as somebody else's; nothing is touched."""
    if target.exists() and not target.is_dir():
        raise StoreError(f"{target}: is a file; the site needs a folder")
    if target.is_dir():
        _read_marker(target)


def published_files(target: Path) -> tuple[str, ...]:
    """The files in the folder that its marker says we wrote; none where the marker is missing or unreadable."""
    try:
        return tuple(_listing(json.loads((target / MARKER_NAME).read_bytes())["files"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def matches_marker(target: Path) -> bool:
    """Whether the folder holds exactly the bytes that its settled marker names."""
    try:
        data = json.loads((target / MARKER_NAME).read_bytes())
        files = _listing(data["files"])
        whole = all(
            hashlib.sha256((target / path).read_bytes()).hexdigest() == files[path]
            for path in files
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return whole and bool(files) and not data.get("before")


def has_content(path: Path, data: bytes) -> bool:
    """Whether the file has exactly these bytes."""
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _publish(tree: Mapping[str, bytes], target: Path) -> PublishReport:
    marker = _claim(target)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in tree.items()}
    gone = sorted((marker.files.keys() | marker.before.keys()) - tree.keys())
    stale = [path for path in gone if _ours(target, path, marker)]
    kept_modified = tuple(path for path in gone if path not in stale and (target / path).is_file())
    changed = [path for path in _front_last(tree) if not has_content(target / path, tree[path])]
    if changed or stale:
        under_way = _Marker(digests, {**marker.before, **marker.files})
        _replace(target / MARKER_NAME, under_way.encode(), durable=True)
    # A page that turns into a folder, or a folder into a page, has to make room first.
    in_the_way = [old for old in stale if any(_nested(old, new) for new in changed)]
    _remove(target, in_the_way)
    for path in changed:
        _stay_inside(target, path)
        _remove_empty(target / path)
        write(target / path, tree[path])
    _remove(target, [path for path in stale if path not in in_the_way])
    write(target / MARKER_NAME, _Marker(digests).encode())
    return PublishReport(tuple(changed), tuple(stale), kept_modified)


def _claim(target: Path) -> _Marker:
    """The folder's marker; an empty one for a new folder. Refuses a folder that is somebody else's."""
    check_target(target)
    target.mkdir(parents=True, exist_ok=True)
    remove_temporary_files(target, deep=True)
    return _read_marker(target)


def _read_marker(target: Path) -> _Marker:
    path = target / MARKER_NAME
    if not path.exists():
        if any(not entry.name.endswith(TEMPORARY_SUFFIX) for entry in target.iterdir()):
            raise StoreError(
                f"{target}: has files in it that no build wrote ({MARKER_NAME} is missing); "
                "empty the folder or name another one"
            )
        return _Marker()
    try:
        data = json.loads(path.read_bytes())
        return _Marker(_listing(data["files"]), _listing(data.get("before", {})))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: is not readable, so it is unknown which files are ours; empty the folder"
        ) from error


def _listing(data: Any) -> dict[str, str]:
    if not all(_inside(path) and isinstance(digest, str) for path, digest in data.items()):
        raise ValueError("a path that leaves the folder")
    return dict(data)


def _inside(path: str) -> bool:
    parts = path.split("/")
    return not any(part in ("", ".", "..") for part in parts) and not any(
        c in path for c in "\\:\0"
    )


def _stay_inside(target: Path, path: str) -> None:
    """Refuse to write through a link that leads out of the folder."""
    if not (target / path).parent.resolve().is_relative_to(target.resolve()):
        raise StoreError(f"{target / path}: would be written outside {target}, through a link")


def _ours(target: Path, path: str, marker: _Marker) -> bool:
    file = target / path
    return file.is_file() and marker.owns(path, hashlib.sha256(file.read_bytes()).hexdigest())


def _front_last(paths: Iterable[str]) -> list[str]:
    return sorted(paths, key=lambda path: (path == FRONT_PAGE, path))


def _nested(one: str, other: str) -> bool:
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _remove(target: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (target / path).unlink(missing_ok=True)
        for folder in [target / parent for parent in PurePosixPath(path).parents][:-1]:
            with suppress(OSError):  # not empty
                folder.rmdir()


def _remove_empty(folder: Path) -> None:
    """Take away folders without files, which a killed publication may leave where a page is to be."""
    if folder.is_dir() and not folder.is_symlink():
        for inner in folder.iterdir():
            _remove_empty(inner)
        with suppress(OSError):  # not empty
            folder.rmdir()


def _replace(path: Path, data: bytes, durable: bool) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        # Not tempfile: its files are private to the user, and pages must be readable by a web server.
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb"
        ) as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last; not every system lets a folder be opened, and then it does without."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
