"""The sandbox for chat templates, which are programs written by the model's author.

It has the filters, globals and tags that transformers has; tests compare it with
`apply_chat_template`. Time, memory and the size of every result are limited.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from types import FrameType
from typing import Any

import psutil
from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SECONDS = 1.0  # of CPU time
MAX_BYTES = 200_000_000
MAX_NUMBER = 10_000  # as an argument of a method or filter, such as a width
MAX_SOURCE = 500_000  # characters
FILTERS_WITH_NUMBERS = ("batch", "center", "indent", "replace", "slice", "truncate", "wordwrap")
TEMPLATE_FILE = "<template>"  # the file name of Jinja's compiled code
_WIDTH = re.compile(r"[0-9]{5}|\*")  # in a format


@cache
def compile_template(source: str) -> Template:
    """Compile a chat template. Raises TemplateError if it is too long or not valid."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"it has more than {MAX_SOURCE:,} characters")
    environment = LimitedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(source)


class Generation(Extension):
    """The block `{% generation %}`, which marks an answer for training; renders its content."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _to_json(
    x: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that bounds the size of every single operation's result.

    Loops are limited by `limited_resources`.
    """

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in FILTERS_WITH_NUMBERS:
            self.filters[name] = _limited(self.filters[name], _check_numbers)
        self.filters["format"] = _limited(self.filters["format"], _check_format)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse long repetitions, high powers, and wide fields of a format."""
        if operator == "%" and isinstance(left, str):
            _check_format(left)
        elif operator != "%" and not _are_small(left, right, operator):
            raise SecurityError(f"{operator} would give too much")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuse widths and counts of methods that are too large."""
        method = getattr(__obj, "__wrapped__", __obj)  # Jinja wraps `format` of a text
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str):
            _check_numbers(*args, **kwargs)
            if getattr(method, "__name__", "") in ("format", "format_map"):
                _check_format(owner)
        return super().call(__context, __obj, *args, **kwargs)


def _check_numbers(*args: Any, **kwargs: Any) -> None:
    """Raise SecurityError for a large number among the arguments."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            raise SecurityError(f"{value:.3g} is too large a number here")


def _limited(function: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    @wraps(function)  # with Jinja's annotations
    def limited(*args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        return function(*args, **kwargs)

    return limited


def _check_format(text: Any, /, *_: Any, **__: Any) -> None:
    """Raise SecurityError for a wide field of a format."""
    if _WIDTH.search(str(text)):
        raise SecurityError("a field of this format is too wide")


def _are_small(left: Any, right: Any, operator: str) -> bool:
    """Return whether a product or power is of a bounded size."""
    if isinstance(left, float) or isinstance(right, float):
        return True
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(right, 1) if operator == "**" else right.bit_length()
        return left.bit_length() + bits < 1024
    counts = [value for value in (left, right) if isinstance(value, int)]
    sizes = [len(value) for value in (left, right) if isinstance(value, str | list | tuple)]
    return not (counts and sizes) or counts[0] * max(sizes[0], 1) <= MAX_NUMBER


@contextmanager
def limited_resources() -> Iterator[None]:
    """Raise SecurityError if a template takes too long or uses too much memory.

    Checked at each line of the compiled template.
    """
    memory = psutil.Process().memory_info
    # The memory in use now: after a model was loaded, the peak of the process is far higher.
    deadline, max_memory = time.process_time() + MAX_SECONDS, memory().rss + MAX_BYTES

    def watch_call(frame: FrameType, event: str, arg: object) -> Any:
        return watch_line if frame.f_code.co_filename == TEMPLATE_FILE else None

    def watch_line(frame: FrameType, event: str, arg: object) -> Any:
        if time.process_time() > deadline:
            raise SecurityError(f"it takes more than {MAX_SECONDS:g} s")
        if memory().rss > max_memory:
            raise SecurityError(f"it takes more than {MAX_BYTES:,} bytes")
        return watch_line

    before = sys.gettrace()
    sys.settrace(watch_call)
    try:
        yield
    finally:
        sys.settrace(before)
