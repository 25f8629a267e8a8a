"""Reading drawn figures back: what a test may ask of an SVG, without the drawers' help."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


def parsed(svg: str) -> ET.Element:
    """The root; fails on anything that is not well-formed."""
    return ET.fromstring(svg)


def texts(root: ET.Element) -> list[str]:
    """Everything written in the picture, in order."""
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def where(root: ET.Element, words: str) -> tuple[float, float]:
    """The place of the one text that says exactly this."""
    (found,) = [element for element in root.iter(f"{SVG}text") if element.text == words]
    return float(found.attrib["x"]), float(found.attrib["y"])


def numbers(path: str) -> NDArray[np.float64]:
    """The points [n, 2] of a path of straight lines."""
    return np.array([float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", path)]).reshape(-1, 2)


def boxes(root: ET.Element, paint: str) -> list[Box]:
    """Filled shapes of this paint: left, top, right, bottom."""
    found = []
    for element in root.iter():
        if f"--fig-{paint}," not in element.get("fill", ""):
            continue
        if element.tag == f"{SVG}rect":
            x, y, wide, high = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + wide, y + high))
        elif element.tag == f"{SVG}path":
            points = numbers(element.attrib["d"])
            found.append((*points.min(axis=0), *points.max(axis=0)))
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in found]


def line(root: ET.Element, paint: str) -> NDArray[np.float64]:
    """The points [n, 2] of the one stroke of this paint."""
    named = [p for p in root.iter(f"{SVG}path") if f"--fig-{paint}," in p.get("stroke", "") and not p.get("id")]
    (found,) = [p for p in named if p.get("fill") == "none"]
    return numbers(found.attrib["d"])


def dots(root: ET.Element, paint: str) -> NDArray[np.float64]:
    """The markers [n, 2] of this paint."""
    found = [e for e in root.iter(f"{SVG}use") if f"--fig-{paint}," in e.get("fill", "")]
    return np.array([(float(e.attrib["x"]), float(e.attrib["y"])) for e in found]).reshape(-1, 2)


@dataclass(frozen=True)
class Raster:
    """An embedded raster: its pixels [rows, columns, RGBA] and where they lie: left, top, right, bottom."""

    pixels: NDArray[np.uint8]
    box: Box

    def cells(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """The colour in the middle of each cell [rows, columns, RGBA]; every cell must be of one colour."""
        high, wide = self.pixels.shape[0] // rows, self.pixels.shape[1] // columns
        assert self.pixels.shape[:2] == (rows * high, columns * wide)
        blocks = self.pixels.reshape(rows, high, columns, wide, 4)
        assert (blocks == blocks[:, :1, :, :1]).all()
        return blocks[:, 0, :, 0]


def rasters(root: ET.Element) -> list[Raster]:
    """All rasters except colour bars (those are one pixel high)."""
    found = []
    for image in root.iter(f"{SVG}image"):
        kind, _, packed = image.attrib["href"].partition(",")
        assert kind == "data:image/png;base64"
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(packed))).convert("RGBA"))
        a, b, c, d, e, f = (float(v) for v in re.findall(r"-?[\d.]+", image.attrib["transform"]))
        assert (b, c) == (0, 0) and a > 0 and d > 0, "rasters are neither turned nor mirrored"
        assert pixels.shape[:2] == (int(image.attrib["height"]), int(image.attrib["width"]))
        if len(pixels) > 1:
            found.append(Raster(pixels, (e, f, e + a * pixels.shape[1], f + d * pixels.shape[0])))
    return found


def values(colors: NDArray[np.uint8], shades: NDArray[np.uint8], low: float, high: float) -> NDArray[np.float64]:
    """The numbers that colours [..., RGBA] stand for, NaN where transparent; each must be one of the shades."""
    far = np.abs(colors[..., None, :3].astype(int) - shades[:, :3].astype(int)).sum(axis=-1)
    solid = colors[..., 3] == 255
    assert (far.min(axis=-1)[solid] == 0).all(), "a colour that is not on the map"
    found = low + (high - low) * far.argmin(axis=-1) / (len(shades) - 1)
    return np.where(colors[..., 3] == 0, np.nan, found)
