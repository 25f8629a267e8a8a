"""Render a chapter's prose: Jinja for the values, then Markdown for the text, never mixed.

Each `{{ expression }}` leaves a slot; Markdown runs over text without values; these are set last.
Every mistake is a SpecError at the file and line of the prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from jinja2 import TemplateError, TemplateSyntaxError

from layerbook.core.errors import LayerbookError, Problem, SpecError, did_you_mean
from layerbook.plotting.dot_syntax import DiagramError
from layerbook.site.blocks import Preview
from layerbook.site.pages import ChapterBody
from layerbook.site.prose.braces import PLACEHOLDERS
from layerbook.site.prose.environment import evaluate, prose_environment
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.functions import GROUPS, ProseFunctions
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.functions.text import TextFunctions
from layerbook.site.prose.markdown import (
    SLOT_CLOSE,
    SLOT_OPEN,
    ProseError,
    Slots,
    render_blocks,
    render_inline,
    split_sentences,
)
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.prose.pictures import ProseDiagram, ProseImage, extract_pictures
from layerbook.site.prose.ticks import group_ticks

MAX_MESSAGE = 400
_EXPECTED_ERRORS = (
    LayerbookError,
    TemplateError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a chapter with its values filled in, and its line in the source."""

    line: int
    text: str


def render_chapter(source: str, file: str, context: ChapterContext) -> ChapterBody:
    """Render the text of a chapter's `file`. Raises SpecError."""
    text, functions = _prepare(source, file, context)
    with _located_errors(source, file):
        markdown, slots = evaluate(text, file, functions.by_name())
        page = render_blocks(markdown, slots, context.math, context.ids)
    toc = tuple(heading for heading in page.headings if heading.level == 2)
    html = group_ticks(page.html) + functions.results.tick_boxes()
    previews = _render_previews(functions, context)
    return ChapterBody(html, toc, page.headings, page.sections, previews, page.targets)


def _render_previews(functions: ProseFunctions, context: ChapterContext) -> tuple[Preview, ...]:
    """Return the previews of the terms and sources that a chapter links to."""
    previews = []
    if glossary := context.glossary:
        for term, id in functions.links.terms.items():
            entry = glossary.entries[term]
            line = entry.text_place.line
            definition = render_definition(entry.term.text, glossary.file, line, context.math)
            previews.append(Preview(id, entry.term.name, definition.html))
    if sources := context.bibliography:
        for key, id in functions.links.sources.items():
            text = f"{sources.get(key).title}. {sources.get(key).venue}."
            previews.append(Preview(id, sources.label(key), escape_text(text)))
    return tuple(previews)


def _prepare(source: str, file: str, context: ChapterContext) -> tuple[str, ProseFunctions]:
    """Return the source with calls for its pictures, and the functions that it may call."""
    text, pictures = extract_pictures(source)

    def caption(picture: ProseImage | ProseDiagram, names: Mapping[str, object]) -> Inline:
        return render_caption(picture.caption, file, picture.caption_line, names, context.math)

    return text, ProseFunctions(context, pictures, caption)


def chapter_sentences(source: str, file: str, context: ChapterContext) -> tuple[Sentence, ...]:
    """Return the sentences of a chapter without its figures and claims. Raises SpecError."""
    text, functions = _prepare(source, file, context)
    with _located_errors(source, file):
        markdown, slots = evaluate(text, file, functions.by_name())
    sentences = []
    line = 1
    for sentence in split_sentences(markdown):
        text = " ".join(slots.fill_text(sentence, blocks=False).split())
        if not text:
            continue
        numbers = slots.numbers_in(sentence)
        first_words = sentence.partition("\n")[0]
        if numbers:
            line = slots.lines[numbers[0]]
        elif first_words in source:
            line = _line_containing(source, first_words)
        sentences.append(Sentence(line, text))
    return tuple(sentences)


def render_caption(
    source: str, file: str, line: int, names: Mapping[str, object], math: MathRenderer
) -> Inline:
    """Render a caption or claim that begins at `line` and may use `names`. Raises SpecError."""
    with _located_errors(source, file, line):
        markdown, slots = evaluate(source, file, {**names, "tok": TextFunctions.tok})
        return render_inline(markdown, slots, math)


def render_definition(text: str, file: str, line: int, math: MathRenderer) -> Inline:
    """Render the text of a term, which begins at `line`: Markdown, without values.

    Raises SpecError.
    """
    with _located_errors(text, file, line):
        return render_inline(text, Slots(), math)


@contextmanager
def _located_errors(source: str, file: str, first_line: int = 1) -> Iterator[None]:
    """Turn errors of the prose into a SpecError at the line of `file` that they come from."""
    lines = source.split("\n")

    def located(line: int, message: str) -> SpecError:
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        column = max(text.find("{"), 0) + 1
        message = " ".join(message[: 2 * MAX_MESSAGE].split())
        message = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"
        return SpecError([Problem(file, line + first_line - 1, column, message)])

    for number, text in enumerate(lines, start=1):
        if any(character in text for character in (SLOT_OPEN, SLOT_CLOSE, *PLACEHOLDERS)):
            raise located(number, "the private-use characters U+E000 to U+E003 are reserved")
    try:
        yield
    except TemplateSyntaxError as error:
        message = error.message or ""
        raise located(error.lineno, message + _filter_hint(message)) from error
    except DiagramError as error:
        line = _traceback_line(error.__traceback__, file) + error.line
        raise SpecError([Problem(file, line, 1, str(error))]) from error
    except ProseError as error:
        line = error.line or _line_containing(source, error.near)
        raise located(line, str(error)) from error
    except _EXPECTED_ERRORS as error:
        if isinstance(error, SpecError) and all(p.file == file for p in error.problems):
            raise  # from the caption of a picture, already located
        line = _traceback_line(error.__traceback__, file)
        raise located(line, _error_message(error)) from error


def _filter_hint(message: str) -> str:
    match = re.match(r"No filter named '(\w+)'", message)
    return did_you_mean(match[1], prose_environment().filters) if match else ""


def _error_message(error: Exception) -> str:
    if isinstance(error, SpecError):
        return "; ".join(map(str, error.problems))
    if isinstance(error, KeyError):
        return f"there is no {error}"
    message = str(error)
    for group in GROUPS:  # Python puts the class before the name of a function
        message = message.replace(f"{group.__name__}.", "")
    return message or type(error).__name__


def _traceback_line(trace: TracebackType | None, file: str) -> int:
    line = 1
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _line_containing(source: str, text: str) -> int:
    """Return the first line with this text, which may begin with the break before it, or 1."""
    place = f"\n{source}".find(text)
    return source.count("\n", 0, place) + 1 if place > 0 else 1
