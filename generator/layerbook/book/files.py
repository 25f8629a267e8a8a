"""Refuse a book with links that lead outside, or with entries that are not regular files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from layerbook.book.media import MAX_BYTES, MEDIA_FOLDERS
from layerbook.book.node import FILE_START, ProblemList, display_path
from layerbook.core.errors import OutsideError, SpecError
from layerbook.core.paths import MAX_DEPTH, DeepFolderError, resolve_within, scan

FOLDERS = ("experiments", "templates", "analyses", *MEDIA_FOLDERS)
"""The folders of a book. Results are in the first."""

_NO_ADDRESS = re.compile(r"[\x00-\x1f\x7f:\\\ud800-\udfff]")
_MEGABYTE = 1_000_000
_MAX_BYTES: Mapping[str, tuple[int, float]] = {
    "experiments": (500 * _MEGABYTE, math.inf),
    "templates": (20 * _MEGABYTE, 100 * _MEGABYTE),
    "analyses": (10 * _MEGABYTE, 10 * _MEGABYTE),
    **dict.fromkeys(MEDIA_FOLDERS, (MAX_BYTES, 500 * _MEGABYTE)),
}
"""The most bytes of a file and of all files, by folder. Readers of data files allow fewer."""


def check_book_files(root: Path) -> None:
    """Check every entry of a book's folders, without reading a file.

    Raises SpecError for links that lead outside `root` or to a folder; for entries that are neither
    files nor folders, such as pipes, which would block their readers; for deeply nested folders;
    and for files that exceed the limit of their folder, because a build keeps them in memory.
    """
    problems = ProblemList()
    for folder in FOLDERS:
        try:
            for path, reason in _refused_entries(root, folder):
                problems.add(display_path(path), FILE_START, reason)
        except DeepFolderError:
            reason = f"its folders are nested more than {MAX_DEPTH} deep"
            problems.add(display_path(root / folder), FILE_START, reason)
    if problems:
        raise SpecError(problems)


def _refused_entries(root: Path, folder: str) -> Iterator[tuple[Path, str]]:
    if (root / folder).is_symlink():
        yield root / folder, "is a link; it should be a folder of the book"
        return
    max_file, max_total = _MAX_BYTES[folder]
    total = 0
    for entry in scan(root / folder):
        path, reason = Path(entry.path), None
        if folder in MEDIA_FOLDERS and _NO_ADDRESS.search(entry.name):
            reason = "its name has a character that a URL path cannot contain"
        elif entry.is_symlink():
            reason = _refusal_of_link(root, path)
        elif not entry.is_dir() and not entry.is_file():
            reason = "is neither a file nor a folder"
        size = path.stat().st_size if reason is None and path.is_file() else 0
        total += size
        if size > max_file:
            reason = f"is larger than {max_file // _MEGABYTE} MB"
        if reason:
            yield path, reason
    if total > max_total:
        megabytes = max_total / _MEGABYTE
        yield root / folder, f"has more than {megabytes:.0f} MB of files"


def _refusal_of_link(root: Path, link: Path) -> str | None:
    """Return why a link is refused; None if it leads to a file of the book, or nowhere."""
    try:
        target = resolve_within(root, link)
    except OutsideError:
        return "is a link that leads outside the book; such links are not followed"
    if target.is_dir():
        return "is a link to a folder; only links to files of the book are followed"
    if target.exists() and not target.is_file():
        return "is a link to something that is neither a file nor a folder"
    return None
