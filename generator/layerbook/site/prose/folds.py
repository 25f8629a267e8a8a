"""What is folded away until the reader has an answer of their own: `reveal`, and `predict`, which asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from layerbook.site.prose.markup import Block, Inline
from layerbook.core.errors import UsageError, did_you_mean

DEFAULT_TITLE = "What the run says"
PREDICT_ARGUMENTS = ("question", "choices", "right", "title")
_PREDICT_USAGE = '{% call predict("Which?", ["this", "that"], right=...) %} ... {% endcall %}'


@dataclass(frozen=True)
class Prediction:
    """A question of the prose with its choices; `number` counts them on the page, `right` says what came true."""

    number: int
    question: str | Inline
    choices: tuple[str | Inline, ...]
    right: tuple[int, ...] | None
    title: str


def make_reveal(blocks: Any) -> Callable[..., str]:
    """`{% call reveal("title") %}`: prose that opens at its title; `blocks` is the module of blocks.html."""

    @pass_context
    def reveal(prose: Context, title: str = DEFAULT_TITLE, *, caller: Callable[[], str] | None = None) -> str:
        if caller is None:
            raise UsageError("reveal() needs something to hide: {% call reveal() %} ... {% endcall %}")
        return _wrap(prose, Block(str(blocks.reveal(title)), title, "reveal()"), caller, "</div></details>")

    return reveal


def make_predict(blocks: Any) -> Callable[..., str]:
    """`{% call predict("Which?", ["this", "that"], right=i) %}`: choices to commit to, and the answer folded away.

    right: which choice came true, or which ones, counted from 0; it follows from a result. Without it nothing is said
    of that.
    """
    number = count(1)

    @pass_context
    def predict(
        prose: Context,
        question: object = "",
        choices: object = (),
        right: object = None,
        title: str = DEFAULT_TITLE,
        *,
        caller: Callable[[], str] | None = None,
        **others: object,
    ) -> str:
        for name in others:
            raise UsageError(f"predict() takes no {name!r}{did_you_mean(name, PREDICT_ARGUMENTS)}; it takes {_argument_list()}")
        if caller is None:
            raise UsageError(f"predict() needs an answer to hide: {_PREDICT_USAGE}")
        asked = _checked_text(question, "the question")
        given = _checked_choices(choices)
        view = Prediction(next(number), asked, given, _checked_right(right, len(given)), title)
        text = f"{asked} {'; '.join(str(one) for one in given)}"
        opening = Block(str(blocks.predict(view)), text, "predict()")
        return _wrap(prose, opening, caller, "</div></details></div>")

    return predict


def _argument_list() -> str:
    return f"{', '.join(PREDICT_ARGUMENTS[:-1])} and {PREDICT_ARGUMENTS[-1]}"


def _check_defined(value: object) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which name is none


def _checked_text(value: object, what: str) -> str | Inline:
    _check_defined(value)
    if isinstance(value, bool) or not isinstance(value, str | Inline | int | float) or not str(value).strip():
        raise UsageError(f"predict(): {what} should be some text, not {value!r}; {_PREDICT_USAGE}")
    return value if isinstance(value, Inline) else str(value)


def _checked_choices(value: object) -> tuple[str | Inline, ...]:
    _check_defined(value)
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) < 2:
        raise UsageError(f"predict(): the choices should be a list of at least two, not {value!r}; {_PREDICT_USAGE}")
    found = tuple(_checked_text(one, "a choice") for one in value)
    texts = [str(one).strip() for one in found]
    for text in texts:
        if texts.count(text) > 1:
            raise UsageError(f"predict(): the choice {text!r} is there twice")
    return found


def _checked_right(value: object, choices: int) -> tuple[int, ...] | None:
    _check_defined(value)
    if value is None:
        return None
    several = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not several or not all(type(one) is int and 0 <= one < choices for one in several):
        raise UsageError(
            f"predict(): right should be the number of a choice, from 0 to {choices - 1}, or several, not {value!r}"
        )
    return several


def _wrap(prose: Context, opening: Block, caller: Callable[[], str], closing: str) -> str:
    """Blocks before and after what stands inside, with empty lines between, so that all of it is still Markdown."""
    write: Callable[[Context, Block], str] = prose.environment.finalize  # type: ignore[assignment]
    return f"\n\n{write(prose, opening)}\n\n{caller()}\n\n{write(prose, Block(closing, '', opening.name))}\n\n"
