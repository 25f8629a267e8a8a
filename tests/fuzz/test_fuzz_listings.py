"""Repetitive listings are highlighted in bounded time, in the vetted languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.fuzzing import cases, make_monitor
from layerbook.site.prose.colors import VETTED
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
    """Every listing ends within the time limit of a case."""
    monitor = make_monitor(tmp_path)
    for number, rng in cases("listings"):
        piece = "".join(rng.choices(PIECES, k=rng.choice((1, 1, 2, 2, 3))))
        line = piece * (rng.choice((40, 400)) // len(piece))
        text = rng.choice(STARTS) + line + rng.choice(ENDS)
        if rng.random() < 0.1:
            text = f"{text}\n" * 40
        language = rng.choice(sorted(VETTED))
        with monitor.case(f"listings {number}", f"{language}\n{text}"):
            code_html(text, language)
    monitor.report("listings")


@pytest.mark.parametrize("language", sorted(VETTED))
def test_vetted_languages_color_no_other(language: str) -> None:
    """An embedded listing would load a lexer that has not been vetted."""
    html = code_html("```julia\nfunction f end\n```\n", language)
    assert '<span class="k">function</span>' not in html or language in ("javascript", "bash")
