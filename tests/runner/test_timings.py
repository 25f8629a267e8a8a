"""How long runs take: shares that add up, kept in the working cache, told by the commands, and nowhere in a result."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.requests import Forward, Generate, Patch, Prompt, Site
from layerbook.model.stopwatch import TimedStep, Stopwatch
from layerbook.runner.timings import name_of

ADDRESSES = {"next/sum", "next/pattern", "words/cut", "words/cat"}
weights = st.floats(0, 1e3)


@given(st.lists(weights, min_size=1, max_size=9), st.floats(0, 1e4))
def test_the_rows_of_a_step_share_all_of_its_time(parts: list[float], seconds: float) -> None:
    """Whatever the weights, zeros among them: no second is lost or made."""
    step = TimedStep("passes", ((),) * len(parts), tuple(parts), 1, seconds)
    found = step.row_seconds()
    assert sum(found) == pytest.approx(seconds)
    assert len(found) == len(parts) and min(found) >= 0


def test_a_step_is_shared_by_those_that_needed_it(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Two of three experiments need one row of a batch, one the other: a quarter, a quarter, a half."""
    from layerbook.book.loader import load_chapter
    from layerbook.model import sources
    from layerbook.runner import timings

    spec = tmp_path / "mine.yaml"
    one = "  - {{id: {}, analysis: next-token, prompts: [{}]}}\n"
    made = "".join(
        one.format(id, prompt)
        for id, prompt in (("a", "The cat"), ("b", "The cat"), ("c", "A dog"))
    )
    spec.write_text(f"chapter: mine\ntitle: Mine\nexperiments:\n{made}", encoding="utf-8")
    wanted = load_chapter(spec, sources.limits(sources.resolve(str(tiny_model_dir)))).experiments
    rows = tuple(tuple(wanted[i].analysis.runs().values()) for i in (0, 2))
    stopwatch = Stopwatch(1.0, [TimedStep("passes", rows, (1.0, 1.0), 12, 8.0)])
    for experiment in wanted:
        with stopwatch.time_measuring(f"mine/{experiment.id}", experiment.analysis.runs().values()):
            pass
    stopwatch.measuring_seconds["mine/a"] = 0.5
    found = timings.taken(stopwatch, wanted)
    assert [found.shares[f"mine/{id}"].passes for id in "abc"] == [2.0, 2.0, 4.0]
    assert found.shares["mine/a"].measuring == 0.5 > found.shares["mine/b"].measuring > 0
    assert found.steps[0].experiments == ("mine/a", "mine/b", "mine/c")
    assert found.pace == {"passes": 8.0 / 12}


def test_a_pass_has_one_name_whatever_it_keeps() -> None:
    """What is kept does not change the work; prompt, patches and what they come from do."""
    cat, dog = Prompt(text="The cat"), Prompt(text="The dog")
    plain = Forward(cat, frozenset({Site("logits")}))
    more = Forward(cat, frozenset({Site("logits"), Site("z", 1)}))
    patched = [
        Forward(cat, frozenset(), (Patch(Site("z", 1), source),)) for source in (None, plain, more)
    ]
    patched.append(Forward(cat, frozenset(), (Patch(Site("z", 1), Forward(dog, frozenset())),)))
    names = [
        name_of(one) for one in (plain, more, *patched, Forward(dog, frozenset()), Generate(cat, 3))
    ]
    assert names[0] == names[1] and names[3] == names[4]
    assert len(set(names)) == len(names) - 2


def test_a_run_keeps_what_each_experiment_and_step_took(ran: Path) -> None:
    """Every experiment, in the working cache; the shares are the steps' seconds; no result knows a duration."""
    found = json.loads(layerbook("timings", "--json", cwd=ran).stdout)
    assert found["experiments"].keys() == ADDRESSES
    shares = found["experiments"].values()
    for kind in ("generating", "passes"):
        steps = sum(step["seconds"] for step in found["steps"] if step["kind"] == kind)
        assert steps > 0 and sum(share[kind] for share in shares) == pytest.approx(steps)
    assert (
        found["experiments"]["words/cat"]["generating"]
        > 0
        == found["experiments"]["words/cat"]["passes"]
    )
    assert (
        found["experiments"]["next/sum"]["passes"]
        > 0
        == found["experiments"]["next/sum"]["generating"]
    )
    assert found["loading"] > 0 and found["pace"].keys() == {"generating", "passes"}
    assert not any(
        b"seconds" in data or b"measuring" in data
        for data in read_tree(ran / "experiments" / "results").values()
    )


def test_run_prints_the_table_and_the_other_times_stay(book: Path) -> None:
    """Two experiments run again: two lines, while the cache still knows all four."""
    before = read_tree(book / "experiments")
    done = layerbook("run", "--only", "next", "--force", "--timings", cwd=book)
    assert done.returncode == 0
    assert set(re.findall(r"^(\w+/\w+) +\d+\.\d\d s", done.stdout, re.MULTILINE)) == {
        "next/sum",
        "next/pattern",
    }
    assert re.search(
        r"^2 passes, \d+ tokens with padding +\d+\.\d\d s +next/sum, next/pattern$",
        done.stdout,
        re.MULTILINE,
    )
    assert (
        json.loads(layerbook("timings", "--json", cwd=book).stdout)["experiments"].keys()
        == ADDRESSES
    )
    assert read_tree(book / "experiments") == before


def test_timings_of_nothing_and_of_a_damaged_cache(book: Path) -> None:
    """Both say that nothing is known; neither is an error."""
    for path in (book / ".layerbook" / "timings").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\0" * 99)
    assert layerbook("timings", cwd=book).stdout == "Nothing was timed on this machine yet.\n"
    shutil.rmtree(book / ".layerbook")
    assert layerbook("timings", cwd=book).stdout == "Nothing was timed on this machine yet.\n"


def test_timings_and_a_dry_run_do_not_go_together(book: Path) -> None:
    """A usage error, told before anything is read."""
    done = layerbook("run", "--dry-run", "--timings", cwd=book)
    assert done.returncode == 2 and "runs nothing" in done.stderr


def test_of_many_steps_the_longest_are_shown() -> None:
    """In their order; the others are counted and summed."""
    from layerbook.cli.format_timings import MOST_STEPS, timing_lines
    from layerbook.runner.timings import Share, StepTime, Timings

    steps = tuple(StepTime("passes", 1, i, 0.01 * (i + 1), ("a/b",)) for i in range(MOST_STEPS + 3))
    lines = timing_lines(Timings(1.0, {"a/b": Share("x", 0.0, 1.0, 0.0)}, steps))
    assert lines[-1] == "and 3 shorter steps, 0.06 s"
    told = [float(line.split("padding")[1].split()[0]) for line in lines if "padding  " in line]
    assert told == pytest.approx([0.01 * (i + 1) for i in range(3, MOST_STEPS + 3)])
