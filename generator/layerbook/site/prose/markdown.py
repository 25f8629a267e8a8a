"""Markdown to HTML with slots: places for values that Markdown must never read.

A value is put into `Slots` before Markdown runs and leaves a placeholder in private-use characters, which mean
nothing to Markdown; its escaped HTML is set in afterwards, in one pass that is never read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token as Node
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.markup import Block, Inline, clean_text, escape_text
from layerbook.site.prose.math import MathError, MathRenderer, escape_tex

SLOT_OPEN, SLOT_CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{SLOT_OPEN}([0-9]+){SLOT_CLOSE}")
_ONLY_SLOTS = re.compile(rf"(?:\s*{SLOT_OPEN}[0-9]+{SLOT_CLOSE}\s*)+")
_TAGS = re.compile(r"<[^>]*>")


class ProseError(Exception):
    """Something wrong in the prose, at a slot (`slot`) or near a piece of its source (`near`)."""

    def __init__(self, message: str, slot: int | None = None, near: str = "") -> None:
        super().__init__(message)
        self.slot, self.near = slot, near


@dataclass(frozen=True)
class Heading:
    """A heading of the chapter: `html` may hold chips and math, `text` holds none."""

    level: int
    id: str
    html: str
    text: str


@dataclass(frozen=True)
class Section:
    """What search knows of a section; the text before the first heading has an empty id and title."""

    id: str
    title: str
    text: str


@dataclass
class Slots:
    """The values of one piece of prose, in order, each with the line it came from."""

    values: list[Inline | Block] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, value: object, line: int) -> str:
        """Keep a value; the placeholder to write in its stead."""
        kept = value if isinstance(value, Inline | Block) else Inline(escape_text(str(value)), clean_text(str(value)))
        self.values.append(kept)
        self.lines.append(line)
        return f"{SLOT_OPEN}{len(self.values) - 1}{SLOT_CLOSE}"

    def fill_html(self, markup: str) -> str:
        """Placeholders replaced by markup."""
        return _SLOT.sub(lambda m: self.values[int(m.group(1))].html, markup)

    def fill_text(self, text: str) -> str:
        """Placeholders replaced by plain text."""
        return _SLOT.sub(lambda m: self.values[int(m.group(1))].text, text)

    def fill_tex(self, tex: str) -> str:
        """Placeholders replaced by what TeX shows as that text."""
        return _SLOT.sub(lambda m: escape_tex(self.values[int(m.group(1))].text), tex)


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "typographer": True})
    md.enable(["table", "smartquotes"]).disable(["image", "html_block", "html_inline"])
    md.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False)
    md.use(footnote_plugin)
    for name in ("math_inline", "math_inline_double", "math_block", "slots"):
        md.add_render_rule(name, _rendered_content)
    md.add_render_rule("fence", _fence)
    md.add_render_rule("table_open", lambda *_: '<div class="scroll table-scroll prose-table"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return md


def _rendered_content(renderer: Any, tokens: Sequence[Node], index: int, options: Any, env: Any) -> str:
    # `_render_math` and `_unwrap_blocks` have put finished markup there.
    return tokens[index].content


def _fence(renderer: Any, tokens: Sequence[Node], index: int, options: Any, env: Any) -> str:
    language = tokens[index].info.strip()
    if language in ("python", "yaml"):
        return code_html(tokens[index].content, "python" if language == "python" else "yaml") + "\n"
    return str(renderer.fence(tokens, index, options, env))


def render_inline(source: str, slots: Slots, math: MathRenderer) -> Inline:
    """One sentence or a few, without a paragraph around them; raises ProseError."""
    nodes = _parser().parseInline(source)
    _check_nodes(nodes, slots)
    text = slots.fill_text(_plain_text(nodes[0].children or []))
    _render_math(nodes, slots, math)
    return Inline(slots.fill_html(_parser().renderer.render(nodes, _parser().options, {})), text)


def render_blocks(
    source: str, slots: Slots, math: MathRenderer
) -> tuple[str, tuple[Heading, ...], tuple[Section, ...]]:
    """A chapter's HTML, its headings, and its sections as plain text; raises ProseError."""
    env: dict[str, Any] = {}
    nodes = _unwrap_blocks(_parser().parse(source, env), slots)
    _check_nodes(nodes, slots)
    sections = tuple(_sections(nodes, slots))
    _render_math(nodes, slots, math)
    headings = tuple(_add_heading_ids(nodes, slots, env))
    ids = iter(["", *(h.id for h in headings)])
    html = slots.fill_html(_parser().renderer.render(nodes, _parser().options, env))
    return html, headings, tuple(Section(next(ids), s.title, s.text) for s in sections)


def _unwrap_blocks(nodes: list[Node], slots: Slots) -> list[Node]:
    """A paragraph of nothing but blocks becomes those blocks: a figure may not stand inside a paragraph."""
    out: list[Node] = []
    for node in nodes:
        out.append(node)
        if node.type != "paragraph_close" or not _ONLY_SLOTS.fullmatch(out[-2].content):
            continue
        numbers = [int(n) for n in _SLOT.findall(out[-2].content)]
        if all(isinstance(slots.values[n], Block) for n in numbers):
            content = "\n".join(f"{SLOT_OPEN}{n}{SLOT_CLOSE}" for n in numbers)
            out[-3:] = [Node("slots", "", 0, content=content + "\n", block=True)]
    return out


def _walk(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.children or ())


def _check_nodes(nodes: Sequence[Node], slots: Slots) -> None:
    for node in _walk(nodes):
        for attribute in node.attrs.values():
            if SLOT_OPEN in str(attribute) or "%EE%80%80" in str(attribute):
                found = re.search(f"(?:{SLOT_OPEN}|%EE%80%80)([0-9]+)", str(attribute))
                raise ProseError(
                    "a value cannot be part of a link's address or title", int(found[1]) if found else None
                )
        for number in (int(n) for n in _SLOT.findall(node.content if node.type != "slots" else "")):
            value = slots.values[number]
            if isinstance(value, Block):
                raise ProseError(f"{value.name} must stand alone in its paragraph, with empty lines around it", number)
        if node.type == "heading_open" and node.tag == "h1":
            raise ProseError("the page's title is its only top heading; begin with ##", near=f"\n{node.markup} ")


def _render_math(nodes: Sequence[Node], slots: Slots, math: MathRenderer) -> None:
    for node in _walk(nodes):
        if not node.type.startswith("math_"):
            continue
        display = node.type != "math_inline"
        used = _SLOT.search(node.content)
        try:
            markup = math.render(slots.fill_tex(node.content).strip(), display)
        except MathError as error:
            slot = int(used[1]) if used else None
            raise ProseError(f"in the formula: {error}", slot, near=node.content.strip("\n")) from error
        box = ' role="group" tabindex="0" aria-label="Formula"' if display else ""
        tag, kind = ("div", "math scroll") if display else ("span", "math")
        node.content = f'<{tag} class="{kind}"{box}>{markup}</{tag}>'


def _plain_text(nodes: Sequence[Node]) -> str:
    return "".join(" " if n.type in ("softbreak", "hardbreak") else n.content for n in nodes)


def _add_heading_ids(nodes: Sequence[Node], slots: Slots, env: dict[str, Any]) -> Iterator[Heading]:
    """Give each heading an id made from its words, numbered where two are alike."""
    seen: dict[str, int] = {}
    md = _parser()
    for opening, inline in pairwise(nodes):
        if opening.type != "heading_open":
            continue
        html = slots.fill_html(md.renderer.render(inline.children or [], md.options, env))
        text = _TAGS.sub("", slots.fill_text(_plain_text(inline.children or [])))
        slug = "-".join(re.findall(r"\w+", text.lower())) or "section"
        seen[slug] = seen.get(slug, 0) + 1
        id = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
        opening.attrs["id"] = id
        yield Heading(int(opening.tag[1]), id, html, text)


def _sections(nodes: Sequence[Node], slots: Slots) -> Iterator[Section]:
    texts: list[str] = []
    title, in_heading = "", False
    for node in nodes:
        if node.type == "heading_open":
            yield Section("", title, " ".join(texts))
            texts, in_heading = [], True
        elif node.type == "heading_close":
            in_heading = False
        elif node.type == "inline" and in_heading:
            title = slots.fill_text(_plain_text(node.children or []))
        elif node.type == "slots":
            texts.append(slots.fill_text(node.content).strip())
        elif node.content:
            texts.append(slots.fill_text(_plain_text(node.children) if node.children else node.content.strip()))
    yield Section("", title, " ".join(texts))
