"""Refuse diagrams in Graphviz's language DOT that name files or links, or join texts with `+`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from layerbook.core.errors import LayerbookError

MAX_SOURCE = 20_000
FILE_ATTRIBUTES = frozenset(
    {"image", "imagepath", "shapefile", "fontpath", "stylesheet", "_background"}
)
"""The attributes whose value Graphviz, or a program that opens the drawing, reads as a file."""
LINK_ENDINGS = ("url", "href")
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?(?:\*/|\Z)|^#[^\n]*)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*+"?)|(?P<word>[^\W]+)|(?P<sign>.)',
    re.DOTALL | re.MULTILINE,
)
_HTML_FILE = re.compile(r"<\s*img\b|\b(?:href|src)\s*=", re.IGNORECASE)


class DiagramError(LayerbookError):
    """A diagram that cannot be drawn; `line` counts in its source, 0 stands for all of it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def check_source(source: str) -> None:
    """Raise DiagramError for a source that is too long, or that names a file or a link."""
    if len(source) > MAX_SOURCE:
        raise DiagramError(f"the diagram is longer than {MAX_SOURCE:,} characters")
    previous = _Token("sign", "", 1)
    for token in _tokens(source):
        if token.kind == "html" and _HTML_FILE.search(token.text):
            raise DiagramError("a diagram cannot contain pictures or links", token.line)
        if token.kind == "html" and "<!--" in token.text:  # a comment could hide the text's end
            raise DiagramError("a text in a diagram cannot contain comments", token.line)
        if token.text == "+":
            raise DiagramError("texts in a diagram cannot be joined with +", token.line)
        if token.text == "=":
            _check_attribute(previous)
        previous = token


def _check_attribute(token: _Token) -> None:
    # Graphviz reads `[width=5image=x]` as two attributes, and takes an HTML text for a name.
    name = re.sub(r"\\\r?\n", "", token.text).strip('"<>').lstrip("0123456789")
    if name.casefold() in FILE_ATTRIBUTES:
        raise DiagramError(f"a diagram cannot read files, so {name!r} is not allowed", token.line)
    if name.casefold().endswith(LINK_ENDINGS):
        raise DiagramError(f"a diagram cannot have links, so {name!r} is not allowed", token.line)


def _tokens(source: str) -> Iterator[_Token]:
    """Yield words, quoted texts, HTML texts and signs; leave out spaces and comments."""
    position, line = 0, 1
    while match := _TOKEN.match(source, position):  # any character matches, so this reads it all
        kind, text = match.lastgroup or "sign", match[0]
        if source.startswith(("->", "--"), position):
            text = source[position : position + 2]
        elif text == "<":
            kind, text = "html", _html_text(source, position)
        if kind != "space":
            yield _Token(kind, text, line)
        position += len(text)
        line += text.count("\n")


def _html_text(source: str, start: int) -> str:
    """Return the text from `<` to the `>` that closes it, or to the end."""
    depth = 0
    for match in re.compile("[<>]").finditer(source, start):
        depth += 1 if match[0] == "<" else -1
        if depth == 0:
            return source[start : match.end()]
    return source[start:]
