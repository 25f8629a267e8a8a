"""A full disk, a read-only folder and damaged files end a build with one line and lose nothing.

Pages stay whole, every readable result is that of a clean build, and the next build leaves the
bytes of a clean one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import chain
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from fixtures.build_states import (
    BookState,
    check_results,
    check_site,
    differing_files,
    replace_sources,
)
from fixtures.fuzzing import IS_LONG
from fixtures.killing import Fault, ProcessExit, run_build, start_build
from fixtures.small_book import read_tree
from layerbook.core import atomic
from layerbook.store import publish

pytestmark = pytest.mark.long
FULL_DISK_STEPS = 24 if IS_LONG else 8
# In bytes; the first is just enough for the output of the build.
FILE_SIZE_LIMITS = (600, 3_000, 20_000)

RESULT_PATTERNS = (
    "*/next/sum.json",
    "*/words/grid.json",
    "*/words/grid/??/*.json",
    "*/next/every.*.safetensors",
)
CACHE_KINDS = ("pages", "figures", "computed", "code")


@pytest.fixture(scope="module")
def first_state_book(
    forkserver: ForkServerContext,
    states: tuple[BookState, BookState],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Build a book in the first state and keep its cache."""
    book = tmp_path_factory.mktemp("first") / "book"
    replace_sources(book, states[0].sources)
    build = run_build(book, forkserver)
    assert build.code == 0, build.output
    return book


@pytest.fixture
def book(first_state_book: Path, tmp_path: Path) -> Path:
    """Copy the book in its first state."""
    return shutil.copytree(first_state_book, tmp_path / "book")


def has_one_line_error(build: ProcessExit, *parts: str) -> bool:
    """Check that a build failed with one line that has these parts; return True."""
    (line,) = [line for line in build.output.splitlines() if line.startswith("layerbook: ")]
    assert build.code == 1 and "Traceback" not in build.output, build.output
    assert all(part in line for part in parts), line
    return True


def check_recovery(
    book: Path, forkserver: ForkServerContext, old: BookState, new: BookState
) -> None:
    """Check that pages and results are whole, and that the next build equals a clean one."""
    check_site(book, old, new)
    check_results(book, old, new)
    build = run_build(book, forkserver)
    assert build.code == 0, build.output
    assert differing_files(old, new, book) == []


def test_full_disk_at_any_step_is_survived(
    forkserver: ForkServerContext,
    states: tuple[BookState, BookState],
    first_state_book: Path,
    tmp_path: Path,
) -> None:
    """The disk is full from one of many steps on: exit 1, one line, and no partial file."""
    old, new = states
    clean_book = shutil.copytree(first_state_book, tmp_path / "whole" / "book")
    replace_sources(clean_book, new.sources)
    steps = run_build(clean_book, forkserver).steps
    for number in range(FULL_DISK_STEPS):
        book = shutil.copytree(first_state_book, tmp_path / str(number) / "book")
        replace_sources(book, new.sources)
        build = run_build(
            book, forkserver, Fault("full", 1 + number * (steps - 1) // (FULL_DISK_STEPS - 1))
        )
        assert build.code == 0 or has_one_line_error(build, "No space left on device"), build.output
        assert build.code or not differing_files(old, new, book), "it said that all is well"
        assert not list(book.rglob(f"*{atomic.TEMPORARY_SUFFIX}"))
        check_recovery(book, forkserver, old, new)


@pytest.mark.parametrize("size", FILE_SIZE_LIMITS)
def test_file_size_limit_is_reported(
    book: Path, forkserver: ForkServerContext, states: tuple[BookState, BookState], size: int
) -> None:
    """The system writes a part and refuses the rest.

    The part is removed, and the old file stays.
    """
    replace_sources(book, states[1].sources)
    build = run_build(book, forkserver, Fault("large", size))
    assert has_one_line_error(build, "File too large")
    assert not list(book.rglob(f"*{atomic.TEMPORARY_SUFFIX}"))
    check_recovery(book, forkserver, *states)


@pytest.mark.parametrize("folder", ["experiments/results", "site", ".layerbook"])
def test_read_only_folder_is_reported(
    book: Path, forkserver: ForkServerContext, states: tuple[BookState, BookState], folder: str
) -> None:
    """The message names the folder; a build with nothing to do does not fail."""
    read_only = Fault("read-only", str(book / folder))
    unchanged = run_build(book, forkserver, read_only)
    assert unchanged.code == 0 or (
        folder == ".layerbook" and has_one_line_error(unchanged, folder)
    ), unchanged.output
    replace_sources(book, states[1].sources)
    assert has_one_line_error(
        run_build(book, forkserver, read_only), folder, "Read-only file system"
    )
    check_recovery(book, forkserver, *states)


@pytest.mark.parametrize("has_cache", [True, False])
def test_read_only_book_is_reported(
    book: Path, forkserver: ForkServerContext, has_cache: bool
) -> None:
    """`--no-run --site` changes no folder of the book."""
    site = read_tree(book / "site")
    if not has_cache:
        shutil.rmtree(book / ".layerbook")
    files, output = read_tree(book), book.with_name("elsewhere")
    read_only = Fault("read-only", str(book))
    build = run_build(book, forkserver, read_only, "--no-run", "--site", str(output))
    assert build.code == 0, build.output
    assert read_tree(output) == site
    assert read_tree(book) == files
    second_build = run_build(book, forkserver, read_only, "--no-run", "--site", str(output))
    assert second_build.code == 0, second_build.output
    assert has_one_line_error(
        run_build(book, forkserver, read_only, "--force"), "Read-only file system"
    )


def truncate_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def write_foreign_json(path: Path) -> None:
    path.write_bytes(b'{"somebody": "else"}\n')


def insert_conflict_marks(path: Path) -> None:
    text = path.read_bytes()
    half = text.rfind(b"\n", 0, len(text) // 2) + 1
    path.write_bytes(text[:half] + b"<<<<<<< HEAD\n" + text[half:] + b"=======\n>>>>>>> theirs\n")


def replace_by_another_file(path: Path) -> None:
    """Overwrite a file with another one, of the same kind if there is one."""
    candidates = [p for p in sorted(path.parents[1].rglob("*")) if p.is_file() and p != path]
    replacement = min(candidates, key=lambda p: p.suffix != path.suffix)
    path.write_bytes(replacement.read_bytes())


DAMAGES: tuple[Callable[[Path], None], ...] = (
    truncate_file,
    empty_file,
    write_foreign_json,
    insert_conflict_marks,
    replace_by_another_file,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_replaced(
    book: Path,
    forkserver: ForkServerContext,
    states: tuple[BookState, BookState],
    damage: Callable[[Path], None],
) -> None:
    """A damaged experiment, sweep, cell and array are all computed again.

    The cell is read because the table of its sweep is damaged too.
    """
    for pattern in RESULT_PATTERNS:
        damage(sorted((book / "experiments" / "results").glob(pattern))[0])
    build = run_build(book, forkserver)
    assert build.code == 0, build.output
    assert differing_files(states[1], states[0], book) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_cache_is_ignored(
    book: Path,
    forkserver: ForkServerContext,
    states: tuple[BookState, BookState],
    damage: Callable[[Path], None],
) -> None:
    """All cached pages, figures and records are damaged, and the site is still correct."""
    folders = [book / ".layerbook" / kind for kind in CACHE_KINDS]
    kinds = [[path for path in folder.rglob("*") if path.is_file()] for folder in folders]
    assert all(kinds)
    paths = list(chain.from_iterable(kinds))
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, [*contents[1:], contents[0]], strict=True):
        if damage is replace_by_another_file:
            path.write_bytes(content)
        else:
            damage(path)
    prose = book / "templates" / "chapters" / "words.md"
    prose.write_bytes(prose.read_bytes() + b"\n")
    build = run_build(book, forkserver)
    assert build.code == 0, build.output
    assert differing_files(states[1], states[0], book) == []


@pytest.mark.parametrize("damage", DAMAGES[:-1])
def test_damaged_file_list_is_reported(
    book: Path,
    forkserver: ForkServerContext,
    states: tuple[BookState, BookState],
    damage: Callable[[Path], None],
) -> None:
    """Without the list of its files a site is left alone: one line, and every page stays."""
    marker = book / "site" / publish.MARKER_NAME
    content = marker.read_bytes()
    damage(marker)
    replace_sources(book, states[1].sources)
    assert has_one_line_error(run_build(book, forkserver), publish.MARKER_NAME, "cannot be read")
    marker.write_bytes(content)
    check_recovery(book, forkserver, *states)


def test_concurrent_builds_exclude_each_other(
    book: Path, forkserver: ForkServerContext, states: tuple[BookState, BookState]
) -> None:
    """One of four concurrent builds works; the others exit with a line or have nothing to do."""
    replace_sources(book, states[1].sources)
    running_builds = [start_build(book, forkserver, name=f"output-{number}") for number in range(4)]
    builds = [build.end() for build in running_builds]
    assert any(build.code == 0 for build in builds)
    assert all(
        build.code == 0 or has_one_line_error(build, "another build is running") for build in builds
    )
    assert differing_files(*states, book) == []
