"""Write a new book to start from: files of the package, with a title and a model filled in."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from layerbook.book.model_path import locate_model
from layerbook.core.errors import StoreError, UsageError

Kind = Literal["lecture", "minimal"]

# Hidden files would not travel in the wheel.
_PACKAGED_NAMES = {"gitignore": ".gitignore", "github": ".github"}
_KEPT_FOLDERS = {".git", ".hg"}
_TEXT_SUFFIXES = {".md", ".yaml", ""}


def write_starter(folder: Path, model: str, kind: Kind = "lecture") -> tuple[str, ...]:
    """Write a book into a new or empty folder and return its files, relative to the folder.

    model: a name, or a path as seen from the working directory.
    Raises UsageError for a folder with something in it, StoreError if the disk refuses; then
    nothing is written.
    """
    _check_target(folder)
    fillings = {"@TITLE@": _title(folder), "@MODEL@": locate_model(model, Path())}
    contents = {
        path: _fill(path, file.read_bytes(), fillings)
        for path, file in sorted(_packaged_files("common") | _packaged_files(kind))
    }
    try:
        _write_whole(folder, contents)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return tuple(contents)


def _check_target(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder}: is not a folder; a new book needs a new or an empty one")
    if folder.is_dir() and (names := {path.name for path in folder.iterdir()} - _KEPT_FOLDERS):
        raise UsageError(
            f"{folder}: has files in it, such as {min(names)}; a new book needs a new or an "
            "empty folder"
        )


def _title(folder: Path) -> str:
    """Return a folder's name as a title: `how-it-reads` -> `How it reads`."""
    words = " ".join(re.split(r"[\s_-]+", folder.absolute().name)).strip()
    return words[:1].upper() + words[1:] or "A new book"


def _packaged_files(kind: str) -> set[tuple[str, Traversable]]:
    return set(_walk(files("layerbook") / "starter" / kind, ""))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = prefix + _PACKAGED_NAMES.get(entry.name, entry.name)
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry


def _fill(path: str, data: bytes, fillings: dict[str, str]) -> bytes:
    """Return a file with its title and model; in YAML as quoted texts."""
    if Path(path).suffix not in _TEXT_SUFFIXES:
        return data
    text = data.decode()
    for mark, value in fillings.items():
        is_yaml = path.endswith(".yaml")
        text = text.replace(mark, json.dumps(value, ensure_ascii=False) if is_yaml else value)
    return text.encode()


def _write_whole(folder: Path, contents: dict[str, bytes]) -> None:
    """Write all files beside their place, then move them there; a failure leaves nothing."""
    is_new = not folder.exists()
    parent = folder.parent if is_new else folder
    parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".layerbook-init-", dir=parent))
    moved: list[Path] = []
    try:
        for name, data in contents.items():
            path = stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if is_new:
            stage.chmod(0o777 & ~_umask())  # mkdtemp makes a folder for its owner alone
            stage.rename(folder)
            return
        for entry in sorted(stage.iterdir()):
            moved.append(entry.rename(folder / entry.name))
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
