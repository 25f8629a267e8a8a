"""Timings of a run add up, are printed with `--timings`, and are absent from results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layerbook.cli.format_timings import MAX_STEPS, timing_lines
from layerbook.core.progress import SilentReporter
from layerbook.core.requests import Forward, Patch, Prompt, Request, Site
from layerbook.model.timer import Timer
from layerbook.runner.local import LocalExecutor
from layerbook.store.project import open_project

CAT, DOG = Prompt(text="The cat"), Prompt(text="A dog")
LOGITS = frozenset({Site("logits")})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 999), min_size=1, max_size=9), st.floats(0, 1e4))
def test_shares_sum_to_one(row_tokens: list[int], seconds: float) -> None:
    """One experiment needs every row, and each row has another experiment of its own."""
    rows = [[Forward(Prompt(text=str(i)), LOGITS)] for i in range(len(row_tokens))]
    timer = Timer()
    requests: list[tuple[str, list[Request]]] = [("a/all", [r for row in rows for r in row])]
    requests += [(f"a/{i}", list(row)) for i, row in enumerate(rows)]
    timer.set_requests(requests)
    timer.add_step("passes", rows, row_tokens, seconds)
    shares = {address: times.total for address, times in timer.experiments.items()}
    assert sum(shares.values()) == pytest.approx(seconds)
    assert shares["a/all"] == pytest.approx(seconds / 2)
    assert timer.steps[0].tokens == sum(row_tokens)


def test_shared_passes_are_divided() -> None:
    """Two experiments share a row of a batch, a third has the other row."""
    timer = Timer()
    cat, dog = Forward(CAT, LOGITS), Forward(DOG, LOGITS)
    patched = Forward(CAT, LOGITS, (Patch(Site("z", 1), dog),))
    also_cat = Forward(CAT, frozenset({Site("z", 1)}))
    timer.set_requests([("x/a", [cat]), ("x/b", [also_cat]), ("x/c", [patched])])
    timer.add_step("passes", [[cat], [dog]], [6, 6], 8.0)
    assert {a: t.passes for a, t in timer.experiments.items()} == {"x/a": 2, "x/b": 2, "x/c": 4}
    assert timer.steps[0].experiments == ("x/a", "x/b", "x/c")


def test_times_each_experiment(book: Path) -> None:
    """The shares of the experiments add up to the steps; a generation has no passes."""
    project = open_project(book)
    timer = Timer()
    executor = LocalExecutor(project.source, SilentReporter(), timer)
    executor.measure(list(project.experiments()))
    assert timer.experiments.keys() == {"next/sum", "next/pattern", "words/cut", "words/cat"}
    times = timer.experiments.values()
    for kind, shares in (
        ("generating", [share.generating for share in times]),
        ("passes", [share.passes for share in times]),
    ):
        assert sum(shares) == pytest.approx(sum(s.seconds for s in timer.steps if s.kind == kind))
    assert timer.experiments["words/cat"].generating > 0 == timer.experiments["words/cat"].passes
    assert timer.experiments["next/sum"].passes > 0 == timer.experiments["next/sum"].generating
    assert timer.loading > 0 and all(share.measuring > 0 for share in times)


def test_run_prints_tables(book: Path) -> None:
    """Two experiments run again as two lines and one step; the files of the book stay the same."""
    old_files = read_tree(book / "experiments")
    result = layerbook("run", "--only", "next", "--force", "--timings", cwd=book)
    assert result.returncode == 0
    rows = re.findall(r"^(\w+/\w+) +\d+\.\d\d s", result.stdout, re.MULTILINE)
    assert sorted(rows) == ["next/pattern", "next/sum"]
    step = r"^2 passes, \d+ tokens with padding +\d+\.\d\d s +next/pattern, next/sum$"
    assert re.search(step, result.stdout, re.MULTILINE)
    assert read_tree(book / "experiments") == old_files


def test_timings_and_dry_run_exclude_each_other(book: Path) -> None:
    result = layerbook("run", "--dry-run", "--timings", cwd=book)
    assert result.returncode == 2 and "runs nothing" in result.stderr


def test_lists_only_the_slowest_steps() -> None:
    """The steps keep their order; the others are counted and summed."""
    timer = Timer()
    request = Forward(CAT, LOGITS)
    timer.set_requests([("a/b", [request])])
    seconds = [0.01 * (i + 1) for i in range(MAX_STEPS + 3)]
    for step in seconds:
        timer.add_step("passes", [[request]], [2], step)
    lines = timing_lines(timer)
    assert lines[-1] == "and 3 shorter steps, 0.06 s"
    listed = [line.split("padding")[1].split()[0] for line in lines if "padding  " in line]
    assert [float(value) for value in listed] == pytest.approx(seconds[3:])
