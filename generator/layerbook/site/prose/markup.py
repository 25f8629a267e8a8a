"""Text that is data and markup that is ours, kept apart by type.

Whatever comes from a prompt, a token or a result is a plain value and leaves through `clean_text` and an escape;
only what this package wrote itself is `Inline` or `Block`.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_NON_CHARACTERS = (
    *range(0x80, 0xA0),
    *range(0xD800, 0xE000),
    *range(0xFDD0, 0xFDF0),
    *(plane + end for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)),
)
# These turn the direction of all the text that follows, ours included.
_BIDI = {code: f"<U+{code:04X}>" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_REPLACEMENTS: dict[int, int | str] = {**_CONTROLS, **dict.fromkeys(_NON_CHARACTERS, 0xFFFD), **_BIDI}


def clean_text(text: str) -> str:
    """The text without what HTML cannot hold: controls become pictures (`\\x00` -> `␀`), non-characters U+FFFD."""
    return text.translate(_REPLACEMENTS)


def escape_text(text: str) -> str:
    """Cleaned and escaped, for element content and quoted attributes alike."""
    return str(escape(clean_text(text)))


@dataclass(frozen=True)
class Inline:
    """Markup for the middle of a sentence, and what it says as plain text."""

    html: str
    text: str

    def __html__(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Block:
    """Markup that stands by itself, like a figure; `name` is how an error message calls it."""

    html: str
    text: str
    name: str

    def __html__(self) -> str:
        return self.html


def finalize(value: object) -> object:
    """For page templates: every plain string is cleaned before it is escaped."""
    return clean_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
