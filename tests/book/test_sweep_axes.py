"""Axes of sweeps: values and columns from files, labels, and which parameters can be swept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.specs import SpecFolder
from layerbook.book.columns import parse_column, parse_number, unify_column
from layerbook.book.schema import ViewSpec
from layerbook.book.sweep import Sweep
from layerbook.book.sweep_views import SweepTable, view_figure
from layerbook.core import registry
from layerbook.core.errors import SpecError
from layerbook.plotting.panels import scale_key

NEXT = "analysis: next-token\n"


def load_sweep(specs: SpecFolder, keys: str) -> Sweep:
    """Return the sweep of one experiment."""
    sweep = specs.experiment(keys).experiments[0].sweep
    assert sweep is not None
    return sweep


def column(sweep: Sweep, name: str) -> list[object]:
    """Return a column of the grid."""
    return [cell.coordinates[name] for cell in sweep.cells()]


@pytest.fixture
def data(specs: SpecFolder) -> Path:
    """The folder of data files."""
    folder = specs.root / "data"
    folder.mkdir()
    return folder


# Names of columns


def test_column_cannot_have_the_name_of_an_axis(specs: SpecFolder, data: Path) -> None:
    """The table would show top_k 100 for a cell that ran with 3."""
    (data / "a.csv").write_text("prompt,top_k\none,100\ntwo,200\n")
    assert specs.experiment_problems(
        NEXT + "sweep: {top_k: [3, 4], prompts: {file: data/a.csv, column: prompt}}"
    ) == [
        "7:44: data/a.csv has a column 'top_k', and 'top_k' is an axis of this sweep; "
        "give the column another name"
    ]


def test_column_cannot_have_the_name_of_a_parameter(specs: SpecFolder, data: Path) -> None:
    """Readers would assume that the column sets it."""
    (data / "a.csv").write_text("prompt,top_k\none,100\ntwo,200\n")
    (problem,) = specs.experiment_problems(
        NEXT + "top_k: 5\nsweep: {prompts: {file: data/a.csv, column: prompt}}"
    )
    assert "has a column 'top_k', and 'top_k' is a parameter" in problem


def test_models_are_refused_as_axis_and_column(specs: SpecFolder, data: Path) -> None:
    """Without an axis of models, the column is allowed."""
    (data / "a.csv").write_text("prompt,model\none,GPT\n")
    keys = NEXT + "sweep: {prompts: {file: data/a.csv, column: prompt}"
    (problem,) = specs.experiment_problems(keys + ", model: [a, b]}")
    assert "has a column 'model', and 'model' is an axis" in problem
    assert column(load_sweep(specs, keys + "}"), "model") == ["GPT"]


def test_two_files_cannot_share_a_column(specs: SpecFolder, data: Path) -> None:
    (data / "a.csv").write_text("prompt,note\none,a\n")
    (data / "b.csv").write_text("k,note\n3,c\n")
    (problem,) = specs.experiment_problems(
        NEXT + "sweep:\n  prompts: {file: data/a.csv, column: prompt}\n"
        "  top_k: {file: data/b.csv, column: k}"
    )
    assert problem.startswith("9:21: data/b.csv has a column 'note', and so has data/a.csv")


# Kinds of columns


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0.10", "0.15", "0.20"], (0.1, 0.15, 0.2)),
        (["1", "2", "n/a"], ("1", "2", "n/a")),
        (["1", "", "3"], ("1", "", "3")),
        (["1e4", ".5", "-3."], (1e4, 0.5, -3.0)),
        (["1", "2.5"], (1, 2.5)),
        (["nan", "1"], ("nan", "1")),
        (["inf", "-inf"], ("inf", "-inf")),
        (["1e999", "1"], ("1e999", "1")),
        (["007", "012"], ("007", "012")),
        (["1_000"], ("1_000",)),
        ([" 1"], (" 1",)),
        (["9223372036854775807"], (2**63 - 1,)),
        (["9223372036854775809"], ("9223372036854775809",)),
        (["100000000000000000000", "1"], (1e20, 1.0)),
        (["9007199254740993", "0.5"], ("9007199254740993", "0.5")),
        (["9" * 400, "1"], ("9" * 400, "1")),
    ],
)
def test_column_of_a_csv_is_all_numbers_or_all_text(
    texts: list[str], values: tuple[object, ...]
) -> None:
    """A single field does not decide its own type."""
    assert parse_column(texts) == values
    assert len({type(value) is str for value in parse_column(texts)}) == 1


@pytest.mark.parametrize(
    ("values", "unified"),
    [
        ([1, "a"], ("1", "a")),
        ([1, True], ("1", "true")),
        ([True, False], (True, False)),
        ([0, [0, 1], "all"], ("0", "[0, 1]", "all")),
        ([1, None, 2], (1, None, 2)),
        (["a", None, 2], ("a", None, "2")),
        ([None, None], (None, None)),
        ([{"a": 1}], ('{"a": 1}',)),
        ([2**64 + 1], (str(2**64 + 1),)),
        ([-(2**63), 1], (-(2.0**63), 1.0)),
        ([10**400], (str(10**400),)),
        ([], ()),
    ],
)
def test_values_of_several_kinds_become_text(
    values: list[Any], unified: tuple[object, ...]
) -> None:
    """Lists and mappings become JSON; a missing value fits any type."""
    assert unify_column(values) == unified


@pytest.mark.parametrize("text", ["0.50", "1e4", "+2", "-0.0", "1E-3", "2."])
def test_csv_values_are_numbers_where_yaml_reads_numbers(text: str) -> None:
    """Python's own parser agrees."""
    assert parse_number(text) == float(text)


def test_parameters_from_a_csv_can_be_written_as_in_a_spec(specs: SpecFolder, data: Path) -> None:
    """With two decimals or an exponent."""
    (data / "a.csv").write_text("t\n0.50\n1e1\n")
    keys = "analysis: generate\nprompts: [a]\nmax_new_tokens: 1\n"
    sweep = load_sweep(specs, keys + "sweep: {temperature: {file: data/a.csv}}")
    assert [cell.analysis.temperature for cell in sweep.cells()] == [0.5, 10.0]
    assert column(sweep, "temperature") == [0.5, 10.0]


@pytest.mark.parametrize("text", ["nan", "inf", "1e999"])
def test_parameter_must_be_finite(specs: SpecFolder, data: Path, text: str) -> None:
    (data / "a.csv").write_text(f"t\n0.5\n{text}\n")
    keys = "analysis: generate\nprompts: [a]\nmax_new_tokens: 1\n"
    problems = specs.experiment_problems(keys + "sweep: {temperature: {file: data/a.csv}}")
    assert problems == [f'data/a.csv:3:1: should be a number, not "{text}"']


def test_values_of_a_list_of_several_kinds_are_text(specs: SpecFolder) -> None:
    """The table can be written; analyses get the values of the spec."""
    sweep = load_sweep(
        specs,
        "analysis: attention-pattern\nprompts: [a]\n"
        "sweep: {heads: [0, 1, mean], layers: [3, [0, 1], all]}",
    )
    assert column(sweep, "heads")[:3] == ["0", "0", "0"]
    assert sorted({str(label) for label in column(sweep, "layers")}) == ["3", "[0, 1]", "all"]
    assert {type(label) for label in column(sweep, "layers")} == {str}
    assert sweep.axes[0].values == ((0,), (1,), "mean")


# Labels


def test_labels_distinguish_a_text_from_its_chats(specs: SpecFolder) -> None:
    sweep = load_sweep(
        specs, NEXT + "sweep: {prompts: [hello, {chat: hello}, {chat: hello, answer: false}]}"
    )
    assert column(sweep, "prompts") == [
        "hello",
        "hello (chat)",
        "hello (chat, no answer header)",
    ]


@pytest.mark.parametrize(
    "values",
    [
        '"hello (chat)", {chat: hello}',
        '\'["a", "b"]\', [a, b]',
        '"hello (chat)", {chat: hello}, \'"hello (chat)"\'',
        "{chat: a}, {chat: [{role: user, content: a}]}",
        "{chat: a}, {chat: a, date: 2024-02-29}, {chat: a, date: 2025-01-01}",
    ],
)
def test_labels_are_distinct(specs: SpecFolder, values: str) -> None:
    """Views would otherwise average rows of equal labels."""
    labels = column(load_sweep(specs, NEXT + f"sweep: {{prompts: [{values}]}}"), "prompts")
    assert len(set(labels)) == len(labels)


# Which parameters can be swept

# Two values that every analysis with such a parameter takes; of all others, 2 and 3.
VALUES: dict[str, list[Any]] = {
    "prompt": ["The cat {} is", "The dog {} is"],
    "prompts": [["The cat", "The dog"], ["A cat", "A dog"]],
    "texts": [["The cat", "The dog"], ["A cat", "A dog"]],
    "text": ["The cat", "The dog"],
    "find": [["The"], ["cat", "dog"]],
    "settings": [[{"name": "one"}], [{"name": "two", "temperature": 0.5}]],
    "layers": [[0], [0, 1]],
    "heads": ["all", [0]],
    "other": ["A cat", "A dog"],
    "subjects": [["France", "Italy"], ["Italy", "Spain"]],
    "facts": [[["France", "Paris"]], [["Italy", "Rome"], ["Spain", "Madrid"]]],
    "show": ["gram", "pattern"],
    "pooling": ["mean", "mean-with-padding"],
    "basis": ["first", "each"],
    "scale": ["none", "sqrt-d"],
    "temperatures": [[0.5], [1, 2]],
    "top_p": [0.5, 0.9],
    "name": ["a country", "a city"],
    "members": [["France", "Spain"], ["Paris", "Madrid"]],
    "others": [["cat", "dog"], ["red", "blue"]],
    "after": [["The"], ["A cat"]],
    "sums": [[["king", "man", "woman"]], [["Paris", "France", "Spain"]]],
    "look_for": ["4", "four"],
    "examples": [["cat"], ["dog"]],
    "silence": [[{"layer": 0, "head": 1}], [{"layer": 1, "head": 0}]],
    "links": [
        [{"reader": "dog", "source": "cat"}],
        [{"reader": "cat", "source": "dog"}],
    ],
}
PARAMETERS = [(name, key) for name in registry.names() for key in registry.find(name).model_fields]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_can_be_swept(specs: SpecFolder, name: str, parameter: str) -> None:
    """Each cell has its own value."""
    keys: dict[str, Any] = {"analysis": name}
    for key, info in registry.find(name).model_fields.items():
        if info.is_required() and key != parameter:
            keys[key] = [10] if key == "C" else VALUES.get(key, [2])[0]
    keys["sweep"] = {parameter: VALUES.get(parameter, [2, 3])}
    sweep = load_sweep(
        specs, "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
    )
    first, second = (getattr(cell.analysis, parameter) for cell in sweep.cells())
    assert first != second


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [("embedding-pca", "shuffle_seed", "null"), ("generate", "top_k", "null")],
)
def test_null_can_be_swept_where_a_parameter_takes_it(
    specs: SpecFolder, name: str, parameter: str, value: str
) -> None:
    keys = f"analysis: {name}\nprompts: [a b, c d]\n"
    keys += "max_new_tokens: 1\n" if name == "generate" else ""
    sweep = load_sweep(specs, keys + f"sweep: {{{parameter}: [{value}, 1]}}")
    assert column(sweep, parameter) == [None, 1]


def test_value_that_does_not_fit_is_reported_at_its_place(specs: SpecFolder) -> None:
    assert specs.experiment_problems(
        "analysis: embedding-pca\nprompts: [a b, c d]\nsweep: {pooling: [mean, meen]}"
    ) == ['8:29: should be "mean" or "mean-with-padding", not "meen" (did you mean \'mean\'?)']


# Faults of files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "x", "n": NaN}', "NaN is not a finite number"),
        ('{"prompt": "x", "n": -Infinity}', "-Infinity is not a finite number"),
        ('{"prompt": "x", "n": 1e999}', "1e999 is not a finite number"),
        (r'{"prompt": "\ud83d", "n": 1}', "an escape is a lone surrogate, half of a character"),
        (r'{"prompt": "x", "n": {"\udc00": 1}}', "an escape is a lone surrogate"),
        (f'{{"prompt": "x", "n": {"[" * 25}{"]" * 25}}}', "nested more than 20 deep"),
        ("[" * 100_000, "nested more than 20 deep"),
        ('{"prompt": "x", "n": 1, "n": 2}', "the key 'n' is defined twice"),
        ('{"prompt": "x", "n": 1, "m": 2}', "has 'm', which the first line does not have"),
        ('{"prompt": "x"}', "has no 'n', which the first line has"),
        (f'{{"prompt": "x", "n": {"9" * 5000}}}', "not JSON: Exceeds the limit"),
    ],
)
def test_wrong_line_of_json_is_reported_there(
    specs: SpecFolder, data: Path, line: str, message: str
) -> None:
    """Python's own parser accepts most of these lines, or fails differently."""
    (data / "a.jsonl").write_text('{"prompt": "a", "n": 0}\n' + line)
    (problem,) = specs.experiment_problems(
        NEXT + "sweep: {prompts: {file: data/a.jsonl, column: prompt}}"
    )
    assert problem.startswith(f"data/a.jsonl:2:1: {message}")


def test_emoji_as_two_escapes_is_one_character(specs: SpecFolder, data: Path) -> None:
    """In a file as in a spec."""
    (data / "a.jsonl").write_text(r'{"prompt": "\ud83d\ude00"}')
    sweep = load_sweep(specs, NEXT + "sweep: {prompts: {file: data/a.jsonl, column: prompt}}")
    assert column(sweep, "prompts") == ["😀"]
    sweep = load_sweep(specs, NEXT + r'sweep: {prompts: ["\ud83d\ude00"]}')
    assert column(sweep, "prompts") == ["😀"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_end_a_line(specs: SpecFolder, data: Path, end: str) -> None:
    """Including those of classic Mac OS."""
    (data / "a.txt").write_bytes(end.join(["one", "", "two "]).encode())
    (data / "a.csv").write_bytes(end.join(["text", "one", "", "two ", ""]).encode())
    (data / "a.jsonl").write_bytes(end.join(['{"text": "one"}', "", '{"text": "two "}']).encode())
    for name in ("a.txt", "a.csv", "a.jsonl"):
        sweep = load_sweep(specs, NEXT + f"sweep: {{prompts: {{file: data/{name}}}}}")
        assert column(sweep, "prompts") == ["one", "two "]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"a\r\nb\r\n\xff", "data/a.txt:3:1: the file is not UTF-8"),
        ("a.csv", b'text\n"a\nb', "data/a.csv:3:1: not CSV: unexpected end of data"),
        ("a.csv", b"text\na\nb,c", "data/a.csv:3:1: has 2 fields, but the header has 1"),
        ("a.csv", b'text\n"a"b', "data/a.csv:2:1: not CSV: ',' expected after '\"'"),
    ],
)
def test_file_that_cannot_be_read_is_reported_at_its_line(
    specs: SpecFolder, data: Path, name: str, content: bytes, message: str
) -> None:
    """Lines count from 1."""
    (data / name).write_bytes(content)
    with pytest.raises(SpecError) as caught:
        specs.experiment(NEXT + f"sweep: {{prompts: {{file: data/{name}}}}}")
    assert str(caught.value) == message


def test_path_with_a_null_character_is_refused(specs: SpecFolder) -> None:
    """The error is a problem of the spec, not a traceback."""
    (problem,) = specs.experiment_problems(NEXT + r'sweep: {prompts: {file: "a\0.txt"}}')
    assert problem.startswith("7:29: 'a\\x00.txt' is not a path")


# Views


def view_of(columns: dict[str, tuple[Any, ...]], **keys: Any) -> Any:
    """Draw the measure `m` over the axes `x` and `k`, with the tag `t`."""
    return view_figure("v", ViewSpec(measure="m", **keys), table_of(columns))


def table_of(columns: dict[str, tuple[Any, ...]]) -> SweepTable:
    return SweepTable(columns, axes=("x", "k"), tags=("t",))


GRID = {
    "x": ("a", "a", "b", "b"),
    "k": (1, 2, 1, 2),
    "t": (5, 5, 5, 5),
    "m": (0.0, 1.0, 2.0, 4.0),
}


def test_mean_names_the_axes_it_is_over() -> None:
    """Readers cannot mistake it for the value of one cell."""
    bars = view_of(GRID, across="x")
    assert bars.values == (0.5, 3.0)
    assert bars.value_axis.name == "m, mean over k"
    assert bars.alt == "m, mean over k: from 0.5 at x a to 3 at x b."
    lines = view_of(GRID, across="t")
    assert lines.y.name == "m, mean over x and k"
    heat = view_of(GRID, across="k", down="x")
    assert heat.value == "m"
    assert heat.alt == "m: from 0 at k 1, x a to 4 at k 2, x b."


TWO = {**GRID, "first": (0.0, 1.0, 0.0, 1.0), "top_five": (False, True, True, True)}


def draw_two(**keys: str) -> Any:
    """Draw two measures in one figure."""
    view = ViewSpec(measures=("first", "top_five"), **keys)
    return view_figure("v", view, table_of(TWO))


def test_several_measures_are_lines_of_one_chart() -> None:
    """Each is averaged by itself."""
    lines = draw_two(across="k")
    assert {series.name: series.y for series in lines.series} == {
        "first": (0.0, 1.0),
        "top five": (0.5, 1.0),
    }
    assert lines.title == "first and top five by k"
    assert lines.y.name == "first and top five, mean over x"
    assert lines.alt.endswith("from 0 at k 1, measure first to 1 at k 2, measure first.")
    assert draw_two(across="k", label="share").y.name == "share, mean over x"


@pytest.mark.parametrize("keys", [{"across": "x"}, {"across": "k", "down": "x"}])
def test_several_measures_are_charts_side_by_side(keys: dict[str, str]) -> None:
    """Bars and heat maps cannot share a chart, but they share a scale."""
    panels = draw_two(**keys)
    alone = [
        view_figure("v", ViewSpec(measure=name, **keys), table_of(TWO))
        for name in ("first", "top_five")
    ]
    assert [panel.title for panel in panels.panels] == ["first", "top five"]
    for panel, chart in zip(panels.panels, alone, strict=True):
        assert np.array_equal(panel.values, chart.values)
        assert panel.alt == chart.alt and panel.alt in panels.alt
    assert panels.title.startswith("first and top five by ")
    assert len({scale_key(panel) for panel in panels.panels}) == 1


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ("measures: [first, frist], across: top_k", "no measure 'frist' (did you mean 'first'?)"),
        ("measures: [first, name], across: top_k", "the measure 'name' is text"),
        ("measures: [first], across: top_k", "should have at least 2 elements"),
        (
            "measures: [first, first2]",
            "needs `across`, the column along the axis of 'first' and 'first2'",
        ),
        ("measures: [first, first2], across: top_k, by: top_k", "does not use 'by'"),
        (
            "measures: [first, first2], measure: first, across: top_k",
            "needs either `measure` or `measures`",
        ),
    ],
)
def test_mistakes_in_views_of_several_measures(specs: SpecFolder, view: str, message: str) -> None:
    keys = (
        'prompts: ["a"]\nsweep: {top_k: [3, 4]}\n'
        "measures: {first: 'result.prompts[0].top[0].prob', first2: 'result.d_vocab', "
        "name: 'result.prompts[0].top[0].text'}\n"
    )
    problems = specs.experiment_problems(f"{NEXT}{keys}views: {{v: {{{view}}}}}")
    assert any(message in problem for problem in problems), problems


def test_column_cannot_have_the_name_of_the_column_of_measures(
    specs: SpecFolder, data: Path
) -> None:
    (data / "a.csv").write_text("prompt,measure\none,1\ntwo,2\n")
    (problem,) = specs.experiment_problems(
        NEXT + "sweep: {prompts: {file: data/a.csv, column: prompt}}\n"
        "measures: {a: 'result.d_vocab', b: 'result.d_vocab'}\n"
        "views: {v: {measures: [a, b], across: measure}}"
    )
    assert "the grid cannot have a column 'measure'" in problem


def test_columns_have_the_names_that_the_view_gives_them() -> None:
    """A book in another language translates the parameters of an analysis so."""
    names = {"x": "Wort", "k": "Anzahl", "m": "Anteil"}
    bars = view_of(GRID, across="x", names=names)
    assert bars.label_axis.name == "Wort"
    assert bars.value_axis.name == "Anteil, mean over Anzahl"
    assert bars.title == "Anteil by Wort"
    assert bars.alt == "Anteil, mean over Anzahl: from 0.5 at Wort a to 3 at Wort b."
    panels = view_of(GRID, across="x", panels="k", names=names)
    assert [panel.title for panel in panels.panels] == ["Anzahl 1", "Anzahl 2"]
    assert panels.alt.startswith("2 charts of Anteil, one for each value of Anzahl.")


def test_name_for_an_unknown_column_is_reported(specs: SpecFolder) -> None:
    (problem,) = specs.experiment_problems(
        NEXT + "sweep: {prompts: [a, b]}\nmeasures: {n: result.d_vocab}\n"
        "views: {v: {measure: n, across: prompts, names: {prompt: Frage}}}"
    )
    assert "no column 'prompt' (did you mean 'prompts'?)" in problem


def test_booleans_are_drawn_as_bars() -> None:
    """True is not a number on an axis."""
    bars = view_of({**GRID, "t": (True, True, False, False)}, across="t")
    assert bars.labels == ("true", "false")


def test_labels_of_long_numbers_are_distinct() -> None:
    tags = (0.1234567, 0.1234567, 0.1234568, 0.1234568)
    heat = view_of({**GRID, "t": tags}, across="t", down="k")
    assert heat.columns.labels == ("0.1234567", "0.1234568")
