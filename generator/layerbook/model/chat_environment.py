"""The Jinja environment of chat templates: the filters, globals and tags that transformers has.

Tests compare it with `apply_chat_template`.
"""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.parser import Parser

from layerbook.model.template_limits import MAX_SOURCE, LimitedEnvironment


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
