"""Listings of repeated pieces of code, in the languages that are coloured without a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.fuzzing import cases, make_guard
from layerbook.site.prose.colours import VETTED
from layerbook.site.prose.highlight import code_html

PIECES = (
    *("a", "A", "0", "1.", "_", " ", "\t", "\n", "\\", "\\n", "'", '"', '"""', "'''", "`", "```"),
    *("{", "}", "{{", "}}", "(", ")", "[", "]", "<", ">", "<a ", "</a>", "/", "//", "/*", "*/"),
    *("*", "**", "#", "#!", "$", "${", "$(", "%", "%}", "{%", "&", "|", "-", "--", "->", "+", ":"),
    *("::", ": ", "- ", ";", ",", ".", "=", "==", "!", "?", "@", "^", "~", "f'{", "r'", "x=", "é"),
)
STARTS = (
    *("", "a", "'", '"', '"""', "f'", "f'{x:", "{{ ", "{% ", "<a ", "<!--", "/*", "//", "`", "$ "),
    *("```\n", "$(", "a: ", "- ", "a: |\n ", "def ", "import ", "class ", "1", "0x", "@", "&", "!"),
)
ENDS = ("", "\0", "!", "\n", '"', "}")


def test_listings(tmp_path: Path) -> None:
    """Each ends soon: the guard counts the time."""
    guard = make_guard(tmp_path)
    for number, chance in cases("listings"):
        piece = "".join(chance.choices(PIECES, k=chance.choice((1, 1, 2, 2, 3))))
        line = piece * (chance.choice((40, 400)) // len(piece))
        text = chance.choice(STARTS) + line + chance.choice(ENDS)
        if chance.random() < 0.1:
            text = f"{text}\n" * 40
        language = chance.choice(sorted(VETTED))
        with guard.case(f"listings {number}", f"{language}\n{text}"):
            code_html(text, language)
    guard.report("listings")


@pytest.mark.parametrize("language", sorted(VETTED))
def test_vetted_languages_colour_no_other(language: str) -> None:
    """A listing within a listing would bring a language that nobody tried."""
    html = code_html("```julia\nfunction f end\n```\n", language)
    assert '<span class="k">function</span>' not in html or language in ("javascript", "bash")
