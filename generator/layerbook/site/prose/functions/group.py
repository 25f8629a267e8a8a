"""Groups of functions that the prose of a chapter may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from layerbook.site.page_templates import render_block
from layerbook.site.prose.functions.context import ChapterContext

F = TypeVar("F", bound=Callable[..., Any])


def prose_function(*, steps: int = 1, in_captions: bool = True) -> Callable[[F], F]:
    """Let prose call a method of a group.

    steps: the cost of a call, see `Sandbox`. in_captions: captions may call it too.
    """

    def mark(function: F) -> F:
        vars(function).update(steps=steps, in_captions=in_captions)
        return function

    return mark


class FunctionGroup:
    """Functions for one rendering of one chapter: the methods marked with `prose_function`."""

    def __init__(self, context: ChapterContext) -> None:
        self._context = context

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the functions, in the order of the class."""
        return tuple(name for name in vars(cls) if hasattr(getattr(cls, name), "in_captions"))

    @classmethod
    def unbound(cls) -> dict[str, Callable[..., object]]:
        """Return the functions with the parameters that prose passes; they cannot be called."""
        return {name: vars(cls)[name].__get__(object(), cls) for name in cls.names()}

    def by_name(self) -> dict[str, Callable[..., object]]:
        """Return the functions by name."""
        return {name: getattr(self, name) for name in self.names()}

    def _block(self, macro: str, view: object) -> str:
        """Render a macro of `blocks.html`."""
        return render_block(self._context.jinja_env, macro, view)
