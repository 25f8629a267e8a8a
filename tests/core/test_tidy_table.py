"""Downloads have one observation per row and distinct column names."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from fixtures.sample_figures import CHARTS, make_token
from layerbook.core.figures import (
    Axis,
    Bars,
    Figure,
    Frame,
    Frames,
    Heatmap,
    Lines,
    Panels,
    Point,
    Scatter,
    Series,
    Table,
)
from layerbook.core.tidy_table import tidy_table
from layerbook.site.tokens_html import table_csv

THE = make_token(" the", 7)
PATTERN = Heatmap(
    np.array([[1.0, 0.0], [0.25, 0.75]]),
    Axis("query", labels=(THE, THE)),
    Axis("key", labels=(THE, THE)),
    "attention",
    "Words",
    unit="share",
    title="one",
    causal=True,
)


def read_csv(figure: Figure) -> list[list[str]]:
    """Return the cells of a figure's download."""
    return list(csv.reader(io.StringIO(table_csv(tidy_table(figure)), newline="")))


def test_heatmaps_have_a_row_for_each_cell() -> None:
    """Rows have indices, since labels may be equal; masked cells have no row."""
    assert read_csv(PATTERN) == [
        ["row", "query", "column", "key", "attention (share)"],
        *(["0", " the", "0", " the", "1.0"], ["1", " the", "0", " the", "0.25"]),
        ["1", " the", "1", " the", "0.75"],
    ]
    masked = Heatmap(np.array([[2.0, -math.inf]]), Axis("n", start=3), Axis("n"), "v", "Words")
    assert read_csv(masked) == [["n", "n 2", "v"], ["3", "0", "2.0"], ["3", "1", "-inf"]]


def test_panels_become_a_column() -> None:
    """All panels share one header."""
    second = replace(PATTERN, title="two", columns=Axis("key", labels=("a", "b")))
    rows = read_csv(Panels((PATTERN, second), "Words"))
    assert rows[0] == ["panel", "row", "query", "column", "key", "attention (share)"]
    assert [row[0] for row in rows[1:]] == ["one"] * 3 + ["two"] * 3
    assert rows[4] == ["two", "0", " the", "0", "a", "1.0"]
    stages = Frames((Frame("1", PATTERN), Frame("2", second)), "Words", step="stage")
    assert read_csv(stages) == rows


def test_panels_with_different_axes() -> None:
    """Axes that differ only in the unit share a column.

    Other measures have columns of their own.
    """

    def scatter(share: str, title: str) -> Scatter:
        return Scatter((Point(THE, 1.0, 2.0),), Axis("axis 1", share), Axis("y"), "W", title)

    rows = read_csv(Panels((scatter("15%", "a"), scatter("16%", "b")), "Words"))
    assert rows == [
        ["panel", "point", "group", "axis 1", "y"],
        *(["a", " the", "", "1.0", "2.0"], ["b", " the", "", "1.0", "2.0"]),
    ]
    line = Lines((Series("s", (1.0,), (2.0,)),), Axis("x"), Axis("loss"), "Words", "l")
    bars = Bars(("a",), (3.0,), Axis("name"), Axis("p"), "Words", "b")
    assert read_csv(Panels((line, bars), "Words")) == [
        ["panel", "series", "x", "loss", "name", "p"],
        *(["l", "s", "1.0", "2.0", "", ""], ["b", "", "", "", "a", "3.0"]),
    ]


def test_columns_have_different_names() -> None:
    """Equal, empty and missing names are numbered; all rows have as many cells."""
    table = Table(("a", "a", "", "a 2"), (("1", "2", "3", "4", "5"), ("6",)))
    assert read_csv(table) == [
        ["a", "a 2", "column 3", "a 2 2", "column 5"],
        *(["1", "2", "3", "4", "5"], ["6", "", "", "", ""]),
    ]


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_pandas_reads_the_table_of_every_kind(name: str) -> None:
    """The csv module and pandas read one header and equal rows."""
    import pandas

    rows = read_csv(CHARTS[name])
    assert len({len(row) for row in rows}) == 1
    assert len(set(rows[0])) == len(rows[0])
    text = io.StringIO(table_csv(tidy_table(CHARTS[name])), newline="")
    frame = pandas.read_csv(text, keep_default_na=False)
    assert list(frame.columns) == rows[0] and len(frame) == len(rows) - 1


def test_labels_keep_their_spaces() -> None:
    """Downloads have spaces in place of the drawn dots; other dots are kept."""
    series = (Series("·2 + 2 =·", (0,), (1.0,)), Series("a⏎b", (0,), (2.0,)))
    lines = Lines(series, Axis("layer"), Axis("q·k of ·Paris"), "Words")
    header, *rows = read_csv(lines)
    assert "q·k of  Paris" in header
    assert [row[0] for row in rows] == [" 2 + 2 = ", "a\nb"]
    assert read_csv(Table(("text",), (("one · two",),)))[1] == ["one · two"]
