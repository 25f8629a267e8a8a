"""Prose that stays folded until the reader opens it: `reveal`, `sidebar`, and `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerbook.core.errors import UsageError
from layerbook.core.language import mark
from layerbook.site.prose.markup import Block, Inline
from layerbook.site.sandbox.access import require_defined

DEFAULT_TITLE = mark("What the run says")
PREDICT_USAGE = '{% call predict("Which?", ["this", "that"], right=...) %} ... {% endcall %}'
SIDEBAR_USAGE = '{% call sidebar("A closer look: ...") %} ... {% endcall %}'
REVEAL_USAGE = "{% call reveal() %} ... {% endcall %}"
INCOMPLETE = {
    "reveal": f"reveal() needs something to hide: {REVEAL_USAGE}",
    "sidebar": f"sidebar() needs a title and a text: {SIDEBAR_USAGE}",
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


@dataclass(frozen=True)
class Fold:
    """Prose between two blocks; like the prose around it, it is Markdown."""

    opening: Block
    body: str
    closing: Block


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
