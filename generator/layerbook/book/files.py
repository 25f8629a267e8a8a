"""Refuse a book some of whose files lie elsewhere, or are no files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from layerbook.book.media import MEDIA_FOLDERS
from layerbook.book.yaml import FILE_START, ProblemList, display_path
from layerbook.core.errors import OutsideError, SpecError
from layerbook.core.paths import resolve_inside

FOLDERS = ("experiments", "templates", "analyses", *MEDIA_FOLDERS)
"""The folders that a book is read from; results lie in the first."""


def check_book_files(root: Path) -> None:
    """Check every entry of a book's folders, without reading a file.

    Raises SpecError for links that lead outside of `root` or to a folder, and for what is neither a
    file nor a folder, such as a pipe, which would block its reader.
    """
    problems = ProblemList()
    for folder in FOLDERS:
        for path, reason in _refused_entries(root, root / folder):
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


def _refusal_of_link(root: Path, link: Path) -> str | None:
    """Return why a link is refused; None for one to a file of the book, or to nothing."""
    try:
        target = resolve_inside(root, link)
    except OutsideError:
        return "is a link to a place outside of the book, which is not read"
    if target.is_dir():
        return "is a link to a folder, which is not followed; only files of the book can be linked"
    if target.exists() and not target.is_file():
        return "is a link to what is neither a file nor a folder"
    return None
