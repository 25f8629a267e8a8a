"""The language of the program's own words on a page: its catalogue, and how it writes numbers.

English is the source: a message is its own key. The author's prose is never looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Language:
    """A language: its BCP 47 code, its messages by the English ones, and its marks in numbers."""

    code: str = "en"
    messages: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    group: str = ","


_LONG_NUMBER = re.compile(r"\d{4,}")
ENGLISH = Language()
_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


class Text(str):
    """A text written by the program, not by the author or the model, and so translatable."""

    __slots__ = ()


@contextmanager
def use(language: Language) -> Iterator[None]:
    """Use a language within the block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Language:
    """Return the language of the page that is being written."""
    return _current.get()


def mark(message: str) -> str:
    """Mark a message for the catalogue that is looked up where it is shown."""
    return message


def gettext(message: str, **values: object) -> str:
    """Return a message in the current language; the values fill its `{names}`."""
    translated = current().messages.get(message) or message
    return translated.format(**values) if values else translated


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """Return the message for one or for many; `{count}` is the number, in groups of three."""
    return gettext(singular if count == 1 else plural, count=localized(f"{count:,}"), **values)


def localized(number: str) -> str:
    """Return a number of Python with the marks of the current language: `1,234.5`, `1.234,5`."""
    language = current()
    if language.decimal == "." and language.group == ",":
        return number
    return number.translate(str.maketrans(".,", language.decimal + language.group))


def with_groups(words: str) -> str:
    """Return a text with its whole numbers in groups of three digits: `576 → 1,536`."""
    return _LONG_NUMBER.sub(lambda match: localized(f"{int(match[0]):,}"), words)


def localized_percent(share: float) -> str:
    """Return a share of one in percent, as texts about figures have it: `62%`, in German `62 %`."""
    return _localized_value(share, "", ".0%")


def translated(value: Any) -> Any:
    """Return a `Text` in the current language, and anything else as it is."""
    return gettext(str(value)) if isinstance(value, Text) else value


CONVERSIONS: Mapping[str, Callable[[Any], str]] = {"s": str, "r": repr, "a": ascii}


def fill(message: str, values: Mapping[str, tuple[Any, str, str]]) -> str:
    """Return an f-string in the current language: `{names}` stand for its values.

    values: each with its conversion and its format, as Python's f-strings have them.
    """
    language = current()
    translation = language.messages.get(message)
    is_text = any(map(str.isalpha, message.format_map(dict.fromkeys(values, ""))))
    texts = {name: _localized_value(*value) for name, value in values.items()}
    if translation is None and is_text and not any(map(str.isspace, message)):
        # A name such as `prompt-{n}`, not shown to readers.
        texts = {name: _formatted(*value) for name, value in values.items()}
    return (translation or message).format_map(texts)


def _formatted(value: Any, conversion: str, spec: str) -> str:
    return format(CONVERSIONS[conversion](value) if conversion else value, spec)


def _localized_value(value: Any, conversion: str, spec: str) -> str:
    text = _formatted(translated(value), conversion, spec)
    if conversion or isinstance(value, str):
        return text
    language = current()
    if spec.endswith("%") and language.code != "en":
        text = text.replace("%", "\N{NARROW NO-BREAK SPACE}%")
    return localized(text) if _is_number(value) else text


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, str)
