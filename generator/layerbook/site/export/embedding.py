"""Files of a site within an exported document: style sheets, fonts and pictures as data."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from layerbook.core.errors import StoreError
from layerbook.core.paths import resolve_inside

_URL = re.compile(r"url\(\s*[\"']?([^)\"':]+)[\"']?\s*\)")


def style_sheets(site: Path, names: Iterable[str]) -> str:
    """Return style sheets of a site as one, with the files that they name in it.

    Raises StoreError for a sheet that is not there, OutsideError for a file outside of the site.
    """
    # Nothing in a style sheet may end the element that holds it.
    return "\n".join(_sheet(site, name) for name in names).replace("</", r"<\/")


def _sheet(site: Path, name: str) -> str:
    folder = PurePosixPath(name).parent

    def embed(match: re.Match[str]) -> str:
        file = resolve_inside(site, str(folder / unquote(match[1].strip())), links=False)
        return f'url("{_data_url(file)}")' if file.is_file() else match[0]

    return _URL.sub(embed, _read(resolve_inside(site, name, links=False)).decode())


def embed_media(article: Element, site: Path, *, videos: bool = True) -> None:
    """Put the pictures of a page into it; its videos too, or else only their first pictures.

    Raises StoreError for a file that is not there, OutsideError for one outside of the site.
    """
    for element in article.iter():
        for name in ("src", "poster"):
            source = element.get(name)
            if source is None or source.startswith("data:"):
                continue
            if name == "src" and element.tag != "img" and not videos:
                del element.attrib[name]
            else:
                element.set(name, _data_url(resolve_inside(site, source, links=False)))


def _data_url(file: Path) -> str:
    kind = "font/woff2" if file.suffix == ".woff2" else mimetypes.guess_type(file.name)[0]
    return f"data:{kind};base64,{base64.b64encode(_read(file)).decode()}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"{file}: cannot be read ({error.strerror or error}); run `layerbook build`"
        raise StoreError(message) from error
