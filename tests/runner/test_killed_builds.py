"""A book stays intact when its builds are killed, and the next build completes.

A book with single experiments, an experiment with arrays beside its JSON, and a sweep in chunks
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
    differing_files,
    replace_sources,
)
from fixtures.fuzzing import IS_LONG
from fixtures.killing import Fault, run_build

pytestmark = pytest.mark.long
KILLS = 200 if IS_LONG else 24
IN_A_ROW = 12
SEED = int(os.environ.get("LAYERBOOK_TEST_SEED", "20261125"))


def random_fault(rng: random.Random, steps: int, seconds: float, is_first: bool) -> Fault:
    """Draw the time of a kill, mostly a step; later builds are shorter and are killed sooner."""
    kind = rng.choices(("step", "time", "bytes"), (6, 3, 1))[0]
    if kind == "step":
        return Fault("step", rng.randint(1, steps if is_first else steps // 3))
    if kind == "time":
        return Fault("time", rng.uniform(0, seconds if is_first else seconds / 2))
    return Fault("bytes", int(10 ** rng.uniform(1.5, 5)))


def test_killed_builds_are_resumed(
    forkserver: ForkServerContext, states: tuple[BookState, BookState], tmp_path: Path
) -> None:
    """After each transition, the book is the same as after a clean build, without leftovers."""
    rng, book = random.Random(SEED), tmp_path / "book"
    print(f"seed {SEED}")
    old, new = states
    # The last of these has its figures in the cache, as most of the killed builds will.
    for state in (old, new, old):
        replace_sources(book, state.sources)
        clean_build = run_build(book, forkserver)
        assert clean_build.code == 0, clean_build.output
    killed = 0
    while killed < KILLS:
        replace_sources(book, new.sources)
        if rng.random() < 0.15:
            shutil.rmtree(book / ".layerbook", ignore_errors=True)
        for number in range(IN_A_ROW):
            fault = random_fault(rng, clean_build.steps, clean_build.seconds, number == 0)
            build = run_build(book, forkserver, fault)
            assert build.code in (None, 0), build.output
            killed += build.code is None
            print(f"kill {killed}: {fault}")
            check_site(book, old, new)
            check_results(book, old, new)
            if build.code == 0:
                break  # the kill came after the end
        build = run_build(book, forkserver)
        assert build.code == 0, build.output
        assert differing_files(old, new, book) == []
        old, new = new, old
