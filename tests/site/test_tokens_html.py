"""Tokens and tables as HTML and CSV."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerbook.site.tokens_html import as_token, cell_number, chip, passage_html, strip_html, table_csv, table_html
from layerbook.core.figures import Passage, Table, TokenStrip
from layerbook.core.tokens import Token


def test_chips_tell_tokens_apart() -> None:
    """Whitespace, bytes and specials are drawn; id, bytes and position are the tooltip."""
    assert '<span class="ws">·</span>the' in chip(Token(260, " the", "20746865")).html
    assert 'title="token 260\nbytes 20 74 68 65"' in chip(Token(260, " the", "20746865")).html
    assert 'title="token 9\nbyte E2\nposition 0"' in chip(Token(9, "\ufffd", "e2"), 0).html
    assert 'title="special token 2"' in chip(Token(2, "<|im_end|>", "", True)).html
    assert "&lt;0xE2&gt;" in chip(Token(9, "\ufffd", "e2")).html
    assert 'class="tok special"' in chip(Token(2, "<|im_end|>", "", True)).html
    assert "empty" in chip(Token(3, "", "")).html


def test_as_token_takes_what_carries_a_token() -> None:
    """A result's ranked token is a token; a number is not."""

    class Ranked:
        id, text, hex, special = 4, "a", "61", False

    assert as_token(Ranked()) == Token(4, "a", "61")
    with pytest.raises(TypeError, match="not 4"):
        as_token(4)


def test_a_strip_shows_ids_and_marks_the_continuation() -> None:
    """Every token has its id; only those after the prompt are marked, and said to be, once."""
    row = tuple(Token(i, "x", "78") for i in range(4))
    html = strip_html(TokenStrip((("", row),), alt="", prompt_length=(3,)))
    assert html.count("chip written") == html.count("written by the model") == 1
    assert html.count("tok-id") == 4
    assert strip_html(TokenStrip((("", row),), alt="")).count("written") == 0


def test_only_texts_have_positions() -> None:
    """From 0 in each row of its own; a list of tokens has none."""
    row = tuple(Token(i, "x", "78") for i in (5, 6))
    html = strip_html(TokenStrip((("", row), ("", row)), alt=""))
    assert re.findall(r'title="token (\d)\nbyte 78\nposition (\d)"', html) == [("5", "0"), ("6", "1")] * 2
    assert "position" not in strip_html(TokenStrip((("", row),), alt="", text=False))


def test_a_passage_is_verbatim() -> None:
    """Line breaks and spaces as they are, nothing read as markup."""
    assert passage_html(Passage("\n a  <b>\n", "")) == '<pre class="passage"><code>\n a  &lt;b&gt;\n</code></pre>'


def test_long_tables_are_cut_and_say_so() -> None:
    """At most 400 rows and 40 columns on the page, all of them in the CSV."""
    table = Table(tuple(f"c{i}" for i in range(50)), tuple(tuple(range(50)) for _ in range(500)))
    html = table_html(table)
    assert html.count("<tr>") == 401
    assert html.count("<th ") == 40
    assert "The first 400 of 500 rows and the first 40 of 50 columns; all are in the CSV." in html
    assert len(table_csv(table).splitlines()) == 501
    assert "first" not in table_html(Table(("a",), ((1,),)))


def test_ragged_rows_still_make_a_table() -> None:
    """A row that is longer than the header is not cut."""
    assert table_html(Table(("a",), (("x", 1.5, 2.5),))).count("<td") == 2 + 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(260, "260"), (0.1234567, "0.1235"), (-2.0, "−2"), (0.0, "0"), (1.5e-7, "1.50e−7"), (12345.6, "12346"),
     (float("nan"), "–"), (float("-inf"), "−∞")],
)  # fmt: skip
def test_numbers_in_tables(value: float, text: str) -> None:
    """Whole numbers in full, others to four digits."""
    assert cell_number(value) == text


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=2), max_size=5
    )
)
def test_csv_reads_back_and_never_starts_a_formula(rows: list[list[str]]) -> None:
    """A standard reader gets the same cells; none begins as a spreadsheet's formula would."""
    text = table_csv(Table(("a", "b"), tuple(tuple(r) for r in rows)))
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for sent, got in zip(rows, read, strict=True):
        for before, after in zip(sent, got, strict=True):
            assert after == before or after == f"'{before}"
            assert not after.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_csv_numbers_are_exact_and_negative_ones_are_numbers() -> None:
    """Full precision; a negative number is no formula."""
    assert table_csv(Table(("x",), ((-0.1,), (0.1 + 0.2,), (7,)))) == "x\r\n-0.1\r\n0.30000000000000004\r\n7\r\n"
    assert table_csv(Table(("x",), ((Token(1, "=1+1", "3d312b31"),),))) == "x\r\n'=1+1\r\n"
