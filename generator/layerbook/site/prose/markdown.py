"""Markdown to HTML, with `Slots` in place of values that Markdown must never read."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token as Node
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from layerbook.core.language import gettext
from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.colors import Allowance
from layerbook.site.prose.extensions import add_extensions, add_rendering
from layerbook.site.prose.formulas import MathError, MathRenderer, formula_text
from layerbook.site.prose.highlight import ListingError, check_listing, code_html
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markdown_limits import add_limits, find_excesses
from layerbook.site.prose.markup import Anchor, Block, Inline, escape_text
from layerbook.site.prose.pictures import DIAGRAM_LANGUAGE, DIAGRAM_USAGE, IMAGE_USAGE
from layerbook.site.prose.slots import SLOT, SLOT_CLOSE, SLOT_OPEN, Slots

MAX_PARAGRAPH = 10_000
MAX_FORMULAS = 2000
MISPLACED_REFERENCE = "{} cannot stand in a caption or a definition"
LONG_PARAGRAPH = f"the paragraph is longer than {MAX_PARAGRAPH:,} characters"
_ONLY_SLOTS = re.compile(rf"\s*+(?:{SLOT.pattern}\s*+)+")
_ENCODED_SLOT = re.compile(f"(?:{SLOT_OPEN}|%EE%80%80)([0-9]+)")
_ALIGNMENT = re.compile("text-align:(left|center|right)")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+")


class ProseError(Exception):
    """A mistake in the prose, at `line` or at the first line that has the text `excerpt`."""

    def __init__(self, message: str, line: int | None = None, excerpt: str = "") -> None:
        super().__init__(message)
        self.line, self.excerpt = line, excerpt


@dataclass(frozen=True)
class Target:
    """A place on a page that references can lead to, such as `@fig-name`.

    label: the text of a link to it, as HTML.
    figure: the full name, `chapter/id figure`, of a figure of a result.
    """

    kind: Literal["fig", "sec", "eq"]
    name: str
    id: str
    label: str
    figure: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading of a chapter: `html` may hold chips and math, `text` is plain."""

    level: int
    id: str
    html: str
    text: str


@dataclass(frozen=True)
class Section:
    """The text and the anchors under a heading; id and title are empty before the first one."""

    id: str
    title: str
    text: str
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True)
class MarkdownPage:
    """A rendered chapter with its headings and sections, and what references can lead to."""

    html: str
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]
    targets: tuple[Target, ...] = ()


def make_parser(*, typographer: bool = True) -> MarkdownIt:
    """Return a parser for the Markdown of chapters: no HTML; tables, math, footnotes."""
    md = MarkdownIt("commonmark", {"html": False, "typographer": typographer})
    md.enable("table").disable(["html_block", "html_inline"])
    md.use(
        dollarmath_plugin,
        allow_labels=True,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    md.use(footnote_plugin)
    add_extensions(md)
    add_limits(md)
    return md


@cache
def _parser() -> MarkdownIt:
    md = make_parser().enable("smartquotes")
    md.core.ruler.before("inline", "limit", _limit_paragraphs)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        md.add_render_rule(name, _math)
    md.add_render_rule("reference", _reference)
    md.add_render_rule("link_open", _link_open)
    add_rendering(md)
    md.add_render_rule("slots", lambda _, nodes, index, *__: nodes[index].content)
    md.add_render_rule("fence", _fence)
    table = '<div class="scroll table-scroll prose-table" tabindex="0"><table>\n'
    md.add_render_rule("table_open", lambda *_: table)
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    md.add_render_rule("heading_close", _heading_close)
    return md


def _limit_paragraphs(state: StateCore) -> None:
    """Raise ProseError for a paragraph that is too long for the quadratic search for quotes.

    Raises it for other limits too.
    """
    for excess in find_excesses(state.env):
        raise ProseError(excess.message, excerpt=excess.excerpt)
    for node in state.tokens:
        if node.type == "inline" and len(node.content) > MAX_PARAGRAPH:
            raise ProseError(LONG_PARAGRAPH, excerpt=node.content.partition("\n")[0][:80])


def _math(_: Any, nodes: Sequence[Node], index: int, __: Any, env: MutableMapping[str, Any]) -> str:
    node, slots, math = nodes[index], env["slots"], env["math"]
    display = node.type != "math_inline"
    try:
        markup = math.render(slots.fill_tex(node.content).strip(), display=display)
    except MathError as error:
        numbers = slots.numbers_in(node.content)
        line = slots.lines[numbers[0]] if numbers else None
        excerpt = node.content.strip("\n")
        raise ProseError(f"in the formula: {error}", line, excerpt) from error
    if display:
        # A paragraph may hold no <div>.
        tag = "div" if node.block else "span"
        name = escape_text(gettext("Formula"))
        box = f'class="math scroll" role="group" tabindex="0" aria-label="{name}"'
        formula = f"<{tag} {box}>{markup}</{tag}>"
        if node.type != "math_block_label":
            return formula
        target = env["targets"][f"@eq-{node.info}"]
        number = f'<span class="equation-number">{target.label}</span>'
        return f'<div class="equation" id="{target.id}">{formula}{number}</div>\n'
    return f'<span class="math">{markup}</span>'


def _reference(
    _: Any, nodes: Sequence[Node], index: int, __: Any, env: MutableMapping[str, Any]
) -> str:
    written = nodes[index].meta["written"]
    if not env["crosses_pages"]:
        raise ProseError(MISPLACED_REFERENCE.format(written), excerpt=written)
    targets = env["targets"]
    if written not in targets:  # it may be on another page
        name = escape_text(written)
        return f'<a class="reference" data-reference="{name}">{name}</a>'
    target = targets[written]
    return f'<a class="reference" href="#{escape_text(target.id)}">{target.label}</a>'


def _link_open(self: Any, nodes: Sequence[Node], index: int, options: Any, _: Any) -> str:
    nodes[index].attrs["href"] = site_address(str(nodes[index].attrs["href"]))
    return str(self.renderToken(nodes, index, options, {}))


def _heading_close(_: Any, nodes: Sequence[Node], index: int, *__: Any) -> str:
    """Append a link to the heading itself, so that readers can copy its address."""
    tag, id = nodes[index].tag, nodes[index - 2].attrs.get("id")
    if not id:
        return f"</{tag}>\n"
    name = escape_text(gettext("Link to this section"))
    link = f'<a class="anchor" href="#{id}" aria-label="{name}"></a>'
    return f"{link}</{tag}>\n"


def _fence(
    _: Any, nodes: Sequence[Node], index: int, __: Any, env: MutableMapping[str, Any]
) -> str:
    words = nodes[index].info.split()
    language = words[0] if words else "text"
    if language == DIAGRAM_LANGUAGE:
        raise ProseError(DIAGRAM_USAGE, excerpt=f"{nodes[index].markup}{nodes[index].info}")
    try:
        check_listing(nodes[index].content, language)
        code = code_html(nodes[index].content, language, env["listings"])
    except ListingError as error:
        raise ProseError(str(error), excerpt=f"{nodes[index].markup}{nodes[index].info}") from error
    name = f'<p class="listing-name">{escape_text(words[1])}</p>' if len(words) > 1 else ""
    label = escape_text(gettext("Copy"))
    button = f'<button class="tool copy" type="button" hidden>{label}</button>'
    return f'<div class="fence">{name}{button}{code}</div>\n'


def render_inline(source: str, slots: Slots, math: MathRenderer) -> Inline:
    """Render one or more sentences, without a paragraph around them. Raises ProseError."""
    nodes = _parser().parseInline(source)
    _check_nodes(nodes, slots)
    html = _render(nodes, _environment(slots, math, crosses_pages=False))
    return Inline(html, _plain_text(nodes[0], slots))


def render_blocks(source: str, slots: Slots, math: MathRenderer, ids: PageIds) -> MarkdownPage:
    """Render a chapter; its headings and formulas get unused `ids`. Raises ProseError."""
    env = _environment(slots, math, crosses_pages=True)
    nodes = _unwrap_blocks(_parser().parse(source, env), slots)
    _check_nodes(nodes, slots)
    for number, _ in enumerate(env.get("footnotes", {}).get("list", ()), start=1):
        ids.add(f"fn{number}")
        ids.add(f"fnref{number}")
    env["targets"] |= {f"@eq-{t.name}": t for t in _equations(nodes, ids)}
    env["targets"] |= {f"@fig-{t.name}": t for t in _figures(slots)}
    headings = tuple(_add_heading_ids(nodes, env, ids))
    return MarkdownPage(
        html=_render(nodes, env),
        headings=headings,
        sections=tuple(_sections(nodes, headings, env)),
        targets=tuple(env["targets"].values()),
    )


def _environment(slots: Slots, math: MathRenderer, *, crosses_pages: bool) -> dict[str, Any]:
    return {
        "slots": slots,
        "math": math,
        "targets": {},
        "crosses_pages": crosses_pages,
        "listings": Allowance(),
    }


def split_sentences(source: str) -> Iterator[str]:
    """Yield the sentences of a chapter's Markdown, with its markup and its slots."""
    for node in _parser().parse(source):
        yield from _SENTENCE_END.split(node.content.strip()) if node.content else ()


def _render(nodes: Sequence[Node], env: MutableMapping[str, Any]) -> str:
    for node in nodes:
        # The pages forbid inline styles.
        if alignment := _ALIGNMENT.fullmatch(str(node.attrs.get("style", ""))):
            del node.attrs["style"]
            node.attrs["class"] = f"align-{alignment[1]}"
    markup = _parser().renderer.render(nodes, _parser().options, env)
    return str(env["slots"].fill_html(markup))


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


def _plain_text(node: Node, slots: Slots) -> str:
    if node.children is None:
        return slots.fill_text(node.content).strip()
    breaks = ("softbreak", "hardbreak")
    text = "".join(" " if child.type in breaks else child.content for child in node.children)
    return slots.fill_text(text)


def _readable_text(node: Node, env: MutableMapping[str, Any]) -> str:
    """Return a node as text, its formulas as a line of signs instead of TeX."""
    slots: Slots = env["slots"]

    def text(part: Node) -> str:
        if part.type.startswith("math"):
            tex = slots.fill_tex(part.content).strip()
            return formula_text(env["math"].render(tex, display=part.type != "math_inline"))
        return " " if part.type in ("softbreak", "hardbreak") else str(part.content)

    if node.children is None:
        return text(node) if node.type.startswith("math") else _plain_text(node, slots)
    return slots.fill_text("".join(map(text, node.children)))


def _add_heading_ids(
    nodes: Sequence[Node], env: MutableMapping[str, Any], ids: PageIds
) -> Iterator[Heading]:
    """Give each heading an id made from its words, numbered if already used."""
    for opening, inline in pairwise(nodes):
        if opening.type != "heading_open":
            continue
        text = _plain_text(inline, env["slots"])
        id = ids.add(heading_slug(text))
        opening.attrs["id"] = id
        env["targets"][f"@sec-{id}"] = Target("sec", id, id, escape_text(text))
        yield Heading(int(opening.tag[1]), id, _render(inline.children or [], env), text)


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
    nodes: Sequence[Node], headings: Sequence[Heading], env: MutableMapping[str, Any]
) -> Iterator[Section]:
    """Yield the text of each section, as the search has it."""
    slots = env["slots"]
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
            texts.append(_readable_text(node, env))
    yield Section(id, title, " ".join(texts), tuple(anchors))
