"""Tokens as the book shows them: one value type, one way to make the invisible visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

_VISIBLE_WHITESPACE = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "⇤"}


@dataclass(frozen=True)
class Token:
    """One entry of the vocabulary.

    `text` is what the tokenizer decodes the id alone to; `hex` are its bytes in hexadecimal, which tell
    apart tokens that are only part of a character and so decode to the same replacement sign.
    """

    id: int
    text: str
    hex: str
    special: bool = False


class Vocabulary(Protocol):
    """What an analysis may ask of the tokenizer: names for ids, ids for names."""

    @property
    def size(self) -> int:
        """How many ids there are."""

    def token(self, id: int) -> Token:
        """The token with this id; IndexError outside the vocabulary."""

    def find(self, piece: str) -> Token | None:
        """The single token whose text is exactly `piece`, if there is one."""

    def tokenizer_json(self) -> dict[str, Any]:
        """All that makes up the tokenizer, as its file `tokenizer.json` has it."""


def is_whitespace(token: Token) -> bool:
    """Whether the token is nothing but spaces, tabs and line breaks; an empty one is not."""
    return token.text.isspace()


def visible(token: Token) -> str:
    """The token with whitespace drawn and broken characters as bytes: ` the` -> `·the`, `\\xe2` -> `<0xE2>`."""
    if token.special or not token.hex:
        return token.text
    if "\N{REPLACEMENT CHARACTER}" in token.text:
        return "".join(f"<0x{byte:02X}>" for byte in bytes.fromhex(token.hex))
    return "".join(
        _VISIBLE_WHITESPACE.get(char, char if char.isprintable() else f"<U+{ord(char):04X}>")
        for char in token.text
    )
