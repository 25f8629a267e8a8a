"""Text is safe to print on a terminal."""

from __future__ import annotations

import json

import pytest
from layerbook.core.text import escape_controls


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\x1b[2Jred", r"\u001b[2Jred"),
        ("a\rb\x07\x9b\x7f", r"a\u000db\u0007\u009b\u007f"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("tab\tline\nümlaut [/INST] \N{CAT FACE}", "tab\tline\nümlaut [/INST] \N{CAT FACE}"),
    ],
)
def test_control_characters_are_escaped(text: str, escaped: str) -> None:
    """Only characters that a terminal would interpret are escaped."""
    assert escape_controls(text) == escaped


def test_escaped_json_means_the_same() -> None:
    """Escaped JSON decodes to the same text, so one function serves both."""
    text = "".join(map(chr, range(0x2100)))
    assert json.loads(escape_controls(json.dumps(text, ensure_ascii=False))) == text
