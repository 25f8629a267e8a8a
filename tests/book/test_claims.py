"""The language of claims: syntax, values, errors and margins."""

from __future__ import annotations

import ast
import itertools
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layerbook.book.claims.check import FUNCTIONS, CheckError, parse
from layerbook.book.claims.evaluator import MAX_VALUES
from layerbook.book.claims.type_check import missing_fields
from layerbook.core.analysis import Array, Result
from layerbook.core.errors import UsageError
from layerbook.core.tokens import Token
from pydantic import AllowInfNan, BaseModel, ConfigDict


class Prediction(BaseModel):
    model_config = ConfigDict(frozen=True)
    text: str
    prob: float
    id: int | None = None

    @property
    def token(self) -> Token:
        return Token(7, self.text, self.text.encode().hex())

    @property
    def broken(self) -> int:
        raise RuntimeError("no such luck")

    def method(self) -> int:
        return 1


@dataclass(frozen=True)
class Pair:
    a: int
    _hidden: int = 2


class Measured(Result):
    top: tuple[Prediction, ...]
    layers: tuple[int, ...]
    norms: Array
    grid: Array
    by_name: dict[str, float]
    pair: Pair
    name: str = "x"
    nothing: None = None
    yes: bool = True


RESULT = Measured(
    top=(Prediction(text="4", prob=0.6171234), Prediction(text=" 2", prob=0.116)),
    layers=(0, 15, 29),
    norms=np.array([1.0, 2.5, 2.5], dtype=np.float32),
    grid=np.arange(6.0).reshape(2, 3),
    by_name={"a b": 1.5, "c": 2.0},
    pair=Pair(1),
)


def holds(text: str):
    """Return whether a check holds on RESULT."""
    return parse(text).evaluate(RESULT).holds


@pytest.mark.parametrize(
    "text",
    [
        'result.top[0].text == "4"',
        "result.top[0].text == '4' and not result.top[1].text == '4'",
        'result.top[0].text != "5" or result.missing.field',
        "result.top[0].id == null",
        "result.nothing == None and result.yes and result.yes == true and not false",
        "0.6 < result.top[0].prob <= 1",
        "result.layers[-1] == 29 and len(result.layers) == 3",
        "result.layers == [0, 15, 29]",
        "15 in result.layers and 3 not in result.layers",
        '"4" in result.name or "x" in result.name',
        'result.by_name["a b"] == 1.5 and "c" in result.by_name and len(result.by_name) == 2',
        "max(result.norms) == 2.5 and min(result.norms) == 1 and sum(result.norms) == 6",
        "result.grid[1][2] == 5 and result.grid[-1] == [3, 4, 5] and max(result.grid[0]) == 2",
        "monotone(result.norms) and monotone([3, 2, 2]) and not monotone([1, 3, 2]) and"
        " monotone([])",
        "abs(-3) == 3 and -(-3) == 3 and 1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and 7 / 2 == 3.5",
        "all([p.prob > 0.1 for p in result.top])",
        "any([p.prob > 0.5 for p in result.top])",
        "sum([p.prob > 0.5 for p in result.top]) == 1",
        "[p.text for p in result.top if p.prob < 0.5] == [' 2']",
        "all([result.layers[i] <= result.layers[i + 1] for i in [0, 1]])",
        "len([n for n in result.norms if n == max([m for m in result.norms])]) == 2",
        "result.top[0].token.id == 7 and result.pair.a == 1",
        "max(1, 2, 3) == 3 and min(1, 0.5) == 0.5",
        "all([]) and not any([])",
        '  "é" ==\n\n "é" ',
    ],
)
def test_checks_that_hold(text):
    assert holds(text) is True


@pytest.mark.parametrize(
    "text", ["1 == 2", "1 < 2 < 2", "result.yes == false", "1 == 1 == 2", '"a" == "A"']
)
def test_checks_that_do_not_hold(text):
    """A false check is not an error."""
    assert holds(text) is False


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('result.top[0].text == "4"', {"result.top[0].text": "4"}),
        ('result.top[1].text == " 2"', {"result.top[1].text": '" 2"'}),
        ("result.top[0].prob > 0.5", {"result.top[0].prob": "0.6171"}),
        (
            "all([p.prob > 0.1 for p in result.top])",
            {"result.top[0].prob": "0.6171", "result.top[1].prob": "0.116"},
        ),
        ("result.layers[i] == 0 and false".replace("i", "0"), {"result.layers[0]": "0"}),
        (
            "all([result.layers[i] < 30 for i in [0, -1]])",
            {"result.layers[0]": "0", "result.layers[-1]": "29"},
        ),
        (
            "len(result.top) == 2 and max(result.norms) > 1",
            {"max(result.norms)": "2.5", "result.norms[1]": "2.5", "len(result.top)": "2"},
        ),
        (
            "max([p.prob for p in result.top if true]) > 0.5 and result.yes",
            {
                "max([p.prob for p in result.top if true])": "0.6171",
                "result.top[0].prob": "0.6171",
                "result.yes": "true",
            },
        ),
        (
            "sum([n > 2 for n in result.norms]) / len(result.norms) > 1 / 2",
            {
                "sum([n > 2 for n in result.norms]) / len(result.norms)": "0.6667",
                "sum([n > 2 for n in result.norms])": "2",
                "len(result.norms)": "3",
            },
        ),
        (
            "result.layers[2] -\n  result.layers[1] > 0",
            {
                "result.layers[2] - result.layers[1]": "14",
                "result.layers[2]": "29",
                "result.layers[1]": "15",
            },
        ),
        (
            "[p.text for p in result.top] == ['4', ' 2']",
            {
                "[p.text for p in result.top]": '[4, " 2"]',
                "result.top[0].text": "4",
                "result.top[1].text": '" 2"',
            },
        ),
        (
            "all([max([n * m for n in result.norms]) < 90 for m in result.layers])",
            {"result.norms[1]": "2.5", "result.layers[2]": "29"},
        ),
        ('result.by_name["a b"] > 1', {'result.by_name["a b"]': "1.5"}),
        ("result.layers == [1]", {"result.layers": "[0, 15, 29]"}),
        ("result.nothing == null and result.yes", {"result.nothing": "null", "result.yes": "true"}),
        (
            "any([n > 2 for n in result.norms])",
            {f"result.norms[{i}]": v for i, v in enumerate(["1", "2.5", "2.5"])},
        ),
        ("1 < 2", {}),
    ],
)
def test_verdict_has_the_values_that_were_read(text, values):
    """Loops are expanded. A function of a list has its value, and the element that it chose."""
    assert dict(parse(text).evaluate(RESULT).values) == values


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("all([n < 98.5 for n in result.layers])", [("result.layers[99]", "99")]),
        ("any([n > 98.5 for n in result.layers])", [("result.layers[99]", "99")]),
        ("all([n < 50 for n in result.layers]) == false", [("result.layers[99]", "99")]),
        ("not any([50 < n < 60 for n in result.layers])", [("result.layers[55]", "55")]),
        (
            "result.pair.a == 1 and 98 < max([n - 0.5 for n in result.layers])",
            [("max([n - 0.5 for n in result.layers])", "98.5"), ("result.layers[99]", "99")],
        ),
    ],
)
def test_verdict_begins_with_the_values_that_decided_it(text, first):
    long = Measured(**dict(RESULT) | {"layers": tuple(range(100))})
    values = parse(text).evaluate(long).values
    assert list(values[: len(first)]) == first
    assert len(values) <= MAX_VALUES + 1


def test_values_that_share_their_causes_are_listed_once():
    """Each level of the check has twice as many paths to the number that it reads."""
    text = "[result.pair.a]"
    for level in range(22):
        text = f"[x{level} + x{level} for x{level} in {text}]"
    verdict = parse(f"max({text}) > 0").evaluate(RESULT)
    assert verdict.holds and ("result.pair.a", "1") in verdict.values


def test_shortens_long_values_and_many_values():
    long = Measured(**dict(RESULT) | {"layers": tuple(range(100)), "name": "x" * 500})
    values = dict(
        parse('all([n >= 0 for n in result.layers]) and result.name != ""').evaluate(long).values
    )

    assert len(values) == MAX_VALUES + 1
    assert values["..."] == f"{101 - MAX_VALUES} more"
    assert all(
        len(v) <= 60
        for v in dict(
            parse('result.name != "" and len(result.layers) > 1').evaluate(long).values
        ).values()
    )


def test_reads_results_of_other_experiments():
    """References are known before the check is evaluated."""
    check = parse('r("linear/raw").top[0].prob > r("b").pair.a - 1')
    other = {"linear/raw": RESULT, "b": RESULT}

    assert [(r.name, r.column) for r in check.references] == [("linear/raw", 2), ("b", 32)]
    verdict = check.evaluate(RESULT, other.__getitem__)
    assert verdict.holds
    assert dict(verdict.values) == {
        'r("linear/raw").top[0].prob': "0.6171",
        'r("b").pair.a - 1': "0",
        'r("b").pair.a': "1",
    }


def test_missing_results_are_check_errors():
    """A wrong name and a missing result are reported."""

    def no_result(name: str) -> object:
        raise UsageError(f"no experiment named {name!r}")

    for results, message in ((no_result, "no experiment named 'x'"), (None, "not available")):
        with pytest.raises(CheckError, match=message) as caught:
            parse('1 < r("x").y').evaluate(RESULT, results)
        assert caught.value.column == 4


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 0, "the check is empty"),
        (" \n", 0, "the check is empty"),
        ("result.x == ", 11, "ends too early"),
        ("[result.x = 4]", 1, "compare with =="),
        ("result.x := 4", 9, "not an expression"),
        ("1 == 2 # hidden", 7, "a check has no comments"),
        ("(1 == 2 # hidden\n)", 0, "never closed"),
        ("1 == 2; 3", 6, "not an expression"),
        ("__import__('os').system('x')", 0, "only the functions of the language can be called"),
        ("result.method()", 0, "only the functions"),
        ("open('x')", 0, "unknown function 'open'"),
        (
            "monotne([1])",
            0,
            r"unknown function 'monotne' \(did you mean 'monotone'\?\); available: r, len",
        ),
        ("1 < resutl.x", 4, r"unknown name 'resutl' \(did you mean 'result'\?\)"),
        ("len", 0, r"write len\(...\)"),
        ("result.__class__", 7, "not a field of a result"),
        ("result.pair._hidden", 12, "not a field of a result"),
        ("2 ** 3", 0, "there are no powers"),
        ("7 // 2", 0, "FloorDiv is not part of the language"),
        ("+1", 0, "UAdd is not part of the language"),
        ("1 is 1", 0, "compare with =="),
        ("lambda: 1", 0, "Lambda is not part"),
        ("1 if true else 2", 0, "there is no if-else"),
        ("result.layers[0:2]", 14, "there are no slices"),
        ("any(x for x in [1])", 3, r"put the comprehension in \[brackets\]"),
        ("{1: 2}", 0, "Dict is not part"),
        ("{1, 2}", 0, "Set is not part"),
        ("(1, 2)", 0, "write a list"),
        ("f'{result}'", 0, "JoinedStr is not part"),
        ("b'a' == 1", 0, "can be written out"),
        ("1j == 1", 0, "can be written out"),
        ("... == 1", 0, "can be written out"),
        ("1e999 > 1", 0, "too large"),
        ("len(result.x, 1)", 0, "len takes one value"),
        ("len()", 0, "len takes one value"),
        ("min()", 0, "min takes one list, or several numbers"),
        ("max(*[1])", 0, "without names or stars"),
        ("max([1], key=1)", 0, "without names or stars"),
        ("r(result.name)", 2, "r takes the quoted name"),
        ("[x for x in [1] for y in [2]]", 0, "a comprehension has one `for`"),
        ("[x for x, y in [1]]", 7, "one variable"),
        ("[1 for result in [1]]", 7, "needs a different name"),
        ("[1 for max in [1]]", 7, "needs a different name"),
        ("[[x for x in [1]] for x in [1]]", 8, "needs a different name"),
        ("[x for x in x]", 12, "unknown name 'x'"),
        ("[x for x in [1]] == x", 20, "unknown name 'x'"),
        ('"é" == 1 and foo', 13, "unknown name 'foo'"),
        ('\n "é"\n == foo', 10, "unknown name 'foo'"),
        ("-" * 40 + "1", 30, "nested more than 30 deep"),
        ("(" * 400, 200, "not an expression"),
        ("1 + " * 300 + "1", 1000, "longer than 1000 characters"),
        ("9" * 900 + "=", 900, "not an expression"),
        ("\ud800", 0, "not an expression"),
        ("\0", 0, "not an expression"),
    ],
)
def test_parse_refuses_unsupported_syntax(text, column, message):
    """The error has the column of the unsupported part."""
    with pytest.raises(CheckError, match=message) as caught:
        parse(text)
    assert caught.value.column == column
    assert caught.value.message == str(caught.value)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("result.topp[0]", 7, r"no field 'topp' \(did you mean 'top'\?\); available: top, layers"),
        ("result.top[0].txt == 1", 14, r"no field 'txt' \(did you mean 'text'\?\)"),
        ("result.top[0].method == 1", 14, "no field 'method'"),
        ("result.model_fields == 1", 7, "no field 'model_fields'"),
        ("result.top[0].broken == 1", 0, "broken cannot be read: no such luck"),
        ("result.top[2].text", 11, "no element 2: the length is 2"),
        ("result.layers[-4] == 1", 14, "no element -4: the length is 3"),
        ("result.layers[0.5] == 1", 14, "an index must be a whole number, not the number 0.5"),
        ("result.layers[true] == 1", 14, "an index must be a whole number, not true"),
        ('result.layers["a"] == 1', 14, 'an index must be a whole number, not the text "a"'),
        ("result.layers.x == 1", 0, "a list has no fields"),
        ("result.by_name.c == 1", 0, r'a mapping has no fields; write \["c"\]'),
        ('result.by_name["d"] == 1', 15, r"no key d.*; available: a b, c"),
        ("result.name.x", 0, 'the text "x" has no fields'),
        ("result.yes[0]", 0, "true has no elements"),
        ("result.top[0] == result.top[0]", 17, "cannot compare a Prediction with a Prediction"),
        ('result.top[0].prob == "4"', 22, 'cannot compare the number 0.6171 with the text "4"'),
        ('result.top[0].prob < "4"', 21, "only numbers have an order"),
        ('"a" < "b"', 6, "only numbers have an order"),
        ("null < 1", 7, "cannot order null and the number 1"),
        ("true == 1", 8, "cannot compare true with the number 1"),
        ("true + 1 == 2", 0, "must be a number, not true"),
        ('"a" * 1000000 == 1', 0, "must be a number"),
        ("[1] + [2] == [1, 2]", 0, "must be a number, not a list"),
        ('1 in "1"', 5, "the number 1 cannot be in a text"),
        ("1 in 1", 5, "nothing can be in the number 1"),
        ('"a" in [1]', 7, "cannot compare"),
        ("not 1", 4, "must be true or false, not the number 1"),
        ("1 < 2 and 1", 10, "must be true or false, not the number 1"),
        ("result", 0, "must be true or false, not a Measured"),
        ("result.top[0].prob", 0, "must be true or false, not the number 0.6171"),
        ("all([1])", 0, "all is over true or false; the list has the number 1"),
        ("min([])", 0, "the list is empty, so it has no min"),
        ("max(['a'])", 0, "max is over numbers"),
        ("sum([null])", 0, "sum is over numbers; the list has null"),
        ("monotone(1)", 9, "must be a list, not the number 1"),
        ("len(1)", 0, "the number 1 has no length"),
        ("abs('a')", 4, "must be a number"),
        ("1 / 0 == 1", 0, "division by zero"),
        ("9" * 400 + " / 2 == 1", 0, "too large"),
        ("[x for x in 1] == []", 12, "must be a list"),
    ],
)
def test_evaluate_refuses_what_does_not_fit_the_result(text, column, message):
    """Missing fields and wrong types are errors rather than false."""
    check = parse(text)
    with pytest.raises(CheckError, match=message) as caught:
        check.evaluate(RESULT)
    assert caught.value.column == column


def test_evaluation_is_bounded():
    """Nested loops over long lists are cut off."""
    long = Measured(**dict(RESULT) | {"layers": tuple(range(500))})
    check = parse("len([1 for a in result.layers if all([a == a for b in result.layers])]) == 500")
    with pytest.raises(CheckError, match="more than 200,000 steps"):
        check.evaluate(long)


words = st.sampled_from(
    [
        *(
            "result",
            ".top",
            "[0]",
            ".text",
            "==",
            "<",
            "and",
            "or",
            "not",
            "in",
            "(",
            ")",
            "[",
            "]",
            "for",
            "x",
            "if",
        ),
        *(
            "1",
            "-",
            "+",
            "*",
            "/",
            "**",
            '"4"',
            "null",
            "true",
            ",",
            "len(",
            "max(",
            "all([",
            "])",
            "r(",
            "lambda",
            ":",
        ),
        *(
            " ",
            "#",
            "\n",
            "é",
            "_",
            "'",
            "\\",
            "{",
            "}",
            ".layers",
            "is",
            "await ",
            "yield ",
            "0x",
            "1e9",
            ":=",
        ),
    ]
)


@given(
    st.text(max_size=60)
    | st.lists(words, max_size=14).map(" ".join)
    | st.lists(words, max_size=14).map("".join)
)
@settings(max_examples=400, deadline=None)
def test_any_text_evaluates_or_raises_a_check_error(text):
    """The column of the error is inside the text."""
    try:
        check = parse(text)
        assert isinstance(check.evaluate(RESULT, lambda name: RESULT).holds, bool)
    except CheckError as error:
        assert 0 <= error.column <= len(text)
        assert str(error)


DATA = {
    "n": [3, -1, 2.5],
    "flags": [True, False],
    "words": ["a", "b", ""],
    "one": 1,
    "half": 0.5,
    "s": "ab",
}


class Plain(Result):
    n: list[Annotated[float, AllowInfNan(True)]]
    flags: list[bool]
    words: list[str]
    one: int
    half: float
    s: str


numbers = st.deferred(
    lambda: (
        st.sampled_from(
            ["result.one", "result.half", "len(result.words)", "result.n[-1]", "0", "7", "2.5"]
        )
        | st.builds("({} {} {})".format, numbers, st.sampled_from(["+", "-", "*", "/"]), numbers)
        | st.builds("-{}".format, numbers)
        | st.builds("{}({})".format, st.sampled_from(["min", "max", "sum"]), number_lists)
        | st.builds("abs({})".format, numbers)
    )
)
number_lists = st.deferred(
    lambda: (
        st.just("result.n")
        | st.builds("[{}, {}]".format, numbers, numbers)
        | st.builds(
            "[x * {} for x in result.n if x < {}]".format,
            st.sampled_from(["2", "result.half"]),
            numbers,
        )
    )
)
truths = st.deferred(
    lambda: (
        st.sampled_from(
            [
                "true",
                "false",
                "result.flags[0]",
                '(result.s == "ab")',
                '(result.words[0] != "b")',
                '("a" in result.s)',
            ]
        )
        | st.builds("({} {} {} {} {})".format, numbers, orders, numbers, orders, numbers)
        | st.builds("({} {} {})".format, truths, st.sampled_from(["and", "or", "=="]), truths)
        | st.builds("(not {})".format, truths)
        | st.builds(
            "{}([x < {} for x in {}])".format,
            st.sampled_from(["all", "any"]),
            numbers,
            number_lists,
        )
        | st.builds("({} {} {})".format, numbers, st.sampled_from(["in", "not in"]), number_lists)
        | st.builds("({} == {})".format, number_lists, number_lists)
    )
)
orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


class _Dotted(dict):
    __getattr__ = dict.__getitem__


@given(truths)
@settings(max_examples=300, deadline=None)
def test_checks_evaluate_as_in_python(text):
    """Python's `eval` on plain data agrees, or fails as well."""
    assume(text.count(" for ") <= 6)  # each nested list triples the work, and eval has no limit
    functions = {f.__name__: f for f in (min, max, sum, abs, len, all, any)}
    try:
        code = compile(ast.parse(text, mode="eval"), "<check>", "eval")
        expected = eval(
            code, {"__builtins__": functions, "result": _Dotted(DATA), "true": True, "false": False}
        )
    except (ZeroDivisionError, ValueError, OverflowError):
        expected = None
    try:
        outcome = parse(text).evaluate(Plain(**DATA)).holds
    except CheckError as error:
        outcome = None
        if any(limit in str(error) for limit in ("longer than", "nested", "different name")):
            return
    assert outcome == expected


@given(st.lists(st.integers(-3, 3) | st.floats(allow_nan=False), max_size=6))
@settings(deadline=None)
def test_monotone_agrees_with_sorting(values):
    """Numbers that never fall equal their sorted copy."""
    monotone = values in (sorted(values), sorted(values, reverse=True))

    assert parse("monotone(result.n)").evaluate(Plain(**DATA | {"n": values})).holds == monotone


def test_examples_of_the_documentation_parse():
    """The guide also lists every function."""
    text = (Path(__file__).parents[2] / "docs/guide/templates/pages/checks.md").read_text(
        encoding="utf-8"
    )
    examples = [
        line
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]

    assert len(examples) > 5
    for example in examples:
        assert parse(example).text == example
    assert all(f"`{name}`" in text for name in FUNCTIONS if name != "r")


@pytest.mark.parametrize(
    ("text", "by", "share"),
    [
        ("result.by_name.c < 3".replace(".by_name.c", '.by_name["c"]'), 1, 1 / 2),
        ("result.layers[1] <= 12", 3, 3 / 15),
        ("result.layers[1] > 15", 0, 0),
        ("result.pair.a >= 1", 0, 0),
        ("result.layers[1] == 12", 3, 3 / 15),
        ("result.layers[1] != 12", 3, 3 / 15),
        ("result.layers[1] != 15", None, None),
        ("len(result.layers) == 3", None, None),
        ("result.pair.a > 0", 1, 1),
        ("-1 < result.pair.a", 2, 2),
        ("0.9 < 1.0", 0.1, math.inf),
        ("result.layers[1] < result.layers[2]", 14, 14 / 44),
        ("result.layers[2] - result.layers[1] > 0", 14, 14 / 44),
        ("result.layers[1] / result.layers[2] < 1", 14 / 29, 14 / 30),
        ("2 * result.layers[1] > 29", 1, 1 / 30),
        ("result.layers[1] * result.layers[2] > 400", 35, 35 / 870),
        ("1 - result.top[0].prob < 0.4", 0.0171234, 0.0171234 / 0.6171234),
        ("-result.layers[1] < result.layers[2]", 44, 1),
        ("abs(result.layers[1] - result.layers[2]) < 14.5", 0.5, 0.5 / 14),
        ("sum(result.layers) > 40", 4, 4 / 44),
        ("max(result.layers) < 30", 1, 1 / 29),
        ("max(result.layers[0], result.layers[2] - result.layers[1]) < 15", 1, 1 / 44),
        ("max([3, result.layers[2] - result.layers[1] - 12]) < 4", 1, 1 / 43),
        ("min([n - 10 for n in result.layers if n > 0]) > 4", 1, 1 / 15),
        ("not result.layers[1] > 12", 3, 3 / 15),
        ("1 < result.layers[1] < 20", 5, 5 / 15),
        ("result.layers[1] > 12 and result.layers[2] > 0", 3, 3 / 15),
        ("result.layers[1] > 12 or result.layers[2] > 28", 3, 3 / 15),
        ("result.layers[1] > 20 or result.layers[2] > 28", 1, 1 / 29),
        ("result.layers[1] > 12 and result.layers[2] > 30", 1, 1 / 29),
        ("result.layers[1] > 20 and result.missing", 5, 5 / 15),
        ("result.layers[1] > 12 and result.yes", 3, 3 / 15),
        ("result.layers[1] > 12 or result.yes", 3, 3 / 15),
        ("result.yes and result.layers[0] < 5", 5, math.inf),
        ("not result.yes or result.layers[0] > 5", 5, math.inf),
        ("result.layers[1] > 20 or result.yes", None, None),
        ("all([n > 5 for n in result.layers if n > 0])", 10, 10 / 15),
        ("all([n > 16 for n in result.layers])", 16, math.inf),
        ("any([n > 14 for n in result.layers])", 15, 15 / 29),
        ("all([x for x in [result.layers[1] > 12]])", 3, 3 / 15),
        ("[result.layers[1] > 12][0]", 3, 3 / 15),
        ("all([]) and not any([])", None, None),
        ("sum([n > 12 for n in result.layers]) > 1", 1, 1 / 2),
        ("(result.layers[1] > 12) == (result.layers[2] > 30)", 1, 1 / 29),
        ("(result.layers[1] > 12) == true", 3, 3 / 15),
        ("monotone(result.layers)", 14, 14 / 44),
        ("monotone([result.layers[2], 3, result.layers[1]])", 12, 12 / 15),
        ("monotone([1])", None, None),
        ('result.name == "x"', None, None),
        ("result.nothing == null", None, None),
        ("15 in result.layers", None, None),
        ("result.layers == [0, 15]", None, None),
        ("result.yes", None, None),
        ("result.top[0].token.id == 8", None, None),
        ("0 < " + "9" * 400, None, None),
    ],
)
def test_margin_is_that_of_the_deciding_comparison(text, by, share):
    """Texts, equal numbers and ids have none."""
    margin = parse(text).evaluate(RESULT).margin

    assert (margin is None) == (by is None)
    if margin is not None:
        assert margin.absolute == pytest.approx(by)
        assert margin.relative == pytest.approx(share)
        assert margin.close == (share < 0.05)


def test_non_finite_numbers_have_no_margin():
    for number in (float("inf"), float("nan")):
        measured = Plain(**DATA | {"n": [number, 1.0]})
        assert parse("result.n[0] > result.n[1]").evaluate(measured).margin is None


eighths = st.integers(-4000, 4000).map(lambda n: n / 8)  # sums and differences of these are exact


@given(eighths, eighths, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.booleans())
@settings(deadline=None)
def test_comparison_flips_at_its_margin(a, b, sign, which):
    """Moving a side by less than the margin keeps the verdict, by more flips it.

    An equality flips at exactly the margin.
    """
    check = parse(f"result.n[0] {sign} result.n[1]")

    def verdict(a, b):
        return check.evaluate(Plain(**DATA | {"n": [a, b]}))

    original = verdict(a, b)
    if original.margin is None:
        assert sign in ("==", "!=") and a == b
        return
    assert original.margin.absolute == abs(a - b)

    def moved(by):
        return verdict(a + by, b).holds if which else verdict(a, b + by).holds

    for part in (-0.99, -0.5, 0.5, 0.99):
        assert a == b or moved(part * original.margin.absolute) == original.holds
    towards = (b - a) if which else (a - b)
    step = towards if sign in ("==", "!=") else towards + (0.125 if towards >= 0 else -0.125)
    flipped = [moved(step)] if a != b else [moved(0.125), moved(-0.125)]
    assert (not original.holds) in flipped


linear = st.recursive(
    st.sampled_from(["result.n[0]", "result.n[1]", "result.n[2]", "3", "0.5"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-"]), inner)
        | st.builds("2 * {}".format, inner)
        | st.builds("sum([{}, {}])".format, inner, inner)
        | st.builds("{}({}, {})".format, st.sampled_from(["max", "min"]), inner, inner)
        | st.builds("-{}".format, inner)
    ),
    max_leaves=6,
)


@given(linear, linear, st.lists(eighths, min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_verdict_stays_if_all_numbers_change_by_less_than_the_share(left, right, numbers):
    """Change each number up or down, in every combination."""
    check = parse(f"{left} > {right}")
    verdict = check.evaluate(Plain(**DATA | {"n": numbers}))
    assume(verdict.margin.absolute > 0)
    change = 0.99 * min(verdict.margin.relative, 1)
    for signs in itertools.product((-1, 1), repeat=3):
        changed = [n * (1 + sign * change) for n, sign in zip(numbers, signs, strict=True)]
        assert check.evaluate(Plain(**DATA | {"n": changed})).holds is verdict.holds


ATOMS = 4
formulas = st.recursive(
    st.sampled_from(range(ATOMS)),
    lambda inner: (
        st.tuples(
            st.sampled_from(["and", "or", "all", "any"]), st.lists(inner, min_size=1, max_size=3)
        )
        | st.tuples(st.just("not"), st.lists(inner, min_size=1, max_size=1))
    ),
    max_leaves=6,
)


def write_formula(formula, shortened):
    """Write a formula as a check, with `and` and `or` if `shortened`, else all([]) and any([])."""
    if isinstance(formula, int):
        return f"result.n[{formula}] > {formula + 1}"
    name, parts = formula[0], [write_formula(part, shortened) for part in formula[1]]
    if name == "not":
        return f"not ({parts[0]})"
    if name in ("and", "or") and shortened:
        return "(" + f" {name} ".join(f"({part})" for part in parts) + ")"
    return f"{ {'and': 'all', 'or': 'any'}.get(name, name) }([{', '.join(parts)}])"


def evaluate_formula(formula, truths):
    """Evaluate a formula for given truth values of its comparisons."""
    if isinstance(formula, int):
        return truths[formula]
    parts = [evaluate_formula(part, truths) for part in formula[1]]
    if formula[0] == "not":
        return not parts[0]
    return all(parts) if formula[0] in ("and", "all") else any(parts)


def atoms_of(formula):
    """Return the comparisons of a formula with repetitions."""
    return (
        [formula]
        if isinstance(formula, int)
        else [atom for part in formula[1] for atom in atoms_of(part)]
    )


@given(formulas, st.lists(eighths, min_size=ATOMS, max_size=ATOMS))
@settings(max_examples=300, deadline=None)
def test_margin_of_a_formula_is_the_least_change_that_flips_it(formula, numbers):
    """Compare with flipping all comparisons up to some share, in every combination.

    Parts that were not evaluated can only make the margin smaller.
    """
    used = atoms_of(formula)
    if len(used) != len(set(used)):
        return
    truths = [n > i + 1 for i, n in enumerate(numbers)]
    shares = [abs(n - i - 1) / abs(n) if n else math.inf for i, n in enumerate(numbers)]
    holds = evaluate_formula(formula, truths)

    def turns(limit):
        free = [i for i in range(ATOMS) if shares[i] <= limit]
        for mask in range(2 ** len(free)):
            tried = list(truths)
            for bit, i in enumerate(free):
                tried[i] = bool(mask >> bit & 1)
            if evaluate_formula(formula, tried) is not holds:
                return True
        return False

    smallest = next(limit for limit in sorted(shares) if turns(limit))
    measured = Plain(**DATA | {"n": numbers})
    whole, short = (
        parse(write_formula(formula, shortened)).evaluate(measured) for shortened in (False, True)
    )
    assert whole.holds is short.holds is holds
    assert whole.margin.relative == pytest.approx(smallest)
    assert short.margin.relative <= whole.margin.relative


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("result.topp[0].text == 1", [7]),
        ("result.top[0].txt == result.pair.b", [14, 33]),
        ("all([p.porb > 0 for p in result.top])", [7]),
        ("[p for p in result.top][0].txet == 1", [27]),
        ("result.top[0].token.idd == 1", [20]),
        ('r("other").top[0].x == 1 and r("nobody").y == 1', [18]),
        ("max([q.prob for q in result.top if q.tetx == 'a']) > result.tpo", [37, 60]),
        ("result.top[0].token.id == result.pair.a", []),
        ("result.norms[0] > result.grid[0][1] and result.by_name['c'] > 1", []),
        ("result.norms.shape == 1 and result.name.x == 1", []),
    ],
)
def test_missing_fields_are_reported_from_the_types(text, columns):
    """Fields are followed through lists, loops, properties and other results; unknown types are
    skipped.
    """
    errors = missing_fields(parse(text), Measured, {"other": Measured}.get)

    assert [error.column for error in errors] == columns
    assert all("there is no field" in str(error) for error in errors)


def test_missing_fields_give_the_error_of_the_evaluation():
    """Message and column are the same."""
    text = "result.top[0].txt == 1"
    (early,) = missing_fields(parse(text), Measured, {}.get)
    with pytest.raises(CheckError) as late:
        parse(text).evaluate(RESULT)
    assert (str(early), early.column) == (str(late.value), late.value.column)


def test_misspelt_fields_of_book_claims_are_reported():
    """Each field of each check in the book is misspelt in turn."""
    from layerbook.book.loader import load_book
    from layerbook.model import sources

    root = Path(__file__).parents[2]
    book = load_book(root, sources.resolve(sources.DEFAULT_MODEL).limits())
    experiments = [e for chapter in book.chapters for e in chapter.experiments]
    result_types = {(e.chapter, e.id): e.result_type for e in experiments}
    count = 0
    for experiment in experiments:

        def result_type_of(name, own_chapter=experiment.chapter):
            chapter, _, id = name.rpartition("/")
            return result_types.get((chapter or own_chapter, id))

        for claim in experiment.claims:
            check = claim.check
            assert missing_fields(check, experiment.result_type, result_type_of) == []
            for node in ast.walk(check.tree):
                if isinstance(node, ast.Attribute):
                    end = node.end_col_offset
                    misspelt = parse(check.text[:end] + "q" + check.text[end:])
                    errors = missing_fields(misspelt, experiment.result_type, result_type_of)
                    assert errors, check.text
                    count += 1
    assert count > 100
