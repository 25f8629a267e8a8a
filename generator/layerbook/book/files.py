"""Refuse a book with links that lead outside, or with entries that are not regular files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from layerbook.book.media import MAX_BYTES, MEDIA_FOLDERS
from layerbook.book.node import FILE_START, ProblemList, display_path
from layerbook.core.errors import OutsideError, SpecError
from layerbook.core.paths import resolve_inside

FOLDERS = ("experiments", "templates", "analyses", *MEDIA_FOLDERS)
"""The folders that a book is read from; results are in the first."""

_NO_ADDRESS = re.compile(r"[\x00-\x1f\x7f:\\\ud800-\udfff]")
_MEGABYTE = 1_000_000
_MAX_BYTES = {
    "templates": (20 * _MEGABYTE, 100 * _MEGABYTE),
    **dict.fromkeys(MEDIA_FOLDERS, (MAX_BYTES, 500 * _MEGABYTE)),
}
"""The bytes of a file in a folder, and of all of them; other files are bounded by their readers."""


def check_book_files(root: Path) -> None:
    """Check every entry of a book's folders, without reading a file.

    Raises SpecError for links that lead outside `root` or to a folder, for entries that are neither
    files nor folders, such as a pipe, which would block its reader, and for files that exceed the
    limit of their folder, alone or together, since a build holds them in memory.
    """
    problems = ProblemList()
    for folder in FOLDERS:
        for path, reason in _refused_entries(root, root / folder):
            problems.add(display_path(path), FILE_START, reason)
        if folder in MEDIA_FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                if _NO_ADDRESS.search(path.name):
                    reason = "its name has a character that a URL path cannot contain"
                    problems.add(display_path(path), FILE_START, reason)
    if not problems:
        for folder in _MAX_BYTES:
            for path, reason in _too_large(root / folder, *_MAX_BYTES[folder]):
                problems.add(display_path(path), FILE_START, reason)
    if problems:
        raise SpecError(problems)


def _refused_entries(root: Path, path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_symlink():
        yield path, "is a link; it should be a folder of the book"
    elif path.is_dir():
        yield from _refused_in_folder(root, path)


def _refused_in_folder(root: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    with os.scandir(folder) as entries:  # knows the kinds of entries, unlike `iterdir`
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_symlink():
                if reason := _refusal_of_link(root, Path(entry.path)):
                    yield Path(entry.path), reason
            elif entry.is_dir():
                yield from _refused_in_folder(root, Path(entry.path))
            elif not entry.is_file():
                yield Path(entry.path), "is neither a file nor a folder"


def _too_large(folder: Path, most: int, most_together: int) -> Iterator[tuple[Path, str]]:
    together = 0
    for path in sorted(folder.rglob("*")):
        size = path.stat().st_size if path.is_file() else 0
        together += size
        if size > most:
            yield path, f"is larger than {most // _MEGABYTE} MB"
    if together > most_together:
        yield folder, f"has files of more than {most_together // _MEGABYTE} MB together"


def _refusal_of_link(root: Path, link: Path) -> str | None:
    """Return why a link is refused; None for one to a file of the book, or to nothing."""
    try:
        target = resolve_inside(root, link)
    except OutsideError:
        return "is a link that leads outside the book; such links are not followed"
    if target.is_dir():
        return "is a link to a folder, which is not followed; only files of the book can be linked"
    if target.exists() and not target.is_file():
        return "is a link to something that is neither a file nor a folder"
    return None
