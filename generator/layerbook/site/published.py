"""The extra files of a site with a known address: sitemap, error page and social card.

A book without `url` has none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from layerbook.core.language import gettext
from layerbook.site.pages import BookInfo

CARD = "assets/card.png"
"""The picture that other sites show beside a link."""


def published_files(book: BookInfo, page_files: Iterable[str]) -> dict[str, bytes]:
    """Return the files by path in the site; nothing for a book without an address."""
    if not book.url:
        return {}
    from layerbook.site.social_card import social_card  # with Pillow, which most builds do not need

    names = [path.removesuffix(".html") for path in page_files if "/" not in path]
    return {
        "sitemap.xml": _sitemap(book, names),
        "404.html": _not_found_page(book),
        CARD: social_card(book),
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
