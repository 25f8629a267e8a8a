"""Draw the picture that other sites show beside a link to the book."""

from __future__ import annotations

import io
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from layerbook.site.pages import BookInfo

CARD_SIZE = (1200, 630)
CARD_MARGIN = 80
PAPER, INK, SOFT, ACCENT = "#fcf9f4", "#28231d", "#675e52", "#96391b"
FONT = "source-serif-4.woff2"


def social_card(book: BookInfo) -> bytes:
    """Return a PNG with the title, the subtitle and the authors of the book."""
    image = Image.new("RGB", CARD_SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, CARD_SIZE[0], 24), fill=ACCENT)
    width = CARD_SIZE[0] - 2 * CARD_MARGIN
    top = CARD_MARGIN + 40
    rows = (
        (book.title, 76, INK, 3),
        (book.subtitle, 36, SOFT, 3),
        (", ".join(book.authors), 28, SOFT, 1),
    )
    for text, size, color, max_lines in rows:
        font = _font(size)
        for line in _lines(text, font, width)[:max_lines]:
            draw.text((CARD_MARGIN, top), line, fill=color, font=font)
            top += round(1.25 * size)
        top += size // 2
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont:
    data = files("layerbook.templates").joinpath("assets", "fonts", FONT).read_bytes()
    return ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.BASIC)


def _lines(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels, between its words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
