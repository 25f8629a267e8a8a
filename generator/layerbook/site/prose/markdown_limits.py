"""Limits of Markdown: a few characters can stand for a large table or for a long address."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore

MAX_CELLS = 20_000
MAX_ADDRESSES = 2_000_000
MAX_LISTINGS = 1000


class Excess(NamedTuple):
    """A limit that a text exceeds: its message, its line from 1, and words of that line."""

    message: str
    line: int
    excerpt: str


def add_limits(md: MarkdownIt) -> None:
    """Let a parser stop at the limits; `find_excesses` returns what exceeds them."""
    md.block.ruler.at("table", _limited_table, {"alt": ["paragraph", "reference"]})
    md.core.ruler.after("block", "limit_addresses", _limit_addresses)
    md.core.ruler.after("block", "limit_listings", _limit_listings)


def find_excesses(env: MutableMapping[str, Any]) -> tuple[Excess, ...]:
    """Return what exceeded a limit while a text was parsed with this environment."""
    return tuple(env.get("excesses", ()))


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
        first_line = state.getLines(start, start + 1, 0, False)
        message = f"the tables of the text have more than {MAX_CELLS:,} cells"
        _add(state.env, Excess(message, start + 1, first_line[:80]))
    return is_table


def _limit_listings(state: StateCore) -> None:
    """Drop the listings that are too many; each takes a moment to check and to color."""
    listings = [node for node in state.tokens if node.type == "fence"]
    if len(listings) <= MAX_LISTINGS:
        return
    line = (listings[MAX_LISTINGS].map or (0, 0))[0]
    message = f"the text has more than {MAX_LISTINGS:,} listings"
    _add(state.env, Excess(message, line + 1, state.src.split("\n")[line][:80]))
    state.tokens = [node for node in state.tokens if node.type != "fence"]


def _limit_addresses(state: StateCore) -> None:
    """Forget the addresses of links that could be repeated too often, as in `[a]: x` and `[a]`."""
    definitions = state.env.get("references", {})
    sizes = {len(entry["href"]) + len(entry["title"]): entry for entry in definitions.values()}
    links = sum(node.content.count("[") for node in state.tokens if node.type == "inline")
    if (largest := max(sizes, default=0)) * links > MAX_ADDRESSES:
        longest = sizes[largest]
        message = "the address or title is too long for a text with so many links"
        _add(state.env, Excess(message, longest["map"][0] + 1, longest["href"][:80]))
        definitions.clear()


def _add(env: MutableMapping[str, Any], excess: Excess) -> None:
    env.setdefault("excesses", []).append(excess)
