"""Functions for the text itself: tokens, colored words, folded parts and predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import get_args

from layerbook.core.errors import UsageError
from layerbook.core.figures import Role
from layerbook.core.language import gettext, mark
from layerbook.site.experiment_view import unknown_name
from layerbook.site.prose.functions.context import ChapterContext, FunctionGroup, prose_function
from layerbook.site.prose.journey import make_stages
from layerbook.site.prose.markup import Block, Fold, Inline, escape_text
from layerbook.site.sandbox.views import require_defined
from layerbook.site.tokens_html import show_token

DEFAULT_TITLE = mark("What the run says")
PREDICT_USAGE = '{% call predict("Which?", ["this", "that"], right=...) %} ... {% endcall %}'
INCOMPLETE = {
    "reveal": "reveal() needs something to hide: {% call reveal() %} ... {% endcall %}",
    "sidebar": (
        "sidebar() needs a title and a text: "
        '{% call sidebar("A closer look: ...") %} ... {% endcall %}'
    ),
    "predict": f"predict() needs an answer to hide: {PREDICT_USAGE}",
}
"""The messages for calls without what they fold."""


@dataclass(frozen=True)
class Prediction:
    """A question with its choices.

    number: its place among the predictions of the page, from 1.
    right: the choices that came true, counted from 0; None if no result says so.
    """

    number: int
    question: str | Inline
    choices: tuple[str | Inline, ...]
    right: tuple[int, ...] | None
    title: str


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
            raise UsageError(INCOMPLETE["reveal"])
        title = title or gettext(DEFAULT_TITLE)
        opening = Block(self._block("reveal", title), title, "reveal()")
        return Fold(opening, caller(), Block("</div></details>", "", "reveal()"))

    @prose_function(steps=100, in_captions=False)
    def sidebar(self, title: str = "", *, caller: Callable[[], str] | None = None) -> Fold:
        """`{% call sidebar("title") %}`: a short detour in a box that opens at its title."""
        if caller is None or not title:
            raise UsageError(INCOMPLETE["sidebar"])
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
            raise UsageError(INCOMPLETE["predict"])
        number = next(self._prediction_numbers)
        title = title or gettext(DEFAULT_TITLE)
        view = make_prediction(number, question, choices, right, title)
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


def make_prediction(
    number: int, question: object, choices: object, right: object, title: str
) -> Prediction:
    """Check the arguments of `predict`. Raises UsageError."""
    require_defined(question, choices, right, title)
    checked_question = _check_text(question, "the question")
    checked_choices = _check_choices(choices)
    checked_right = _check_right(right, len(checked_choices))
    return Prediction(number, checked_question, checked_choices, checked_right, title)


def _check_text(value: object, name: str) -> str | Inline:
    is_text = isinstance(value, str | Inline | int | float) and not isinstance(value, bool)
    if not is_text or not str(value).strip():
        message = f"predict(): {name} should be some text, not {value!r}"
        raise UsageError(f"{message}; {PREDICT_USAGE}")
    return value if isinstance(value, Inline) else str(value)


def _check_choices(value: object) -> tuple[str | Inline, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) < 2:
        message = f"predict(): the choices should be a list of at least two, not {value!r}"
        raise UsageError(f"{message}; {PREDICT_USAGE}")
    choices = tuple(_check_text(choice, "a choice") for choice in value)
    texts = [str(choice).strip() for choice in choices]
    for text in texts:
        if texts.count(text) > 1:
            raise UsageError(f"predict(): the choice {text!r} is listed twice")
    return choices


def _check_right(value: object, count: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    answers = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    numbers = tuple(n for n in answers if type(n) is int and 0 <= n < count)
    if not numbers or len(numbers) < len(answers):
        rule = f"the number of a choice, from 0 to {count - 1}, or several"
        raise UsageError(f"predict(): right should be {rule}, not {value!r}")
    return numbers
