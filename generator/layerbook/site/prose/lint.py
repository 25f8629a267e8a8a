"""Warn about numbers and right answers that are typed into the prose instead of read from results.

Numbers that are meant literally go into `$math$` or code, or their line has a comment:
`{# numeral: the reason #}`. `{# numerals: the reason #}` covers a whole page, such as a timetable.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes
from markdown_it.token import Token as Node

from layerbook.core.errors import Problem
from layerbook.site.prose.environment import parse_prose
from layerbook.site.prose.outline import blank, parse_outline
from layerbook.site.prose.references import find_predictions

EXEMPT_LINE = re.compile(r"\{#-?\s*numeral:\s*(?!-?#\})\S.*?#\}")
EXEMPT_PAGE = re.compile(r"\{#-?\s*numerals:\s*(?!-?#\})\S.*?#\}")


def _number_pattern(group: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of numbers with these signs, given as parts of sets of characters."""
    return re.compile(
        r"(?<![^\W_])(?<![^\W_]_)(?<![.,−-])[+−-]?"
        rf"(?P<digits>\d+(?:[{group}\u00a0\u202f]\d{{3}})*(?P<decimals>[{decimal}]\d+)?)"
        r"(?P<percent>[\s\u00a0\u202f]?%|[\s\u00a0\u202f](?:per[\s\u00a0\u202f]?cent|Prozent)\b)?"
        r"(?![^\W_]|_[^\W_]|%)"
    )


NUMBER = _number_pattern(",", ".")
NUMBER_WITH_COMMA = _number_pattern(".", ".,")
"""In languages with a decimal comma; a decimal point is a number there too."""
YEAR = re.compile(r"18\d\d|19\d\d|20[0-3]\d")
LABEL_BEFORE = re.compile(
    r"\b(?:(?:chapter|section|figure|table|page|step|exercise|lecture|week|room|version|python)s?"
    r"|(?:kapitel|abschnitt|abbildung|tabelle|seite|schritt|übung|aufgabe|vorlesung|woche|raum)"
    r"(?:en|e|n)?|hörsaal|abb\.|tab\.|kw)[\s\u00a0]$",
    re.IGNORECASE,
)
UNIT_AFTER = re.compile(r"-(?:bit|byte)s?\b")
NOT_WORDS = re.compile(
    r"\bhttps?://[^\s)>\]]+|\[\^[^\]\n]+\]"
    r"|(?<![\d:.])(?:[01]?\d|2[0-3])(?:"
    r":[0-5]\d(?![\d:])|(?:[.:][0-5]\d)?[\s\u00a0\u202f](?:Uhr\b|[ap]\.m\.|[AP]M\b|pm\b))"
)
"""Addresses, footnote marks, and times of day: `14:15`, `16 Uhr`, `11 a.m.`"""
HEADING_NUMBER = re.compile(r"\A\d[\d.]*[.)]?(?=\s)")


@dataclass(frozen=True)
class TextSpan:
    """Words of the prose, and their offset in its source."""

    offset: int
    text: str

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.offset + len(self.text)


def find_typed_numbers(source: str, file: str, decimal: str = ".") -> tuple[Problem, ...]:
    """Return a problem for each typed percentage, decimal or number with two or more digits.

    Years (1800 to 2039), numbers in names (`GPT-2`, `135M`), `32-bit` and "figure 12" are fine.
    A typed number in double braces, such as `{{ 0.5 }}`, is a problem too.

    decimal: the sign of decimals in the language of the text.
    """
    if EXEMPT_PAGE.search(source):
        return ()
    pattern = NUMBER if decimal == "." else NUMBER_WITH_COMMA
    line_starts = [0, *(match.end() for match in re.finditer("\n", source))]
    comments = EXEMPT_LINE.finditer(source)
    excused = {bisect_right(line_starts, comment.start()) for comment in comments}
    problems = []
    for span in sorted(_find_spans(source), key=lambda span: span.offset):
        for match in pattern.finditer(span.text):
            offset = span.offset + match.start()
            line = bisect_right(line_starts, offset)
            if line in excused or not _is_result(match):
                continue
            number = " ".join(match[0].split())
            message = (
                f"the number {number} is typed, not taken from a result; use {{{{ }}}}, $math$, "
                "code, or say why: {# numeral: reason #}, or for the page {# numerals: reason #}"
            )
            column = offset - line_starts[line - 1] + 1
            problems.append(Problem(file, line, column, message))
    problems += [
        Problem(file, line, 1, "the number in {{ }} is typed, not taken from a result")
        for line in _typed_value_lines(source)
        if line not in excused
    ]
    return tuple(sorted(problems))


def find_typed_answers(source: str, file: str) -> tuple[Problem, ...]:
    """Return a problem for each prediction whose right choice does not depend on a result."""
    problems = []
    for call in find_predictions(source):
        answers = [*call.args[2:3], *(pair.value for pair in call.kwargs if pair.key == "right")]
        for answer in answers:
            if not isinstance(answer, nodes.Name) and answer.find(nodes.Name) is None:
                message = "predict(): the right choice is typed; compute it from a result"
                problems.append(Problem(file, answer.lineno, 1, message))
    return tuple(problems)


def _typed_value_lines(source: str) -> Iterator[int]:
    """Yield the lines of values that are computed from nothing but typed numbers."""
    try:
        tree = parse_prose(source)
    except TemplateSyntaxError:
        return
    for output in tree.find_all(nodes.Output):
        for value in output.nodes:
            constants = [value, *value.find_all(nodes.Const)]
            has_number = any(
                isinstance(c, nodes.Const) and isinstance(c.value, int | float) for c in constants
            )
            is_named = isinstance(value, nodes.Name) or value.find(nodes.Name) is not None
            if has_number and not is_named:
                yield value.lineno


def _is_result(match: re.Match[str]) -> bool:
    digits, text = match["digits"], match.string
    is_integer = not match["decimals"] and not match["percent"]
    if is_integer and (len(digits) < 2 or YEAR.fullmatch(digits)):
        return False
    if LABEL_BEFORE.search(text[max(0, match.start() - 12) : match.start()]):
        return False
    return not (is_integer and UNIT_AFTER.match(text, match.end()))


def _find_spans(source: str) -> Iterator[TextSpan]:
    """Yield the text of the Markdown, and the words of predictions."""
    line_starts = [0, *(match.end() for match in re.finditer("\n", source))]
    outline = parse_outline(source)
    line = cursor = 0
    in_heading = False
    for node in outline.nodes:
        if node.type == "inline" and node.map:
            if node.map[0] != line:
                line = node.map[0]
                cursor = line_starts[line]
            for span in _inline_spans(node, outline.source, cursor):
                yield _blank_number(span) if in_heading else span
                cursor, in_heading = span.end, False
        in_heading = node.type == "heading_open"
    for call in find_predictions(source):
        yield from _prediction_spans(call, source, line_starts)


def _blank_number(heading: TextSpan) -> TextSpan:
    return TextSpan(heading.offset, HEADING_NUMBER.sub(blank, heading.text, count=1))


def _inline_spans(node: Node, source: str, cursor: int) -> Iterator[TextSpan]:
    """Yield the texts of a paragraph, in order, with their places in the source."""
    in_address = False
    for child in node.children or ():
        if child.type in ("link_open", "link_close"):
            in_address = child.type == "link_open" and child.info == "auto"
        words = child.content.split()
        match = re.compile(r"\s+".join(map(re.escape, words))).search(source, cursor)
        if not words or match is None:
            continue
        cursor = match.end()
        if child.type == "text" and not in_address:
            yield TextSpan(match.start(), NOT_WORDS.sub(blank, match[0]))


def _prediction_spans(
    call: nodes.Call, source: str, line_starts: Sequence[int]
) -> Iterator[TextSpan]:
    """Yield the words of a prediction, except in the expression for the right answer."""
    options = [pair.value for pair in call.kwargs if pair.key != "right"]
    cursor = 0
    for argument in (*call.args[:2], *call.args[3:], *options):
        for constant in _string_constants(argument):
            start = max(cursor, line_starts[constant.lineno - 1])
            offset = source.find(constant.value, start)
            if offset >= 0:
                yield TextSpan(offset, constant.value)
                cursor = offset + len(constant.value)


def _string_constants(node: nodes.Node) -> Iterator[nodes.Const]:
    match node:
        case nodes.Const(value=str()):
            yield node
        case nodes.List(items=parts) | nodes.Tuple(items=parts) | nodes.Concat(nodes=parts):
            for part in parts:
                yield from _string_constants(part)
        case nodes.CondExpr(expr1=first, expr2=second) | nodes.Add(left=first, right=second):
            yield from _string_constants(first)
            if second is not None:
                yield from _string_constants(second)
