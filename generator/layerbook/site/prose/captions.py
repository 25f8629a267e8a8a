"""Render captions, claims and definitions, and report mistakes in any prose at their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from jinja2 import TemplateSyntaxError

from layerbook.book.glossary import Entry, Glossary
from layerbook.core.errors import LayerbookError, Problem, SpecError, did_you_mean
from layerbook.plotting.graphviz import DiagramError
from layerbook.site.prose.braces import PLACEHOLDERS
from layerbook.site.prose.chapter_text import TextPiece, definition_text
from layerbook.site.prose.environment import evaluate, prose_environment
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.markdown import render_inline
from layerbook.site.prose.markdown_renderer import ProseError
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.slots import SLOT_CLOSE, SLOT_OPEN, Slots
from layerbook.site.sandbox.environment import TEMPLATE_ERRORS
from layerbook.site.tokens_html import show_token

MAX_MESSAGE = 400
_CLASS = re.compile(r"\b\w+Functions\.(?=\w+\(\))")
"""The class that Python puts before the name of a function of prose."""


def render_caption(caption: TextPiece, names: Mapping[str, object], math: MathRenderer) -> Inline:
    """Render a caption or claim, which may use `names`. Raises SpecError."""
    with located_errors(caption):
        markdown, slots = evaluate(caption.text, caption.file, {**names, "tok": show_token})
        return render_inline(markdown, slots, math)


def render_definition(terms: Glossary, entry: Entry, math: MathRenderer) -> Inline:
    """Render the definition of a term: Markdown, without values. Raises SpecError."""
    definition = definition_text(terms, entry)
    with located_errors(definition):
        return render_inline(definition.text, Slots(), math)


@contextmanager
def located_errors(prose: TextPiece) -> Iterator[None]:
    """Turn errors of the prose into a SpecError at the line that they come from."""
    file = prose.file

    def located(line: int, message: str) -> SpecError:
        message = " ".join(message[: 2 * MAX_MESSAGE].split())
        message = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"
        return SpecError([prose.problem_at(line, "{", message)])

    for number, text in enumerate(prose.lines, start=1):
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
        line = error.line or line_containing(prose.text, error.excerpt)
        raise located(line, str(error)) from error
    except (LayerbookError, *TEMPLATE_ERRORS) as error:
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
    return _CLASS.sub("", message) or type(error).__name__


def _traceback_line(trace: TracebackType | None, file: str) -> int:
    line = 1
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def line_containing(source: str, text: str) -> int:
    """Return the first line with this text, which may begin with the break before it, or 1."""
    offset = f"\n{source}".find(text)
    return source.count("\n", 0, offset) + 1 if offset > 0 else 1
