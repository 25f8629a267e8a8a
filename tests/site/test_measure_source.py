"""The printed code of an analysis."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.small_book import layerbook
from layerbook.analyses.token_knockout import TokenKnockout
from layerbook.analyses.token_position import TokenPosition
from layerbook.analyses.tokenize import Tokenize
from layerbook.site.measure_source import measure_source


def printed_definitions(source: str) -> list[str]:
    """Return the names of the functions and classes in a listing, in order."""
    return [
        re.split(r"[ (:]", line)[1]
        for line in source.splitlines()
        if line.startswith(("def ", "class "))
    ]


def test_prints_what_measure_uses_in_the_order_of_use() -> None:
    source = measure_source(TokenPosition)
    assert printed_definitions(source) == ["measure", "Orders", "measure_encoding", "map_prompt"]
    assert "def new_positions(self)" in source
    assert "def runs" not in source


def test_prints_methods_of_the_same_class() -> None:
    definitions = printed_definitions(measure_source(TokenKnockout))
    assert definitions == [
        "measure",
        "token_losses",
        "mean_or_zero",
        "compare",
        "choices",
        "measure_change",
    ]


def test_prints_no_class_of_a_result() -> None:
    source = measure_source(Tokenize)
    assert printed_definitions(source) == ["measure"]
    assert source.startswith("def measure(self")


def test_page_has_the_code_of_an_analysis_once(book: Path) -> None:
    """It is folded at its first figure; other figures and `source` link to it."""
    prose = book / "templates" / "chapters" / "next.md"
    text = prose.read_text(encoding="utf-8")
    prose.write_text(f'{text}\n{{{{ source("pattern") }}}}\n', encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    for analysis in ("next-token", "attention-pattern"):
        assert page.count(f'<div id="{analysis}-code">') == 1
        assert page.count(f'<a href="#{analysis}-code">The code that computed it</a>') == 1
        opening = page[: page.index(f'<div id="{analysis}-code">')].rpartition("<details")[2]
        assert "</details>" not in opening and " open" not in opening
