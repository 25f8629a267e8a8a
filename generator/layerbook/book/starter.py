"""Write a new book or a new analysis from the files of the package."""

from __future__ import annotations

import json
import keyword
import re
import secrets
import shutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from layerbook.book.book_file import locate_model
from layerbook.core import atomic, registry
from layerbook.core.errors import StoreError, UsageError
from layerbook.core.paths import check_output, resolve_within

Kind = Literal["lecture", "minimal", "guide"]

LANGUAGES = ("de", "en")
"""The languages that new books are written in."""
_UNTITLED = {"de": "Ein neues Buch", "en": "A new book"}

# Hidden files would not travel in the wheel.
_PACKAGED_NAMES = {"gitignore": ".gitignore", "github": ".github"}
_KEPT_FOLDERS = {".git", ".hg"}
_TEXT_SUFFIXES = {".md", ".yaml", ".py", ""}
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ANALYSIS_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_EXAMPLE = "received-attention"  # the analysis of a new book; a new analysis is a copy of it


def write_starter(
    folder: Path, model: str, kind: Kind = "lecture", language: str = "en"
) -> tuple[str, ...]:
    """Write a book into a new or empty folder and return its files, relative to the folder.

    model: a name, or a path as seen from the working directory. language: as BCP 47 writes it;
    `de-AT` is German.
    Raises UsageError for a folder with something in it or a language without a starter, StoreError
    if the disk refuses or for a link of another book; then nothing is written.
    """
    _check_target(folder)
    base = _starter_language(language)
    fillings = {
        "@TITLE@": _title(folder, base),
        "@MODEL@": locate_model(model, Path()),
        "@LANGUAGE@": language,
    }
    contents = {
        path: _fill(path, file.read_bytes(), fillings)
        for path, file in sorted(_book_files(kind, base))
    }
    try:
        _write_whole(folder, contents)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return tuple(contents)


def write_analysis(root: Path, name: str, model: str, language: str) -> tuple[str, ...]:
    """Write a new analysis and its test into a book; return their paths in the book.

    name: as in specs, such as `word-shares`. model, language: those of the book; comments and
    labels are in English if there is no starter in its language.
    Raises UsageError for a name that cannot be one, is taken, or has files already; StoreError if
    the disk refuses.
    """
    if not _ANALYSIS_NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r}: a name is lower-case words joined by hyphens, such as word-shares"
        )
    if name in registry.names():
        raise UsageError(f"an analysis named {name!r} already exists; choose a different name")
    base = language.partition("-")[0]
    package = files("layerbook") / "starter" / (base if base in LANGUAGES else "en") / "lecture"
    contents = {}
    for path in ("analyses/received_attention.py", "tests/test_received_attention.py"):
        source = package.joinpath(path).read_text(encoding="utf-8")
        for old, new in zip(_spellings(_EXAMPLE), _spellings(name), strict=True):
            source, path = source.replace(old, new), path.replace(old, new)
        contents[path] = _fill(path, source.encode(), {"@MODEL@": model})
    for path in contents:
        resolve_within(root, root / path, links=False)
        if (root / path).exists():
            raise UsageError(f"{root / path}: already exists and was left unchanged")
    for path, data in contents.items():
        atomic.write(root / path, data)
    return tuple(contents)


def _spellings(name: str) -> tuple[str, str, str]:
    """Return the name of an analysis as a module, as a class, and in a sentence."""
    return name.replace("-", "_"), registry.class_name(name), name.replace("-", " ").capitalize()


def _check_target(folder: Path) -> None:
    check_output(folder, folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder}: is not a folder; a new book needs a new or empty folder")
    if folder.is_dir() and (names := {path.name for path in folder.iterdir()} - _KEPT_FOLDERS):
        raise UsageError(
            f"{folder}: contains files, such as {min(names)}; a new book needs a new or "
            "empty folder"
        )


def _starter_language(code: str) -> str:
    """Return the language of the starter for a code: `de` for `de-AT`."""
    base = code.partition("-")[0]
    if base not in LANGUAGES or not _LANGUAGE_CODE.fullmatch(code):
        raise UsageError(
            f"a new book can be in {' or '.join(LANGUAGES)}, not in {code!r}; begin with one of "
            "these, and then change `language` in experiments/book.yaml"
        )
    return base


def _title(folder: Path, language: str) -> str:
    """Return a folder's name as a title: `how-it-reads` -> `How it reads`."""
    name = "".join(c if c.isprintable() else " " for c in folder.absolute().name)
    words = " ".join(re.split(r"[\s_-]+", name)).strip()
    return words[:1].upper() + words[1:] or _UNTITLED[language]


def _book_files(kind: Kind, language: str) -> set[tuple[str, Traversable]]:
    """Return the paths of a book's files in the book and in the package."""
    if kind == "guide":
        guide = files("layerbook.guide")
        folders = ("experiments", "images", "static", "templates")
        entries = {entry for folder in folders for entry in _walk(guide / folder, f"{folder}/")}
        return {entry for entry in entries if not entry[0].startswith("experiments/results/")}
    folder = files("layerbook") / "starter"
    return {*_walk(folder / "common", ""), *_walk(folder / language / kind, "")}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = prefix + _PACKAGED_NAMES.get(entry.name, entry.name)
        if entry.name == "__pycache__":  # pip compiles the files that it installs
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry


def _fill(path: str, data: bytes, fillings: dict[str, str]) -> bytes:
    """Return a file with the title and model filled in, quoted in YAML and Python."""
    if Path(path).suffix not in _TEXT_SUFFIXES:
        return data
    is_quoted = path.endswith((".py", ".yaml"))
    mark = f"({'|'.join(fillings)})"
    marks = re.compile(f'"?{mark}"?' if is_quoted else mark)

    def value(match: re.Match[str]) -> str:
        text = fillings[match[1]]
        return json.dumps(text, ensure_ascii=False) if is_quoted else text

    # In one pass, because a stranger's model could have a mark and Python code in its name.
    return marks.sub(value, data.decode()).encode()


def _write_whole(folder: Path, contents: dict[str, bytes]) -> None:
    """Write all files to a temporary folder, then move them; a failure leaves nothing behind."""
    is_new = not folder.exists()
    parent = folder.parent if is_new else folder
    parent.mkdir(parents=True, exist_ok=True)
    temporary = parent / f".layerbook-init-{secrets.token_hex(8)}"
    temporary.mkdir()
    moved_paths: list[Path] = []
    try:
        for name, data in contents.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if is_new:
            temporary.rename(folder)
            return
        for entry in sorted(temporary.iterdir()):
            moved_paths.append(entry.rename(folder / entry.name))
    except BaseException:
        for path in moved_paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
