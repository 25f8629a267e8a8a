"""Turn drawings into pixels: SVG to PNG, with the fonts that matplotlib brings along.

Even a short drawing can take hours or gigabytes. A stranger's drawings are therefore made in a
process with limits, which runs this module as a program.
"""

from __future__ import annotations

import base64
import math
import re
from importlib.metadata import distribution
from xml.etree.ElementTree import ParseError, fromstring

import resvg_py

from layerbook.core.child_process import AnsweringProcess, answer_lines

SECONDS = 20
MAX_MEMORY = 2_000_000_000
MAX_PIXELS = 100_000_000


class DrawingProcess(AnsweringProcess):
    """A process that draws one picture after the other; close it at the end."""

    def __init__(self) -> None:
        super().__init__(__name__, SECONDS, MAX_MEMORY)

    def png(self, svg: str, scale: float) -> bytes:
        """Return what `svg_to_png` returns. Raises ValueError, also at the limits."""
        try:
            png, message = self.ask(svg, scale)
        except EOFError:
            raise ValueError("it takes too much time or memory") from None
        if message:
            raise ValueError(message)
        return base64.b64decode(png)


def _png_and_message(svg: str, scale: float) -> tuple[str, str]:
    try:
        return base64.b64encode(svg_to_png(svg, scale)).decode(), ""
    except ValueError as error:
        return "", str(error)


def svg_to_png(svg: str, scale: float) -> bytes:
    """Return a drawing as PNG on white, `scale` pixels for each of its own.

    Letters that DejaVu lacks come from the system's fonts. Raises ValueError for broken SVG, and
    for a drawing without a size or with more than 100 million pixels, which would end the program.
    """
    width, height = _size(svg)
    if not 0 < width * height * scale**2 <= MAX_PIXELS:
        raise ValueError(f"it is {width:g} by {height:g} pixels")
    # Importing matplotlib would read settings from the working directory, a stranger's book.
    fonts = distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf")
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=scale,
            background="white",
            font_dirs=[str(fonts)],
            font_family="DejaVu Sans",
            sans_serif_family="DejaVu Sans",
            serif_family="DejaVu Serif",
            monospace_family="DejaVu Sans Mono",
        )
    )


def _size(svg: str) -> tuple[float, float]:
    """Return the width and the height that a drawing states; NaN if they are not plain numbers."""
    try:
        root = fromstring(svg)
    except ParseError as error:
        raise ValueError(f"it is not SVG ({error})") from error
    box = ["", "", *re.split(r"[\s,]+", root.get("viewBox", "").strip())][-2:]
    sides = root.get("width", box[0]), root.get("height", box[1])
    if not all(re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,20})?", side) for side in sides):
        return math.nan, math.nan
    return float(sides[0]), float(sides[1])


if __name__ == "__main__":
    answer_lines(_png_and_message)
