"""Translate links between source files into addresses in the site.

Editors and code hosts follow `attention.md` and `../../images/head.png` from a text of the book.
"""

from __future__ import annotations

import re

from layerbook.book.media import MEDIA_FOLDERS

_PAGE = re.compile(r"(?:\./|\.\./(?:chapters|pages)/)?(?P<name>[\w%-]+)\.md(?P<anchor>#.*)?")
_UP = "../../"


def site_address(address: str) -> str:
    """Return the address in the site for a link to a source, a picture or a file of the book.

    `attention.md#heads` becomes `attention.html#heads`, and `../../static/x.csv` becomes
    `static/x.csv`. Other addresses stay as they are.
    """
    if match := _PAGE.fullmatch(address):
        return f"{match['name']}.html{match['anchor'] or ''}"
    path = address.removeprefix(_UP)
    return path if path.startswith(tuple(f"{folder}/" for folder in MEDIA_FOLDERS)) else address
