"""The outline of a book: the chapters that book.yaml lists, their parts and their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from layerbook.book.languages import check_language
from layerbook.book.node import FILE_START, Node, Position, ProblemList, display_path
from layerbook.book.schema import RESERVED_NAMES, BookSpec
from layerbook.book.validation import validate
from layerbook.book.yaml import read_mapping
from layerbook.core.errors import SpecError, did_you_mean
from layerbook.core.paths import resolve_within

EXPERIMENTS_DIR = "experiments"
FRONT_PAGE = "index"
PROSE_FOLDERS = (Path("templates") / "chapters", Path("templates") / "pages")


@dataclass(frozen=True)
class Group:
    """A part of the book, and how its chapters are numbered."""

    title: str = ""
    numbers: Literal["1", "A", ""] = "1"


class ListedChapter(NamedTuple):
    """A chapter in book.yaml: the node with its name, and its part of the book."""

    node: Node
    group: Group


class BookFile(NamedTuple):
    """The content of book.yaml, with its chapters by name."""

    spec: BookSpec
    chapters: Mapping[str, ListedChapter]


def read_book_file(path: Path, problems: ProblemList) -> BookFile | None:
    """Read book.yaml; report problems and return None if it is not valid."""
    node = read_mapping(path, problems)
    spec = validate(BookSpec, node) if node is not None else None
    if node is None or spec is None:
        return None
    chapters: dict[str, ListedChapter] = {}
    group = Group()
    for entry in node.value["chapters"].value:
        if isinstance(entry.value, dict):
            group = _read_group(entry)
        elif entry.value in RESERVED_NAMES:
            entry.add_problem(f"no chapter can be called {entry.value!r}")
        elif entry.value in chapters:
            entry.add_problem(f"the chapter {entry.value!r} is listed twice")
        else:
            chapters[entry.value] = ListedChapter(entry, group)
    if not chapters:
        node.value["chapters"].add_problem("there are parts, but no chapters")
    _check_language(node, spec, path.parent.parent, problems)
    return BookFile(spec, chapters)


def _check_language(node: Node, spec: BookSpec, root: Path, problems: ProblemList) -> None:
    try:
        check_language(spec.language, root)
    except SpecError as error:
        for problem in error.problems:
            problems.add(problem.file, Position(problem.line, problem.column), problem.message)
    except ValueError as error:
        node.value["language"].add_problem(f"language: {error}")


def _read_group(entry: Node) -> Group:
    part, appendix = entry.get_text("part"), entry.get_text("appendix")
    unnumbered = entry.get("unnumbered")
    if bool(part) == bool(appendix):
        entry.add_problem("a part is `- part: TITLE` or `- appendix: TITLE`")
    if unnumbered is not None and unnumbered.value:
        return Group(part or appendix, "")
    return Group(part or appendix, "A" if appendix else "1")


def find_chapter_files(
    root: Path, chapters: Mapping[str, ListedChapter] | None, problems: ProblemList
) -> list[Path]:
    """Return the files of chapters in the order of book.yaml, then those that it does not list.

    The file of a chapter is its spec, or its prose if it has no spec.
    chapters: those of book.yaml; None if it cannot be read.
    """
    specs = _find_specs(root / EXPERIMENTS_DIR, problems)
    if chapters is None:
        return list(specs.values())
    listed = []
    for name, chapter in chapters.items():
        path = specs.pop(name, None) or find_prose(root, name)
        if path is None:
            file = display_path(root / EXPERIMENTS_DIR / f"{name}.yaml")
            message = f"there is no chapter {name!r}: {file} is missing"
            chapter.node.add_problem(f"{message}{did_you_mean(name, specs)}")
        else:
            listed.append(path)
    for name, path in specs.items():
        book_name = display_path(root / EXPERIMENTS_DIR / "book.yaml")
        message = f"the chapter {name!r} is not listed in {book_name}"
        problems.add(display_path(path), FILE_START, message)
    return [*listed, *specs.values()]


def _find_specs(folder: Path, problems: ProblemList) -> dict[str, Path]:
    """Return the specs of chapters by name."""
    specs = {}
    for path in sorted(folder.glob("[!.]*")):
        if path.suffix == ".yml":
            problems.add(display_path(path), FILE_START, "a chapter's file ends in .yaml, not .yml")
        elif path.suffix == ".yaml" and path.name != "book.yaml":
            specs[path.stem] = path
    return specs


def find_prose(root: Path, name: str) -> Path | None:
    """Return the Markdown of a page that has no spec."""
    for folder in PROSE_FOLDERS:
        path = root / folder / f"{name}.md"
        if path.is_file():
            resolve_within(root, path)
            return path
    return None


def book_folder(spec: Path) -> Path:
    """Return the folder of a spec's book, or of the spec itself if it is in no book."""
    folder = spec.parent
    return folder.parent if (folder / "book.yaml").is_file() else folder


def locate_model(name: str, folder: Path) -> str:
    """Return the absolute path of a model in the book's folder; any other name unchanged."""
    path = folder / name
    is_model = (path / "config.json").is_file() or (path.suffix == ".gguf" and path.is_file())
    return str(path.absolute()) if is_model else name
