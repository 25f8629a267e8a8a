"""Numbers that stand bare in the prose, where a result should speak.

A percentage, a decimal or a whole number of two digits or more that is typed into a chapter does not follow the model.
What is meant as it is written goes into `$math$` or code, or its line carries a comment: `{# numeral: the reason #}`.
"""

from __future__ import annotations

import re

from layerbook.site.prose.lint_predictions import blank_except_text
from layerbook.core.errors import Problem

_JINJA = r"\{\#.*?(?:\#\}|\Z) | \{%.*?(?:%\}|\Z) | \{\{.*?(?:\}\}|\Z)"
_FENCE = r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ ]{0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
_CODE = r"(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)"
_MATH = r"(?<!\\)\$\$.+?\$\$ | (?<![\\\d])\$(?![\s$])(?:(?!\n[ \t]*\n)[^$])*?(?<![\s\\])\$(?!\d)"
_TARGET = r"\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\) | ^[ ]{0,3}\[(?!\^)[^\]\n]+\]:[^\n]*$ | \[\^[^\]\n]+\]"
_ADDRESS = r"<[a-z][a-z0-9+.-]*:[^>\s]*> | \bhttps?://[^\s)>\]]+"
_LIST_NUMBER = r"^[ ]{0,3}\#{1,6}[ \t]+\d[\d.]*[.)]?(?=[ \t]) | ^[ \t>]*\d+[.)](?=[ \t])"

NOT_PROSE = re.compile(
    "|".join(f"(?:{part})" for part in (_JINJA, _FENCE, _CODE, _MATH, _TARGET, _ADDRESS, _LIST_NUMBER)),
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
"""What is not the chapter's own words: values, code, formulas, addresses, the numbers of headings and of lists.

A footnote's text is its own words; so `[^1]:` ends where its label does.
"""

ALLOWING_COMMENT = re.compile(r"\{#-?\s*numeral:\s*(?!-?#\})\S.*?#\}")
NUMBER = re.compile(
    r"(?<![^\W_])(?<![^\W_]_)(?<![.,−-])[+−-]?(?P<digits>\d+(?:[,\u00a0\u202f]\d{3})*(?P<decimals>\.\d+)?)"
    r"(?P<percent>[\s\u00a0\u202f]?%|[\s\u00a0\u202f]per[\s\u00a0\u202f]?cent\b)?(?![^\W_]|_[^\W_]|%)"
)
YEAR = re.compile(r"18\d\d|19\d\d|20[0-3]\d")
LABEL_BEFORE = re.compile(r"\b(?:chapters?|sections?|figures?|tables?|pages?|version|python)[\s\u00a0]$", re.IGNORECASE)
UNIT_AFTER = re.compile(r"-(?:bit|byte)s?\b")


def find_typed_numbers(source: str, file: str) -> tuple[Problem, ...]:
    """The bare numbers of a chapter, each at its place; `source` is its Markdown as it was written.

    Years (1800 to 2039; 2048 is none), numbers inside names (`GPT-2`, `135M`), `32-bit` and "figure 12" are no results.
    """
    prose = NOT_PROSE.sub(_blank_out, source)
    excused = {source.count("\n", 0, found.start()) for found in ALLOWING_COMMENT.finditer(source)}
    problems = []
    for found in NUMBER.finditer(prose):
        line = source.count("\n", 0, found.start())
        if line not in excused and _is_result(found, prose):
            shown = " ".join(found[0].split())
            what = f"the number {shown} is typed, not taken from a result; use {{{{ }}}}, $math$, code, or say why"
            column = found.start() - (source.rfind("\n", 0, found.start()) + 1) + 1
            problems.append(Problem(file, line + 1, column, f"{what}: {{# numeral: reason #}}"))
    return tuple(problems)


def _blank_out(found: re.Match[str]) -> str:
    """As many characters, line ends kept; a prediction leaves its words, a value a letter at either end.

    So `{{ x }}5` is one word still.
    """
    text = found[0]
    if text.startswith("{%"):
        return blank_except_text(text)
    if text.startswith("[^") and text.endswith("]"):
        return " " * len(text)
    kept = re.sub(r"[^\n]", " ", text)
    return f"x{kept[1:-1]}x" if text.startswith("{{") and len(text) > 1 else kept


def _is_result(found: re.Match[str], prose: str) -> bool:
    digits, whole = found["digits"], not found["decimals"] and not found["percent"]
    if whole and (len(digits) < 2 or YEAR.fullmatch(digits)):
        return False
    before, after = prose[max(0, found.start() - 12) : found.start()], prose[found.end() : found.end() + 8]
    return not (LABEL_BEFORE.search(before) or (whole and UNIT_AFTER.match(after)))
