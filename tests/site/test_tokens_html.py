"""Tokens and tables as HTML and CSV."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.charts import probability_axis
from layerbook.core.figures import Axis, Passage, Share, Table, TokenStrip
from layerbook.core.tokens import Token
from layerbook.site.tokens_html import (
    as_token,
    cell_number,
    chip,
    passage_html,
    strip_html,
    table_csv,
    table_html,
)


def test_chips_show_whitespace_bytes_and_special_tokens() -> None:
    """The tooltip has id, bytes and position."""
    assert '<span class="ws">·</span>the' in chip(Token(260, " the", "20746865")).html
    assert 'title="token 260\nbytes 20 74 68 65"' in chip(Token(260, " the", "20746865")).html
    assert 'title="token 9\nbyte E2\nposition 0"' in chip(Token(9, "\ufffd", "e2"), 0).html
    assert 'title="special token 2"' in chip(Token(2, "<|im_end|>", "", True)).html
    assert "&lt;0xE2&gt;" in chip(Token(9, "\ufffd", "e2")).html
    assert 'class="tok special"' in chip(Token(2, "<|im_end|>", "", True)).html
    assert "empty" in chip(Token(3, "", "")).html


def test_as_token_accepts_values_with_a_token() -> None:

    class Ranked:
        id, text, hex, special = 4, "a", "61", False

    assert as_token(Ranked()) == Token(4, "a", "61")
    with pytest.raises(TypeError, match="not 4"):
        as_token(4)


def test_strips_show_ids_and_mark_the_continuation() -> None:
    row = tuple(Token(i, "x", "78") for i in range(4))
    html = strip_html(TokenStrip((("", row),), alt="", prompt_length=(3,)))
    assert html.count("chip written") == html.count("written by the model") == 1
    assert html.count("tok-id") == 4
    assert strip_html(TokenStrip((("", row),), alt="")).count("written") == 0


def test_only_texts_have_positions() -> None:
    """They count from 0 in each row; lists of tokens have none."""
    row = tuple(Token(i, "x", "78") for i in (5, 6))
    html = strip_html(TokenStrip((("", row), ("", row)), alt=""))
    assert (
        re.findall(r'title="token (\d)\nbyte 78\nposition (\d)"', html)
        == [("5", "0"), ("6", "1")] * 2
    )
    assert "position" not in strip_html(TokenStrip((("", row),), alt="", text=False))


def test_passages_are_verbatim() -> None:
    assert (
        passage_html(Passage("\n a  <b>\n", ""))
        == '<pre class="passage"><code>\n a  &lt;b&gt;\n</code></pre>'
    )


def test_tokens_in_a_cell_are_chips() -> None:
    """Several in a row too; other text stays text."""
    he, llo = Token(1, " he", "206865"), Token(2, "llo", "6c6c6f")
    html = table_html(Table(("a",), ((he,), ((he, " + ", llo),), ((Token(-1, " x", "2078"),),))))

    assert html.count(chip(he).html) == 2
    assert f"{chip(he).html} + {chip(llo).html}" in html
    assert '<th scope="row">·x</th>' in html


def test_cuts_long_tables_with_a_note() -> None:
    """The CSV has all rows."""
    table = Table(tuple(f"c{i}" for i in range(50)), tuple(tuple(range(50)) for _ in range(500)))
    html = table_html(table)
    assert html.count("<tr>") == 401
    assert html.count("<th ") == 40
    assert "The first 400 of 500 rows and the first 40 of 50 columns; all are in the CSV." in html
    assert len(table_csv(table).splitlines()) == 501
    assert "first" not in table_html(Table(("a",), ((1,),)))


def test_keeps_rows_longer_than_the_header() -> None:
    assert table_html(Table(("a",), (("x", 1.5, 2.5),))).count("<td") == 2 + 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (260, "260"),
        (0.1234567, "0.1235"),
        (-2.0, "−2"),
        (0.0, "0"),
        (1.5e-7, "1.50e−7"),
        (12345.6, "12346"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_formats_numbers(value: float, text: str) -> None:
    assert cell_number(value) == text


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((0.6577, 0.78, 0.8), ["0.6577", "0.7800", "0.8000"]),
        ((Share(0.6577), Share(1.0), Share(0.0)), ["65.77 %", "100.0 %", "0 %"]),
        ((0.2, 0.7, 1.5), ["0.2", "0.7", "1.5"]),
        ((3, 0.6577, 0.5), ["3", "0.6577", "0.5000"]),
        ((1234.5, 0.5), ["1234", "0.5"]),
        ((3, 1234), ["3", "1234"]),
    ],
)
def test_numbers_of_a_column_keep_their_zeros(numbers: Sequence[float], texts: list[str]) -> None:
    """If one of them needs four digits; whole numbers have no decimals."""
    html = table_html(Table(("a",), tuple((number,) for number in numbers)))
    assert re.findall(r'<td class="n">(.*?)</td>', html) == [
        t.replace(" %", "\u202f%") for t in texts
    ]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=2
        ),
        max_size=5,
    )
)
def test_csv_keeps_texts_and_starts_no_formula(rows: list[list[str]]) -> None:
    """For every character that a spreadsheet may read as the end of a cell."""
    text = table_csv(Table(("a", "b"), tuple(tuple(r) for r in rows)))
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for written, read_row in zip(rows, read, strict=True):
        for text_in, text_out in zip(written, read_row, strict=True):
            assert text_out.replace("'", "") == text_in.replace("'", "")
            for part in re.split(r"[,;|\t\r\n]", text_out):
                start = part.lstrip(' "\0\xa0\u200b\ufeff')
                is_number = re.fullmatch(r'[+-]\d+[.\d\s\])}"]*', start)
                assert is_number or not start.startswith(FORMULA_STARTS)


FORMULA_STARTS = tuple("=+-@＝＋－＠")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(
            (f"{start}1+cmd|' /C calc'!A0", f"'{start}1+cmd|' /C calc'!A0")
            for start in FORMULA_STARTS
        ),
        *((f"a{end}=1", f"a{end}'=1") for end in ",;|\t\r\n"),
        *((f"{start}=1", f"'{start}'=1") for start in "\t\r"),
        ("\ttext", "'\ttext"),
        ('a;"=1"', 'a;"\'=1"'),
        ("\ufeff=1", "\ufeff'=1"),
        (" =1", " '=1"),
        *((text, text) for text in ("-5", "+1.5e-7", "[0, -1]", "2 - 2 = 0", "a-b", "\n (1)")),
    ],
)
def test_csv_escapes_formulas_but_not_numbers(text: str, written: str) -> None:
    cells = list(csv.reader(io.StringIO(table_csv(Table((text,), ((text,),))), newline="")))
    assert cells == [[written], [written]]


def test_csv_escapes_long_cells_quickly() -> None:
    start = time.process_time()
    for text in ("; " * 100_000, "\n" * 300_000, ";-" + "1" * 300_000 + "x", "; -1" * 50_000):
        table_csv(Table(("a",), ((text,),)))
    assert time.process_time() - start < 4


def test_csv_numbers_are_exact() -> None:
    assert (
        table_csv(Table(("x",), ((-0.1,), (0.1 + 0.2,), (7,))))
        == "x\r\n-0.1\r\n0.30000000000000004\r\n7\r\n"
    )
    assert table_csv(Table(("x",), ((Token(1, "=1+1", "3d312b31"),),))) == "x\r\n'=1+1\r\n"


def test_csv_holds_the_text_of_tokens() -> None:
    """Parts of characters are written as bytes, missing values as empty cells."""
    part = Token(3, "\N{REPLACEMENT CHARACTER}", "e2")
    rows = ((Token(1, " Paris", "205061726973"),), ((Token(2, "\n", "0a"), " (1)"),), (part,))
    text = table_csv(Table(("x",), rows))
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == [
        *("x", " Paris", "\n (1)", "<0xE2>")
    ]


def test_values_color_the_tokens_and_are_printed_below() -> None:
    """From the lowest to the highest, or from 0 to 1 for fractions."""
    row = tuple(Token(i, text, text.encode().hex()) for i, text in enumerate("abc"))
    strip = TokenStrip((("", row),), alt="", values=((2.0, 4.0, 3.0),), value_axis=Axis("bits"))
    html = strip_html(strip)
    assert re.findall(r'class="chip (shade-\d)"', html) == ["shade-0", "shade-9", "shade-4"]
    assert re.findall(r'class="tok-id">([^<]*)<', html) == ["2", "4", "3"]
    table = strip.table()
    assert table.columns[-1] == "bits" and [r[-1] for r in table.rows] == [2.0, 4.0, 3.0]
    shares = TokenStrip((("", row),), "", values=((0.0, 0.5, 0.1),), value_axis=probability_axis())
    assert re.findall(r"shade-(\d)", strip_html(shares)) == ["0", "4", "1"]
    assert "50" in strip_html(shares) and "%" in strip_html(shares)
