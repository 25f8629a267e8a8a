"""Make SVG for the page: small, themable and safe to inline.

A strict content policy allows no style attribute and no style element; inlining needs ids that are
unique on the page; one picture for light, dark and paper needs named paints.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from layerbook.core.figures import Figure
from layerbook.plotting import colors, text

MAX_UNSCROLLED_WIDTH = 370
"""The width that pictures try to keep to: a phone 390 pixels wide shows it in full size."""

PHONE_WIDTH = 374
"""The width of a picture on that phone. Wider ones are drawn a second time, for phones."""

MAX_SHRUNK_WIDTH = 405
"""Pictures wider than this keep their size on small screens and scroll (class `fig-wide`)."""

_ENLARGED = 1.15
"""Narrow pictures are shown this much larger where the page has room."""

Attributes = dict[str, str | float]

MAP_GID = "map"
"""The gid of groups whose colors stand for numbers; the page inverts them on dark (class
`fig-map`).
"""

HALO_GID = "halo"
"""The gid of text around which the page draws the paper (class `fig-halo`)."""

MARK_GID_PREFIX = "mark"
"""The prefix of the gids of marks, the parts of a picture that a reader can point at."""


class Area(NamedTuple):
    """A rectangle of a picture in pixels, from its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


@dataclass(frozen=True)
class Mark:
    """A group that readers can point at, of class `fig-KIND`.

    indices: its `data-KIND`: the number of a point, the numbers of both points that a link joins,
    or the name of a part. part: the name by which prose can point to a point.
    """

    kind: str
    indices: str
    tooltip: str = ""
    part: str = ""


_VIEW_BOX_WIDTH = re.compile(r'viewBox="0 0 ([\d.]+) ')
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_ANY_NUMBER = re.compile(r"-?[\d.]+")
_MIN_CRISP_SCALE = 1.6
_KEPT_GIDS = (MAP_GID, HALO_GID, MARK_GID_PREFIX)
_URL_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FONT_SHORTHAND = re.compile(
    r"^(?P<italic>italic )?(?:(?P<weight>bold|\d{3}) )?(?P<size>[\d.]+)px (?P<family>.+)$"
)
_DEFAULT_PROPERTIES = {"image-rendering:crisp-edges", "text-anchor:start"}
_GEOMETRY_ATTRIBUTES = tuple("x y x1 x2 y1 y2 width height cx cy r d points".split())


def root_element(
    id: str, width: float, height: float, figure: Figure, *, role: str = "img"
) -> ET.Element:
    """Return an empty picture of a size in CSS pixels, with the figure's title and alt text."""
    is_wide = width > MAX_SHRUNK_WIDTH
    scale = 1 if is_wide else _ENLARGED
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "fig fig-wide" if is_wide else "fig",
        "id": id,
        "viewBox": f"0 0 {format_coordinate(width)} {format_coordinate(height)}",
        "width": format_coordinate(width * scale),
        "height": format_coordinate(height * scale),
        "role": role,
        "font-family": text.SANS,
        "font-size": format_coordinate(text.FONT_SIZE),
        "fill": colors.css_color(colors.INK),
        "stroke-linejoin": "round",
    }
    svg = ET.Element("svg", attributes)
    if figure.title:
        ET.SubElement(svg, "title", {"id": f"{id}-title"}).text = text.printable(figure.title)
        svg.set("aria-labelledby", f"{id}-title")
        svg.set("aria-describedby", f"{id}-desc")
    else:
        svg.set("aria-labelledby", f"{id}-desc")
    ET.SubElement(svg, "desc", {"id": f"{id}-desc"}).text = text.printable(figure.alt)
    return svg


def natural_width(picture: str) -> float:
    """Return the width of a picture in its own coordinates: CSS pixels, where it is not scaled."""
    return float(_VIEW_BOX_WIDTH.findall(picture)[0])


def add_element(
    parent: ET.Element, tag: str, content: str = "", /, **attributes: str | float
) -> ET.Element:
    """Add a child element and return it.

    `_` in names stands for `-`, numbers are rounded, and colors become the page's paints.
    """
    named = {
        key.rstrip("_").replace("_", "-"): _attribute_value(value)
        for key, value in attributes.items()
    }
    child = ET.SubElement(parent, tag, named)
    child.text = text.printable(content) if content else None
    return child


def add_rectangle(parent: ET.Element, area: Area, **attributes: str | float) -> None:
    """Add a rectangle."""
    x, y, width, height = area
    add_element(parent, "rect", x=x, y=y, width=width, height=height, **attributes)


def add_path(parent: ET.Element, *parts: str | float, **attributes: str | float) -> None:
    """Add a path of letters and coordinates: `add_path(parent, "M", 0, 0, "H", 9, fill="none")`."""
    letters = (part if isinstance(part, str) else format_coordinate(part) for part in parts)
    add_element(parent, "path", d=" ".join(letters), **attributes)


def add_part(parent: ET.Element, name: str) -> ET.Element:
    """Add a group that prose can point to by its printable name."""
    group = ET.SubElement(parent, "g", {"class": "fig-part"})
    group.set("data-part", name)
    return group


def embed_matplotlib_svg(text: str, picture: ET.Element, id: str, marks: Mapping[str, Mark]) -> str:
    """Move matplotlib's SVG into `picture`, with named paints and ids that begin with `id`.

    What the page does not need is left out. marks: by gid, the parts that can be pointed at.
    """
    source = ET.fromstring(text)
    for element in source.iter():
        _clean_element(element)
    # matplotlib makes ids of coordinates to the last bit, which is not the same on every processor.
    names = {
        old: f"{id}-part{number}"
        for number, old in enumerate(dict.fromkeys(_referenced_ids(source)), start=1)
    }
    contents = list(_visible_children(source))
    for element in source.iter():
        if mark := marks.get(element.get("id", "")):
            _apply_mark(element, mark)
        _rewrite_ids(element, names)
    picture.extend(contents)
    return to_string(picture)


def to_string(picture: ET.Element) -> str:
    """Return the element as text, without a declaration."""
    return ET.tostring(picture, encoding="unicode")


def format_coordinate(value: float) -> str:
    """Return the number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def _attribute_value(value: str | float) -> str:
    return colors.css_color(value) if isinstance(value, str) else format_coordinate(value)


def _visible_children(element: ET.Element) -> Iterator[ET.Element]:
    """Return the children to keep, with groups without attributes replaced by their children."""
    for child in element:
        if child.tag in {"metadata", "style"} or (
            child.get("fill") == "none" and not child.get("stroke") and child.tag != "g"
        ):
            continue
        inner = list(_visible_children(child))
        if (
            child.tag == "g"
            and not set(child.attrib) - {"id"}
            and not child.get("id", "").startswith(_KEPT_GIDS)
        ):
            yield from inner
        elif inner or child.tag not in {"g", "defs"}:
            child[:] = inner
            child.tail = None
            yield child


def _clean_element(element: ET.Element) -> None:
    """Rewrite an element with plain attributes, rounded numbers and named paints."""
    element.tag = element.tag.rpartition("}")[2]
    element.tail = None
    if element.tag != "text":
        element.text = None
    for name in list(element.attrib):
        element.set(name.rpartition("}")[2], element.attrib.pop(name))
    element.attrib |= _style_properties(element.attrib.pop("style", ""))
    for name in _GEOMETRY_ATTRIBUTES:
        if name in element.attrib:
            element.set(name, " ".join(_round_numbers(element.attrib[name]).split()))
    for name in ("fill", "stroke"):
        if name in element.attrib:
            element.set(name, colors.css_color(element.attrib[name]))
    if element.tag == "text":
        _clean_text(element)
    elif element.tag == "image":
        _clean_image(element)


def _style_properties(style: str) -> dict[str, str]:
    """Return the properties of a style attribute as presentation attributes.

    These have no `font:` shorthand.
    """
    properties: dict[str, str] = {}
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        font = _FONT_SHORTHAND.match(value) if name == "font" else None
        if font:
            keys = ("weight", "size", "family")
            properties |= {f"font-{key}": font[key] for key in keys if font[key]}
        elif name and f"{name}:{value}" not in _DEFAULT_PROPERTIES:
            properties[name] = value.removesuffix("px") if name == "font-size" else value
    return properties


def _clean_text(element: ET.Element) -> None:
    """Set text in the page's fonts; attributes of the root are left out."""
    if "mono" in element.attrib.pop("font-family", "").lower():
        element.set("font-family", text.MONO)
    if element.get("fill") == colors.css_color(colors.INK):
        del element.attrib["fill"]
    turned = element.get("transform", "")
    if "rotate(-0 " in turned or "rotate(0 " in turned:
        del element.attrib["transform"]
    elif turned:
        element.set("transform", _round_numbers(turned))


def _round_numbers(attribute: str) -> str:
    return _DECIMAL.sub(lambda match: format_coordinate(float(match[0])), attribute)


def _clean_image(element: ET.Element) -> None:
    """Encode an image of few colors as a palette PNG, a quarter of the size.

    Its class belongs to the images that dark pages invert.
    """
    from PIL import Image

    encoded = base64.b64decode(element.attrib.pop("href").partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGBA"))
    palette, index = np.unique(
        np.ascontiguousarray(pixels).view(np.uint32).ravel(), return_inverse=True
    )
    image = Image.fromarray(pixels)
    options = {}
    if len(palette) <= 256:
        rgba = palette.view(np.uint8).reshape(-1, 4)
        image = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8), "P")
        image.putpalette(rgba[:, :3].tobytes())
        options = {"transparency": rgba[:, 3].tobytes()} if (rgba[:, 3] < 255).any() else {}
    stream = io.BytesIO()
    image.save(stream, format="png", optimize=True, **options)
    element.set("href", "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode())
    element.set("class", "fig-map")
    element.set("preserveAspectRatio", "none")
    turned = _DECIMAL.sub(lambda match: f"{float(match[0]):.6g}", element.get("transform", ""))
    element.set("transform", turned)
    numbers = list(map(float, _ANY_NUMBER.findall(turned)))
    if len(numbers) < 4 or min(numbers[0], numbers[3]) < _MIN_CRISP_SCALE:
        # Sampling pixels of a fine pattern would alias it.
        element.attrib.pop("image-rendering", None)


def _referenced_ids(tree: ET.Element) -> Iterator[str]:
    for element in tree.iter():
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                yield value[1:]
            yield from _URL_REFERENCE.findall(value)


def _apply_mark(element: ET.Element, mark: Mark) -> None:
    """Make a group a mark; its title is what browsers show without scripts."""
    element.set("class", f"fig-{mark.kind}")
    element.set(f"data-{mark.kind}", mark.indices)
    if mark.part:
        element.set("data-part", mark.part)
    if mark.tooltip:
        words = ET.Element("title")
        words.text = mark.tooltip
        element.insert(0, words)


def _rewrite_ids(element: ET.Element, names: Mapping[str, str]) -> None:
    """Rename ids that something refers to, and drop all others."""
    own = element.attrib.pop("id", "")
    if own.startswith(MAP_GID):
        element.set("class", "fig-map")
    elif own.startswith(HALO_GID):
        element.set("class", "fig-halo")
    if own in names:
        element.set("id", names[own])
    for name, value in element.attrib.items():
        if name == "href" and value.startswith("#"):
            element.set(name, f"#{names[value[1:]]}")
        elif "url(#" in value:
            element.set(name, _URL_REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", value))
