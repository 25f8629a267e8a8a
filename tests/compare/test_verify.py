"""Verify results: compare a clean run with them, and record the outcome in the book."""

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
    """Return the committed record."""
    data: dict[str, Any] = json.loads(
        next((book / "experiments" / "verification").glob("*.json")).read_bytes()
    )
    return data


@given(st.floats(1e-30, 1e30))
def test_rounds_up_to_the_least_power_of_ten(gap: float) -> None:
    """Not below the gap, ten times less would be; rounding again changes nothing."""
    bound = round_up_to_power_of_ten(gap)
    assert gap <= bound and bound / 10 < gap * (1 + 1e-12)
    assert round_up_to_power_of_ten(bound) == bound
    assert float(f"{bound:.0e}") == bound


def test_rounding_keeps_powers_of_ten_zero_and_infinity() -> None:
    """Whatever the logarithm rounds to."""
    assert [round_up_to_power_of_ten(float(f"1e{n}")) for n in range(-20, 21)] == [
        float(f"1e{n}") for n in range(-20, 21)
    ]
    assert (round_up_to_power_of_ten(0.0), round_up_to_power_of_ten(math.inf)) == (0.0, math.inf)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 1e-7, 1e-6])), min_size=1)
)
def test_merging_entries_ignores_the_order(runs: list[tuple[int, float]]) -> None:
    """Merging a run again changes nothing."""

    def merge(order: list[tuple[int, float]]) -> VerificationEntry:
        entry = None
        for threads, gap in order:
            entry = _merge_entries(entry, VerificationEntry("d", (threads,), "agrees", gap))
        assert entry is not None
        return entry

    assert merge(runs) == merge(runs[::-1]) == merge([*runs, *runs])
    assert merge(runs).gap == max(gap for _, gap in runs)


def test_records_a_run_that_agrees(book: Path) -> None:
    """With one thread and with two; only the record is written, and once."""
    before = read_tree(book / "experiments" / "results")
    shutil.rmtree(book / ".layerbook")
    process = layerbook("verify", "--quiet", cwd=book)
    assert process.returncode == 0, process.stdout
    assert len(re.findall(r"^\w+/\w+ +agrees +\S+ +1, 2", process.stdout, re.MULTILINE)) == 4
    assert "4 experiments: 4 agree within 1e-5 plus 1e-4 of their size; noted in" in process.stdout
    assert read_tree(book / "experiments" / "results") == before
    assert {p.name for p in (book / ".layerbook").iterdir()} <= {".gitignore", "lock", "code"}
    record = record_of(book)
    assert record["tolerance"] == {"absolute": 1e-5, "relative": 1e-4}
    for name, entry in record["experiments"].items():
        path = next((book / "experiments" / "results").glob(f"*/{name}.json"))
        assert entry["digest"] == store.read_header(path).digest
        assert (entry["verdict"], entry["threads"]) == ("agrees", [1, 2]) and entry["gap"] <= 1e-5
    before_second_run = untimed(record)
    assert layerbook("verify", "--quiet", cwd=book).returncode == 0
    assert untimed(record_of(book)) == before_second_run


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its times, which depend on the machine."""
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
def test_keeps_a_time_while_it_is_similar(
    old: float | None, new: float | None, kept: float
) -> None:
    """For the same result; another result has its own time."""
    before = VerificationEntry("d", (1, 2), "agrees", 0.0, "", old)
    assert (
        _merge_entries(before, VerificationEntry("d", (1, 2), "agrees", 0.0, "", new)).seconds
        == kept
    )
    assert (
        _merge_entries(before, VerificationEntry("e", (1, 2), "agrees", 0.0, "", new)).seconds
        == new
    )


def test_keeps_the_time_of_the_most_threads() -> None:
    """Figures show the time with the largest number of threads."""
    before = VerificationEntry("d", (1, 2), "agrees", 0.0, "", 0.4)
    assert (
        _merge_entries(before, VerificationEntry("d", (1,), "agrees", 0.0, "", 9.0)).seconds == 0.4
    )
    assert (
        _merge_entries(VerificationEntry("d", (1,), "agrees", 0.0, "", 9.0), before).seconds == 0.4
    )


def test_figures_show_the_recorded_time(book: Path) -> None:
    """Only for the result that was verified."""
    assert layerbook("verify", "--quiet", cwd=book).returncode == 0
    seconds = record_of(book)["experiments"]["next/sum"]["seconds"]
    assert seconds >= 0.1 and float(f"{seconds:.0e}") == seconds
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    took = re.compile(
        r"<dt>Took</dt>\s*<dd>([^<]*) with 2 threads, its share of the run that verified it</dd>"
    )
    shown = took.findall((book / "site" / "next.html").read_text())
    assert shown and f"{seconds:g} s" in shown[0]
    edit_result(book, entropy=1.0)
    assert layerbook("build", "--no-run", "--quiet", cwd=book).returncode == 0
    assert len(took.findall((book / "site" / "next.html").read_text())) < len(shown)


def test_reports_a_wrong_committed_number(book: Path) -> None:
    """Exit 1 with the gap and its place; the committed result stays."""
    first = edit_result(book, entropy=1.0)
    before = read_tree(book / "experiments" / "results")
    process = layerbook("verify", "--threads", "1", "--json", "--quiet", cwd=book)
    assert process.returncode == 1
    checks = {check["experiment"]: check for check in json.loads(process.stdout)["experiments"]}
    assert [checks[name]["verdict"] for name in ("next/sum", "next/pattern")] == [
        "differs",
        "agrees",
    ]
    assert checks["next/sum"]["apart"] == checks["next/sum"]["place"] == "prompts[0].entropy"
    assert checks["next/sum"]["gap"] == pytest.approx(abs(first.entropy - 1.0), rel=1e-3)
    assert read_tree(book / "experiments" / "results") == before
    entry = record_of(book)["experiments"]["next/sum"]
    assert (entry["verdict"], entry["place"], entry["gap"]) == (
        "differs",
        "prompts[0].entropy",
        10.0,
    )


def test_compares_tokens_exactly(book: Path) -> None:
    """Another id differs even without a gap."""
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    top = store.load(path, NextToken.result_type).result.prompts[0].top
    edit_result(book, top=(top[0].model_copy(update={"id": top[0].id + 1}), *top[1:]))
    process = layerbook("verify", "--threads", "1", "--only", "sum", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(
        r"^next/sum +differs .*prompts\[0\]\.top\[0\]\.id: \d+ -> \d+$",
        process.stdout,
        re.MULTILINE,
    )


def test_skips_results_that_are_not_current(book: Path) -> None:
    """Stale and missing results: exit 1, no record, and no model loaded."""
    next((book / "experiments" / "results").glob("*/words/cut.json")).unlink()
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text().replace("seed: 3", "seed: 4"))
    process = layerbook("verify", "--only", "words", cwd=book)
    assert process.returncode == 1
    assert re.search(r"^words/cut +not current +missing$", process.stdout, re.MULTILINE)
    assert re.search(r"^words/cat +not current +stale \(spec\)$", process.stdout, re.MULTILINE)
    assert process.stderr == "" and not (book / "experiments" / "verification").exists()


def test_colophon_shows_the_record(book: Path) -> None:
    """Including results that changed since, or were never verified."""
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


def test_does_not_record_failures(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier entry stays; the other experiments are compared."""
    assert layerbook("verify", "--threads", "1", "--quiet", cwd=book).returncode == 0
    before = read_tree(book / "experiments" / "verification")
    from layerbook.analyses.generate import Generate

    def fail(self: Generate, captures: object) -> None:
        raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as patched:
        patched.setattr(Generate, "measure", fail)
        patched.setattr("layerbook.store.code_digest.analysis_code_digest", lambda module: "same")
        patched.setattr("layerbook.store.keys.Key.same_sources", lambda self, other: True)
        process = layerbook("verify", "--threads", "1", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(r"^words/cat +failed .*ZeroDivisionError", process.stdout, re.MULTILINE)
    assert "3 agree" in process.stdout and "1 failed" in process.stdout
    assert read_tree(book / "experiments" / "verification") == before


@pytest.mark.parametrize("threads", ["0", "1,", "two", "-1", "1,100000"])
def test_rejects_other_numbers_of_threads(book: Path, threads: str) -> None:
    """They are a usage error."""
    process = layerbook("verify", "--threads", threads, cwd=book)
    assert process.returncode == 2 and "--threads" in process.stderr


def test_reports_a_damaged_record_before_running(book: Path) -> None:
    """By verify and by build, with the file's name and a remedy."""
    path = (
        book
        / "experiments"
        / "verification"
        / f"{next((book / 'experiments' / 'results').iterdir()).name}.json"
    )
    path.parent.mkdir()
    path.write_text('{"experiments": [<<<<<<<')
    for command in (("verify",), ("build", "--no-run")):
        process = layerbook(*command, "--quiet", cwd=book)
        assert (
            process.returncode == 1
            and str(path.name) in process.stderr
            and "is not a record of a verification" in process.stderr
        )
