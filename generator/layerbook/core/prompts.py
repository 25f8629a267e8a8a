"""Prompts as specs write them: a text, or a chat that the model's template lays out."""

from __future__ import annotations

import re
from datetime import date as Day
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from layerbook.core.analysis import Record
from layerbook.core.language import gettext
from layerbook.core.limits import validation_limits
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.core.tokens import Token, visible

PromptText = Annotated[str, Field(min_length=1)]
ChatMessages = Annotated[tuple[ChatMessage, ...], Field(min_length=1)]


def _is_none(value: object) -> bool:
    return value is None


class ChatPrompt(Record):
    """A prompt laid out by the model's chat template; a plain string is one turn of the user."""

    chat: PromptText | ChatMessages = Field(
        description="One user turn as a string, or the list of turns."
    )
    answer: bool = Field(default=True, description="Append the header of the assistant's turn.")
    date: Day | None = Field(
        default=None,
        exclude_if=_is_none,
        description="The date that the template uses as today, YYYY-MM-DD; by default 2024-07-26.",
    )
    without_template: Literal["plain"] | None = Field(
        default=None,
        exclude_if=_is_none,
        description="`plain`: a model without a chat template reads the turns as plain text, "
        "a line each. By default it is an error.",
    )

    def messages(self) -> tuple[ChatMessage, ...]:
        """Return the turns; a plain string is one turn of the user."""
        if isinstance(self.chat, str):
            return (ChatMessage(role="user", content=self.chat),)
        return self.chat


def _lay_out_plainly(prompt: str | ChatPrompt, info: ValidationInfo) -> str | ChatPrompt:
    """Apply `without_template` to a model that has no template; otherwise drop it."""
    limits = validation_limits(info)
    if limits is None or isinstance(prompt, str) or prompt.without_template is None:
        return prompt
    if limits.chat_template:
        return prompt.model_copy(update={"without_template": None})
    return "\n".join(message.content for message in prompt.messages())


PromptSpec = Annotated[PromptText | ChatPrompt, AfterValidator(_lay_out_plainly)]
Prompts = Annotated[tuple[PromptSpec, ...], Field(min_length=1)]
Texts = Annotated[tuple[PromptText, ...], Field(min_length=1)]
PromptTemplate = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")]
"""A sentence with one `{}`, which stands for a word."""


def as_prompt(spec: PromptSpec) -> Prompt:
    """Return the prompt of a string or chat in a spec."""
    if isinstance(spec, str):
        return Prompt(text=spec)
    return Prompt(messages=spec.messages(), answer=spec.answer, date=spec.date)


def prompt_name(spec: PromptSpec) -> str:
    """Return the string, or the content of a chat's last turn."""
    return spec if isinstance(spec, str) else spec.messages()[-1].content


_SINGLE_SPACE = re.compile(r"(?<=\S) (?=\S)")


def shorten_prompt(
    prompt: PromptSpec, width: int = 40, *, keep: Literal["start", "end"] = "start"
) -> str:
    """Draw the prompt's whitespace, except single spaces between words, and cut it to `width`."""
    name = prompt_name(prompt)
    characters = [
        char
        if char == "\N{REPLACEMENT CHARACTER}" or _SINGLE_SPACE.match(name, i)
        else visible(Token(-1, char, "00"))
        for i, char in enumerate(name)
    ]
    if len(name) <= width:
        return "".join(characters)
    if keep == "end":
        return "…" + "".join(characters[1 - width :])
    return "".join(characters[: width - 1]) + "…"


def chat_suffix(prompt: PromptSpec) -> str:
    """Return ` in a chat` for the title of a chat prompt, nothing for a plain string."""
    if isinstance(prompt, str):
        return ""
    if prompt.answer:
        return gettext(" in a chat")
    return gettext(" in a chat, without the header of the answer")


def prompt_title(prompt: PromptSpec) -> str:
    """Return a prompt for a title: shortened, and with a note if it is a chat."""
    return f"“{shorten_prompt(prompt)}”{chat_suffix(prompt)}"
