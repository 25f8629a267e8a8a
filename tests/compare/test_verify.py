"""verify: a clean run compared with the committed results, and the record in the book."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fixtures.edit_result import edit_result
from fixtures.small_book import layerbook, read_tree
from hypothesis import given
from hypothesis import strategies as st
from layerbook.analyses.next_token import NextToken
from layerbook.store import results as store
from layerbook.store.verification import VerificationEntry, _merge_entries, round_up_to_power_of_ten


def record_of(book: Path) -> dict[str, Any]:
    """The committed record."""
    data: dict[str, Any] = json.loads(
        next((book / "experiments" / "verification").glob("*.json")).read_bytes()
    )
    return data


@given(st.floats(1e-30, 1e30))
def test_a_bound_is_the_least_power_of_ten_that_is_enough(gap: float) -> None:
    """Not exceeded, a tenth of it is; and it is its own bound, so that verifying again changes
    nothing.
    """
    found = round_up_to_power_of_ten(gap)
    assert gap <= found and found / 10 < gap * (1 + 1e-12)
    assert round_up_to_power_of_ten(found) == found
    assert float(f"{found:.0e}") == found


def test_bounds_of_powers_of_nothing_and_of_the_infinite() -> None:
    """Exact powers of ten are their own bounds, whatever the logarithm rounds to."""
    assert [round_up_to_power_of_ten(float(f"1e{n}")) for n in range(-20, 21)] == [
        float(f"1e{n}") for n in range(-20, 21)
    ]
    assert (round_up_to_power_of_ten(0.0), round_up_to_power_of_ten(math.inf)) == (0.0, math.inf)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 1e-7, 1e-6])), min_size=1)
)
def test_a_record_of_one_result_settles(runs: list[tuple[int, float]]) -> None:
    """Whatever the order of machines, their runs come to one entry, and running one again leaves
    it.
    """

    def noted(order: list[tuple[int, float]]) -> VerificationEntry:
        entry = None
        for threads, gap in order:
            entry = _merge_entries(entry, VerificationEntry("d", (threads,), "agrees", gap))
        assert entry is not None
        return entry

    assert noted(runs) == noted(runs[::-1]) == noted([*runs, *runs])
    assert noted(runs).gap == max(gap for _, gap in runs)


def test_a_clean_run_agrees_and_is_noted(book: Path) -> None:
    """Each with one thread and with two; nothing but the record is written, and a second time not
    even that.
    """
    before = read_tree(book / "experiments" / "results")
    shutil.rmtree(book / ".layerbook")
    done = layerbook("verify", "--quiet", cwd=book)
    assert done.returncode == 0, done.stdout
    assert len(re.findall(r"^\w+/\w+ +agrees +\S+ +1, 2", done.stdout, re.MULTILINE)) == 4
    assert "4 experiments: 4 agree within 1e-5 plus 1e-4 of their size; noted in" in done.stdout
    assert read_tree(book / "experiments" / "results") == before
    assert {p.name for p in (book / ".layerbook").iterdir()} <= {".gitignore", "lock", "code"}
    record = record_of(book)
    assert record["tolerance"] == {"absolute": 1e-5, "relative": 1e-4}
    for name, entry in record["experiments"].items():
        path = next((book / "experiments" / "results").glob(f"*/{name}.json"))
        assert entry["digest"] == store.read_header(path).digest
        assert (entry["verdict"], entry["threads"]) == ("agrees", [1, 2]) and entry["gap"] <= 1e-5
    noted = untimed(record)
    assert layerbook("verify", "--quiet", cwd=book).returncode == 0
    assert untimed(record_of(book)) == noted


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    """A record without its times, which a busy machine may change."""
    entries = record["experiments"].items()
    return record | {"experiments": {name: entry | {"seconds": None} for name, entry in entries}}


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (0.4, 0.6, 0.4),
        (0.4, 0.14, 0.4),
        (0.4, 2.0, 2.0),
        (2.0, 0.3, 0.3),
        (None, 0.3, 0.3),
        (0.3, None, 0.3),
    ],
)
def test_a_time_stays_while_it_is_about_right(
    old: float | None, new: float | None, kept: float
) -> None:
    """Of one result; another result takes its own time."""
    before = VerificationEntry("d", (1, 2), "agrees", 0.0, "", old)
    assert (
        _merge_entries(before, VerificationEntry("d", (1, 2), "agrees", 0.0, "", new)).seconds
        == kept
    )
    assert (
        _merge_entries(before, VerificationEntry("e", (1, 2), "agrees", 0.0, "", new)).seconds
        == new
    )


def test_the_time_of_fewer_threads_does_not_replace_that_of_more() -> None:
    """What stands beside a figure is that of the largest number of threads in the entry."""
    before = VerificationEntry("d", (1, 2), "agrees", 0.0, "", 0.4)
    assert (
        _merge_entries(before, VerificationEntry("d", (1,), "agrees", 0.0, "", 9.0)).seconds == 0.4
    )
    assert (
        _merge_entries(VerificationEntry("d", (1,), "agrees", 0.0, "", 9.0), before).seconds == 0.4
    )


def test_a_figure_tells_what_it_took_when_it_was_verified(book: Path) -> None:
    """From the record, and only of the result that was verified."""
    assert layerbook("verify", "--quiet", cwd=book).returncode == 0
    seconds = record_of(book)["experiments"]["next/sum"]["seconds"]
    assert seconds >= 0.1 and float(f"{seconds:.0e}") == seconds
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    told = re.compile(
        r"<dt>Took</dt>\s*<dd>([^<]*) with 2 threads, its share of the run that verified it</dd>"
    )
    shown = told.findall((book / "site" / "next.html").read_text())
    assert shown and f"{seconds:g} s" in shown[0]
    edit_result(book, entropy=1.0)
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    assert len(told.findall((book / "site" / "next.html").read_text())) < len(shown)


def test_a_committed_number_that_no_run_gives_is_found(book: Path) -> None:
    """Exit 1, the gap, its place, both values, and the page that shows it; the wrong result
    stays.
    """
    first = edit_result(book, entropy=1.0)
    before = read_tree(book / "experiments" / "results")
    done = layerbook("verify", "--threads", "1", "--json", "--quiet", cwd=book)
    assert done.returncode == 1
    found = {one["experiment"]: one for one in json.loads(done.stdout)["experiments"]}
    assert [found[name]["verdict"] for name in ("next/sum", "next/pattern")] == [
        "differs",
        "agrees",
    ]
    assert found["next/sum"]["apart"] == found["next/sum"]["place"] == "prompts[0].entropy"
    assert found["next/sum"]["gap"] == pytest.approx(abs(first.entropy - 1.0), rel=1e-3)
    assert read_tree(book / "experiments" / "results") == before
    entry = record_of(book)["experiments"]["next/sum"]
    assert (entry["verdict"], entry["place"], entry["gap"]) == (
        "differs",
        "prompts[0].entropy",
        10.0,
    )


def test_another_token_differs_however_close_its_number(book: Path) -> None:
    """Names and ids exactly: a gap of nothing, and yet a difference."""
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    top = store.load(path, NextToken.result_type).result.prompts[0].top
    edit_result(book, top=(top[0].model_copy(update={"id": top[0].id + 1}), *top[1:]))
    done = layerbook("verify", "--threads", "1", "--only", "sum", "--quiet", cwd=book)
    assert done.returncode == 1
    assert re.search(
        r"^next/sum +differs .*prompts\[0\]\.top\[0\]\.id: \d+ -> \d+$", done.stdout, re.MULTILINE
    )


def test_what_is_not_current_is_not_compared(book: Path) -> None:
    """A stale result and a missing one: exit 1, said so, not in the record; the model need not even
    load.
    """
    next((book / "experiments" / "results").glob("*/words/cut.json")).unlink()
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text().replace("seed: 3", "seed: 4"))
    done = layerbook("verify", "--only", "words", cwd=book)
    assert done.returncode == 1
    assert re.search(r"^words/cut +not current +missing$", done.stdout, re.MULTILINE)
    assert re.search(r"^words/cat +not current +stale \(spec\)$", done.stdout, re.MULTILINE)
    assert done.stderr == "" and not (book / "experiments" / "verification").exists()


def test_the_book_shows_the_record_until_a_result_changes(book: Path) -> None:
    """In the colophon, from the record alone: the bound of the gap, and what was not verified since
    it changed.
    """
    assert layerbook("verify", "--only", "next", "--quiet", cwd=book).returncode == 0
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    page = (book / "site" / "colophon.html").read_text()
    assert "Computed again" in page
    rows = dict(re.findall(r'<th scope="row">(\w+/\w+)</th><td>([^<]*)</td>', page))
    assert rows == {
        "next/sum": "agrees",
        "next/pattern": "agrees",
        "words/cut": "not verified",
        "words/cat": "not verified",
    }
    assert "1e-5 plus 1e-4 of its size. Of 4 experiments, 2 agree." in page
    assert layerbook("verify", "--quiet", cwd=book).returncode == 0
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    assert "Of 4 experiments, 4 agree." in (book / "site" / "colophon.html").read_text()
    edit_result(book, entropy=1.0)
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    page = (book / "site" / "colophon.html").read_text()
    assert '<th scope="row">next/sum</th><td>not verified since it changed</td><td></td>' in page
    shutil.rmtree(book / "experiments" / "verification")
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    assert "Computed again" not in (book / "site" / "colophon.html").read_text()


def test_a_failing_experiment_is_told_and_not_noted(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was noted of it before stays; the others are compared."""
    assert layerbook("verify", "--threads", "1", "--quiet", cwd=book).returncode == 0
    before = read_tree(book / "experiments" / "verification")
    from layerbook.analyses.generate import Generate

    def broken(self: Generate, captures: object) -> None:
        raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as patched:
        patched.setattr(Generate, "measure", broken)
        patched.setattr("layerbook.store.code_digest.analysis_code_digest", lambda module: "same")
        patched.setattr("layerbook.store.keys.Key.same_sources", lambda self, other: True)
        done = layerbook("verify", "--threads", "1", "--quiet", cwd=book)
    assert done.returncode == 1
    assert re.search(r"^words/cat +failed .*ZeroDivisionError", done.stdout, re.MULTILINE)
    assert "3 agree" in done.stdout and "1 failed" in done.stdout
    assert read_tree(book / "experiments" / "verification") == before


@pytest.mark.parametrize("threads", ["0", "1,", "two", "-1", "1,100000"])
def test_threads_are_small_positive_numbers(book: Path, threads: str) -> None:
    """Anything else is a usage error."""
    done = layerbook("verify", "--threads", threads, cwd=book)
    assert done.returncode == 2 and "--threads" in done.stderr


def test_a_damaged_record_is_told_before_anything_runs(book: Path) -> None:
    """With the file's name and what helps, by verify and by build."""
    path = (
        book
        / "experiments"
        / "verification"
        / f"{next((book / 'experiments' / 'results').iterdir()).name}.json"
    )
    path.parent.mkdir()
    path.write_text('{"experiments": [<<<<<<<')
    for command in (("verify",), ("build", "--no-run")):
        done = layerbook(*command, "--quiet", cwd=book)
        assert (
            done.returncode == 1
            and str(path.name) in done.stderr
            and "is not a record of a verification" in done.stderr
        )
