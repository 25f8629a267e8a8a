"""Markdown to HTML, with `Slots` in place of values that Markdown must never read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token as Node

from layerbook.site.pages import ChapterBody
from layerbook.site.prose.formulas import MathRenderer, formula_text
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markdown_renderer import MarkdownRenderer, ProseError
from layerbook.site.prose.markdown_syntax import find_excesses, make_parser
from layerbook.site.prose.markup import Anchor, Block, Heading, Inline, Section, Target, escape_text
from layerbook.site.prose.pictures import IMAGE_USAGE
from layerbook.site.prose.slots import SLOT, SLOT_CLOSE, SLOT_OPEN, Slots

MAX_FORMULAS = 2000
_ONLY_SLOTS = re.compile(rf"\s*+(?:{SLOT.pattern}\s*+)+")
_ENCODED_SLOT = re.compile(f"(?:{SLOT_OPEN}|%EE%80%80)([0-9]+)")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+")


@cache
def _parser() -> MarkdownIt:
    md = make_parser().enable("smartquotes")
    md.core.ruler.before("inline", "limit", _raise_excesses)
    return md


def _raise_excesses(state: StateCore) -> None:
    """Raise ProseError if a limit is exceeded."""
    for excess in find_excesses(state.env):
        raise ProseError(excess.message, excerpt=excess.excerpt)


def render_inline(source: str, slots: Slots, math: MathRenderer) -> Inline:
    """Render one or more sentences, without a paragraph around them. Raises ProseError."""
    nodes = _parser().parseInline(source)
    _check_nodes(nodes, slots)
    renderer = MarkdownRenderer(_parser(), slots, math, is_caption=True)
    return Inline(renderer.html(nodes, {}), _text(nodes[0], slots))


def render_blocks(source: str, slots: Slots, math: MathRenderer, ids: PageIds) -> ChapterBody:
    """Render a chapter; its headings and formulas get unused `ids`. Raises ProseError."""
    env: dict[str, Any] = {}
    nodes = _unwrap_blocks(_parser().parse(source, env), slots)
    _check_nodes(nodes, slots)
    for number, _ in enumerate(env.get("footnotes", {}).get("list", ()), start=1):
        ids.add(f"fn{number}")
        ids.add(f"fnref{number}")
    renderer = MarkdownRenderer(_parser(), slots, math)
    targets = renderer.targets
    targets |= {f"@eq-{target.name}": target for target in _equations(nodes, ids)}
    targets |= {f"@fig-{target.name}": target for target in _figures(slots)}
    headings = []
    for opening, inline in pairwise(nodes):
        if opening.type == "heading_open":
            text = _text(inline, slots)
            id = ids.add(heading_slug(text))
            opening.attrs["id"] = id
            targets[f"@sec-{id}"] = Target("sec", id, id, escape_text(text))
            html = renderer.html(inline.children or [], env)
            headings.append(Heading(int(opening.tag[1]), id, html, text))
    return ChapterBody(
        html=renderer.html(nodes, env),
        headings=tuple(headings),
        sections=tuple(_sections(nodes, headings, slots, renderer)),
        targets=tuple(targets.values()),
    )


def split_sentences(source: str) -> Iterator[str]:
    """Yield the sentences of a chapter's Markdown, with its markup and its slots."""
    for node in _parser().parse(source):
        yield from _SENTENCE_END.split(node.content.strip()) if node.content else ()


def _unwrap_blocks(nodes: Sequence[Node], slots: Slots) -> list[Node]:
    """Replace a paragraph of nothing but blocks by those blocks."""
    unwrapped: list[Node] = []
    for node in nodes:
        unwrapped.append(node)
        if node.type != "paragraph_close" or not _ONLY_SLOTS.fullmatch(unwrapped[-2].content):
            continue
        numbers = slots.numbers_in(unwrapped[-2].content)
        if all(isinstance(slots.values[number], Block) for number in numbers):
            content = "\n".join(f"{SLOT_OPEN}{number}{SLOT_CLOSE}" for number in numbers)
            unwrapped[-3:] = [Node("slots", "", 0, content=content + "\n", block=True)]
    return unwrapped


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes, each followed by the nodes inside it."""
    for node in nodes:
        yield node
        yield from walk(node.children or ())


def _check_nodes(nodes: Sequence[Node], slots: Slots) -> None:
    formulas = 0
    for node in walk(nodes):
        formulas += node.type.startswith("math")
        if formulas > MAX_FORMULAS:
            message = f"the text has more than {MAX_FORMULAS:,} formulas"
            raise ProseError(message, excerpt=node.content)
        for attribute in node.attrs.values():
            if match := _ENCODED_SLOT.search(str(attribute)):
                message = "a value cannot be part of a link's address or title"
                raise ProseError(message, slots.lines[int(match[1])])
        if numbers := slots.numbers_in(node.info):
            message = "a value cannot be part of a title of tabs, or name a language"
            raise ProseError(message, slots.lines[numbers[0]])
        for number in slots.numbers_in(node.content if node.type != "slots" else ""):
            value = slots.values[number]
            if isinstance(value, Block):
                rule = "must stand alone in its paragraph, with empty lines around it"
                raise ProseError(f"{value.name} {rule}", slots.lines[number])
        if node.type == "image":
            raise ProseError(IMAGE_USAGE, excerpt=f"![{node.content}]")
        if node.type == "heading_open" and node.tag == "h1":
            message = "the page's title is its only top heading; begin with ##"
            raise ProseError(message, excerpt=f"\n{node.markup} ")


def _text(node: Node, slots: Slots, renderer: MarkdownRenderer | None = None) -> str:
    """Return a node as plain text; with a renderer, its formulas as a line of signs, not TeX."""

    def text(part: Node) -> str:
        if renderer and part.type.startswith("math"):
            return formula_text(renderer.formula(part))
        return " " if part.type in ("softbreak", "hardbreak") else str(part.content)

    if node.children is None:
        return slots.fill_text(text(node)).strip()
    return slots.fill_text("".join(map(text, node.children)))


def heading_slug(text: str) -> str:
    """Return a heading's words as an id: `What it is` -> `what-it-is`."""
    return "-".join(re.findall(r"\w+", text.lower())) or "section"


def _equations(nodes: Sequence[Node], ids: PageIds) -> Iterator[Target]:
    """Yield the formulas that have a name, numbered in order."""
    named = [node for node in nodes if node.type == "math_block_label"]
    for number, node in enumerate(named, start=1):
        yield Target("eq", node.info, ids.add(f"eq-{heading_slug(node.info)}"), f"({number})")


def _figures(slots: Slots) -> Iterator[Target]:
    """Yield the figures with the labels of the blocks that show them."""
    for value in slots.values:
        if isinstance(value, Block) and value.label:
            name = value.id.removeprefix("fig-")
            yield Target("fig", name, value.id, escape_text(value.label), value.figure)


def _sections(
    nodes: Sequence[Node], headings: Sequence[Heading], slots: Slots, renderer: MarkdownRenderer
) -> Iterator[Section]:
    """Yield the text of each section, as the search has it."""
    remaining = iter(headings)
    id = title = ""
    texts: list[str] = []
    anchors: list[Anchor] = []
    for index, node in enumerate(nodes):
        if node.type == "heading_open":
            yield Section(id, title, " ".join(texts), tuple(anchors))
            heading = next(remaining)
            id, title, texts, anchors = heading.id, heading.text, [], []
        if not node.content:
            continue
        for number in slots.numbers_in(node.content):
            anchors += slots.values[number].anchors
        if nodes[index - 1].type != "heading_open":
            texts.append(_text(node, slots, renderer))
    yield Section(id, title, " ".join(texts), tuple(anchors))
