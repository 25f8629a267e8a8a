"""Functions that show the book's own pictures, diagrams and videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layerbook.core.errors import UsageError
from layerbook.site.prose.diagrams import USAGE as DIAGRAM_USAGE
from layerbook.site.prose.diagrams import ProseDiagram
from layerbook.site.prose.functions.context import ChapterContext, figure_label
from layerbook.site.prose.functions.group import FunctionGroup, prose_function
from layerbook.site.prose.images import USAGE, ProseImage
from layerbook.site.prose.markup import Block, Inline


class MediaFunctions(FunctionGroup):
    """Show pictures, diagrams and videos.

    images, diagrams: those in the chapter's Markdown, by line. render_caption: renders that of one.
    """

    def __init__(
        self,
        context: ChapterContext,
        images: Mapping[int, ProseImage],
        diagrams: Mapping[int, ProseDiagram],
        render_caption: Callable[[ProseImage | ProseDiagram], Inline],
    ) -> None:
        super().__init__(context)
        self._media, self._images, self._diagrams = context.media, images, diagrams
        self._render_caption = render_caption

    @prose_function(steps=1000, in_captions=False)
    def video(self, path: str, *, poster: str, caption: object, track: str = "") -> Block:
        """`video("static/x.mp4", poster="images/x.png", caption="...")`: a video as a figure.

        `track="static/x.en.vtt"` gives it subtitles.
        """
        if self._media is None:
            return Block("", str(caption), "video()")
        view = self._media.video(path, poster, str(caption), track)
        html, label = self._block("video", view), figure_label(view.number)
        return Block(html, view.caption, "video()", label=label, id=view.id)

    @prose_function(steps=1000, in_captions=False)
    def image(self, line: int) -> Block:
        """Return the picture at a line of the Markdown."""
        image = self._images.get(line)
        if image is None:
            raise UsageError(USAGE)
        if message := image.problem():
            raise UsageError(message)
        caption = None if image.is_decorative else self._render_caption(image)
        text = f"{image.alt} {caption}" if caption else ""
        anchors = caption.anchors if caption else ()
        if self._media is None:
            return Block("", text, "an image", anchors)
        view = self._media.image(image.path, image.alt, caption)
        html, label = self._block("image", view), figure_label(view.number)
        return Block(html, text, "an image", anchors, label, view.id)

    @prose_function(steps=1000, in_captions=False)
    def diagram(self, line: int) -> Block:
        """Return the diagram at a line of the Markdown."""
        diagram = self._diagrams.get(line)
        if diagram is None:
            raise UsageError(DIAGRAM_USAGE)
        if message := diagram.problem():
            raise UsageError(message)
        caption = self._render_caption(diagram)
        text = f"{diagram.alt} {caption}"
        if self._media is None:
            return Block("", text, "a diagram", caption.anchors)
        view = self._media.diagram(diagram.source, diagram.name, diagram.alt, caption)
        html, label = self._block("image", view), figure_label(view.number)
        return Block(html, text, "a diagram", caption.anchors, label, view.id)
