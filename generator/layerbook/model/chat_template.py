"""Lay out chats with a model's template, as transformers does, in an environment of our own.

transformers' renderer takes 0.6 s to import, and `check` renders every chat. Only `strftime_now`
differs from transformers: it returns a fixed day, so that results do not change overnight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from layerbook.core.errors import ModelError, one_line
from layerbook.core.requests import Prompt
from layerbook.model.json_files import read_object

CHAT_DATE = date(2024, 7, 26)  # the default date in templates of Llama 3


@dataclass(frozen=True)
class ChatTemplate:
    """A model's template, "" if it has none, and the special tokens that it can use.

    special_tokens: the texts by role, such as `bos_token`.
    """

    source: str
    special_tokens: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path) -> ChatTemplate:
        """Read the companions of `tokenizer.json`. Raises ModelError."""
        try:
            config = read_object(directory / "tokenizer_config.json")
            return cls(_read_source(directory, config), declared_roles(directory, config))
        except (OSError, ValueError) as error:
            raise ModelError(f"{directory}: cannot read the tokenizer: {error}") from error

    def render(self, prompt: Prompt) -> str:
        """Fill in the template with the messages of a chat; ModelError if it refuses them."""
        if not self.source:
            raise ModelError(
                "this model has no chat template, so a spec cannot use `chat:` prompts with it"
            )
        try:
            from layerbook.model.chat_sandbox import compile_template, limited_resources

            template = compile_template(self.source)
            messages = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
            with limited_resources():
                return template.render(
                    messages=messages,
                    tools=None,
                    documents=None,
                    add_generation_prompt=prompt.answer,
                    strftime_now=(prompt.date or CHAT_DATE).strftime,
                    **self.special_tokens,
                )
        except Exception as error:  # a template can raise anything
            reason = one_line(error) or type(error).__name__
            raise ModelError(f"the model's chat template refuses this chat: {reason}") from error


def _read_source(directory: Path, config: Mapping[str, Any]) -> str:
    """Return the template of `chat_template.jinja`, or else of `tokenizer_config.json`.

    Of several named templates, return `default`. Raises ValueError if there is none.
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
        raise ValueError(
            "chat_template in tokenizer_config.json is neither a text nor named templates with one "
            "called `default`"
        ) from error


def declared_roles(directory: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each special token that has a role, `bos_token` and the like."""
    declared = config
    if "added_tokens_decoder" not in config:  # transformers reads the older file only then
        declared = {**config, **read_object(directory / "special_tokens_map.json")}
    roles = {}
    for role in sorted(name for name in declared if name.endswith("_token")):
        entry = declared[role]
        text = entry.get("content") if isinstance(entry, dict) else entry
        if isinstance(text, str):
            roles[role] = text
    return roles
