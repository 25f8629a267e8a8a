"""Functions for the text itself: tokens, colored words, folded parts and predictions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import get_args

from layerbook.core.errors import UsageError
from layerbook.core.figures import Role
from layerbook.core.language import gettext
from layerbook.site.experiment_view import unknown_name
from layerbook.site.prose import folds
from layerbook.site.prose.folds import DEFAULT_TITLE, Fold
from layerbook.site.prose.functions.context import ChapterContext, FunctionGroup, prose_function
from layerbook.site.prose.journey import make_stages
from layerbook.site.prose.markup import Block, Inline, escape_text
from layerbook.site.tokens_html import show_token


class TextFunctions(FunctionGroup):
    """Write tokens, words and folded parts."""

    def __init__(self, context: ChapterContext) -> None:
        super().__init__(context)
        self._prediction_numbers = count(1)

    @prose_function(steps=1000, in_captions=False)
    def journey(self, stages: object = ()) -> Block:
        """`journey([{"title": "A", "href": "a.html", "text": "B.", "tokens": tokens}])`: a text
        on its way through the model, with a picture for each stage.
        """
        view = make_stages(stages)
        text = " ".join(f"{stage.title}: {stage.text}" for stage in view)
        return Block(self._block("journey", view), text, "journey()")

    @prose_function(steps=100, in_captions=False)
    def reveal(self, title: str = "", *, caller: Callable[[], str] | None = None) -> Fold:
        """`{% call reveal("title") %}`: prose that opens at its title."""
        if caller is None:
            raise UsageError(folds.INCOMPLETE["reveal"])
        title = title or gettext(DEFAULT_TITLE)
        opening = Block(self._block("reveal", title), title, "reveal()")
        return Fold(opening, caller(), Block("</div></details>", "", "reveal()"))

    @prose_function(steps=100, in_captions=False)
    def sidebar(self, title: str = "", *, caller: Callable[[], str] | None = None) -> Fold:
        """`{% call sidebar("title") %}`: a short detour in a box that opens at its title."""
        if caller is None or not title:
            raise UsageError(folds.INCOMPLETE["sidebar"])
        opening = Block(self._block("sidebar", title), title, "sidebar()")
        return Fold(opening, caller(), Block("</div></details></aside>", "", "sidebar()"))

    @prose_function(steps=100, in_captions=False)
    def predict(
        self,
        question: object = "",
        choices: object = (),
        right: object = None,
        title: str = "",
        *,
        caller: Callable[[], str] | None = None,
    ) -> Fold:
        """`{% call predict("Which?", [...], right=i) %}`: choices, and the answer folded.

        right: the choice that came true, counted from 0, or several; None if no result says it.
        """
        if caller is None:
            raise UsageError(folds.INCOMPLETE["predict"])
        number = next(self._prediction_numbers)
        title = title or gettext(DEFAULT_TITLE)
        view = folds.make_prediction(number, question, choices, right, title)
        text = f"{view.question} {'; '.join(map(str, view.choices))}"
        parts = [part for part in (view.question, *view.choices) if isinstance(part, Inline)]
        anchors = tuple(anchor for part in parts for anchor in part.anchors)
        opening = Block(self._block("predict", view), text, "predict()", anchors)
        return Fold(opening, caller(), Block("</div></details></div>", "", "predict()"))

    @staticmethod
    @prose_function(steps=10)
    def tok(token: object) -> Inline:
        """`tok(token)`: a token as a chip."""
        return show_token(token)

    @staticmethod
    @prose_function(steps=10)
    def quantity(name: str, show: str = "") -> Inline:
        """`quantity("key", "keys")`: a word in the color that the quantity has in figures.

        Raises UsageError for a name without a color.
        """
        if name not in get_args(Role):
            raise unknown_name("color for", str(name), get_args(Role), owner="quantity()")
        words = str(show or name)
        return Inline(f'<span class="quantity {name}">{escape_text(words)}</span>', words)
