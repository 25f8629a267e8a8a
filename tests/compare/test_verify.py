"""`verify` runs everything again and reports where a committed number differs."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.edit_result import edit_result
from fixtures.small_book import layerbook, read_tree
from layerbook.analyses.next_token import NextToken
from layerbook.store import results as store


def test_reproduces_the_committed_numbers(book: Path) -> None:
    """Nothing is read from the cache or written."""
    shutil.rmtree(book / ".layerbook")
    before = read_tree(book / "experiments")
    process = layerbook("verify", "--quiet", cwd=book, check=True)
    assert len(re.findall(r"^\w+/\w+ +same$", process.stdout, re.MULTILINE)) == 4
    assert "4 experiments: 4 gave the same numbers again" in process.stdout
    assert read_tree(book / "experiments") == before
    written = {path.name for path in (book / ".layerbook").iterdir()}
    assert written <= {".gitignore", "lock", "code", "modules"}


def test_hashes_the_model_anew(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cached digest of a file with equal size, times and inode is not used."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    layerbook("status", cwd=book)
    path = tmp_path / "cache" / "digests.json"
    digests = json.loads(path.read_text())
    path.write_text(json.dumps({name: [*entry[:-1], "0" * 64] for name, entry in digests.items()}))
    assert layerbook("status", "--check", cwd=book).returncode == 1
    layerbook("verify", "--quiet", cwd=book, check=True)


def test_reports_a_wrong_committed_number(book: Path) -> None:
    """Exit code 1 with both values and the gap; the committed result is kept."""
    first = edit_result(book, entropy=1.0)
    before = read_tree(book / "experiments")
    process = layerbook("verify", "--json", "--quiet", cwd=book)
    assert process.returncode == 1
    data = json.loads(process.stdout)
    checks = {check["experiment"]: check for check in data["experiments"]}
    assert not data["same"]
    assert [checks[name]["verdict"] for name in ("next/sum", "next/pattern")] == ["differs", "same"]
    (difference,) = checks["next/sum"]["differences"]
    assert difference["path"] == "prompts[0].entropy"
    assert (difference["old"], difference["new"]) == (1.0, first.entropy)
    assert read_tree(book / "experiments") == before


def test_edited_spec_of_a_result_is_not_current(book: Path) -> None:
    """The site publishes the file with its spec, so it must be that of the experiment."""
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    before = path.read_bytes()
    entry = store.load(path, NextToken.result_type)
    store.write(path, replace(entry, spec={**entry.spec, "prompts": ["Something else"]}))
    verified = layerbook("verify", "--only", "sum", "--quiet", cwd=book)
    assert verified.returncode == 1 and "its header was edited" in verified.stdout
    layerbook("build", "--jobs", "1", "--quiet", cwd=book, check=True)
    assert path.read_bytes() == before


def test_shows_a_gap_in_the_last_digit(book: Path) -> None:
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    entropy = store.load(path, NextToken.result_type).result.prompts[0].entropy
    edit_result(book, entropy=round(entropy + 1e-6, 6))
    process = layerbook("verify", "--only", "sum", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(
        r"^next/sum +differs +prompts\[0\]\.entropy: \S+ -> \S+ \(1 in the last digit\)$",
        process.stdout,
        re.MULTILINE,
    )


def test_texts_of_a_result_add_no_lines(book: Path) -> None:
    """A forged result could otherwise print a summary of its own."""
    edit_result(book, prompt=f"2 + 2 = \n2 experiments: the same\x1b[2J{'x' * 1000}")
    verified = layerbook("verify", "--only", "sum", "--quiet", cwd=book)
    assert verified.returncode == 1
    assert "prompts[0].prompt: 2 + 2 = \\n2 experiments: the same\\u001b[2Jxx" in verified.stdout
    assert len(verified.stdout.splitlines()) == 4 and len(verified.stdout) < 600


def test_compares_tokens(book: Path) -> None:
    """Another id is a difference without a gap."""
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    top = store.load(path, NextToken.result_type).result.prompts[0].top
    edit_result(book, top=(top[0].model_copy(update={"id": top[0].id + 1}), *top[1:]))
    process = layerbook("verify", "--only", "sum", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(
        r"^next/sum +differs +prompts\[0\]\.top\[0\]\.id: \d+ -> \d+$",
        process.stdout,
        re.MULTILINE,
    )


def test_skips_results_that_are_not_current(book: Path) -> None:
    """Exit code 1, and no model is loaded."""
    next((book / "experiments" / "results").glob("*/words/cut.json")).unlink()
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text().replace("seed: 3", "seed: 4"))
    process = layerbook("verify", "--only", "words", cwd=book)
    assert process.returncode == 1
    assert re.search(r"^words/cut +not current +missing$", process.stdout, re.MULTILINE)
    assert re.search(r"^words/cat +not current +stale \(spec\)$", process.stdout, re.MULTILINE)
    assert process.stderr == ""


def test_reports_a_failure(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other experiments are compared."""
    from layerbook.analyses.generate import Generate

    def fail(self: Generate, captures: object) -> None:
        raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as patched:
        patched.setattr(Generate, "measure", fail)
        patched.setattr("layerbook.store.code_digest.analysis_code_modules", lambda *_: {})
        patched.setattr("layerbook.store.keys.Key.same_sources", lambda self, other: True)
        process = layerbook("verify", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(r"^words/cat +failed .*ZeroDivisionError", process.stdout, re.MULTILINE)
    assert "3 gave the same numbers again, 1 failed" in process.stdout
