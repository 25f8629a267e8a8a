"""Warnings and notes about a book that can be built as it is.

They are mostly about numbers and right answers that are typed instead of read from results.
Numbers that are meant literally go into `$math$` or code, or their line has a comment:
`{# numeral: the reason #}`. `{# numerals: the reason #}` covers a whole page, such as a timetable.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jinja2 import nodes
from markdown_it.token import Token as Node

from layerbook.book import bibliography
from layerbook.book.node import Position
from layerbook.core.errors import Problem, first_problems
from layerbook.site.prose.chapter_text import TextPiece, caption_texts, read_prose
from layerbook.site.prose.outline import blank
from layerbook.site.prose.references import find_references
from layerbook.store.project import Project

MAX_CLAIM_BOXES = 3
"""The limit before a chapter turns into a list of boxes."""

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


class TextSpan(NamedTuple):
    """Words of the prose, and their offset in its source."""

    offset: int
    text: str


def find_uncited_sources(project: Project) -> list[Problem]:
    """Report sources that no chapter cites."""
    sources = bibliography.load(project.templates_dir)
    if sources is None:
        return []
    cited_keys = {
        reference.name
        for chapter in project.book.pages
        for reference in find_references(read_prose(project, chapter))
        if reference.function == "cite"
    }
    return [
        Problem(file, position.line, position.column, f"no chapter cites {key!r}")
        for key, (file, position) in sources.definitions.items()
        if key not in cited_keys
    ]


def find_crowded_chapters(project: Project) -> list[Problem]:
    """Report the first claim box beyond the limit in each chapter; ticks take less room."""
    problems = []
    for chapter in project.book.pages:
        prose = read_prose(project, chapter)
        boxes = [item for item in find_references(prose) if item.function == "claim"]
        for box in boxes[MAX_CLAIM_BOXES : MAX_CLAIM_BOXES + 1]:
            message = (
                f"{len(boxes)} boxes of claims in this chapter; "
                f'a tick takes less room: {{{{ tick("{box.name}", {box.second or 0}) }}}}'
            )
            problems.append(prose.problem(box.position, message))
    return problems


def find_inapplicable(project: Project) -> list[Problem]:
    """Report experiments that the book's model cannot run; pages show a note in their place."""
    return [
        Problem(e.file, e.line, 1, f"{e.id} is not applicable: {e.inapplicable}")
        for e in project.experiments()
        if e.inapplicable
    ]


def lint_prose(project: Project) -> list[Problem]:
    """Report numbers and answers to predictions that are typed instead of read from a result.

    Numbers in claims are not reported, because a claim is checked.
    """
    decimal = project.book.own_words.decimal
    problems: list[Problem] = []
    for chapter in project.book.pages:
        prose = read_prose(project, chapter)
        problems += first_problems(find_typed_numbers(prose, decimal))
        problems += first_problems(find_typed_answers(prose))
        if not EXEMPT_PAGE.search(prose.text):
            problems += first_problems(
                problem
                for caption in caption_texts(chapter, prose)
                for problem in find_typed_numbers(caption, decimal)
            )
    return problems


def find_typed_numbers(prose: TextPiece, decimal: str = ".") -> tuple[Problem, ...]:
    """Return a problem for each typed percentage, decimal or number with two or more digits.

    Years (1800 to 2039), numbers in names (`GPT-2`, `135M`), `32-bit` and "figure 12" are fine.
    A typed number in double braces, such as `{{ 0.5 }}`, is a problem too.

    decimal: the sign of decimals in the language of the text.
    """
    source = prose.text
    if EXEMPT_PAGE.search(source):
        return ()
    pattern = NUMBER if decimal == "." else NUMBER_WITH_COMMA
    line_starts = [0, *(match.end() for match in re.finditer("\n", source))]
    comments = EXEMPT_LINE.finditer(source)
    excused = {bisect_right(line_starts, comment.start()) for comment in comments}
    problems = []
    for span in sorted(_find_spans(prose, line_starts), key=lambda span: span.offset):
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
            position = Position(line, offset - line_starts[line - 1] + 1)
            problems.append(prose.problem(position, message))
    message = "the number in {{ }} is typed, not taken from a result"
    problems += [
        prose.problem(Position(line, 1), message)
        for line in _typed_value_lines(prose)
        if line not in excused
    ]
    return tuple(sorted(problems))


def find_typed_answers(prose: TextPiece) -> tuple[Problem, ...]:
    """Return a problem for each prediction whose right choice does not depend on a result."""
    problems = []
    for call in _predictions(prose):
        answers = [*call.args[2:3], *(pair.value for pair in call.kwargs if pair.key == "right")]
        for answer in answers:
            if not _uses_names(answer):
                message = "predict(): the right choice is typed; compute it from a result"
                problems.append(prose.problem(Position(answer.lineno, 1), message))
    return tuple(problems)


def _predictions(prose: TextPiece) -> Iterator[nodes.Call]:
    for block in prose.template.find_all(nodes.CallBlock) if prose.template else ():
        match block.call.node:
            case nodes.Name(name="predict"):
                yield block.call


def _uses_names(value: nodes.Node) -> bool:
    return isinstance(value, nodes.Name) or value.find(nodes.Name) is not None


def _typed_value_lines(prose: TextPiece) -> Iterator[int]:
    """Yield the lines of values that are computed from nothing but typed numbers."""
    for output in prose.template.find_all(nodes.Output) if prose.template else ():
        for value in output.nodes:
            has_number = any(
                isinstance(part, nodes.Const) and isinstance(part.value, int | float)
                for part in (value, *value.find_all(nodes.Const))
            )
            if has_number and not _uses_names(value):
                yield value.lineno


def _is_result(match: re.Match[str]) -> bool:
    digits, text = match["digits"], match.string
    is_integer = not match["decimals"] and not match["percent"]
    if is_integer and (len(digits) < 2 or YEAR.fullmatch(digits)):
        return False
    if LABEL_BEFORE.search(text[max(0, match.start() - 12) : match.start()]):
        return False
    return not (is_integer and UNIT_AFTER.match(text, match.end()))


def _find_spans(prose: TextPiece, line_starts: Sequence[int]) -> Iterator[TextSpan]:
    """Yield the text of the Markdown, and the words of predictions."""
    line = cursor = 0
    in_heading = False
    for node in prose.outline.nodes:
        if node.type == "inline" and node.map:
            if node.map[0] != line:
                line, cursor = node.map[0], line_starts[node.map[0]]
            for offset, text in _inline_spans(node, prose.outline.source, cursor):
                yield TextSpan(offset, HEADING_NUMBER.sub(blank, text) if in_heading else text)
                cursor, in_heading = offset + len(text), False
        in_heading = node.type == "heading_open"
    for call in _predictions(prose):
        yield from _prediction_spans(call, prose.text, line_starts)


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
