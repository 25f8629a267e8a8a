"""A build killed two hundred times leaves pages and results whole, and the next one completes.

A book with plain experiments, an experiment with arrays beside its JSON, and a sweep in chunks
alternates between two states of its sources. On the way from one to the other the build is killed
up to twelve times: before a step on the disk, in the middle of a file, or after some milliseconds.
After each kill every page and result is checked. Then the build runs to its end and must leave the
bytes of a clean build.
"""

from __future__ import annotations

import os
import random
import shutil
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
from fixtures.killing import Fault, forkserver_context, run_build

KILLS = 200
IN_A_ROW = 12
SEED = int(os.environ.get("LAYERBOOK_TEST_SEED", "20261125"))


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


def moment(chance: random.Random, steps: int, seconds: float, first: bool) -> Fault:
    """Most at a step; of a passage's later builds less is left to do, so theirs come sooner."""
    kind = chance.choices(("step", "time", "bytes"), (6, 3, 1))[0]
    if kind == "step":
        return Fault("step", chance.randint(1, steps if first else steps // 3))
    if kind == "time":
        return Fault("time", chance.uniform(0, seconds if first else seconds / 2))
    return Fault("bytes", int(10 ** chance.uniform(1.5, 5)))


def test_killed_two_hundred_times_nothing_is_lost(
    warm: ForkServerContext, states: tuple[BookState, BookState], tmp_path: Path
) -> None:
    """At the end of each transition the book is that of a clean build, without leftovers."""
    chance, book = random.Random(SEED), tmp_path / "book"
    print(f"seed {SEED}")
    old, new = states
    for state in (
        old,
        new,
        old,
    ):  # the last has its pictures in the cache, as most of the killed ones will
        replace_sources(book, state.sources)
        whole = run_build(book, warm)
        assert whole.code == 0, whole.output
    killed = 0
    while killed < KILLS:
        replace_sources(book, new.sources)
        if chance.random() < 0.15:
            shutil.rmtree(book / ".layerbook", ignore_errors=True)
        for number in range(IN_A_ROW):
            when = moment(chance, whole.steps, whole.seconds, number == 0)
            ended = run_build(book, warm, when)
            assert ended.code in (None, 0), ended.output
            killed += ended.code is None
            print(f"kill {killed}: {when}")
            check_site(book, old, new)
            check_results(book, old, new)
            if ended.code == 0:
                break  # this moment came after the end
        ended = run_build(book, warm)
        assert ended.code == 0, ended.output
        assert differing_files(old, new, book) == []
        old, new = new, old
