"""Warnings about numbers typed into prose."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fixtures.sample_chapter import context
from fixtures.small_book import layerbook
from hypothesis import example, given, settings
from hypothesis import strategies as st
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import prose_environment
from layerbook.site.prose.lint import find_typed_numbers
from layerbook.site.prose.render import render_chapter

RESULTS = [
    ("The model is sure: 61.7 % of the time.", ["61.7 %"]),
    ("About 5 % of it, or 5% or 5 per cent.", ["5 %", "5%", "5 per cent"]),
    ("It has 30 layers and 49,152 tokens.", ["30", "49,152"]),
    ("A loss of -0.25, or −3.5, is +12 points.", ["-0.25", "−3.5", "+12"]),
    ("Its context is 2048 tokens, not 1799.", ["2048", "1799"]),
    ("A 576-dimensional vector; from 10–20.", ["576", "10", "20"]),
    ('> quoted **99** and _12_\n\n- item 10, (11) and "12"', ["99", "12", "10", "11", "12"]),
    ("| a | 37 |", ["37"]),
    ("## Why 64 numbers", ["64"]),
    ("[42 of them](http://x.example/77)", ["42"]),
    ("Text[^1].\n\n[^1]: It was 0.3.", ["0.3"]),
    ("{% if holds('x') %}It is 12.{% endif %}", ["12"]),
    ("a $5 bill and 17 more", ["17"]),
    ("an `open tick and 18", ["18"]),
    ("100 of {{ r('a').n }} 200", ["100", "200"]),
    ("{# numeral: #} 33", ["33"]),
    ("Es sind 5 Prozent von 12 Token.", ["5 Prozent", "12"]),
    ("{# numerals: #} 33", ["33"]),
    ("{# a remark #} 34", ["34"]),
    (
        "16 Köpfe um 26 Uhr, 10 am Ende, 12:345 oder 24:10",
        ["16", "26", "10", "12", "345", "24", "10"],
    ),
]
NONE = [
    "{{ r('sum').prompts[10].prob | num(12) }} and {{ 100 * x }}%",
    "{% for i in range(20) %}{% endfor %}{# 55 #}",
    "Two plus two is 4, with 1 head of 9.",
    "`2 + 22 = 24`, ``a ` 33`` and $x = 10,000$, $$y = 512$$",
    "```python\nx = 1234\n```\n\n~~~\n99\n~~~",
    "$$\na = 77\n\\tag{12}\n$$",
    "[text](page.html#at-1234) <https://x.example/1234> https://x.example/99?a=88",
    "[ref]: https://arxiv.org/abs/1706.03762",
    "## 12.3 A heading\n\n10. an item\n11) another",
    "GPT-22, x_12, 12_x, SmolLM2-135M, float32, W3C, x86-64, 16th, 32-bit and 64-bits",
    "Vaswani et al. (2017), in June 1998, and 1850",
    "See chapter 12, Figure 3.14, section 2.1 and page 100.",
    "In week 12, room 4.11, exercise 14, step 20 of lecture 10; Exercises 10",
    "In Woche 12, Raum 113, Hörsaal 27, Abb. 14 und den Abbildungen 15, KW 42, Kapitel 3.14.",
    "{# numerals: a timetable #}\n\nMonday, 40 to 45, in hall 113",
    "Am Montag um 16 Uhr, von 14:15 bis 15.45 Uhr; at 11 a.m., 10:30 and 12 pm",
    "An epsilon of 0.00001 {# numeral: the definition of the norm #}",
    "footnote[^12]",
    "",
]


@pytest.mark.parametrize(("text", "expected"), RESULTS)
def test_warns_of_typed_results(text: str, expected: list[str]) -> None:
    """Percentages, decimals, and whole numbers of two digits or more."""
    numbers = [
        re.search(r"the number (.+) is typed", problem.message)[1]
        for problem in find_typed_numbers(TextPiece("x.md", 1, text))
    ]
    assert numbers == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Es sind 7,5 %, 0,77 oder 0.5 Bit.", ["7,5 %", "0,77", "0.5"]),
        ("Es sind 49.152 Token und 3 von 9.", ["49.152"]),
    ],
)
def test_decimal_commas_are_read_in_their_languages(text: str, expected: list[str]) -> None:
    numbers = [
        re.search(r"the number (.+) is typed", problem.message)[1]
        for problem in find_typed_numbers(TextPiece("x.md", 1, text), decimal=",")
    ]
    assert numbers == expected


def test_typed_numbers_in_double_braces() -> None:
    """A value needs a result, or at least a name."""
    text = (
        "{{ 0.77 | percent }}\n{{ 7 + 7 }}\n{{ 7 }} {# numeral: a week #}\n{{ x }} {{ f(7) }} "
        "{{ x | num(1) }} {{ 'a' | visible }} {{ '{{' }}"
    )
    assert [(p.line, p.column) for p in find_typed_numbers(TextPiece("x.md", 1, text))] == [
        (1, 1),
        (2, 1),
    ]


@pytest.mark.parametrize("text", NONE)
def test_ignores_other_numbers(text: str) -> None:
    """Values, code, formulas, addresses, numbering, names, years, and exempt lines."""
    assert find_typed_numbers(TextPiece("x.md", 1, text)) == ()


def test_reports_line_and_column() -> None:
    """They count from 1."""
    text = "A line.\n\n```\n12\n```\n{{ a }} and $x$ then 345 and\n`q` 67"
    lines = text.split("\n")
    problems = find_typed_numbers(TextPiece("x.md", 1, text))
    assert [(p.file, p.line, p.column) for p in problems] == [("x.md", 6, 22), ("x.md", 7, 5)]
    assert [lines[p.line - 1][p.column - 1 :][:2] for p in problems] == ["34", "67"]


def test_exemption_needs_a_reason() -> None:
    """It covers its own line only."""
    text = (
        "It is 0.1 and 0.2. {# numeral: both by definition #}\nIt is 0.3.\n\n"
        "It is 0.4. {#- numeral: -#}\n"
    )
    assert [p.line for p in find_typed_numbers(TextPiece("x.md", 1, text))] == [2, 4]


pieces = st.sampled_from(
    [
        *"0123456789 .,%$`[](){}#|<>-\n\\^:~_*",
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{#",
        "#}",
        "```",
        "$$",
        "numeral: x",
        "a",
        "é",
    ]
)


@given(st.text(max_size=80) | st.lists(pieces, max_size=60).map("".join))
@example("{" * 50 + "#" * 50)
@example("\r0")
@example("`" * 3000)
@example("$" * 3000 + "[" * 3000 + "](" * 1000)
@settings(max_examples=300, deadline=None)
def test_accepts_any_text(text: str) -> None:
    """Every reported place has a number."""
    lines = text.split("\n")
    for problem in find_typed_numbers(TextPiece("x.md", 1, text)):
        assert re.match(r"[+−-]?\d", lines[problem.line - 1][problem.column - 1 :])


@given(
    st.lists(
        st.sampled_from(["word", "61.7 %", "`12`", "$13$", "{{ f(14) }}", "15", "1999", "GPT-20"]),
        max_size=12,
    )
)
@settings(deadline=None)
def test_judges_each_word_separately(words: list[str]) -> None:
    numbers = [
        p.message.split(" is typed")[0].removeprefix("the number ")
        for p in find_typed_numbers(TextPiece("x.md", 1, " ".join(["A", *words])))
    ]
    assert numbers == [word for word in words if word in ("61.7 %", "15")]


def test_exemption_does_not_change_the_page() -> None:
    """Even on a line of its own."""
    plain = "One 0.5.\n\nTwo.\nThree.\n\n- a\n- b\n"
    excused = (
        "One 0.5.{# numeral: a half #}\n\nTwo.{# x #}\n{# a line of its own #}\nThree.\n\n"
        "- a{# y #}\n- b\n"
    )
    assert prose_environment().parse(excused)
    assert (
        render_chapter(excused, "x.md", context()).html
        == render_chapter(plain, "x.md", context()).html
    )


def test_captions_are_checked_and_claims_are_not(book_with_results: Path, tmp_path: Path) -> None:
    """At the line of their file."""
    book = shutil.copytree(book_with_results, tmp_path / "book")
    (book / "images").mkdir()
    (book / "images" / "x.svg").write_text('<svg xmlns="x" width="9" height="9"/>')
    spec, chapter = book / "experiments/next.yaml", book / "templates/chapters/next.md"
    text = spec.read_text().replace("Their scores.", "77 % of them.")
    spec.write_text(text.replace("has more than nothing", "has more than 0.001"))
    image = '\n![A line of 12 boxes](images/x.svg "12.5 boxes.")\n'
    chapter.write_text(chapter.read_text() + image)
    completed = layerbook("check", cwd=book, check=True)
    warnings = re.findall(r"(\S+): warning: the number (.*) is typed", completed.stderr)
    line = chapter.read_text().count("\n")
    assert warnings == [
        ("experiments/next.yaml:12:1", "77 %"),
        (f"templates/chapters/next.md:{line}:1", "12.5"),
    ]
    chapter.write_text(chapter.read_text() + "{# numerals: examples #}\n")
    assert "warning" not in layerbook("check", cwd=book).stderr
