"""Functions for the model that runs in the page."""

from __future__ import annotations

from urllib.parse import quote

from layerbook.core.errors import UsageError, did_you_mean
from layerbook.site.blocks import OwnTextView
from layerbook.site.prose.functions.context import FunctionGroup, prose_function
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.live_code import find_functions, live_length
from layerbook.site.prose.markup import Anchor, Block, Inline, escape_text

OWN_TEXT_KINDS = ("attention", "next", "lens")
"""The sides of the model that a box for a reader's own text can show."""


class LiveFunctions(FunctionGroup):
    """Run the model in the page, and show its code."""

    @prose_function(steps=1000, in_captions=False)
    def own_text(self, kind: str) -> Block:
        """`own_text("attention")`: a box that runs the model on a text of the reader's own.

        It shows the `attention` of all heads, the `next` token, or the `lens` of every layer. In a
        book whose model does not run in pages it shows nothing.

        Raises UsageError for an unknown kind.
        """
        if kind not in OWN_TEXT_KINDS:
            raise UsageError(
                f"own_text() cannot show {kind!r}{did_you_mean(str(kind), OWN_TEXT_KINDS)}; "
                f"available: {', '.join(OWN_TEXT_KINDS)}"
            )
        if self._context.live is None:
            return Block("", "", "own_text()")
        view = OwnTextView(kind, self._context.live, self._context.ids.add(f"own-{kind}"))
        anchors = (Anchor("own-text", view.id),)
        return Block(self._block("own_text", view), "", "own_text()", anchors)

    @prose_function()
    def live_page(self) -> bool:
        """`live_page()`: true if the book's pages can run its model, as they can a GGUF file."""
        return self._context.live is not None

    @prose_function(steps=20)
    def try_page(self, show: str, text: str = "") -> Inline:
        """`try_page("words", "The cat")`: a link to the page that runs the model, on a text.

        The words alone in a book that has no such page.
        """
        if self._context.live is None:
            return Inline(escape_text(str(show)), str(show))
        fragment = f"#text={quote(str(text), safe='')}" if text else ""
        return Inline(f'<a href="try.html{fragment}">{escape_text(str(show))}</a>', str(show))

    @prose_function(steps=1000, in_captions=False)
    def live_source(self, *names: str) -> Block:
        """`live_source("Model.mlp", "Model.attention")`: functions of the model in the page."""
        return Block(code_html(find_functions(names), "javascript"), "", "live_source()")

    @prose_function(steps=100)
    def live_length(self) -> int:
        """`live_length()`: how many lines of code that model has."""
        return live_length()
