"""Everything that the functions of prose depend on: experiments, media, sources and terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.figures import Label
from layerbook.core.language import gettext
from layerbook.plotting.parts import Part
from layerbook.site.pages import (
    ClaimView,
    CodeCellView,
    Download,
    FailedView,
    FigureView,
    ImageView,
    LiveModel,
    SourceView,
    VideoView,
)
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.math import MathRenderer
from layerbook.site.sandbox import Sandbox


class Views(Protocol):
    """The experiments of a book as a chapter shows them. Unknown names raise LayerbookError."""

    def result(self, name: str) -> object:
        """Return the result of `id` in the chapter, or of `chapter/id`."""

    def applies(self, name: str) -> bool:
        """Return whether the model can run an experiment."""

    def figure(self, name: str, figure_name: str | None = None) -> FigureView | FailedView:
        """Return a figure of an experiment."""

    def figure_name(self, name: str, figure_name: str | None = None) -> str:
        """Return the full name of a figure: `chapter/id figure`."""

    def figure_part(
        self, name: str, figure_name: str, part: Label | None, column: Label | None, panel: str
    ) -> Part | None:
        """Return a part of a figure; None if the experiment has no result to look it up in."""

    def claim(self, name: str, index: int = 0) -> ClaimView:
        """Return a claim with its verdict."""

    def source(self, name: str) -> SourceView:
        """Return the code that measured an experiment."""

    def code_cell(self, name: str) -> CodeCellView | FailedView:
        """Return a code cell of the chapter with its output."""

    def downloads(self, name: str) -> tuple[Download, ...]:
        """Return the files of a result."""


class Media(Protocol):
    """The book's own pictures and videos. Missing or invalid files raise LayerbookError."""

    def image(self, path: str, alt: str, caption: Inline | None) -> ImageView:
        """Return a picture; without a caption, one that is only decorative."""

    def diagram(self, source: str, name: str, alt: str, caption: Inline) -> ImageView:
        """Return a drawn diagram."""

    def video(self, path: str, poster: str, caption: str, track: str) -> VideoView:
        """Return a video."""


@dataclass(frozen=True)
class ChapterContext:
    """Everything that the prose of one chapter depends on.

    jinja_env: renders the page templates. bibliography: the sources that `cite` knows.
    glossary: the terms that `term` knows.
    ids: those of the chapter's page. media: the book's own; None where only words count.
    live: the model as pages run it; None if they cannot.
    """

    views: Views
    jinja_env: Sandbox
    math: MathRenderer
    bibliography: Bibliography | None = None
    glossary: Glossary | None = None
    ids: PageIds = field(default_factory=PageIds)
    media: Media | None = None
    live: LiveModel | None = None


def unknown_name(kind: str, name: str, known: Iterable[str], *, owner: str = "") -> UsageError:
    """Return the error for an unknown name, with the nearest one and all that exist.

    owner: what lacks it, if it is not the book.
    """
    names = list(known)
    list_of_names = f"available: {', '.join(names)}" if names else "none exist"
    hint = did_you_mean(name, names)
    subject = f"{owner} has no {kind}" if owner else f"no {kind} named"
    return UsageError(f"{subject} {name!r}{hint}; {list_of_names}")


def figure_label(number: str) -> str:
    """Return the name of a figure in references to it; nothing for one without a number."""
    return gettext("Figure {number}", number=number) if number else ""
