"""The figures of a built site as files for other programs: SVG, and PNG twice as large."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, tostring

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.core.paths import resolve_within
from layerbook.plotting.rasterizing import DrawingProcess
from layerbook.site.export.document import SVG, read_article, serialize
from layerbook.site.pages import NavChapter

PNG_SCALE = 2
_NAME = re.compile(r"\w[\w-]{0,200}")
_VARIABLE = re.compile(r"var\(--[\w-]+,\s*([^()]+)\)")
# The rules of figures.css that a drawing needs beside its own attributes.
_STYLE = (
    ".fig text { white-space: pre }"
    ".fig-halo text { paint-order: stroke; stroke: #fff; stroke-width: 3px; "
    "stroke-linejoin: round }"
)


def write_figures(site: Path, chapters: Iterable[NavChapter], folder: Path) -> int:
    """Write `CHAPTER/FIGURE.svg` and `.png` of each drawing, and return how many there are.

    The steps of a sequence are numbered from 1. Figures that are text have no drawing.
    Raises StoreError for a page that is missing, and for a figure that cannot be drawn or whose id
    cannot be a file's name.
    """
    count = 0
    with closing(DrawingProcess()) as process:
        for chapter in chapters:
            resolve_within(folder, folder / chapter.name, links=False)
            for name, svg in _drawings(read_article(site, chapter)):
                if not _NAME.fullmatch(name):
                    message = f"the id {name!r} of a figure cannot be the name of a file"
                    raise StoreError(f"{chapter.href}: {message}")
                path = folder / chapter.name / f"{name}.svg"
                text = standalone(svg)
                try:
                    png = process.png(text, PNG_SCALE)
                except ValueError as error:
                    message = f"the figure {name!r} cannot be drawn: {error}"
                    raise StoreError(f"{chapter.href}: {message}") from error
                atomic.write(path, text.encode(), durable=False)
                atomic.write(path.with_suffix(".png"), png, durable=False)
                count += 1
    return count


def _drawings(article: Element) -> Iterator[tuple[str, Element]]:
    for figure in article.iter("figure"):
        drawings = list(figure.iter(f"{SVG}svg"))
        for number, svg in enumerate(drawings, start=1):
            suffix = f"-{number}" if len(drawings) > 1 else ""
            yield f"{figure.get('id', '')}{suffix}", svg


def standalone(svg: Element) -> str:
    """Return a drawing with its colors in place of the page's variables, and without links."""
    tree = fromstring(serialize(svg, xml=True))
    for element in tree.iter():
        element.tag = element.tag.removeprefix(SVG)
        for name, value in element.attrib.items():
            element.set(name, _VARIABLE.sub(r"\1", value))
        if element.tag == "a":
            element.tag = "g"
            element.attrib.pop("href", None)
    tree.set("xmlns", SVG[1:-1])
    style = Element("style")
    style.text = _STYLE
    tree.insert(0, style)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(tree, encoding="unicode")}\n'
