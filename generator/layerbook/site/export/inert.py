"""Remove from pages what could run code or read files: a site may be a stranger's.

Browsers open a page on disk with the rights to see every file, and so does the program that draws
figures. Exports keep what a page says and shows, and nothing else.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

ACTIVE = {
    "script", "style", "link", "meta", "base", "iframe", "frame", "frameset", "object", "embed",
    "applet", "form", "template", "portal", "foreignObject", "animate", "animateMotion",
    "animateTransform", "set", "filter", "noscript", "noembed", "noframes", "xmp", "plaintext",
}  # fmt: skip
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
LINKED = {"href", XLINK_HREF, "cite"}
SHOWN = {"src", "poster"}
UNUSED = {
    "style", "srcset", "imagesrcset", "data", "background", "action", "formaction", "ping",
    "filter",
}  # fmt: skip
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_LINK_SCHEMES = {"http", "https", "mailto"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_SUBTITLES = re.compile(r"data:text/vtt;base64,[A-Za-z0-9+/=]*")
_CONTROL = re.compile(r"[\x00-\x20]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ELEMENT = re.compile(rf"(?:\{{[^{{}}]*\}})?{_NAME.pattern}")
_OUTER_URL = re.compile(r"(?:url|src|image|image-set|cross-fade)\((?!\s*[\"']?#)", re.IGNORECASE)


def is_active(element: Element) -> bool:
    """Return whether an element could run something, or show another file.

    Elements with strange names count as such: XML does not allow them.
    """
    return _local(element.tag) in ACTIVE or not _ELEMENT.fullmatch(str(element.tag))


def make_inert(tree: Element) -> None:
    """Remove attributes that run something or lead to another file, except links and pictures.

    A link leads to a page of the site or to the web; a picture is a file of the site, or in it, as
    are the subtitles of a video.
    """
    for element in tree.iter():
        is_link, is_drawn = _local(element.tag) == "a", str(element.tag).startswith("{")
        for name, value in list(element.attrib.items()):
            address = _CONTROL.sub("", value)
            scheme = _SCHEME.match(address)
            if name in LINKED and is_link:
                is_safe = not scheme or scheme[1].lower() in _LINK_SCHEMES
            elif name in LINKED:  # within a drawing
                is_safe = address.startswith("#") or bool(_PICTURE.fullmatch(value))
            elif name in SHOWN:
                data = _SUBTITLES if _local(element.tag) == "track" else _PICTURE
                is_safe = not scheme or bool(data.fullmatch(value))
            else:
                is_safe = not (name.lower().startswith("on") or name.lower() in UNUSED)
                is_safe = is_safe and not (is_drawn and _names_file(value))
            if not is_safe or not _is_plain(name, element):
                del element.attrib[name]


def _is_plain(name: str, element: Element) -> bool:
    """Return whether an attribute is written as it was read, and has the name that it seems to.

    HTML allows nearly any name. `{x}onclick` would be written as `onclick`, as if `{x}` were the
    namespace, and a name that is written twice is an error in XML.
    """
    return bool(_NAME.fullmatch(name)) or (name == XLINK_HREF and "href" not in element.attrib)


def _names_file(value: str) -> bool:
    """Return whether a value of CSS may name another file; a backslash could hide a function."""
    return ("\\" in value and "(" in value) or bool(_OUTER_URL.search(value))


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
