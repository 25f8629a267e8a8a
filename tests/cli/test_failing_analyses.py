"""A failing analysis is reported on one line; `--debug` prints its traceback."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.analyses.tokenize import Tokenize, TokenizeResult
from layerbook.core.errors import describe_exception
from layerbook.store.trust import trust

FAILING_CLASS = """\
from typing import ClassVar

from layerbook.core.analysis import Analysis, Result


class Mine(Analysis[Result]):
    result_type: ClassVar[type[Result]] = Result
    prompts: tuple[str, ...]

    def runs(self):
        return {"a": 1 / 0}

    def measure(self, captures):
        return Result()

    def figures(self, result):
        return {}
"""
BIG_ARRAY = """\
from layerbook.core.analysis import Analysis, BigArray, Record, Result


class Part(Record):
    {inside}


class MineResult(Result):
    parts: tuple[Part, ...]
    {beside}


class Mine(Analysis[MineResult]):
    prompts: tuple[str, ...]

    def runs(self):
        return {{}}

    def measure(self, captures):
        return MineResult()

    def figures(self, result):
        return {{}}
"""


@pytest.fixture
def book(small_book: Path) -> Path:
    """The small book without results."""
    return small_book


@pytest.fixture
def write_analysis(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Write the book's own analysis `mine`, use it in place of `tokenize`, and trust it."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    folder = book / "analyses"
    folder.mkdir()
    path = book / "experiments" / "words.yaml"
    path.write_text(path.read_text().replace("analysis: tokenize", "analysis: mine"))

    def write(text: str) -> None:
        (folder / "mine.py").write_text(text)
        trust(book)

    return write


def lines(text: str) -> list[str]:
    """Return the lines of an output."""
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"""Mine."""\n\nx = = 1\n', r"SyntaxError: invalid syntax \(analyses/mine.py:3\)"),
        (
            "import nowhere\n",
            r"NotFoundError: No module named 'nowhere' \(analyses/mine.py:1\)",
        ),
        ("raise SystemExit(0)\n", r"SystemExit: 0 \(analyses/mine.py:1\)"),
        ("\nraise OSError\n", r"OSError \(analyses/mine.py:2\)"),
        ("x = 1\n", r"mine.py: the analysis 'mine' must be a class named Mine"),
        (FAILING_CLASS, r"ZeroDivisionError: division by zero \(analyses/mine.py:11\)"),
        (
            FAILING_CLASS.replace("def measure", "def mesure"),
            r"analyses/mine.py: Mine does not define measure\(\)$",
        ),
    ],
)
def test_broken_analysis_is_reported_as_a_problem_of_the_spec(
    book: Path, write_analysis: Callable[[str], None], text: str, message: str
) -> None:
    """At the name of the analysis, with the line in its file."""
    write_analysis(text)
    for command in ("check", "build"):
        completed = layerbook(command, cwd=book)
        assert completed.returncode == 2
        problem, count = lines(completed.stderr)
        assert problem.startswith("experiments/words.yaml:6:15: ")
        assert re.search(message, problem), problem
        assert count == "1 problem"
    completed = layerbook("--debug", "check", cwd=book)
    has_trace = text != "x = 1\n" and "does not define" not in message
    assert completed.stderr.count("Traceback") == has_trace
    assert lines(completed.stderr)[-2:] == [problem, count]


@pytest.mark.parametrize(
    ("inside", "beside", "name"),
    [
        ("name: str", "scores: BigArray", None),
        ("scores: BigArray", "name: str", "Part.scores"),
        ("scores: BigArray", "more: BigArray", "Part.scores"),
        ("name: str", "scores: tuple[BigArray, ...]", "MineResult.scores"),
        ("name: str", "scores: BigArray | None = None", "MineResult.scores"),
        ("name: str", "scores: dict[str, BigArray]", "MineResult.scores"),
    ],
)
def test_big_array_must_be_a_field_of_the_result(
    book: Path, write_analysis: Callable[[str], None], inside: str, beside: str, name: str | None
) -> None:
    """Elsewhere it would become part of the JSON."""
    write_analysis(BIG_ARRAY.format(inside=inside, beside=beside))
    completed = layerbook("check", cwd=book)
    message = f"analyses/mine.py: {name}: only a field of MineResult itself can be a BigArray"
    assert (message in completed.stderr) == (name is not None), completed.stderr
    assert "BigArray" not in completed.stderr or name is not None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (IndexError("list index out of range"), "IndexError: list index out of range"),
        (ValueError("one\n  two"), "ValueError: one two"),
        (KeyError(), "KeyError"),
        (ValueError("long " * 999), "ValueError: long long"),
    ],
)
def test_exception_of_a_measurement_is_one_line(
    book: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    """Other experiments run; `--debug` prints the traceback."""

    def failing(self: Tokenize, captures: object) -> object:
        raise error

    monkeypatch.setattr(Tokenize, "measure", failing)
    completed = layerbook("run", "--quiet", cwd=book)
    assert completed.returncode == 1
    (failed,) = [line for line in lines(completed.stdout) if "failed: " in line]
    assert failed.startswith(f"words/cut: failed: experiments/words.yaml:4: cut: {message}")
    line = inspect.getsourcelines(failing)[1] + 1
    assert failed.endswith(f" ({__file__}:{line})") and len(failed) < 600
    assert "Traceback" not in completed.stdout + completed.stderr
    assert "4 experiments ran: 3 new, 1 failed" in completed.stdout
    completed = layerbook("--debug", "run", "--quiet", cwd=book)
    assert "Traceback (most recent call last)" in completed.stderr
    assert "in failing" in completed.stderr


def test_invalid_result_is_reported_in_one_line(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the field and the mistake."""
    monkeypatch.setattr(Tokenize, "measure", lambda self, captures: TokenizeResult(prompts="a"))
    completed = layerbook("run", "--quiet", "--only", "cut", cwd=book)
    assert (
        "cut: ValidationError: TokenizeResult.prompts: Input should be a valid tuple"
        in completed.stdout
    )


def test_exception_of_a_figure_is_one_line(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis is ours, so the fault is in the result, which is kept."""

    def failing(self: Tokenize, result: object) -> object:
        raise KeyError("x")

    monkeypatch.setattr(Tokenize, "figures", failing)
    completed = layerbook("build", "--quiet", cwd=book)
    assert completed.returncode == 1
    message = lines(completed.stderr)[-1]
    assert message.startswith("layerbook: ")
    assert "/words/cut.json: its numbers contradict each other" in message
    assert f"(KeyError: 'x' ({__file__}:" in message
    assert "Traceback" not in completed.stderr
    completed = layerbook("--debug", "build", "--quiet", cwd=book)
    assert "Traceback (most recent call last)" in completed.stderr
    monkeypatch.undo()
    assert "experiment" not in layerbook("build", "--quiet", cwd=book).stdout


def test_sweep_prints_the_traceback_of_its_first_failure(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def failing(self: Tokenize, captures: object) -> object:
        raise ValueError("no cats")

    monkeypatch.setattr(Tokenize, "measure", failing)
    (book / "experiments" / "words.yaml").write_text(
        "chapter: words\ntitle: W\nexperiments:\n  - id: grid\n    analysis: tokenize\n"
        "    sweep: {prompts: [A, B]}\n    measures: {n: len(result.prompts)}\n"
    )
    completed = layerbook("--debug", "run", "--only", "words", "--quiet", cwd=book)
    assert "2 of 2 cells failed" in completed.stdout
    assert f"no cats ({__file__}:" in completed.stdout
    assert completed.stderr.count("Traceback") == 1


def test_place_of_an_exception_is_the_last_call_in_the_file_of_the_analysis() -> None:
    """The place in the library that it called is not shown."""
    try:
        re.compile("(")
    except re.error as error:
        message = describe_exception(error, __file__)
        assert message.startswith("error: missing ), unterminated subpattern at position 0 (")
        assert re.search(r"test_failing_analyses\.py:\d+\)$", message)
        assert not re.search(r"test_failing_analyses", describe_exception(error, "elsewhere.py"))
