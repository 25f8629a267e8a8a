"""Functions that show the book's own pictures, diagrams and videos."""

from __future__ import annotations

from layerbook.core.errors import UsageError
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.functions.context import FunctionGroup, figure_label, prose_function
from layerbook.site.prose.markup import Block, Inline
from layerbook.site.prose.pictures import IMAGE_USAGE, ProseDiagram, ProseImage


class MediaFunctions(FunctionGroup):
    """Show pictures, diagrams and videos."""

    @prose_function(steps=1000, in_captions=False)
    def video(self, path: str, *, poster: str, caption: object, track: str = "") -> Block:
        """`video("static/x.mp4", poster="images/x.png", caption="...")`: a video as a figure.

        `track="static/x.en.vtt"` gives it subtitles.
        """
        if self._context.media is None:
            return Block("", str(caption), "video()")
        view = self._context.media.video(path, poster, str(caption), track)
        html, label = self._block("video", view), figure_label(view.number)
        return Block(html, view.caption, "video()", label=label, id=view.id)

    @prose_function(steps=1000, in_captions=False)
    def picture(self, line: int) -> Block:
        """Return the image or diagram at a line of the Markdown."""
        picture = self._context.pictures.get(line)
        if picture is None:
            raise UsageError(IMAGE_USAGE)
        if message := picture.problem():
            raise UsageError(message)
        caption = self._caption(picture) if picture.caption else None  # if decorative
        text = f"{picture.alt} {caption}" if caption else ""
        anchors = caption.anchors if caption else ()
        if self._context.media is None:
            return Block("", text, picture.kind, anchors)
        view = self._context.media.picture(picture, caption)
        html, label = self._block("image", view), figure_label(view.number)
        return Block(html, text, picture.kind, anchors, label, view.id)

    def _caption(self, picture: ProseImage | ProseDiagram) -> Inline:
        functions = self.by_name().items()
        allowed = {name: f for name, f in functions if getattr(f, "in_captions", False)}
        source = TextPiece(self._context.file, picture.caption_line, picture.caption)
        return render_caption(source, allowed, self._context.math)
