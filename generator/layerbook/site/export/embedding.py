"""Files of a site within an exported document: style sheets, fonts and pictures as data."""

from __future__ import annotations

import base64
import mimetypes
import re
from pathlib import PurePosixPath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from layerbook.site.assets import STYLESHEETS
from layerbook.site.export.site_files import SiteFiles
from layerbook.site.pages import ThemeView

# Possessive, and without a second parenthesis: reading a sheet of nothing but `url(` is linear.
_URL = re.compile(r"url\(\s*+[\"']?([^()\"':]++)[\"']?\s*+\)")


def style_sheets(files: SiteFiles, theme: ThemeView) -> str:
    """Return a site's style sheets as one text that embeds the fonts and pictures they name.

    Raises StoreError for a sheet that is not there, OutsideError for a file outside of the site.
    """
    # Nothing in a style sheet may end the element that holds it.
    names = [*(f"assets/{name}" for name in STYLESHEETS), *theme.stylesheets]
    return "\n".join(_sheet(files, name) for name in names).replace("</", r"<\/")


def _sheet(files: SiteFiles, name: str) -> str:
    folder = PurePosixPath(name).parent

    def embed(match: re.Match[str]) -> str:
        path = str(folder / unquote(match[1].strip()))
        return f'url("{_data_url(files, path)}")' if files.exists(path) else match[0]

    return _URL.sub(embed, files.read(name).decode("utf-8", "replace"))


def embed_media(article: Element, files: SiteFiles, *, videos: bool = True) -> None:
    """Embed the pictures of a page, and its videos; without `videos`, only their posters.

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
                element.set(name, _data_url(files, source))


def _data_url(files: SiteFiles, path: str) -> str:
    suffix = PurePosixPath(path).suffix
    kind = "font/woff2" if suffix == ".woff2" else mimetypes.guess_type(f"file{suffix}")[0]
    return f"data:{kind};base64,{base64.b64encode(files.read(path)).decode()}"
