"""Groups of functions that prose may call, and everything that they depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.core.language import gettext
from layerbook.site.blocks import LiveModel
from layerbook.site.chapter_media import ChapterMedia
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.page_templates import render_block
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.pictures import ProseDiagram, ProseImage
from layerbook.site.sandbox.environment import Sandbox

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class ChapterContext:
    """Everything that the prose of one chapter depends on.

    views: the experiments, as the chapter shows them. jinja_env: renders the page templates.
    bibliography: the sources that `cite` knows.
    glossary: the terms that `term` knows.
    ids: the ids of the chapter's page. media: None if only the words of the chapter are needed.
    file: the Markdown. pictures: those in it, by line.
    live: the model as pages run it; None if they cannot.
    """

    views: ChapterViews
    jinja_env: Sandbox
    math: MathRenderer
    bibliography: Bibliography | None = None
    glossary: Glossary | None = None
    ids: PageIds = field(default_factory=PageIds)
    media: ChapterMedia | None = None
    live: LiveModel | None = None
    file: str = ""
    pictures: Mapping[int, ProseImage | ProseDiagram] = field(default_factory=dict)


def figure_label(number: str) -> str:
    """Return the name of a figure in references to it; nothing for one without a number."""
    return gettext("Figure {number}", number=number) if number else ""


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
    def unbound(cls) -> dict[str, Callable[..., object]]:
        """Return the functions with the parameters that prose passes; they cannot be called."""
        return cls.__new__(cls).by_name()

    def by_name(self) -> dict[str, Callable[..., object]]:
        """Return the functions by name."""
        names = [name for group in type(self).__mro__ for name in vars(group)]
        marked = (name for name in names if hasattr(getattr(type(self), name), "in_captions"))
        return {name: getattr(self, name) for name in marked}

    def _block(self, macro: str, view: object) -> str:
        """Render a macro of `blocks.html`."""
        return render_block(self._context.jinja_env, macro, view)
