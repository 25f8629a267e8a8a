"""Draw chains of products to scale: vectors as bars, matrices as rectangles, functions as circles.

Each vector stands upright, so that it is as high as the matrix that takes it; the matrix is as wide
as the vector that comes out of it is high. For a phone the chain runs downwards, and all shapes are
transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise, product
from typing import NamedTuple
from xml.etree import ElementTree as ET

from layerbook.core.figures import ChainStep, MatrixChain
from layerbook.plotting import colors, svg, text
from layerbook.plotting.svg import Area

_MAX_WIDTH = 860.0
_MAX_HEIGHTS = (170.0, 140.0, 110.0, 90.0, 70.0)
_MIN_SIDE = 9.0
_GAP = 34.0
_LANE_GAP = 26.0
_NAME_HEIGHT = 22.0
_LINE_HEIGHT = 16.5
_CIRCLE_SIZE = 32.0
_NOTE_WIDTH = 136.0
_PHONE_SIDE = 110.0
_PHONE_LANE = 182.0
_PHONE_TEXT = 118.0
_SOFT: svg.Attributes = {"font_size": text.SMALL_FONT_SIZE, "fill": colors.MUTED}


_FILL_AND_EDGE = {
    "vector": (colors.SERIES[0], colors.SERIES[0]),
    "matrix": (colors.TINT, colors.ACCENT),
    "function": (colors.PAPER, colors.MUTED),
}


@dataclass(frozen=True)
class _Shape:
    """The shape of a step with its texts; (x, y) is its middle, once it is placed.

    slot_width: of the shape or its widest text.
    """

    step: ChainStep
    name: str
    note_lines: tuple[str, ...]
    width: float
    height: float
    slot_width: float
    x: float = 0.0
    y: float = 0.0

    @property
    def is_function(self) -> bool:
        """True for a circle with its name inside."""
        return self.step.kind == "function"

    @property
    def above(self) -> float:
        """Distance from the middle of the shape to the top of its name."""
        return self.height / 2 + (6.0 if self.is_function else _NAME_HEIGHT)

    @property
    def below(self) -> float:
        """Distance from the middle of the shape to the bottom of its text."""
        return self.height / 2 + 6 + _LINE_HEIGHT * len(self.note_lines)

    @property
    def text_height(self) -> float:
        """Height of the texts that are beside the shape on a phone."""
        lines = len(self.note_lines) + (not self.is_function)
        return max(lines * _LINE_HEIGHT, _MIN_SIDE)

    def transposed(self) -> _Shape:
        """Return a vector or matrix with its sides swapped."""
        return self if self.is_function else replace(self, width=self.height, height=self.width)


class _Extent(NamedTuple):
    """The distances from a middle to the top and to the bottom."""

    above: float
    below: float


Section = list[list[_Shape]]
"""Lanes side by side, each a chain; most sections have one lane."""


class _Layout(NamedTuple):
    """Sections of placed shapes, and the size of all together."""

    sections: list[Section]
    width: float
    height: float


def render_matrix_chain(figure: MatrixChain, id: str, *, narrow: bool = False) -> str:
    """Draw the chain as SVG: left to right, or `narrow`, downwards to fit a phone."""
    layout = _place_downwards(figure.steps) if narrow else _place_rightwards(figure.steps)
    picture = svg.root_element(id, layout.width, layout.height, figure)
    sheet = picture if narrow else svg.add_element(picture, "g", transform="translate(2 2)")
    draw_arrow = _draw_arrow_down if narrow else _draw_arrow_right
    draw_texts = _draw_texts_beside if narrow else _draw_texts_around
    last_shapes: list[_Shape] = []
    for lanes in layout.sections:
        first_shapes = [lane[0] for lane in lanes]
        for start, end in chain(product(last_shapes, first_shapes), *map(pairwise, lanes)):
            draw_arrow(sheet, start, end)
        for shape in chain(*lanes):
            group = svg.add_part(sheet, text.printable(shape.step.name))
            _draw_shape(group, shape)
            draw_texts(group, shape)
        last_shapes = [lane[-1] for lane in lanes]
    return svg.to_string(picture)


def _place_rightwards(steps: Sequence[ChainStep]) -> _Layout:
    """Place sections side by side, as high as the width of the page allows."""
    for max_height in _MAX_HEIGHTS:
        sections = _sections(steps, max_height)
        width = sum(map(_section_width, sections)) + _GAP * (len(sections) - 1)
        if width <= _MAX_WIDTH:
            break
    extents = [_section_extent(section) for section in sections]
    above, below = max(e.above for e in extents), max(e.below for e in extents)
    x = 0.0
    placed_sections = []
    for section in sections:
        placed_sections.append(_place_section(section, x, above))
        x += _section_width(section) + _GAP
    return _Layout(placed_sections, width + 4, above + below + 4)


def _sections(steps: Sequence[ChainStep], longest_side: float) -> list[Section]:
    """Return steps in sections: a step without a lane, or parallel lanes up to the next one.

    longest_side: of all vectors and matrices, in pixels.
    """
    sides = [max(step.rows, step.columns) for step in steps if step.kind != "function"]
    unit = longest_side / max(sides, default=1)
    sections: list[Section] = []
    lanes: dict[int, list[_Shape]] = {}
    for step in steps:
        shape = _shape(step, unit)
        if step.lane is None:
            sections += [list(lanes.values())] if lanes else []
            lanes = {}
            sections.append([[shape]])
        else:
            lanes.setdefault(step.lane, []).append(shape)
    return sections + ([list(lanes.values())] if lanes else [])


def _shape(step: ChainStep, unit: float) -> _Shape:
    """Return a step with its sizes, at `unit` pixels per row or column."""
    lines = tuple(filter(None, [step.shape(), *_wrap_note(text.printable(step.note))]))
    name = text.printable(step.name, 24)
    name_width = text.pixel_width(name, text.FONT_SIZE)
    if step.kind == "function":
        width, height = max(_CIRCLE_SIZE, name_width + 16), _CIRCLE_SIZE
    elif step.kind == "vector":
        width, height = _MIN_SIDE, max(unit * max(step.rows, step.columns), _MIN_SIDE)
    else:
        width, height = max(unit * step.columns, _MIN_SIDE), max(unit * step.rows, _MIN_SIDE)
    slot_width = max(width, name_width, *map(text.pixel_width, lines), 0)
    return _Shape(step, name, lines, width, height, slot_width)


def _wrap_note(note: str) -> list[str]:
    """Return the note in lines of a readable width."""
    lines: list[str] = []
    for word in note.split():
        if lines and text.pixel_width(f"{lines[-1]} {word}") <= _NOTE_WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _section_width(section: Section) -> float:
    return max(sum(shape.slot_width for shape in lane) + _GAP * (len(lane) - 1) for lane in section)


def _lane_extent(lane: Sequence[_Shape]) -> _Extent:
    return _Extent(max(shape.above for shape in lane), max(shape.below for shape in lane))


def _section_extent(section: Section) -> _Extent:
    """Return the extent of a section around the line that sections are centered on."""
    if len(section) == 1:
        return _lane_extent(section[0])
    total = sum(sum(_lane_extent(lane)) for lane in section) + _LANE_GAP * (len(section) - 1)
    return _Extent(total / 2, total / 2)


def _place_section(section: Section, left: float, middle: float) -> Section:
    """Place the shapes of a section; shorter lanes are spread over its whole length."""
    lanes: Section = []
    top = middle - _section_extent(section).above
    for lane in section:
        extent = _lane_extent(lane)
        free = _section_width(section) - sum(shape.slot_width for shape in lane)
        gap = free / (len(lane) - 1) if len(lane) > 1 else 0.0
        x = left
        lanes.append([])
        for shape in lane:
            lanes[-1].append(replace(shape, x=x + shape.slot_width / 2, y=top + extent.above))
            x += shape.slot_width + gap
        top += extent.above + extent.below + _LANE_GAP
    return lanes


def _place_downwards(steps: Sequence[ChainStep]) -> _Layout:
    """Place transposed sections below each other, their lanes side by side."""
    sections = _sections(steps, _PHONE_SIDE)
    top = 4.0
    placed_sections = []
    for section in sections:
        lanes: Section = []
        bottom = top
        for number, lane in enumerate(section):
            is_only = len(section) == 1
            x = _PHONE_LANE / 2 if is_only else (number + 0.5) * _PHONE_LANE - _PHONE_TEXT / 2
            y = top
            lanes.append([])
            for shape in (shape.transposed() for shape in lane):
                height = max(shape.height, shape.text_height)
                lanes[-1].append(replace(shape, x=x, y=y + height / 2))
                y += height + _GAP
            bottom = max(bottom, y)
        placed_sections.append(lanes)
        top = bottom
    return _Layout(placed_sections, _PHONE_LANE * max(map(len, sections)), top - _GAP + 4)


def _draw_arrow_right(sheet: ET.Element, start: _Shape, end: _Shape) -> None:
    """Draw an arrow between two shapes; if they are not on one line, it bends before the second."""
    x0, x1, y = start.x + start.width / 2 + 5, end.x - end.width / 2 - 5, end.y
    bend: tuple[str | float, ...] = ()
    if abs(y - start.y) > 0.5:
        bend = ("H", end.x - end.slot_width / 2 - _GAP / 2, "V", y)
    _draw_line(sheet, "M", x0, start.y, *bend, "H", x1)
    svg.add_path(sheet, "M", x1 + 1, y, x1 - 5, y - 3.5, x1 - 5, y + 3.5, "Z", fill=colors.MUTED)


def _draw_arrow_down(sheet: ET.Element, start: _Shape, end: _Shape) -> None:
    """Draw an arrow from the bottom of a shape to the top of another, bent just above it."""
    y0, y1, x = start.y + start.height / 2 + 5, end.y - end.height / 2 - 5, end.x
    _draw_line(sheet, "M", start.x, y0, "V", y1 - 12, "H", x, "V", y1)
    svg.add_path(sheet, "M", x, y1 + 1, x - 3.5, y1 - 5, x + 3.5, y1 - 5, "Z", fill=colors.MUTED)


def _draw_line(sheet: ET.Element, *parts: str | float) -> None:
    svg.add_path(sheet, *parts, fill="none", stroke=colors.MUTED, stroke_width=1.3)


def _draw_shape(group: ET.Element, shape: _Shape) -> None:
    """Draw a vector, a matrix or the circle of a function."""
    x, y = shape.x - shape.width / 2, shape.y - shape.height / 2
    radius = min(shape.width, shape.height) / 2 if shape.is_function else 1.5
    fill, edge = _FILL_AND_EDGE[shape.step.kind]
    area = Area(x, y, shape.width, shape.height)
    svg.add_rectangle(group, area, rx=radius, fill=fill, stroke=edge, stroke_width=1.2)


def _draw_texts_around(group: ET.Element, shape: _Shape) -> None:
    """Draw the name inside or above a shape, and its note below."""
    middle: svg.Attributes = {"x": shape.x, "text_anchor": "middle"}
    y = shape.y + 4.5 if shape.is_function else shape.y - shape.height / 2 - 8
    svg.add_element(group, "text", shape.name, y=y, font_weight="600", **middle)
    for i, line in enumerate(shape.note_lines):
        y = shape.y + shape.height / 2 + 16 + _LINE_HEIGHT * i
        svg.add_element(group, "text", line, y=y, **_SOFT, **middle)


def _draw_texts_beside(group: ET.Element, shape: _Shape) -> None:
    """Draw the name of a function inside it, and other texts to the right of a shape."""
    left, y = shape.x + shape.width / 2 + 9, shape.y - shape.text_height / 2 + 12
    if shape.is_function:
        middle: svg.Attributes = {"x": shape.x, "y": shape.y + 4.5, "text_anchor": "middle"}
        svg.add_element(group, "text", shape.name, font_weight="600", **middle)
    else:
        svg.add_element(group, "text", shape.name, x=left, y=y, font_weight="600")
        y += _LINE_HEIGHT
    for i, line in enumerate(shape.note_lines):
        svg.add_element(group, "text", line, x=left, y=y + _LINE_HEIGHT * i, **_SOFT)
