"""Tests for the printed code of an analysis."""

from __future__ import annotations

from layerbook.analyses.token_knockout import TokenKnockout
from layerbook.analyses.token_position import TokenPosition
from layerbook.analyses.tokenize import Tokenize
from layerbook.site.measure_source import measure_source


def printed_functions(source: str) -> list[str]:
    """Return the names of the functions in a listing, in order."""
    return [
        line.removeprefix("def ").partition("(")[0]
        for line in source.splitlines()
        if line.startswith("def ")
    ]


def test_prints_the_functions_that_measure_calls_in_the_order_of_use() -> None:
    source = measure_source(TokenPosition)
    assert printed_functions(source) == [
        "measure",
        "_moved_to",
        "_count_nearest",
        "_combine_prompts",
        "_ordered_prompts",
    ]
    assert "def runs" not in source


def test_prints_methods_of_the_same_class() -> None:
    functions = printed_functions(measure_source(TokenKnockout))
    assert functions == ["measure", "_choices", "_groups", "_text"]


def test_prints_measure_alone_when_it_calls_nothing_of_its_file() -> None:
    source = measure_source(Tokenize)
    assert printed_functions(source) == ["measure"]
    assert source.startswith("def measure(self")
