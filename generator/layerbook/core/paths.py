"""Paths that must stay inside a folder, wherever the links in it lead, and reading with limits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from layerbook.core.errors import OutsideError, StoreError

MAX_DEPTH = 50
MAX_BYTES = 500_000_000


class DeepFolderError(StoreError):
    """A folder lies in too many others; `path` is the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: folders are nested more than {MAX_DEPTH} deep")


def resolve_within(folder: Path, path: Path, *, links: bool = True) -> Path:
    """Return a path that must lie within a folder, with all its links resolved.

    Both are absolute or relative to the working directory. The path need not exist, and the folder
    itself may be a link. links: allow links that stay within the folder.
    Raises OutsideError if the path leads outside, or through a link that is not allowed.
    """
    try:
        resolved, resolved_folder = (Path(os.path.realpath(each)) for each in (path, folder))
    except ValueError as error:  # a null character
        raise OutsideError(f"{str(path)!r} is not a path ({error})") from error
    if not resolved.is_relative_to(resolved_folder):
        raise OutsideError(f"{path}: leads outside {folder}, perhaps through a link")
    if not links and resolved != resolved_folder / os.path.relpath(path, folder):
        raise OutsideError(f"{path}: is or lies behind a link")
    return resolved


def check_output(root: Path, path: Path) -> None:
    """Raise OutsideError for a path in a book that is a link or lies behind one.

    The book is the one at `root`, or any other that contains the path. A stranger's book could have
    a link in the place where its reader writes a file.
    """
    target = Path(os.path.normpath(path.absolute()))
    books = [folder for folder in target.parents if (folder / "experiments/book.yaml").is_file()]
    for book in (Path(os.path.normpath(root.absolute())), *books):
        if target.is_relative_to(book):
            resolve_within(book, path, links=False)


def scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield all entries below a folder, which may be missing; links are not followed.

    Unlike `rglob`, it needs no call for each level. Raises DeepFolderError.
    """
    pending = [(str(folder), 0)] if folder.is_dir() else []
    while pending:
        path, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise DeepFolderError(Path(path))
        with os.scandir(path) as entries:
            in_order = sorted(entries, key=lambda entry: entry.name)
        yield from in_order
        folders = (entry for entry in reversed(in_order) if entry.is_dir(follow_symlinks=False))
        pending += [(entry.path, depth + 1) for entry in folders]


def paths_below(folder: Path) -> list[Path]:
    """Return the paths of all entries below a folder, sorted. Raises DeepFolderError."""
    return sorted(Path(entry.path) for entry in scan(folder))


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file. Raises StoreError for one with more than `max_bytes` bytes, and for a pipe.

    A pipe would block its reader, and a file of zeros is small on disk but fills the memory.
    """
    if path.exists() and not path.is_file():
        raise StoreError(f"{path}: is not a file")
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size > max_bytes:
            raise StoreError(f"{path}: is larger than {max_bytes / 1_000_000:,.0f} MB")
        return stream.read()


def find_program(*names: str) -> str | None:
    """Return the path of the first program that is installed, or None.

    Ignores relative folders on the PATH: the working directory may be a stranger's book.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    search = os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
    paths = (shutil.which(name, path=search) for name in names)
    return next((path for path in paths if path and Path(path).is_absolute()), None)
