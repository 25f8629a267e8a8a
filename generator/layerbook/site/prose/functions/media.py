"""Functions that show the book's own pictures, diagrams and videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layerbook.core.errors import UsageError
from layerbook.site.prose.functions.context import (
    ChapterContext,
    FunctionGroup,
    figure_label,
    prose_function,
)
from layerbook.site.prose.markup import Block, Inline
from layerbook.site.prose.pictures import IMAGE_USAGE, ProseDiagram, ProseImage


class MediaFunctions(FunctionGroup):
    """Show pictures, diagrams and videos.

    pictures: the pictures in the chapter's Markdown, by line. render_caption: renders a caption.
    """

    def __init__(
        self,
        context: ChapterContext,
        pictures: Mapping[int, ProseImage | ProseDiagram],
        render_caption: Callable[[ProseImage | ProseDiagram], Inline],
    ) -> None:
        super().__init__(context)
        self._media, self._pictures = context.media, pictures
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
    def picture(self, line: int) -> Block:
        """Return the image or diagram at a line of the Markdown."""
        picture = self._pictures.get(line)
        if picture is None:
            raise UsageError(IMAGE_USAGE)
        if message := picture.problem():
            raise UsageError(message)
        caption = self._render_caption(picture) if picture.caption else None  # if decorative
        text = f"{picture.alt} {caption}" if caption else ""
        anchors = caption.anchors if caption else ()
        if self._media is None:
            return Block("", text, picture.kind, anchors)
        view = self._media.picture(picture, caption)
        html, label = self._block("image", view), figure_label(view.number)
        return Block(html, text, picture.kind, anchors, label, view.id)
