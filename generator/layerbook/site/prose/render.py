"""A chapter's prose: Jinja for the values, then Markdown for the text, in this order and never mixed.

Each `{{ expression }}` leaves a slot; Markdown runs over text that holds no value; the values are set in last.
Whatever is wrong is a SpecError at the file and line of the prose.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType, TracebackType
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from pydantic import BaseModel

from layerbook.book.bibliography import Bibliography
from layerbook.site.prose import citations, filters, folds
from layerbook.site.prose.markdown import SLOT_CLOSE, SLOT_OPEN, ProseError, Slots, render_blocks, render_inline
from layerbook.site.prose.markup import Block, Inline, escape_text
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import ChapterBody, ClaimView, Download, FailedView, FigureView, SourceView
from layerbook.site.tokens_html import as_token, chip
from layerbook.core.errors import LayerbookError, Problem, SpecError, UsageError, did_you_mean

_JINJA_FILTERS = (
    *("abs", "batch", "count", "first", "last", "length", "list", "lower", "map", "max", "min", "reject"),
    *("rejectattr", "reverse", "round", "select", "selectattr", "slice", "sort", "sum", "upper"),
)
_STATEMENTS_ONLY = re.compile(r"\s*(?:\{(?:%(?:(?!%\}).)*%|#(?:(?!#\}).)*#)\}\s*)+")
_TRAILING_STATEMENT = re.compile(r"(?<![-+])%\}$|(?P<comment>\{#(?:(?!#\}).)*)(?<![-+])#\}$")
_PROSE_ERRORS = (LayerbookError, TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError)


@dataclass(frozen=True)
class ChapterContext:
    """What the prose of one chapter can ask for.

    results: `r("id")`, or `r("chapter/id")` for another chapter's. figure, claim, source, downloads: by experiment id;
    a wrong name is a LayerbookError (see `unknown_name`). pages: `site.environment()`. chapters: the names that links
    may lead to. bibliography: what `cite` looks up.
    """

    results: Callable[[str], object]
    figure: Callable[[str, str | None], FigureView | FailedView]
    claim: Callable[[str, int], ClaimView]
    source: Callable[[str], SourceView]
    downloads: Callable[[str], tuple[Download, ...]]
    pages: Environment
    math: MathRenderer
    chapters: tuple[str, ...] = ()
    bibliography: Bibliography | None = None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not there: what is near, and what there is."""
    names = list(known)
    there = f"there are {', '.join(names)}" if names else "there are none"
    return UsageError(f"no {kind} is called {name!r}{did_you_mean(name, names)}; {there}")


def render_chapter(source: str, file_name: str, context: ChapterContext) -> ChapterBody:
    """The chapter from the text of its file; raises SpecError with the line in `file_name`."""
    claim_ids: list[str] = []
    names = _chapter_functions(context, claim_ids)
    html, headings, sections = _render(source, file_name, 1, names, context.math, render_blocks)
    others = ("references",) if context.bibliography else ()
    _check_links(source, file_name, html, context.chapters and (*context.chapters, *others))
    return ChapterBody(html, tuple(h for h in headings if h.level == 2), headings, sections, tuple(claim_ids))


def evaluate_chapter(source: str, file_name: str, context: ChapterContext) -> tuple[str, Slots]:
    """The chapter's Markdown before it is laid out, its values in slots that know their lines; as `render_chapter`."""
    names = _chapter_functions(context, claim_ids=[])
    text: tuple[str, Slots] = _render(source, file_name, 1, names, context.math, lambda text, slots, _: (text, slots))
    return text


def render_caption(source: str, file_name: str, line: int, names: Mapping[str, object], math: MathRenderer) -> Inline:
    """A caption or claim of a spec, which begins at `line`; `names` (`result`, `r`) are what it may ask for."""
    caption: Inline = _render(source, file_name, line, dict(names) | {"tok": _tok}, math, render_inline)
    return caption


def _render(source: str, file: str, line: int, names: Mapping[str, object], math: MathRenderer, render: Any) -> Any:
    offset = line - 1
    for number, text in enumerate(source.splitlines(), start=line):
        if SLOT_OPEN in text or SLOT_CLOSE in text:
            raise _problem(file, number, "the private-use characters U+E000 and U+E001 are reserved", text)
    slots = Slots()
    environment = _make_environment(slots, tuple(names))
    lines = source.splitlines()
    try:
        code = _compile(source, file)
        template = Template.from_code(environment, code, environment.globals)
        markdown = template.render(**names)
    except TemplateSyntaxError as error:
        hint = _filter_hint(error.message or "", environment)
        raise _problem(file, error.lineno + offset, f"{error.message}{hint}", _line_text(lines, error.lineno)) from error
    except _PROSE_ERRORS as error:
        at = _traceback_line(error.__traceback__, file)
        raise _problem(file, at + offset, _error_message(error), _line_text(lines, at)) from error
    try:
        return render(markdown, slots, math)
    except ProseError as error:
        at = slots.lines[error.slot] if error.slot is not None else _line_containing(source, error.near)
        raise _problem(file, at + offset, str(error), _line_text(lines, at)) from error


def _chapter_functions(context: ChapterContext, claim_ids: list[str]) -> dict[str, object]:
    blocks = context.pages.get_template("blocks.html").module
    shown: set[str] = set()

    def figure(id: str, name: str | None = None) -> Block:
        view = context.figure(id, name)
        if view.id in shown:
            raise UsageError(f"the figure {view.id!r} is already on this page")
        shown.add(view.id)
        if isinstance(view, FailedView):
            return Block(str(blocks.failed(view)), view.message, "figure()")  # type: ignore[attr-defined]
        return Block(str(blocks.figure(view)), f"{view.title} {view.alt}".strip(), "figure()")  # type: ignore[attr-defined]

    def claim(id: str, index: int = 0) -> Block:
        view = context.claim(id, index)
        if view.id in shown:
            view = replace(view, id="")
        else:
            shown.add(view.id)
            claim_ids.append(view.id)
        return Block(str(blocks.claim(view)), str(view.sentence), "claim()")  # type: ignore[attr-defined]

    def source(id: str) -> Block:
        view = context.source(id)
        return Block(str(blocks.source(view)), "", "source()")  # type: ignore[attr-defined]

    def download(id: str) -> Inline:
        files = context.downloads(id)
        return Inline(str(blocks.downloads(files)), ", ".join(f.label for f in files))  # type: ignore[attr-defined]

    return {
        "r": context.results,
        "figure": figure,
        "claim": claim,
        "holds": lambda id, index=0: context.claim(id, index).holds,
        "source": source,
        "reveal": folds.make_reveal(blocks),
        "predict": folds.make_predict(blocks),
        "cite": citations.make_cite(context.bibliography),
        "download": download,
        "tok": _tok,
    }


def _tok(token: object) -> Inline:
    return chip(as_token(token))


class _ProseText(str):
    """Text of the chapter itself, slots included, as a macro or a `{% set %}` block gives it back."""

    __slots__ = ()


class _ProseEnvironment(ImmutableSandboxedEnvironment):
    """No loader, few filters, no markup: what a value is decides how it is written, not the prose."""

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """What templates call to join their output; the type is how `finalize` knows it again."""
        return _ProseText("".join(parts))


def _make_environment(slots: Slots, names: tuple[str, ...]) -> _ProseEnvironment:
    @pass_context  # without it Jinja would fold constants at compile time, outside of any rendering
    def finalize(context: Context, value: object) -> str:
        if isinstance(value, _ProseText):
            return value
        if isinstance(value, Undefined):
            str(value)  # raises, with the message of _Named
        if value is None or callable(value):
            raise TypeError(f"there is nothing to write: the value is {'None' if value is None else 'a function'}")
        return slots.add(value, _current_line(context.name))

    class _Named(StrictUndefined):
        @property
        def _undefined_message(self) -> str:
            return _missing_message(self, names)

    environment = _ProseEnvironment(
        undefined=_Named, finalize=finalize, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters = {name: environment.filters[name] for name in _JINJA_FILTERS} | filters.FILTERS
    environment.globals = {"range": environment.globals["range"]}
    return environment


def prose_environment() -> Environment:
    """What prose is parsed with; rendering it needs names that only `render_chapter` has."""
    return _make_environment(Slots(), ())


@cache
def _compile(source: str, file: str) -> CodeType:
    """The template's code, which no environment of ours puts anything into: one caption may serve many figures."""
    return prose_environment().compile(_keep_line_breaks(source), name=file, filename=file)


def _keep_line_breaks(source: str) -> str:
    """A line of nothing but `{% statements %}` or comments goes with its line break; any other line keeps its own."""
    lines = source.split("\n")

    def kept(found: re.Match[str]) -> str:
        return f"{found['comment']}+#}}" if found["comment"] else "+%}"

    return "\n".join(t if _STATEMENTS_ONLY.fullmatch(t) else _TRAILING_STATEMENT.sub(kept, t) for t in lines)


def _current_line(name: str | None) -> int:
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.name == name:
            return int(template.get_corresponding_lineno(frame.f_lineno))
    return 1


def _missing_message(undefined: Undefined, names: tuple[str, ...]) -> str:
    owner, name = undefined._undefined_obj, undefined._undefined_name
    if undefined._undefined_hint:
        return undefined._undefined_hint
    if owner is missing:
        return f"{name!r} is not defined{did_you_mean(str(name), names)}"
    kind = type(owner).__name__
    if isinstance(owner, list | tuple | str) and isinstance(name, int):
        return f"there is no element {name}: there are {len(owner)}"
    known = [str(k) for k in owner] if isinstance(owner, Mapping) else _public_attributes(owner)
    there = f"; there are {', '.join(known)}" if known else ""
    return f"{kind} has no {name!r}{did_you_mean(str(name), known)}{there}"


def _public_attributes(owner: object) -> list[str]:
    base = BaseModel if isinstance(owner, BaseModel) else object
    return [
        n
        for n in dir(type(owner)) + list(vars(owner) if hasattr(owner, "__dict__") else ())
        if not n.startswith("_") and not hasattr(base, n)
    ]


def _filter_hint(message: str, environment: Environment) -> str:
    name = re.match(r"No filter named '(\w+)'", message)
    return did_you_mean(name[1], environment.filters) if name else ""


def _error_message(error: Exception) -> str:
    if isinstance(error, SpecError):
        return "; ".join(str(problem) for problem in error.problems)
    if isinstance(error, KeyError):
        return f"there is no {error}"
    return str(error) or type(error).__name__


def _traceback_line(trace: TracebackType | None, file: str) -> int:
    line = 1
    while trace:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _line_text(lines: list[str], line: int) -> str:
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _line_containing(source: str, near: str) -> int:
    place = f"\n{source}".find(near)
    return source.count("\n", 0, place) + 1 if place > 0 else 1


def _problem(file: str, line: int, message: str, text: str) -> SpecError:
    return SpecError([Problem(file, line, max(text.find("{"), 0) + 1, " ".join(message.split()))])


def _check_links(source: str, file: str, html: str, chapters: tuple[str, ...]) -> None:
    """Links between pages must lead somewhere; `chapters` empty means that nobody knows."""
    if not chapters:
        return
    pages = {f"{name}.html" for name in (*chapters, "index", "claims", "colophon")}
    for target in re.findall(r"\]\(([^)\s:]+)\)", source):
        page = target.split("#")[0]
        if page.endswith((".html", ".md")) and page not in pages and escape_text(target) in html:
            at = _line_containing(source, f"]({target})")
            text = _line_text(source.splitlines(), at)
            raise _problem(file, at, f"no page is called {page!r}{did_you_mean(page, pages)}", text)
