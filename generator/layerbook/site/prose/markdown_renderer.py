"""The HTML of Markdown: no inline styles, and whatever scrolls can be reached by keyboard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token as Node

from layerbook.core.language import gettext
from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.colors import Allowance
from layerbook.site.prose.formulas import MathError, MathRenderer
from layerbook.site.prose.highlight import ListingError, code_html
from layerbook.site.prose.markdown_syntax import TAB
from layerbook.site.prose.markup import Target, escape_text
from layerbook.site.prose.pictures import DIAGRAM_LANGUAGE, DIAGRAM_USAGE
from layerbook.site.prose.slots import Slots

MAX_LISTING = 50_000  # characters
MISPLACED_REFERENCE = "{} cannot stand in a caption or a definition"
_ALIGNMENT = re.compile("text-align:(left|center|right)")


class ProseError(Exception):
    """A mistake in the prose, at `line` or at the first line that has the text `excerpt`."""

    def __init__(self, message: str, line: int | None = None, excerpt: str = "") -> None:
        super().__init__(message)
        self.line, self.excerpt = line, excerpt


class MarkdownRenderer(RendererHTML):
    """Renders the nodes of one text; each method with the name of a type renders its nodes.

    is_caption: the text can have no references to figures, sections and formulas.
    """

    def __init__(
        self, parser: MarkdownIt, slots: Slots, math: MathRenderer, *, is_caption: bool = False
    ) -> None:
        super().__init__()
        self.rules = vars(parser.renderer)["rules"] | self.rules  # the plugins', as for footnotes
        self._options, self._slots, self._math = parser.options, slots, math
        self._is_caption, self._listings = is_caption, Allowance()
        self.targets: dict[str, Target] = {}

    def html(self, nodes: Sequence[Node], env: dict[str, Any]) -> str:
        """Return nodes as HTML, their slots filled. Raises ProseError."""
        for node in nodes:
            # The pages forbid inline styles.
            if alignment := _ALIGNMENT.fullmatch(str(node.attrs.get("style", ""))):
                del node.attrs["style"]
                node.attrs["class"] = f"align-{alignment[1]}"
        return self._slots.fill_html(self.render(nodes, self._options, env))

    def formula(self, node: Node) -> str:
        """Return the MathML of a formula. Raises ProseError."""
        tex = self._slots.fill_tex(node.content).strip()
        try:
            return self._math.render(tex, display=node.type != "math_inline")
        except MathError as error:
            numbers = self._slots.numbers_in(node.content)
            line = self._slots.lines[numbers[0]] if numbers else None
            excerpt = node.content.strip("\n")
            raise ProseError(f"in the formula: {error}", line, excerpt) from error

    def slots(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        return nodes[index].content

    def math_inline(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        return f'<span class="math">{self.formula(nodes[index])}</span>'

    def math_block(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        node = nodes[index]
        tag = "div" if node.block else "span"  # a paragraph may hold no <div>
        name = escape_text(gettext("Formula"))
        box = f'class="math scroll" role="group" tabindex="0" aria-label="{name}"'
        return f"<{tag} {box}>{self.formula(node)}</{tag}>"

    math_inline_double = math_block

    def math_block_label(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        target = self.targets[f"@eq-{nodes[index].info}"]
        formula = self.math_block(nodes, index)
        number = f'<span class="equation-number">{target.label}</span>'
        return f'<div class="equation" id="{target.id}">{formula}{number}</div>\n'

    def reference(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        written = nodes[index].meta["written"]
        if self._is_caption:
            raise ProseError(MISPLACED_REFERENCE.format(written), excerpt=written)
        if target := self.targets.get(written):
            return f'<a class="reference" href="#{escape_text(target.id)}">{target.label}</a>'
        name = escape_text(written)  # it may be on another page
        return f'<a class="reference" data-reference="{name}">{name}</a>'

    def link_open(self, nodes: Sequence[Node], index: int, options: Any, env: Any) -> str:
        nodes[index].attrs["href"] = site_address(str(nodes[index].attrs["href"]))
        return self.renderToken(nodes, index, options, env)

    def heading_close(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        """Append a link to the heading itself, so that readers can copy its address."""
        tag, id = nodes[index].tag, nodes[index - 2].attrs.get("id")
        if not id:
            return f"</{tag}>\n"
        name = escape_text(gettext("Link to this section"))
        return f'<a class="anchor" href="#{id}" aria-label="{name}"></a></{tag}>\n'

    def fence(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        node, words = nodes[index], nodes[index].info.split()
        language = words[0] if words else "text"
        try:
            if language == DIAGRAM_LANGUAGE:
                raise ListingError(DIAGRAM_USAGE)
            if len(node.content) > MAX_LISTING:
                raise ListingError(f"the listing is longer than {MAX_LISTING:,} characters")
            code = code_html(node.content, language, self._listings)
        except ListingError as error:
            raise ProseError(str(error), excerpt=f"{node.markup}{node.info}") from error
        name = f'<p class="listing-name">{escape_text(words[1])}</p>' if len(words) > 1 else ""
        label = escape_text(gettext("Copy"))
        button = f'<button class="tool copy" type="button" hidden>{label}</button>'
        return f'<div class="fence">{name}{button}{code}</div>\n'

    def table_open(self, *_: Any) -> str:
        return '<div class="scroll table-scroll prose-table" tabindex="0"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def list_item_open(self, nodes: Sequence[Node], index: int, options: Any, env: Any) -> str:
        """Render a task with a sign, since a box that cannot be ticked is not a control."""
        opening = self.renderToken(nodes, index, options, env)
        checked = nodes[index].meta.get("checked")
        if checked is None:
            return opening
        name, sign = (gettext("done"), "☑") if checked else (gettext("to do"), "☐")
        return f'{opening}<span class="task" role="img" aria-label="{name}">{sign}</span> '

    def alert_open(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        return f'<div class="note {nodes[index].meta["kind"].lower()}" role="note">\n'

    def alert_close(self, *_: Any) -> str:
        return "</div>\n"

    def container_tabs_open(self, *_: Any) -> str:
        return '<div class="tabs">\n'

    def container_tab_open(self, nodes: Sequence[Node], index: int, *_: Any) -> str:
        match = TAB.fullmatch(nodes[index].info)
        title = escape_text(match[1].strip()) if match else ""
        return f'<section class="tab" aria-label="{title}">\n<p class="tab-title">{title}</p>\n'

    def container_tab_close(self, *_: Any) -> str:
        return "</section>\n"
