"""Braces that are text, not Jinja: in fenced listings, and in TeX such as `\\textcolor{#c00}{x}`.

Jinja would read `{{`, `{%` and `{#` there as its own. Private-use characters stand for such braces
until Jinja has run; they have the same length, so lines and columns stay.
"""

from __future__ import annotations

import re

PLACEHOLDERS = "\ue002\ue003"
_HIDE, _SHOW = str.maketrans("{}", PLACEHOLDERS), str.maketrans(PLACEHOLDERS, "{}")

_PREFIX = r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*"
_FENCE = (
    rf"^{_PREFIX}(?P<fence>`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*\n"
    r"(?:.*?^[ \t>]*(?P=fence)[`~]*[ \t]*$|.*\Z)"
)
_TEX = r"(?<!\\)(?:\\\\)*\\\{|\{(?=\#\w+\})"
# An unclosed construct runs to the end of the text; searching for its end repeatedly is slow.
_JINJA = r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)|\{\#.*?(?:\#\}|\Z)"
FENCE_OR_JINJA = rf"{_FENCE}|{_JINJA}"
"""Matches what is not Markdown: listings and Jinja. Its flags are DOTALL and MULTILINE."""
_LITERAL_OR_JINJA = re.compile(rf"(?P<literal>{_FENCE}|{_TEX})|{_JINJA}", re.DOTALL | re.MULTILINE)


def hide_literal_braces(source: str) -> str:
    """Return the source with a placeholder for each brace that Jinja must not read."""

    def hide(match: re.Match[str]) -> str:
        return match[0].translate(_HIDE) if match["literal"] else match[0]

    return _LITERAL_OR_JINJA.sub(hide, source)


def show_literal_braces(text: str) -> str:
    """Return the text with the braces back."""
    return text.translate(_SHOW)
