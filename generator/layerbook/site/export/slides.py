"""A chapter as slides for a lecture hall: one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element

from layerbook.core import atomic
from layerbook.core.language import gettext
from layerbook.site.export.document import (
    ON_SCREEN,
    Links,
    classes,
    fill_template,
    read_article,
    remove,
    serialize,
)
from layerbook.site.export.site_files import SiteFiles, embed_media, style_sheets
from layerbook.site.pages import BookInfo, NavChapter

MAX_CHARACTERS = 480
"""The limit for the paragraphs of a slide; a longer paragraph gets its own slide."""
HEADINGS = ("h2", "h3")
FULL_SLIDE_CLASSES = {"figure", "predict", "cell", "claim", "sidebar", "journey", "tabs"}
"""Classes of blocks that fill a slide."""


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
    article = read_article(site, chapter, unfolded=False)
    remove(article, lambda e: e.tag == "button" and "tick" not in classes(e))
    remove(article, lambda e: bool(classes(e) & ON_SCREEN))
    Links({chapter.name: article}, prefix=False, url=book.url).relink(chapter.name, article)
    site_files = SiteFiles(site)
    embed_media(article, site_files)
    opening, *blocks = list(article)
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
    sections = [
        {
            "heading": slide.heading,
            "html": "".join(map(serialize, slide.blocks)),
            "label": gettext("Slide {number} of {count}", number=number, count=len(slides)),
        }
        for number, slide in enumerate(slides, start=1)
    ]
    digests = {"style": _digest(style), "script": _digest(script)}
    return fill_template(
        "slides.html",
        book=book,
        chapter=chapter,
        slides=sections,
        style=style,
        script=script,
        digests=digests,
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
