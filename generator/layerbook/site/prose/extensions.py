"""Markdown beyond CommonMark: boxes, tabs, lists of tasks and terms, and references.

`add_extensions` adds the syntax to a parser; `add_rendering` renders it without inline styles.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Node
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin

from layerbook.core.language import gettext, mark
from layerbook.site.prose.markup import escape_text

_REFERENCE = re.compile(r"@(?:fig|sec|eq)-(?:\w[\w-]*/)?\w(?:[\w-]*\w)?")
ALERT_TITLES = {
    "NOTE": mark("Note"),
    "TIP": mark("Tip"),
    "IMPORTANT": mark("Important"),
    "WARNING": mark("Warning"),
    "CAUTION": mark("Caution"),
}
TAB = re.compile(r"\s*tab\s+(\S.*)")


def add_extensions(md: MarkdownIt) -> None:
    """Add syntax to a parser: boxes, tabs, tasks, definitions, ~~struck text~~ and references."""
    md.options["alerts"] = md.options["tasklists"] = True
    md.enable("strikethrough")
    md.use(deflist_plugin)
    md.use(container_plugin, "tabs")
    md.use(container_plugin, "tab", validate=lambda params, _: bool(TAB.fullmatch(params)))
    md.core.ruler.after("block", "alert_titles", _translate_alert_titles)
    md.inline.add_terminator_char("@")
    md.inline.ruler.push("reference", _reference_rule)


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


def add_rendering(md: MarkdownIt) -> None:
    """Add the rendering of the syntax beyond CommonMark."""
    md.add_render_rule("list_item_open", _list_item)
    md.add_render_rule("alert_open", _alert)
    md.add_render_rule("alert_close", lambda *_: "</div>\n")
    md.add_render_rule("container_tabs_open", lambda *_: '<div class="tabs">\n')
    md.add_render_rule("container_tab_open", _tab)
    md.add_render_rule("container_tab_close", lambda *_: "</section>\n")


def _list_item(
    renderer: Any, nodes: Sequence[Node], index: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    """Render a task with a sign, since a box that cannot be ticked is not a control."""
    opening = str(renderer.renderToken(nodes, index, options, env))
    checked = nodes[index].meta.get("checked")
    if checked is None:
        return opening
    name, sign = (gettext("done"), "☑") if checked else (gettext("to do"), "☐")
    return f'{opening}<span class="task" role="img" aria-label="{name}">{sign}</span> '


def _alert(_: Any, nodes: Sequence[Node], index: int, *__: Any) -> str:
    kind = nodes[index].meta["kind"].lower()
    return f'<div class="note {kind}" role="note">\n'


def _tab(_: Any, nodes: Sequence[Node], index: int, *__: Any) -> str:
    match = TAB.fullmatch(nodes[index].info)
    title = escape_text(match[1].strip()) if match else ""
    return f'<section class="tab" aria-label="{title}">\n<p class="tab-title">{title}</p>\n'
