"""Mutated specs, data files and checks give problems at their places, quickly."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from fixtures.fuzzing import cases, make_monitor, mutate_text
from fixtures.small_book import NEXT, WORDS
from fixtures.specs import LIMITS
from layerbook.book.claims.check import CheckError, parse
from layerbook.book.loader import load_chapter
from layerbook.core.analysis import Record, Result

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def sample_specs() -> list[str]:
    """Return chapters of one experiment each: those of the book, and those of the tests."""
    specs = [NEXT, WORDS]
    for path in sorted(EXPERIMENTS.glob("*.yaml")):
        head, *parts = re.split(r"^(?=  - id: )", path.read_text(encoding="utf-8"), flags=re.M)
        specs += [head + part for part in parts]
    return specs


def test_mutated_specs_are_refused_or_loaded(tmp_path: Path) -> None:
    monitor, specs = make_monitor(tmp_path), sample_specs()
    shutil.copytree(EXPERIMENTS / "data", monitor.folder / "data")
    path = monitor.folder / "chapter.yaml"
    for number, rng in cases("specs"):
        text = mutate_text(rng, rng.choice(specs), monitor.secret)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with monitor.case(f"specs {number}", text):
            load_chapter(path, LIMITS)
    monitor.report("specs")


DATA = {
    "txt": "The cat sat\n2 + 2 = \n\nParis is\n",
    "csv": 'prompt,digits,note\nThe cat,1,"a, b"\n2 + 2 =,2,"two\nlines"\nParis,3,\n',
    "jsonl": '{"prompt": "The cat", "digits": 1, "tags": ["a", {"b": null}]}\n'
    '{"prompt": "Paris", "digits": 2.5e3, "tags": []}\n',
}
SWEEP = """\
chapter: words
title: Words
experiments:
  - id: sweep
    title: A sweep
    analysis: tokenize
    sweep:
      prompts: {{file: data.{kind}{column}}}
    measures: {{n: len(result.prompts)}}
"""


def test_mutated_data_files_are_refused_or_loaded(tmp_path: Path) -> None:
    monitor = make_monitor(tmp_path)
    path = monitor.folder / "chapter.yaml"
    for number, rng in cases("data"):
        kind = rng.choice(list(DATA))
        text = mutate_text(rng, DATA[kind] * rng.choice((1, 1, 40)), monitor.secret)
        if rng.random() < 0.02:
            text = rng.choice(("a\n", "a,", "\n", "[[],", '{"a":[', '"')) * 2_000_000
        (monitor.folder / f"data.{kind}").write_bytes(text.encode("utf-8", "surrogatepass"))
        column = "" if kind == "txt" else ", column: prompt"
        path.write_text(SWEEP.format(kind=kind, column=column))
        with monitor.case(f"data {number}", text):
            load_chapter(path, LIMITS)
    monitor.report("data files")


class Row(Record):
    """A part of a result."""

    text: str
    prob: float


class Measured(Result):
    """A result with a field of every kind."""

    rows: tuple[Row, ...] = (Row(text=" a", prob=0.5), Row(text=" b", prob=0.25))
    layers: tuple[int, ...] = tuple(range(300))
    name: str = "llama" * 1000
    shares: Mapping[str, float] = {"mlp": 0.5}


ATOMS = (
    *(
        "result",
        "result.rows",
        "result.rows[0].prob",
        "result.layers",
        "result.name",
        "result.shares",
    ),
    *("0", "1", "-1", "2.5", "10", "9" * 300, "true", "false", '"a"', '"b" ', "[]", "[1, 2]"),
    *("result.rows[-1].text", 'result.shares["mlp"]', "x", "result.__class__", 'r("one")'),
)
FORMS = (
    *("{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} % {}", "{} // {}", "-{}", "({})", "[{}, {}]"),
    *("{} == {}", "{} < {}", "{} <= {} < {}", "{} in {}", "{} and {}", "{} or {}", "not {}"),
    *("len({})", "sum({})", "max({})", "min({})", "abs({})", "round({}, {})", "all({})", "any({})"),
    *(
        "monotone({})",
        "{}[{}]",
        "{}.text",
        "[{} for x in {}]",
        "[{} for x in {} if {}]",
        "{} ** {}",
    ),
)


NUMBERS = (
    *("0", "1", "2.5", "-1", "len(result.rows)", "result.rows[0].prob", "result.layers[2]"),
    *('result.shares["mlp"]', "sum(result.layers)", "max([row.prob for row in result.rows])"),
)
CALCULATIONS = ("{} + {}", "{} - {}", "{} * {}", "{} / {}", "-{}", "({})", "abs({})", "max({}, {})")
COMPARISONS = ("{} == {}", "{} < {}", "{} <= {} < {}", "{} in [{}, {}]", "abs({} - {}) < 0.1")


def expression(rng: random.Random, depth: int) -> str:
    """Return a check of random parts, most of which do not fit together."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(ATOMS)
    form = rng.choice(FORMS)
    return form.format(*(expression(rng, depth - 1) for _ in range(form.count("{}"))))


def number(rng: random.Random, depth: int) -> str:
    """Return an expression that is a number."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(NUMBERS)
    form = rng.choice(CALCULATIONS)
    return form.format(*(number(rng, depth - 1) for _ in range(form.count("{}"))))


def comparison(rng: random.Random, depth: int) -> str:
    """Return a check that is well formed."""
    form = rng.choice(COMPARISONS)
    check = form.format(*(number(rng, depth) for _ in range(form.count("{}"))))
    return f"{check} or not {comparison(rng, depth)}" if rng.random() < 0.2 else check


def test_random_checks_are_refused_or_evaluated(tmp_path: Path) -> None:
    monitor, result = make_monitor(tmp_path), Measured()
    for case, rng in cases("checks"):
        make = rng.choice((expression, comparison, comparison))
        text = make(rng, rng.choice((1, 1, 2, 3, 6)))
        if rng.random() < 0.3:
            text = mutate_text(rng, text, monitor.secret)
        with monitor.case(f"checks {case}", text):
            try:
                parse(text).evaluate(result)
            except CheckError as error:
                monitor.refused += 1
                assert "\n" not in str(error)
                assert len(str(error)) < 600
    monitor.report("checks")
