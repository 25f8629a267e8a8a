"""The files of a site, which may be a stranger's: no links, no pipes, nothing huge.

An exported document embeds style sheets, fonts and pictures as data.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from layerbook.core.errors import StoreError
from layerbook.core.paths import MAX_BYTES, read_file, resolve_within
from layerbook.site.assets import STYLESHEETS
from layerbook.site.pages import ThemeView

MAX_TOTAL_BYTES = 500_000_000
# Possessive, and without a second parenthesis: reading a sheet of nothing but `url(` is linear.
_URL = re.compile(r"url\(\s*+[\"']?([^()\"':]++)[\"']?\s*+\)")


def read_site_file(file: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file. Raises StoreError if it is missing or too large."""
    try:
        return read_file(file, max_bytes)
    except OSError as error:
        message = f"{file}: cannot be read ({error.strerror or error}); run `layerbook build`"
        raise StoreError(message) from error


class SiteFiles:
    """The files of a site for one document, which gets at most 500 MB of them."""

    def __init__(self, site: Path) -> None:
        self._site, self._bytes = site, 0

    def read(self, path: str) -> bytes:
        """Read a file by its path in the site.

        Raises StoreError for one that is not there, or if there are too many, and OutsideError for
        a path that leads out of the site.
        """
        data = read_site_file(resolve_within(self._site, self._site / path, links=False))
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL_BYTES:
            megabytes = MAX_TOTAL_BYTES // 1_000_000
            raise StoreError(f"{self._site}: its files are larger than {megabytes} MB together")
        return data

    def exists(self, path: str) -> bool:
        """Return whether the site has the file. Raises OutsideError."""
        return resolve_within(self._site, self._site / path, links=False).is_file()


def is_plain_path(path: str) -> bool:
    """Return whether a path leads down only, so that it can name a file in an archive."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not {"..", "\\"} & {*parts, *path}


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
