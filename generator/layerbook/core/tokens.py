"""Tokens, and their text with whitespace and partial characters made visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_VISIBLE_WHITESPACE = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "⇤"}


@dataclass(frozen=True)
class Token:
    """One entry of the vocabulary.

    text: the decoded id; `<unused 49200>` for a row of the embedding that has no entry.
    hex: its bytes in hexadecimal; they distinguish tokens that hold only part of a character and
        all decode to the same replacement character. Empty for an unused row.
    """

    id: int
    text: str
    hex: str
    special: bool = False


class Vocabulary(Protocol):
    """The part of the tokenizer that analyses use."""

    @property
    def size(self) -> int:
        """Number of ids."""

    def token(self, id: int) -> Token:
        """Return the token with this id; IndexError outside vocabulary and embedding."""

    def find(self, piece: str) -> Token | None:
        """Return the single token whose text is exactly `piece`, if there is one."""

    def tokenizer_json(self) -> dict[str, Any]:
        """Return the whole tokenizer in the format of `tokenizer.json`."""


def is_whitespace(token: Token) -> bool:
    """Return True if the token is one or more spaces, tabs and line breaks only."""
    return token.text.isspace()


def visible(token: Token) -> str:
    """Draw whitespace, write partial characters as bytes: ` the` -> `·the`, `\\xe2` -> `<0xE2>`."""
    if token.special or not token.hex:
        return token.text
    if "\N{REPLACEMENT CHARACTER}" in token.text:
        return "".join(f"<0x{byte:02X}>" for byte in bytes.fromhex(token.hex))
    return "".join(map(_visible_character, token.text))


def _visible_character(char: str) -> str:
    if char in _VISIBLE_WHITESPACE:
        return _VISIBLE_WHITESPACE[char]
    return char if char.isprintable() else f"<U+{ord(char):04X}>"


def without_added(tokens: Sequence[Token], text: str) -> tuple[Token, ...]:
    """Return the tokens of a text without the special ones that a tokenizer puts around it.

    All of them if the others are not the text: then a special token stands for a part of it.
    """
    start, end = 0, len(tokens)
    while start < end and tokens[start].special and not text.startswith(tokens[start].text):
        start += 1
    while start < end and tokens[end - 1].special and not text.endswith(tokens[end - 1].text):
        end -= 1
    text_tokens = tokens[start:end]
    return tuple(text_tokens if _join(text_tokens) in _spellings(text) else tokens)


def spells(tokens: Sequence[Token], text: str) -> bool:
    """Return True if the bytes of the tokens are the text, ignoring what a tokenizer adds.

    That is special tokens before and after it, and SentencePiece's space before it.
    """
    return _join(without_added(tokens, text)) in _spellings(text)


def decode(tokens: Sequence[Token]) -> str:
    """Return the text of tokens, joined from their bytes: a character may span several tokens."""
    return _join(tokens).decode("utf-8", errors="replace")


def _join(tokens: Sequence[Token]) -> bytes:
    return bytes.fromhex("".join(token.hex for token in tokens))


def _spellings(text: str) -> tuple[bytes, bytes]:
    data = text.encode("utf-8", "replace")
    return data, b" " + data


def leading_repeats(tokens: Sequence[Token]) -> int:
    """Count the tokens at the start that equal the first one, itself included."""
    n = 1
    while n < len(tokens) and tokens[n] == tokens[0]:
        n += 1
    return n


def repeated_share(tokens: Sequence[Token], n: int = 4) -> float:
    """Return the share of a text's runs of n tokens that occurred in it before; 0 if it has none.

    Source: seq-rep-n of Welleck et al. 2019 (arXiv:1908.04319).
    """
    runs = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
