"""A full disk, a read-only folder and damaged files end a build with one line and lose nothing.

Pages stay whole, every readable result is that of a clean build, and the next build leaves the
bytes of a clean one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from fixtures.build_states import (
    BookState,
    check_results,
    check_site,
    clean_states,
    differing_files,
    replace_sources,
)
from fixtures.killing import Fault, ProcessExit, forkserver_context, run_build, start_build
from fixtures.small_book import read_tree
from layerbook.core import atomic
from layerbook.store import publish

FULL = 24
LARGE = (600, 1_000, 3_000, 10_000, 20_000)  # the first is just enough for what the build says


@pytest.fixture(scope="module")
def warm() -> ForkServerContext:
    """Where the children come from."""
    return forkserver_context()


@pytest.fixture(scope="module")
def states(
    warm: ForkServerContext, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BookState, BookState]:
    """Both states, each built where nothing was."""
    return clean_states(warm, tiny_model_dir, tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="module")
def first(
    warm: ForkServerContext,
    states: tuple[BookState, BookState],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A book built in the first state, its working cache included."""
    book = tmp_path_factory.mktemp("first") / "book"
    replace_sources(book, states[0].sources)
    ended = run_build(book, warm)
    assert ended.code == 0, ended.output
    return book


@pytest.fixture
def book(first: Path, tmp_path: Path) -> Path:
    """A copy of that book."""
    return shutil.copytree(first, tmp_path / "book")


def is_a_line(ended: ProcessExit, *parts: str) -> bool:
    """Whether the build failed with one line for people that has these parts."""
    (line,) = [line for line in ended.output.splitlines() if line.startswith("layerbook: ")]
    assert ended.code == 1 and "Traceback" not in ended.output, ended.output
    assert all(part in line for part in parts), line
    return True


def check_recovery(book: Path, warm: ForkServerContext, old: BookState, new: BookState) -> None:
    """What is there is whole, and the next build leaves what a clean one would."""
    check_site(book, old, new)
    check_results(book, old, new)
    ended = run_build(book, warm)
    assert ended.code == 0, ended.output
    assert differing_files(old, new, book) == []


def test_a_disk_that_fills_up_at_any_step(
    warm: ForkServerContext, states: tuple[BookState, BookState], first: Path, tmp_path: Path
) -> None:
    """From one of many steps on the disk is full: exit 1, one line, and no partial file."""
    old, new = states
    whole = shutil.copytree(first, tmp_path / "whole" / "book")
    replace_sources(whole, new.sources)
    steps = run_build(whole, warm).steps
    for number in range(FULL):
        book = shutil.copytree(first, tmp_path / str(number) / "book")
        replace_sources(book, new.sources)
        ended = run_build(book, warm, Fault("full", 1 + number * (steps - 1) // (FULL - 1)))
        assert ended.code == 0 or is_a_line(ended, "No space left on device"), ended.output
        assert ended.code or not differing_files(old, new, book), "it said that all is well"
        assert not list(book.rglob(f"*{atomic.TEMPORARY_SUFFIX}"))
        check_recovery(book, warm, old, new)


@pytest.mark.parametrize("size", LARGE)
def test_a_file_that_finds_no_room_for_its_end(
    book: Path, warm: ForkServerContext, states: tuple[BookState, BookState], size: int
) -> None:
    """The system writes a part and refuses the rest: the part goes, and the old file stays."""
    replace_sources(book, states[1].sources)
    ended = run_build(book, warm, Fault("large", size))
    assert is_a_line(ended, "File too large")
    assert not list(book.rglob(f"*{atomic.TEMPORARY_SUFFIX}"))
    check_recovery(book, warm, *states)


@pytest.mark.parametrize("folder", ["experiments/results", "site", ".layerbook"])
def test_a_folder_that_may_only_be_read(
    book: Path, warm: ForkServerContext, states: tuple[BookState, BookState], folder: str
) -> None:
    """The message names the folder; a build with nothing to do does not fail."""
    refusing = Fault("read-only", str(book / folder))
    idle = run_build(book, warm, refusing)
    assert idle.code == 0 or (folder == ".layerbook" and is_a_line(idle, folder)), idle.output
    replace_sources(book, states[1].sources)
    assert is_a_line(run_build(book, warm, refusing), folder, "Read-only file system")
    check_recovery(book, warm, *states)


@pytest.mark.parametrize("has_cache", [True, False])
def test_a_book_that_may_only_be_read_is_rendered_elsewhere(
    book: Path, warm: ForkServerContext, has_cache: bool
) -> None:
    """Without running anything, no folder of the book need change."""
    site = read_tree(book / "site")
    if not has_cache:
        shutil.rmtree(book / ".layerbook")
    before, elsewhere = read_tree(book), book.with_name("elsewhere")
    refusing = Fault("read-only", str(book))
    ended = run_build(book, warm, refusing, "--no-run", "--site", str(elsewhere))
    assert ended.code == 0, ended.output
    assert read_tree(elsewhere) == site
    assert read_tree(book) == before
    again = run_build(book, warm, refusing, "--no-run", "--site", str(elsewhere))
    assert again.code == 0, again.output
    assert is_a_line(run_build(book, warm, refusing, "--force"), "Read-only file system")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    path.write_bytes(b'{"somebody": "else"}\n')


def _conflict(path: Path) -> None:
    text = path.read_bytes()
    half = text.rfind(b"\n", 0, len(text) // 2) + 1
    path.write_bytes(text[:half] + b"<<<<<<< HEAD\n" + text[half:] + b"=======\n>>>>>>> theirs\n")


def _exchanged(path: Path) -> None:
    """Another file lies in its place, of its kind where there is one."""
    beside = [p for p in sorted(path.parents[1].rglob("*")) if p.is_file() and p != path]
    other = min(beside, key=lambda p: p.suffix != path.suffix)
    path.write_bytes(other.read_bytes())


DAMAGES: tuple[Callable[[Path], None], ...] = (_cut, _empty, _foreign, _conflict, _exchanged)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "pattern",
    [
        "experiments/results/*/next/sum.json",
        "experiments/results/*/words/grid.json",
        "experiments/results/*/words/grid/??/*.json",
        "experiments/results/*/next/every.*.safetensors",
    ],
)
def test_a_damaged_result_is_told_and_made_again(
    book: Path,
    warm: ForkServerContext,
    states: tuple[BookState, BookState],
    pattern: str,
    damage: Callable[[Path], None],
) -> None:
    """Of an experiment, a sweep, a cell, and arrays, also if the next build has other work."""
    path = sorted(book.glob(pattern))[0]
    cell = "??" in pattern
    damage(path)
    if cell:  # nobody reads it before the table is made anew
        (book / "experiments" / "results" / path.parts[-5] / "words" / "grid.json").unlink()
    ended = run_build(book, warm)
    assert ended.code == 0, ended.output
    assert differing_files(states[1], states[0], book) == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["pages", "figures", "sites", "computed", "code"])
def test_a_damaged_cache_is_as_good_as_none(
    book: Path,
    warm: ForkServerContext,
    states: tuple[BookState, BookState],
    kind: str,
    damage: Callable[[Path], None],
) -> None:
    """Cached pages, figures and records: all files of a kind are damaged, and no page shows it."""
    paths = [path for path in sorted((book / ".layerbook" / kind).rglob("*")) if path.is_file()]
    assert paths
    others = [
        *paths[1:],
        next(
            path for path in sorted((book / ".layerbook" / "figures").rglob("*")) if path.is_file()
        ),
    ]
    content = [other.read_bytes() for other in others]
    for path, other in zip(paths, content, strict=True):
        if damage is _exchanged:
            path.write_bytes(other)
        else:
            damage(path)
    prose = book / "templates" / "chapters" / "words.md"
    prose.write_bytes(prose.read_bytes() + b"\n")
    ended = run_build(book, warm)
    assert ended.code == 0, ended.output
    assert differing_files(states[1], states[0], book) == []


@pytest.mark.parametrize("damage", DAMAGES[:-1])
def test_a_site_whose_list_is_damaged_is_left_alone(
    book: Path,
    warm: ForkServerContext,
    states: tuple[BookState, BookState],
    damage: Callable[[Path], None],
) -> None:
    """Nobody knows which of its files are ours: one line, and every page stays as it is."""
    marker = book / "site" / publish.MARKER_NAME
    before = marker.read_bytes()
    damage(marker)
    replace_sources(book, states[1].sources)
    assert is_a_line(run_build(book, warm), publish.MARKER_NAME, "is not readable")
    marker.write_bytes(before)
    check_recovery(book, warm, *states)


def test_builds_that_meet_leave_what_one_leaves(
    book: Path, warm: ForkServerContext, states: tuple[BookState, BookState]
) -> None:
    """Of four builds at once, one works; the others exit with a line or have nothing to do."""
    replace_sources(book, states[1].sources)
    running = [start_build(book, warm, name=f"said-{number}") for number in range(4)]
    ended = [one.end() for one in running]
    assert any(one.code == 0 for one in ended)
    assert all(one.code == 0 or is_a_line(one, "another build is running") for one in ended)
    assert differing_files(*states, book) == []
