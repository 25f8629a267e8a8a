"""A chapter as slides for a lecture hall: one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element

from layerbook.core import atomic
from layerbook.core.language import gettext
from layerbook.site.export.document import Links, classes, read_page, remove, serialize
from layerbook.site.export.site_files import SiteFiles, embed_media, style_sheets
from layerbook.site.pages import BookInfo, NavChapter

MAX_CHARACTERS = 480
"""The limit for the paragraphs of a slide; a longer paragraph gets its own slide."""
HEADINGS = ("h2", "h3")
FULL_SLIDE_CLASSES = {"figure", "predict", "cell", "claim", "sidebar", "journey", "tabs"}
"""Classes of blocks that fill a slide."""
ON_SCREEN = {"playground", "live", "edit", "downloads", "cell-bar", "badges", "explorer-open"}


@dataclass
class Slide:
    """The content of a slide, and the heading above it."""

    heading: str = ""
    blocks: list[Element] = field(default_factory=list)

    @property
    def characters(self) -> int:
        """The length of its text."""
        return sum(len("".join(block.itertext())) for block in self.blocks)


def write_slides(site: Path, book: BookInfo, chapter: NavChapter, path: Path) -> None:
    """Write a chapter of a built site as slides. Raises StoreError if its page is missing."""
    page = read_page(site, chapter, unfolded=False)
    remove(page.article, lambda e: e.tag == "button" and "tick" not in classes(e))
    remove(page.article, lambda e: bool(classes(e) & ON_SCREEN))
    Links({chapter.href: chapter.name}, prefix=False, url=book.url).relink(page)
    site_files = SiteFiles(site)
    embed_media(page.article, site_files)
    opening, *blocks = list(page.article)
    slides = [Slide(blocks=[opening]), *split(blocks)]
    atomic.write_output(path, _document(site_files, book, chapter, slides).encode())


def split(blocks: Sequence[Element]) -> Iterator[Slide]:
    """Yield slides: each figure has its own, and paragraphs share one until it is full."""
    slide = Slide()
    for block in blocks:
        is_heading, is_alone = block.tag in HEADINGS, bool(classes(block) & FULL_SLIDE_CLASSES)
        length = len("".join(block.itertext()))
        is_full = slide.characters + length > MAX_CHARACTERS
        if slide.blocks and (is_heading or is_alone or is_full):
            yield slide
            slide = Slide(slide.heading)
        if is_heading:
            slide.heading = "".join(block.itertext()).strip()
        else:
            slide.blocks.append(block)
        if is_alone:
            yield slide
            slide = Slide(slide.heading)
    if slide.blocks:
        yield slide


def _document(
    site_files: SiteFiles, book: BookInfo, chapter: NavChapter, slides: Sequence[Slide]
) -> str:
    package = files("layerbook.site.export")
    style = style_sheets(site_files, book.theme)
    style += package.joinpath("slides.css").read_text(encoding="utf-8")
    script = package.joinpath("slides.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "img-src data:; media-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    title = escape(f"{chapter.title} · {book.title}")
    sections = "\n".join(
        _section(slide, number, len(slides)) for number, slide in enumerate(slides, start=1)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(book.language)}" data-theme="light">\n<head>\n'
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="slides">\n<main class="prose">\n{sections}\n</main>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _section(slide: Slide, number: int, count: int) -> str:
    label = escape(gettext("Slide {number} of {count}", number=number, count=count))
    heading = f'<p class="slide-heading">{escape(slide.heading)}</p>' if slide.heading else ""
    body = "".join(map(serialize, slide.blocks))
    return (
        f'<section class="slide" id="slide-{number}" aria-label="{label}" tabindex="-1">'
        f'{heading}<div class="slide-body">{body}</div>'
        f'<p class="slide-number">{number} / {count}</p></section>'
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
