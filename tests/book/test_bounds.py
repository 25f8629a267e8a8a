"""Expensive or deeply nested specs and checks give a few short problems quickly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from fixtures.specs import CHAPTER_HEAD, EXPERIMENT_HEAD, SpecFolder, indented
from layerbook.book.claims.check import CheckError, parse
from layerbook.core.errors import MAX_PROBLEMS, did_you_mean

SECONDS = 10  # generous, for busy machines; each takes less than one alone
BASE = "analysis: next-token\nprompts: [a]\n"


def experiments(count: int, keys: str) -> str:
    """Return a chapter of many experiments, with the number of each in place of `#`."""
    item = EXPERIMENT_HEAD.replace("one", "e#") + indented(keys)
    return CHAPTER_HEAD + "".join(item.replace("#", str(i)) for i in range(count))


SPECS: dict[str, Callable[[], str]] = {
    "too many keys": lambda: experiments(1, BASE + "".join(f"k{i}: 1\n" for i in range(20_000))),
    "unknown keys": lambda: experiments(1, BASE + "".join(f"k{i}: 1\n" for i in range(9_000))),
    "keys near known ones": lambda: experiments(
        1, BASE + "".join(f"prompts{i}: 1\n" for i in range(20_000))
    ),
    "unknown keys of the chapter": lambda: "".join(f"k{i}: 1\n" for i in range(9_000)),
    "long keys": lambda: experiments(1, BASE + "".join(f"{'k' * 9000}{i}: 1\n" for i in range(90))),
    "wrong types": lambda: experiments(1, f"{BASE}layers: [{', '.join(['{}'] * 9_000)}]\n"),
    "wrong prompts": lambda: experiments(
        1, f"analysis: next-token\nprompts: [{', '.join(['1'] * 9_000)}]\n"
    ),
    "equal keys": lambda: experiments(1, BASE + "top_k: 5\n" * 9_000),
    "equal ids": lambda: experiments(1500, BASE).replace("e1", "e0").replace("e2", "e0"),
    "not finite": lambda: experiments(1, f"{BASE}layers: [{', '.join(['.nan'] * 9_000)}]\n"),
    "wrong checks": lambda: experiments(
        1, BASE + "claims:\n" + "  - says: a\n    check: reslt.top == 1\n" * 3000
    ),
    "references to nothing": lambda: experiments(
        1000, BASE + 'claims:\n  - says: a\n    check: r("x#").a == 1\n'
    ),
    "many columns": lambda: experiments(
        1, BASE + 'claims:\n  - says: a\n    check: "1 ==\n' + "\n" * 900 + '       1 =="\n'
    ),
    "unknown analyses": lambda: experiments(2000, "analysis: next-tokens\n"),
    "deep lists": lambda: experiments(1, f"{BASE}layers: {'[' * 40_000}"),
    "deep mappings": lambda: experiments(1, f"{BASE}layers: {'{a: ' * 20_000}"),
    "deep items": lambda: experiments(1, f"{BASE}layers:\n  {'- ' * 40_000}1"),
    "deep keys": lambda: experiments(1, f"{BASE}layers:\n  {'? ' * 40_000}1"),
    "deep blocks": lambda: "\n".join(f"{' ' * i}a:" for i in range(1300)),
    "anchors": lambda: experiments(1, f"{BASE}layers: [{'&a ' * 30_000}1]"),
    "aliases": lambda: "a: &a [1]\nb: [" + "*a, " * 90_000 + "]",
    "quotes": lambda: experiments(1, f'{BASE}layers: ["' + "\\\n" * 40_000),
    "long numbers": lambda: experiments(1, f"{BASE}layers: [{'9' * 90_000}]"),
}


@pytest.mark.parametrize("name", SPECS)
def test_problems_of_specs_are_limited_and_found_quickly(specs: SpecFolder, name: str) -> None:
    """Each of the first problems has one line, at its place."""
    text = SPECS[name]()
    start = time.process_time()
    messages = specs.chapter_problems(text)
    assert time.process_time() - start < SECONDS
    assert len(messages) <= MAX_PROBLEMS + 1
    for problem in messages:
        assert "\n" not in problem
        assert len(problem) < 1000  # an unknown analysis lists all that there are
        assert problem.partition(":")[0].isdigit()


def test_reports_that_more_problems_exist(specs: SpecFolder) -> None:
    """The last line says so, at the next problem."""
    messages = specs.chapter_problems(SPECS["unknown keys"]())
    assert len(messages) == MAX_PROBLEMS + 1
    assert messages[-1] == f"{MAX_PROBLEMS + 8}:5: there are more problems; fix these first"
    assert messages[-2].startswith(f"{MAX_PROBLEMS + 7}:5: unknown key 'k99'")


def test_each_problem_is_a_short_line(specs: SpecFolder) -> None:
    """Long names are shortened."""
    for name in ("n" * 90_000, '"a\\nb"'):
        (line,) = specs.experiment_problems(f"analysis: {name}\n")
        assert "\n" not in line
        assert len(line) < 2500
        assert "no analysis named" in line


def test_suggestions_search_a_bounded_number_of_names() -> None:
    """Long names and long lists get no suggestion."""
    assert did_you_mean("abcd", ["abce"])
    start = time.process_time()
    did_you_mean("ab" * 50_000, ["ba" * 50_000])
    did_you_mean("name-1x", [f"name-{i}" for i in range(300_000)])
    assert time.process_time() - start < SECONDS


@dataclass(frozen=True)
class Numbers:
    """A result of many numbers and a long text."""

    big: np.ndarray  # type: ignore[type-arg]
    text: str
    rows: tuple[tuple[int, ...], ...]


RESULT = Numbers(np.zeros((1000, 1000)), "a" * 3_000_000, ((1,) * 1000,) * 1000)
ROWS = "result.rows"


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (f"max([x * x for x in [y * y for y in [z * z for z in [{'9' * 400}]]]]) > 1", "too large"),
        (f"len([1 for row in {ROWS} if [x for x in row if x > 0] == row]) == 1", "steps"),
        (f"len([1 for row in {ROWS} for x in row]) == 1", "one `for`"),
        (f"len([[1 for x in row] for row in {ROWS}]) == 1", "steps"),
        (f'len([1 for row in {ROWS} if "b" in result.text]) == 1', "steps"),
        (f"len([1 for row in {ROWS} if result.text == result.text]) == 1", "steps"),
        (f"len([1 for row in {ROWS} if row in {ROWS}]) == 1", "steps"),
        ("sum(sum(result.big)) == 0", "numbers"),
        (f"all([monotone(row) for row in {ROWS}])", "steps"),
        ("-" * 900 + "1 == 1", "nested more than"),
        ("not " * 200 + "true", "nested more than"),
        ("[" * 190 + "]" * 190 + " == 1", "nested more than|not an expression"),
        ("(" * 900, "not an expression"),
        ("result" + ".a" * 400 + " == 1", "nested more than"),
        ("1" + " + 1" * 200 + " == 1", "nested more than"),
    ],
    ids=lambda text: text[:40],
)
def test_checks_end_quickly(check: str, message: str) -> None:
    """Steps, digits and nesting are limited."""
    start = time.process_time()
    with pytest.raises(CheckError, match=message) as caught:
        parse(check).evaluate(RESULT)
    assert time.process_time() - start < SECONDS
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
