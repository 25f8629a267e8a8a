"""The Jinja environment of prose: a sandbox in which every value goes into a slot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import CodeType
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, Undefined, nodes, pass_context
from jinja2.compiler import Frame
from jinja2.runtime import Context
from jinja2.utils import missing

from layerbook.core.errors import did_you_mean
from layerbook.site.prose import filters
from layerbook.site.prose.braces import hide_literal_braces, show_literal_braces
from layerbook.site.prose.markup import Block, Fold, Inline
from layerbook.site.prose.slots import Slots
from layerbook.site.sandbox import views
from layerbook.site.sandbox.environment import LimitError, Sandbox
from layerbook.site.sandbox.syntax import CountingCodeGenerator

MAX_OUTPUT = 400_000
"""Characters of Markdown and of values in a chapter or caption."""
_END_OF_LINE = re.compile(
    r"""
    ^ [^\S\n]* (?: \{ (?: %(?:(?!%\}).)*% | \#(?:(?!\#\}).)*\# ) \} [^\S\n]* )+ $
    | (?P<statement> \{%(?:(?!%\}|\{%)[\s\S])* (?<![-+]) ) (?= %\} $ )
    | (?P<comment> \{\#(?:(?!\#\}|\{\#).)* (?<![-+]) ) (?= \#\} $ )
    """,
    re.MULTILINE | re.VERBOSE,
)
"""A line of nothing but statements and comments, or the last of them at the end of another line."""

KINDS = {views.ListView: "a list", views.MappingView: "a mapping", views.FunctionView: "a function"}


def evaluate(source: str, file: str, names: Mapping[str, object]) -> tuple[str, Slots]:
    """Run the Jinja of a piece of prose; return Markdown with slots, and their values."""
    slots = Slots()
    environment = _make_environment(slots, tuple(names))
    template = Template.from_code(environment, _compile(source, file), environment.globals)
    values = {
        name: views.FunctionView(name, value) if callable(value) else views.view(value)
        for name, value in names.items()
    }
    markdown = template.render(values)
    return show_literal_braces(markdown), slots


def parse_prose(source: str) -> nodes.Template:
    """Return the syntax tree of a piece of prose. Raises TemplateSyntaxError."""
    return prose_environment().parse(hide_literal_braces(source))


@cache
def prose_environment() -> Environment:
    """Return an environment that parses prose; rendering needs the names of a chapter."""
    return _make_environment(Slots(), ())


class _ProseText(str):
    """Text of the chapter itself, slots included, as a macro or a `{% set %}` block returns it."""

    __slots__ = ()


class _ProseCodeGenerator(CountingCodeGenerator):
    """Pass the line of each value to `finalize`, and finalize what a call block returns too."""

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(f", {node.lineno}")
        super()._output_child_post(node, frame, finalize)

    def visit_CallBlock(self, node: nodes.CallBlock, frame: Frame) -> None:
        call_frame, macro = self.macro_body(node, frame)
        self.writeline("caller = ")
        self.macro_def(macro, call_frame)
        self.start_write(frame, node)
        finalize = self._make_finalize()
        self._output_child_pre(node.call, frame, finalize)
        self.visit_Call(node.call, frame, forward_caller=True)
        self._output_child_post(node.call, frame, finalize)
        self.end_write(frame)


class _ProseEnvironment(Sandbox):
    """No loader and no autoescaping: the type of a value decides how it is written."""

    code_generator_class = _ProseCodeGenerator

    def concat(self, parts: Iterable[str]) -> str:
        """Join the output of a template; the type tells `finalize` that it is prose."""
        text = super().concat(parts)
        if len(text) > MAX_OUTPUT:
            raise LimitError(f"the text is longer than {MAX_OUTPUT:,} characters")
        return _ProseText(text)


def _make_environment(slots: Slots, names: tuple[str, ...]) -> _ProseEnvironment:
    @pass_context  # keeps Jinja from folding constants at compile time, before there are slots
    def finalize(_: Context, value: object, line: int) -> str:
        if isinstance(value, _ProseText):
            return value
        if isinstance(value, Fold):
            opening, closing = slots.add(value.opening, line), slots.add(value.closing, line)
            return f"\n\n{opening}\n\n{value.body}\n\n{closing}\n\n"
        views.require_defined(value)
        if value is None or callable(value):
            kind = "None" if value is None else "a function"
            raise TypeError(f"there is nothing to write: the value is {kind}")
        if isinstance(value, Inline | Block):
            environment.count(len(value.html) // 1000)
        else:
            environment.measured(value)
        return slots.add(value, line)

    class _MissingName(StrictUndefined):
        @property
        def _undefined_message(self) -> str:
            return _describe_missing(self, names)

    environment = _ProseEnvironment(
        filters.FILTERS, undefined=_MissingName, finalize=finalize, autoescape=False
    )
    return environment


@cache
def _compile(source: str, file: str) -> CodeType:
    """Compile a template once; a caption may serve many figures."""
    template = _keep_line_breaks(hide_literal_braces(source))
    return prose_environment().compile(template, name=file, filename=file)


def _keep_line_breaks(source: str) -> str:
    """Keep the break after each line, unless it has only `{% statements %}` or comments.

    Jinja removes a break right behind them, but not behind `+%}`.
    """

    def keep(match: re.Match[str]) -> str:
        return f"{match[0]}+" if match["statement"] or match["comment"] else match[0]

    return _END_OF_LINE.sub(keep, source)


def _describe_missing(undefined: Undefined, names: tuple[str, ...]) -> str:
    owner, name = undefined._undefined_obj, undefined._undefined_name
    if undefined._undefined_hint:
        return undefined._undefined_hint
    if owner is missing:
        return f"{name!r} is not defined{did_you_mean(str(name), names)}"
    if isinstance(owner, list | tuple | str | views.ListView) and isinstance(name, int):
        return f"there is no element {name}: the length is {len(owner)}"
    if not isinstance(name, str | int):
        return "a key must be a text or a number"
    is_mapping = isinstance(owner, Mapping)
    attributes = [str(key) for key in owner] if is_mapping else views.readable_names(owner)
    list_of_names = f"; available: {', '.join(attributes)}" if attributes else ""
    hint = did_you_mean(str(name), attributes)
    kind = KINDS.get(type(owner)) or type(owner).__name__
    if isinstance(owner, views.RecordView):
        kind = repr(owner).removeprefix("a ")
    return f"{kind} has no {name!r}{hint}{list_of_names}"
