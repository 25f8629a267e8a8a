"""The functions that the prose of a chapter may call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.functions.links import LinkFunctions
from layerbook.site.prose.functions.live import LiveFunctions
from layerbook.site.prose.functions.media import MediaFunctions
from layerbook.site.prose.functions.results import ResultFunctions
from layerbook.site.prose.functions.text import TextFunctions
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.pictures import ProseDiagram, ProseImage

GROUPS = (ResultFunctions, LinkFunctions, TextFunctions, MediaFunctions, LiveFunctions)
FUNCTIONS: Mapping[str, Callable[..., object]] = {
    name: function
    for group in GROUPS
    for name, function in group.unbound().items()
    if name != "picture"  # only the pictures in the Markdown become calls of it
}
"""The functions of prose, with their parameters and docstrings; they cannot be called."""


class ProseFunctions:
    """The functions for one rendering of one chapter.

    pictures: the pictures in its Markdown, by line.
    render_caption: renders the caption of a picture, with the functions that it may call.
    """

    def __init__(
        self,
        context: ChapterContext,
        pictures: Mapping[int, ProseImage | ProseDiagram],
        render_caption: Callable[[ProseImage | ProseDiagram, Mapping[str, object]], Inline],
    ) -> None:
        self.results, self.links = ResultFunctions(context), LinkFunctions(context)
        self._groups = (
            self.results,
            self.links,
            TextFunctions(context),
            MediaFunctions(
                context, pictures, lambda each: render_caption(each, self._caption_functions())
            ),
            LiveFunctions(context),
        )

    def by_name(self) -> dict[str, Callable[..., object]]:
        """Return the functions by the names that prose has for them."""
        return {name: f for group in self._groups for name, f in group.by_name().items()}

    def _caption_functions(self) -> dict[str, Callable[..., object]]:
        return {name: f for name, f in self.by_name().items() if getattr(f, "in_captions", False)}
