"""Everything that the functions of prose depend on: experiments, media, sources and terms."""

from __future__ import annotations

from dataclasses import dataclass, field

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.core.language import gettext
from layerbook.site.blocks import LiveModel
from layerbook.site.chapter_media import ChapterMedia
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import PageIds
from layerbook.site.sandbox.environment import Sandbox


@dataclass(frozen=True)
class ChapterContext:
    """Everything that the prose of one chapter depends on.

    views: the experiments, as the chapter shows them. jinja_env: renders the page templates.
    bibliography: the sources that `cite` knows.
    glossary: the terms that `term` knows.
    ids: the ids of the chapter's page. media: None if only the words of the chapter are needed.
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


def figure_label(number: str) -> str:
    """Return the name of a figure in references to it; nothing for one without a number."""
    return gettext("Figure {number}", number=number) if number else ""
