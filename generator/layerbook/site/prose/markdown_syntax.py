"""The Markdown of chapters: CommonMark with tables, formulas, footnotes, boxes and tabs.

A few characters can stand for a large table or for a long address, so there are limits.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from layerbook.core.language import gettext, mark

MAX_CELLS = 20_000
MAX_ADDRESSES = 2_000_000
MAX_LISTINGS = 1000
MAX_PARAGRAPH = 10_000  # characters
LONG_PARAGRAPH = f"the paragraph is longer than {MAX_PARAGRAPH:,} characters"
ALERT_TITLES = {
    "NOTE": mark("Note"),
    "TIP": mark("Tip"),
    "IMPORTANT": mark("Important"),
    "WARNING": mark("Warning"),
    "CAUTION": mark("Caution"),
}
TAB = re.compile(r"\s*tab\s+(\S.*)")
_REFERENCE = re.compile(r"@(?:fig|sec|eq)-(?:\w[\w-]*/)?\w(?:[\w-]*\w)?")


class Excess(NamedTuple):
    """A limit that a text exceeds: its message, its line from 1, and words of that line."""

    message: str
    line: int
    excerpt: str


def make_parser(*, typographer: bool = True) -> MarkdownIt:
    """Return a parser that allows no HTML and stops at the limits; see `find_excesses`."""
    options = {"html": False, "typographer": typographer, "alerts": True, "tasklists": True}
    md = MarkdownIt("commonmark", options)
    md.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    md.use(
        dollarmath_plugin,
        allow_labels=True,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    md.use(footnote_plugin).use(deflist_plugin)
    md.use(container_plugin, "tabs")
    md.use(container_plugin, "tab", validate=lambda params, _: bool(TAB.fullmatch(params)))
    md.core.ruler.after("block", "alert_titles", _translate_alert_titles)
    md.inline.add_terminator_char("@")
    md.inline.ruler.push("reference", _reference_rule)
    md.block.ruler.at("table", _limited_table, {"alt": ["paragraph", "reference"]})
    md.core.ruler.after("block", "limit_addresses", _limit_addresses)
    md.core.ruler.after("block", "limit_listings", _limit_listings)
    md.core.ruler.before("inline", "limit_paragraphs", _limit_paragraphs)
    return md


def _translate_alert_titles(state: StateCore) -> None:
    """Put the titles of boxes into the language of the book."""
    kind = ""
    for node, following in pairwise(state.tokens):
        if node.type == "alert_open":
            kind = node.meta["kind"].upper()
        elif node.type == "alert_title_open":
            following.content = gettext(ALERT_TITLES[kind])


def _reference_rule(state: StateInline, silent: bool) -> bool:
    """Parse `@fig-x`, `@sec-page/x` or `@eq-x`, unless it follows a word, as in an address."""
    match = _REFERENCE.match(state.src, state.pos)
    if match is None or (state.pos and state.src[state.pos - 1].isalnum()):
        return False
    if not silent:
        node = state.push("reference", "", 0)
        node.meta = {"written": match[0]}
    state.pos = match.end()
    return True


def find_excesses(env: MutableMapping[str, Any]) -> tuple[Excess, ...]:
    """Return what exceeded a limit while a text was parsed with this environment."""
    return tuple(env.get("excesses", ()))


def _note_excess(state: StateBlock | StateCore, line: int, message: str) -> None:
    """Note a limit that the text exceeds in a line, which counts from 0."""
    excerpt = state.src.split("\n")[line][:80]
    state.env.setdefault("excesses", []).append(Excess(message, line + 1, excerpt))


def _limited_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a table whose short rows get empty cells; after too many cells, no further table."""
    count = state.env.get("cells", 0)
    if count > MAX_CELLS:
        return False
    before = len(state.tokens)
    is_table = table(state, start, end, silent)
    count += sum(node.type in ("th_open", "td_open") for node in state.tokens[before:])
    state.env["cells"] = count
    if count > MAX_CELLS:
        _note_excess(state, start, f"the tables of the text have more than {MAX_CELLS:,} cells")
    return is_table


def _limit_listings(state: StateCore) -> None:
    """Drop the listings that are too many; each takes a moment to check and to color."""
    listings = [node for node in state.tokens if node.type == "fence"]
    if len(listings) > MAX_LISTINGS:
        line, _ = listings[MAX_LISTINGS].map or (0, 0)
        _note_excess(state, line, f"the text has more than {MAX_LISTINGS:,} listings")
        state.tokens = [node for node in state.tokens if node.type != "fence"]


def _limit_paragraphs(state: StateCore) -> None:
    """Empty the paragraphs that are too long to look for links and quotes in them."""
    for node in state.tokens:
        if node.type == "inline" and len(node.content) > MAX_PARAGRAPH:
            line, _ = node.map or (0, 0)
            _note_excess(state, line, LONG_PARAGRAPH)
            node.content = ""


def _limit_addresses(state: StateCore) -> None:
    """Forget the addresses of links that could be repeated too often, as in `[a]: x` and `[a]`."""
    definitions = state.env.get("references", {})
    sizes = {len(entry["href"]) + len(entry["title"]): entry for entry in definitions.values()}
    links = sum(node.content.count("[") for node in state.tokens if node.type == "inline")
    if (largest := max(sizes, default=0)) * links > MAX_ADDRESSES:
        message = "the address or title is too long for a text with so many links"
        _note_excess(state, sizes[largest]["map"][0], message)
        definitions.clear()
