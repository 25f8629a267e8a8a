"""The command line by itself: exit codes, a spec outside any book, plans, and errors for people."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest
from small_book import layerbook, process, write_small_book

SPEC = """\
chapter: mine
title: Mine
experiments:
  - id: a
    analysis: next-token
    prompts: ["The cat sat", "The cat sat on the table"]
    top_k: 3
  - id: b
    analysis: attention-pattern
    prompts: ["The cat sat"]
    layers: [0]
    heads: mean
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A chapter spec that belongs to no book."""
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def book(tmp_path: Path, tiny_model_dir: Path) -> Path:
    """The small book's sources, never built."""
    return write_small_book(tmp_path / "book", tiny_model_dir)


def test_a_spec_runs_outside_any_book(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """`run SPEC --out DIR` writes one JSON an experiment, in the documented form."""
    done = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 experiments ran: 2 new (results)" in done.stdout
    first, second = (json.loads((tmp_path / "results" / f"{id}.json").read_bytes()) for id in "ab")
    assert list(first)[:7] == ["id", "chapter", "analysis", "model", "spec", "key", "digest"]
    assert [len(p["top"]) for p in first["prompts"]] == [3, 3]
    tokens = len(second["prompts"][0]["tokens"])
    weights = second["prompts"][0]["weights"]
    assert (len(weights), len(weights[0]), len(weights[0][0]), len(weights[0][0][0])) == (1, 1, tokens, tokens)


def test_a_dry_run_prints_the_plan_and_runs_nothing(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """Three prompts, of which one begins another and one is asked for twice: one pass is left."""
    done = layerbook("run", spec, "--dry-run", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Forward 'The cat sat' keeping ln_final, logits, pattern[0]" in done.stdout
    assert re.search(r"1 forward passes of \d+ tokens in 1 batches", done.stdout)
    assert not (tmp_path / "results").exists()


def test_every_problem_of_a_spec_is_told_at_once(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """file:line:col, the nearest name, exit 2, no traceback, and no model loaded."""
    broken = (
        SPEC.replace("top_k: 3", "top_q: 3").replace("layers: [0]", "layers: [2]").replace("next-token", "next-tokn")
    )
    spec.write_text(broken, encoding="utf-8")
    done = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(r"mine\.yaml:5:15: .*'next-tokn'.*did you mean 'next-token'", done.stderr)
    assert re.search(r"mine\.yaml:11:14: .*layers 0 to 1", done.stderr)
    assert "Traceback" not in done.stderr and "Loading" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build",), "no book here"),
        (("run", "nothing.yaml", "--out", "x"), "does not exist"),
        (("bild",), "No such command"),
        (("run", "--out", "x"), "--out is for the results of one SPEC"),
        (("build", "--no-run", "--only", "x"), "--no-run runs nothing"),
        (("model", "--model", "smollm-135m-instrukt"), "did you mean 'smollm-135m-instruct'"),
        (("model", "--model", "org/name"), "needs a revision"),
        (("serve",), "there is no book yet"),
    ],
)
def test_wrong_usage_is_two_with_a_reason(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """A usage error names what is wrong, without a traceback."""
    done = layerbook(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_only_names_are_checked(book: Path) -> None:
    """--only with a name that is not there says what is near."""
    done = layerbook("run", "--only", "next/sun", cwd=book)
    assert done.returncode == 2
    assert "did you mean 'next/sum'" in done.stderr


def test_check_finds_wrong_names_in_the_prose(book: Path) -> None:
    """An experiment that no spec has, and a chapter without prose, before anything runs."""
    path = book / "templates" / "chapters" / "words.md"
    path.write_text(path.read_text(encoding="utf-8").replace('"cut"', '"cutt"'), encoding="utf-8")
    (book / "templates" / "chapters" / "next.md").unlink()
    done = layerbook("check", cwd=book)
    assert done.returncode == 2
    assert re.search(
        r"words\.md:3:\d+: figure\(\): no experiment is called 'cutt' \(did you mean 'cut'\?\)", done.stderr
    )
    assert "the chapter's prose is missing" in done.stderr


def test_check_is_content_with_a_good_book(book: Path) -> None:
    """Counts, and exit 0."""
    done = layerbook("check", cwd=book)
    assert (done.returncode, done.stdout) == (0, "2 chapters, 4 experiments: no problems\n")


def test_status_in_json(book: Path) -> None:
    """Every experiment with its state; nothing has run yet, so all are missing."""
    done = layerbook("status", "--json", cwd=book)
    found = json.loads(done.stdout)
    assert [e["state"] for e in found["experiments"]] == ["missing"] * 4
    assert found["experiments"][0]["experiment"] == "next/sum"
    assert layerbook("status", "--check", cwd=book).returncode == 1


def test_the_schema_of_a_chapter_accepts_what_the_loader_accepts() -> None:
    """`layerbook schema` prints JSON that names every analysis."""
    done = layerbook("schema", cwd=Path.cwd())
    text = json.dumps(json.loads(done.stdout))
    assert done.returncode == 0
    for name in ("next-token", "attention-pattern", "continuation-frames"):
        assert f'"{name}"' in text


def test_the_model_command_says_where_the_model_is(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Name, digest, shape and folder."""
    done = layerbook("model", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0
    assert f"folder   {tiny_model_dir}" in done.stdout
    assert "2 layers, 4 heads" in done.stdout


def test_clean_spares_the_results(book: Path) -> None:
    """The working cache goes; results and site stay."""
    assert layerbook("build", cwd=book).returncode == 0
    before = sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts)
    assert layerbook("clean", cwd=book).returncode == 0
    assert sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts) == before
    assert not list((book / ".layerbook").glob("f*"))


def test_an_interrupted_run_ends_with_130_and_a_line(book: Path) -> None:
    """Ctrl-C: one clear line, no traceback, nothing half-written, and the next build succeeds."""
    with process("build", cwd=book) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.startswith("Loading the model"))
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130
    assert "interrupted" in said and "Traceback" not in said
    assert not list(book.rglob("*.layerbook-tmp"))
    assert layerbook("build", cwd=book).returncode == 0


def test_serve_shows_the_book_at_a_local_address(book: Path) -> None:
    """The address is printed, the pages answer, Ctrl-C ends it with 130."""
    assert layerbook("build", cwd=book).returncode == 0
    with process("serve", "--port", "0", cwd=book) as running:
        assert running.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address
        with urllib.request.urlopen(address[0]) as answer:
            assert b"A small book" in answer.read()
        running.send_signal(signal.SIGINT)
        running.wait()
    assert running.returncode == 130


def test_a_read_only_results_folder_is_told(book: Path) -> None:
    """A folder that is a file stands for any disk that refuses: exit 1 and the path, no traceback."""
    (book / "experiments" / "results").write_text("in the way")
    done = layerbook("run", cwd=book)
    assert done.returncode == 1
    assert os.fspath(Path("experiments") / "results") in done.stderr and "Traceback" not in done.stderr


def test_progress_is_plain_lines_where_there_is_no_terminal(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """Long work shows itself on standard error, and not with --quiet."""
    shown = layerbook("run", spec, "--out", "r", "--model", tiny_model_dir, cwd=tmp_path)
    assert "Running the model: done in" in shown.stderr and "\r" not in shown.stderr
    silent = layerbook("run", spec, "--out", "r", "--model", tiny_model_dir, "--quiet", cwd=tmp_path)
    assert silent.stderr == ""


def test_the_example_of_the_tests_is_a_valid_spec(book: Path) -> None:
    """Several specs can be checked at once."""
    done = layerbook("check", book / "experiments" / "next.yaml", book / "experiments" / "words.yaml", cwd=book)
    assert (done.returncode, done.stdout) == (0, "2 specs, 4 experiments: no problems\n")
