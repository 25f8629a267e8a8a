"""Write the files of a site at a known address: sitemap, page for wrong addresses, social card.

A book without `url` has none of them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from layerbook.core.language import gettext
from layerbook.site.pages import BookInfo

CARD = "assets/card.png"
"""The picture that other sites show beside a link."""
CARD_SIZE = (1200, 630)
CARD_MARGIN = 80
PAPER, INK, SOFT, ACCENT = "#fcf9f4", "#28231d", "#675e52", "#96391b"
FONT = "source-serif-4.woff2"


def published_files(book: BookInfo, page_files: Iterable[str]) -> dict[str, bytes]:
    """Return the files by path in the site; nothing for a book without an address."""
    if not book.url:
        return {}
    names = [path.removesuffix(".html") for path in page_files if "/" not in path]
    return {
        "sitemap.xml": _sitemap(book, names),
        "404.html": _not_found_page(book),
        CARD: _card(book),
    }


def _sitemap(book: BookInfo, names: Iterable[str]) -> bytes:
    paths = ["" if name == "index" else f"{name}.html" for name in sorted(names)]
    rows = "".join(f"<url><loc>{escape(book.url + path)}</loc></url>\n" for path in paths)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    ).encode()


def _not_found_page(book: BookInfo) -> bytes:
    """Return a page whose links work at any address, even in a folder that does not exist."""
    title = escape(gettext("This page does not exist"))
    sheet, front = escape(f"{book.url}assets/book.css"), escape(book.url)
    policy = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'"
    return f"""\
<!DOCTYPE html>
<html lang="{escape(book.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · {escape(book.title)}</title>
<link rel="stylesheet" href="{sheet}">
</head>
<body>
<main id="main">
<article class="prose">
<h1>{title}</h1>
<p><a href="{front}">{escape(book.title)}</a></p>
</article>
</main>
</body>
</html>
""".encode()


def _card(book: BookInfo) -> bytes:
    image = Image.new("RGB", CARD_SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, CARD_SIZE[0], 24), fill=ACCENT)
    width = CARD_SIZE[0] - 2 * CARD_MARGIN
    place = CARD_MARGIN + 40
    rows = (
        (book.title, 76, INK, 3),
        (book.subtitle, 36, SOFT, 3),
        (", ".join(book.authors), 28, SOFT, 1),
    )
    for text, size, color, most in rows:
        font = _font(size)
        for line in _lines(text, font, width)[:most]:
            draw.text((CARD_MARGIN, place), line, fill=color, font=font)
            place += round(1.25 * size)
        place += size // 2
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
