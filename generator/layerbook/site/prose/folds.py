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

ANSWER = "What the run says"
ARGUMENTS = ("question", "choices", "right", "title")
_HOW = '{% call predict("Which?", ["this", "that"], right=...) %} ... {% endcall %}'


@dataclass(frozen=True)
class Prediction:
    """A question of the prose with its choices; `number` counts them on the page, `right` says what came true."""

    number: int
    question: str | Inline
    choices: tuple[str | Inline, ...]
    right: tuple[int, ...] | None
    title: str


def reveal(blocks: Any) -> Callable[..., str]:
    """`{% call reveal("title") %}`: prose that opens at its title; `blocks` is the module of blocks.html."""

    @pass_context
    def reveal(prose: Context, title: str = ANSWER, *, caller: Callable[[], str] | None = None) -> str:
        if caller is None:
            raise UsageError("reveal() needs something to hide: {% call reveal() %} ... {% endcall %}")
        return _around(prose, Block(str(blocks.reveal(title)), title, "reveal()"), caller, "</div></details>")

    return reveal


def predict(blocks: Any) -> Callable[..., str]:
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
        title: str = ANSWER,
        *,
        caller: Callable[[], str] | None = None,
        **others: object,
    ) -> str:
        for name in others:
            raise UsageError(f"predict() takes no {name!r}{did_you_mean(name, ARGUMENTS)}; it takes {_listed()}")
        if caller is None:
            raise UsageError(f"predict() needs an answer to hide: {_HOW}")
        asked = _words(question, "the question")
        given = _choices(choices)
        view = Prediction(next(number), asked, given, _right(right, len(given)), title)
        text = f"{asked} {'; '.join(str(one) for one in given)}"
        opening = Block(str(blocks.predict(view)), text, "predict()")
        return _around(prose, opening, caller, "</div></details></div>")

    return predict


def _listed() -> str:
    return f"{', '.join(ARGUMENTS[:-1])} and {ARGUMENTS[-1]}"


def _check_defined(value: object) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which name is none


def _words(value: object, what: str) -> str | Inline:
    _check_defined(value)
    if isinstance(value, bool) or not isinstance(value, str | Inline | int | float) or not str(value).strip():
        raise UsageError(f"predict(): {what} should be some text, not {value!r}; {_HOW}")
    return value if isinstance(value, Inline) else str(value)


def _choices(value: object) -> tuple[str | Inline, ...]:
    _check_defined(value)
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) < 2:
        raise UsageError(f"predict(): the choices should be a list of at least two, not {value!r}; {_HOW}")
    found = tuple(_words(one, "a choice") for one in value)
    texts = [str(one).strip() for one in found]
    for text in texts:
        if texts.count(text) > 1:
            raise UsageError(f"predict(): the choice {text!r} is there twice")
    return found


def _right(value: object, choices: int) -> tuple[int, ...] | None:
    _check_defined(value)
    if value is None:
        return None
    several = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not several or not all(type(one) is int and 0 <= one < choices for one in several):
        raise UsageError(
            f"predict(): right should be the number of a choice, from 0 to {choices - 1}, or several, not {value!r}"
        )
    return several


def _around(prose: Context, opening: Block, caller: Callable[[], str], closing: str) -> str:
    """Blocks before and after what stands inside, with empty lines between, so that all of it is still Markdown."""
    write: Callable[[Context, Block], str] = prose.environment.finalize  # type: ignore[assignment]
    return f"\n\n{write(prose, opening)}\n\n{caller()}\n\n{write(prose, Block(closing, '', opening.name))}\n\n"
