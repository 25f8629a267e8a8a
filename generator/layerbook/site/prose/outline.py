"""A chapter's Markdown outline: Jinja is blanked out, and all positions are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token as Node

from layerbook.book.node import Position
from layerbook.site.prose.braces import hide_literal_braces
from layerbook.site.prose.markdown_syntax import Excess, find_excesses, make_parser

BLOCK = "\ue004"
"""The delimiters of the placeholder for a block such as `{{ figure(...) }}`."""
VALUE = "x"
"""The delimiters of the placeholder for other values, so that `{{ x }}5` is one word."""
_JINJA_TAG = re.compile(r"\{#.*?(?:#\}|\Z)|\{%.*?(?:%\}|\Z)|\{\{.*?(?:\}\}|\Z)", re.DOTALL)
_BLOCK_TAG = re.compile(r"\{\{-?\s*(?:figure|claim|source|code_cell|video)\(")


@dataclass(frozen=True)
class Outline:
    """The parsed Markdown.

    source: the blanked source, in which every character has its position in the `original`.
    definitions: the addresses of reference links by label. excesses: the limits it exceeds.
    """

    original: str
    source: str
    nodes: tuple[Node, ...]
    definitions: Mapping[str, Any] = field(default_factory=dict)
    excesses: tuple[Excess, ...] = ()

    @cached_property
    def source_lines(self) -> list[str]:
        """The lines of the blanked source."""
        return self.source.split("\n")

    @cached_property
    def _original_lines(self) -> list[str]:
        return self.original.split("\n")

    def inline_nodes(self) -> Iterator[tuple[Node, Node]]:
        """Yield each piece of running text with the node that opens its paragraph or heading."""
        for opening, node in zip(self.nodes, self.nodes[1:], strict=False):
            if node.type == "inline":
                yield opening, node

    def references(self) -> Iterator[tuple[str, Position]]:
        """Yield the references such as `@fig-name`, as they are written, with their positions."""
        for _, node in self.inline_nodes():
            text, offset = self.text(node), 0
            for child in node.children or ():
                # The search skips code, which may have the same characters.
                written = str(child.meta.get("written", child.content))
                offset = max(text.find(written, offset), offset)
                if child.type == "reference":
                    yield written, self.position(node, offset)
                offset += len(written)

    def text(self, node: Node) -> str:
        """Return the lines of a node as the blanked source has them."""
        return _lines(self.source_lines, node)

    def original_text(self, node: Node) -> str:
        """Return the lines of a node as they are written."""
        return _lines(self._original_lines, node)

    def position(self, node: Node, offset: int) -> Position:
        """Return the position of a character of `text(node)`."""
        before = self.text(node)[:offset]
        line = (node.map or (0, 0))[0] + before.count("\n")
        return Position(line + 1, offset - before.rfind("\n"))


def parse_outline(source: str) -> Outline:
    """Parse a chapter's Markdown without running its Jinja."""
    # Markdown would end a line at a carriage return, which files read as text do not have.
    blanked = _JINJA_TAG.sub(_blank_tag, hide_literal_braces(source)).replace("\r", " ")
    env: dict[str, Any] = {}
    nodes = tuple(_parser().parse(blanked, env))
    return Outline(source, blanked, nodes, env.get("references", {}), find_excesses(env))


def _lines(lines: list[str], node: Node) -> str:
    first, last = node.map or (0, 0)
    return "\n".join(lines[first:last])


def blank(match: re.Match[str]) -> str:
    """Return spaces and line breaks in place of what was matched."""
    return re.sub(r"[^\n]", " ", match[0])


def _blank_tag(match: re.Match[str]) -> str:
    blanked, end = blank(match), BLOCK if _BLOCK_TAG.match(match[0]) else VALUE
    is_value = match[0].startswith("{{") and len(blanked) > 1
    return f"{end}{blanked[1:-1]}{end}" if is_value else blanked


@cache
def _parser() -> MarkdownIt:
    # Blanked statements leave indented lines, which are not code.
    return make_parser(typographer=False).disable(["code", "text_join"])
