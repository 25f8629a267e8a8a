"""A matplotlib figure measured in CSS pixels from its top left corner.

Most of a chart is drawn on one sheet of paper the size of the figure, which costs far less than
axes with their ticks; `add_axes()` adds real axes where a scale is needed.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from layerbook.plotting import colors, text
from layerbook.plotting.svg import HALO_GID, MARK_GID_PREFIX, Area, Mark

Anchor = Literal["left", "center", "right"]

_NO_METADATA: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
DPI = 72  # matplotlib's SVG backend writes 72 units to the inch, one unit a pixel of ours

_RC_PARAMS = {
    "axes.edgecolor": colors.LINE,
    "axes.facecolor": "none",
    "axes.linewidth": 1.0,
    "axes.unicode_minus": True,
    "figure.dpi": DPI,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": text.SMALL_FONT_SIZE,
    "grid.color": colors.GRID,
    "grid.linewidth": 1.0,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "text.color": colors.INK,
    "text.parse_math": False,
    "text.usetex": False,
}


@contextmanager
def matplotlib_style(salt: str) -> Iterator[None]:
    """Use the book's settings, and no others, for one figure; `salt` makes its inner ids unique."""
    with rc_context(), warnings.catch_warnings():
        rcdefaults()
        rcParams.update({**_RC_PARAMS, "svg.hashsalt": salt})
        # The reader's browser chooses the glyphs; that matplotlib's own font lacks some only
        # matters for widths.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        warnings.filterwarnings("ignore", r".*Matplotlib currently does not support", UserWarning)
        yield


def to_svg(figure: Figure) -> str:
    """Render a figure of matplotlib; equal figures have equal bytes."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata=_NO_METADATA)
    return stream.getvalue()


class Size(NamedTuple):
    """A width and a height in pixels."""

    width: float
    height: float


Segment = tuple[float, float, float, float]
"""A straight stroke (x0, y0, x1, y1)."""


class LabeledSides(NamedTuple):
    """The sides of a chart with labels; inner charts of a grid have none."""

    left: bool
    bottom: bool


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """The arrangement of charts that are shown together.

    charts_per_row: the number side by side. stacked: others are above or below.
    shared_scale: all have the same scale. narrow: they must fit a phone.
    """

    charts_per_row: int = 1
    stacked: bool = False
    shared_scale: bool = True
    narrow: bool = False


BOTH_SIDES = LabeledSides(left=True, bottom=True)


class TextStyle(TypedDict, total=False):
    """The font, color and place of a text.

    rotation: in degrees, counterclockwise. halo: the page draws a border in the color of the
    paper around the letters, so that they stay legible on a grid.
    """

    size: float
    color: str
    anchor: Anchor
    rotation: float
    mono: bool
    bold: bool
    halo: bool


class Canvas:
    """A sheet of `width` by `height` pixels."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = float(np.ceil(width)), float(np.ceil(height))
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        self.overlay = self.figure.add_axes((0, 0, 1, 1))
        self.overlay.set(xlim=(0, self.width), ylim=(self.height, 0), autoscale_on=False)
        self.overlay.axis("off")
        self.marks: dict[str, Mark] = {}
        self.grids: list[list[float]] = []
        self.panels: list[list[str | float]] = []

    def add_axes(self, area: Area) -> Axes:
        """Add real axes, below everything drawn on the paper."""
        bottom = 1 - area.bottom / self.height
        width, height = area.width / self.width, area.height / self.height
        return self.figure.add_axes((area.left / self.width, bottom, width, height), zorder=-1)

    def add_mark(self, kind: str, indices: str, tooltip: str = "", part: str = "") -> str:
        """Return the gid of a mark, a part that readers can point at.

        indices: as in `svg.Mark`. part: the name by which prose can point to it.
        """
        gid = f"{MARK_GID_PREFIX}-{len(self.marks)}"
        self.marks[gid] = Mark(kind, indices, tooltip, part)
        return gid

    def add_part(self, name: str) -> str:
        """Return the gid of a part that prose can point to by its name."""
        return self.add_mark("part", name)

    def add_grid(self, area: Area, rows: int, columns: int) -> None:
        """Record the cells of a heat map, so that the page can outline some of them."""
        self.grids.append([*(round(side, 2) for side in area), rows, columns])

    def add_panel(self, title: str, area: Area) -> None:
        """Record the area of one of several charts, so that the page can outline it."""
        outline = (area.left - 5, area.top - 3, area.width + 10, area.height + 6)
        self.panels.append([text.printable(title), *(round(side, 2) for side in outline)])

    def count_marks(self, kind: str) -> int:
        """Count the marks of this kind so far."""
        return sum(mark.kind == kind for mark in self.marks.values())

    def draw_text(
        self, words: str, x: float, y: float, gid: str | None = None, **style: Unpack[TextStyle]
    ) -> None:
        """Draw text whose baseline starts, ends or is centered at (x, y).

        gid: the mark it is part of.
        """
        self.overlay.text(
            x,
            y,
            words,
            fontsize=style.get("size", text.SMALL_FONT_SIZE),
            color=style.get("color", colors.INK),
            ha=style.get("anchor", "left"),
            va="baseline",
            rotation=style.get("rotation", 0),
            rotation_mode="anchor",
            fontfamily="DejaVu Sans Mono" if style.get("mono") else "DejaVu Sans",
            fontweight="bold" if style.get("bold") else "normal",
            parse_math=False,
            gid=HALO_GID if style.get("halo") else gid,
        )

    def draw_rectangle(self, area: Area, color: str, *, gid: str | None = None) -> None:
        """Draw a filled rectangle; `gid` is the mark it is part of."""
        rectangle = Rectangle((area.left, area.top), area.width, area.height, gid=gid)
        self.draw_patch(rectangle, fill=color)

    def draw_segments(self, segments: Sequence[Segment], color: str, line_width: float = 1) -> None:
        """Draw straight strokes as one path."""
        points = np.array(segments, dtype=float).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, Path.LINETO], len(segments))
        self.draw_patch(PathPatch(Path(points, codes), linewidth=line_width), edge=color)

    def draw_patch(self, patch: Patch, *, fill: str = "none", edge: str = "none") -> None:
        """Draw a shape of matplotlib in these colors."""
        patch.set(facecolor=fill, edgecolor=edge, clip_on=False)
        self.overlay.add_artist(patch)

    def draw_image(self, pixels: NDArray[np.uint8], area: Area) -> None:
        """Draw cells [rows, columns, RGBA] as sharp rectangles, the first row on top."""
        image = AxesImage(
            self.overlay,
            extent=(area.left, area.right, area.bottom, area.top),
            interpolation="none",
            clip_on=False,
        )
        image.set_data(pixels)
        self.overlay.add_image(image)
