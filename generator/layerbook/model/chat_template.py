"""Lay out chats with a model's template, as transformers does, in an environment of our own.

transformers' renderer takes 0.6 s to import, and `check` renders every chat. The environment has
the same filters, globals and block tags; tests compare it with `apply_chat_template`. Only the
clock differs: `strftime_now` gives a fixed day, or texts and results would change overnight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerbook.core.errors import ModelError
from layerbook.core.requests import ChatMessage

if TYPE_CHECKING:
    from jinja2 import Template

CHAT_DATE = datetime(2024, 7, 26)  # the day that templates of Llama 3 name if they know no other


def read_chat_template(directory: Path, config: Mapping[str, Any]) -> str:
    """Return the template of `chat_template.jinja`, or else of `tokenizer_config.json`; maybe "".

    Of several named templates, it is `default`; ModelError without one.
    """
    file = directory / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    declared = config.get("chat_template") or ""
    if isinstance(declared, str):
        return declared
    try:
        if not isinstance(declared, dict):
            declared = {entry["name"]: entry["template"] for entry in declared}
        return str(declared["default"])
    except (TypeError, KeyError) as error:
        raise ModelError(
            f"{directory}: chat_template in tokenizer_config.json is neither a text nor named "
            "templates with one called `default`"
        ) from error


def render_chat(
    template: str,
    messages: Sequence[ChatMessage],
    special_tokens: Mapping[str, str],
    *,
    answer: bool,
    date: datetime = CHAT_DATE,
) -> str:
    """Fill in a template with the messages of a chat; ModelError if it has none or refuses them.

    special_tokens: the texts by role, `bos_token`. answer: append the header of the assistant's
    turn. date: what the template takes for today.
    """
    if not template:
        raise ModelError(
            "this model has no chat template, so a spec cannot use `chat:` prompts with it"
        )
    try:
        return _compile(template).render(
            messages=[{"role": message.role, "content": message.content} for message in messages],
            tools=None,
            documents=None,
            add_generation_prompt=answer,
            strftime_now=date.strftime,
            **special_tokens,
        )
    except Exception as error:  # a template is code: it can raise anything
        reason = str(error) or type(error).__name__
        raise ModelError(f"the model's chat template refuses this chat: {reason}") from error


@cache
def _compile(template: str) -> Template:
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks what the assistant says, for training; it renders as it is."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def to_json(
        x: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            x,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(template)
