"""Mistakes in a chapter's Markdown that would vanish from the page, or stop its rendering."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.token import Token as Node

from layerbook.core.errors import Problem
from layerbook.site.prose.markdown import LONG_PARAGRAPH, MAX_PARAGRAPH, NO_IMAGES
from layerbook.site.prose.outline import BLOCK, Outline

_STRAY = (
    (re.compile(r"\$\$"), "$$ opens a formula that does not end before the next empty line"),
    (re.compile(r"\[\^[^\]\s]+\]"), "no footnote has the mark {0}"),
    (
        re.compile(r"(?<![\w\])])\[[^\[\]]+\]\[[^\[\]^]+\]"),
        "no address is defined for the link {0}",
    ),
)
_ONLY_BLOCKS = re.compile(rf"(?:\s*{BLOCK}[^{BLOCK}]*{BLOCK}\s*)+")


def find_markdown_problems(outline: Outline, file: str) -> Iterator[Problem]:
    """Yield images, marks without their footnote, address or end, and figures inside a sentence."""
    for opening, node in outline.inline_nodes():
        if len(node.content) > MAX_PARAGRAPH:
            yield Problem(file, outline.place(node, 0).line, 1, LONG_PARAGRAPH)
            continue
        text, offset = outline.text(node), 0
        for child in node.children or ():
            for written, message in _child_problems(child):
                start = text.find(written, offset)
                offset = offset if start < 0 else start
                place = outline.place(node, offset)
                yield Problem(file, place.line, place.column, message)
        # A statement may put what is on one line here into several paragraphs.
        has_statement = "{%" in outline.original_text(node)
        if BLOCK in node.content and not has_statement and not _stands_alone(opening, node):
            place = outline.place(node, text.index(BLOCK))
            message = "a figure, claim or source must stand alone in its paragraph"
            yield Problem(file, place.line, place.column, f"{message}, with empty lines around it")


def _child_problems(child: Node) -> Iterator[tuple[str, str]]:
    """Yield what is written in the source, and what is wrong with it."""
    if child.type == "image":
        yield "![", NO_IMAGES
    elif child.type == "text":
        for pattern, message in _STRAY:
            for match in pattern.finditer(child.content):
                yield match[0], message.format(match[0])


def _stands_alone(opening: Node, node: Node) -> bool:
    return opening.type == "paragraph_open" and _ONLY_BLOCKS.fullmatch(node.content) is not None
