"""Draw chains of products to scale: vectors as bars, matrices as rectangles, functions as circles.

Each vector stands upright, so that it is as high as the matrix that takes it; the matrix is as wide
as the vector that comes out of it is high. For a phone the chain runs downwards, and all shapes are
transposed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from layerbook.core.figures import ChainStep, MatrixChain
from layerbook.plotting import colors, svg, text

_MAX_WIDTH = 860.0
_MAX_HEIGHT = 170.0
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


@dataclass(frozen=True)
class _SizedStep:
    """A step with its sizes: the shape itself, the slot that also holds its text, and the text."""

    step: ChainStep
    width: float
    height: float
    slot_width: float
    note_lines: tuple[str, ...]

    @property
    def above(self) -> float:
        """Distance from the middle of the shape to the top of its name."""
        return self.height / 2 + (_NAME_HEIGHT if self.step.kind != "function" else 6.0)

    @property
    def below(self) -> float:
        """Distance from the middle of the shape to the bottom of its text."""
        return self.height / 2 + 6 + _LINE_HEIGHT * len(self.note_lines)


@dataclass(frozen=True)
class _PlacedStep:
    """A step with the position of the middle of its shape."""

    item: _SizedStep
    x: float
    y: float


class _Paint(NamedTuple):
    fill: str
    edge: str


_PAINTS = {
    "vector": _Paint(colors.SERIES[0], colors.SERIES[0]),
    "matrix": _Paint(colors.TINT, colors.ACCENT),
    "function": _Paint(colors.PAPER, colors.MUTED),
}


class _Extent(NamedTuple):
    """The distances from a middle to the top and to the bottom."""

    above: float
    below: float


Section = list[list[_SizedStep]]
"""Lanes side by side, each a chain; most sections have one lane."""


def render_matrix_chain(figure: MatrixChain, id: str, *, narrow: bool = False) -> str:
    """Draw the chain as SVG: left to right, or `narrow`, downwards to fit a phone."""
    if narrow:
        return _render_downwards(figure, id)
    sections = _sections(figure.steps, _pixels_per_unit(figure.steps))
    above = max(_section_extent(section).above for section in sections)
    height = above + max(_section_extent(section).below for section in sections)
    width = sum(map(_section_width, sections)) + _GAP * (len(sections) - 1)
    picture = svg.root_element(id, width + 4, height + 4, figure)
    sheet = svg.add_element(picture, "g", transform="translate(2 2)")
    x = 0.0
    last_steps: list[_PlacedStep] = []
    for section in sections:
        lanes = _place_section(section, x, above)
        first_steps = [lane[0] for lane in lanes]
        for start in last_steps:
            for end in first_steps:
                _draw_arrow(sheet, start, end, x - _GAP / 2)
        for lane in lanes:
            for start, end in pairwise(lane):
                _draw_arrow(sheet, start, end, 0.0)
        for placed in (step for lane in lanes for step in lane):
            _draw_step(_add_part(sheet, placed.item.step), placed)
        last_steps = [lane[-1] for lane in lanes]
        x += _section_width(section) + _GAP
    return svg.to_string(picture)


def _pixels_per_unit(steps: Sequence[ChainStep]) -> float:
    """Return pixels per row or column, as many as the width of the page and the height allow."""
    longest = max(
        [max(step.rows, step.columns) for step in steps if step.kind != "function"], default=1
    )
    for tallest in (_MAX_HEIGHT, 140.0, 110.0, 90.0, 70.0):
        unit = tallest / longest
        sections = _sections(steps, unit)
        if sum(map(_section_width, sections)) + _GAP * (len(sections) - 1) <= _MAX_WIDTH:
            break
    return unit


def _sections(steps: Sequence[ChainStep], unit: float) -> list[Section]:
    """Return steps in sections: a step without a lane, or parallel lanes up to the next one."""
    sections: list[Section] = []
    lanes: dict[int, list[_SizedStep]] = {}
    for step in steps:
        if step.lane is None:
            sections += [list(lanes.values())] if lanes else []
            lanes = {}
            sections.append([[_size_step(step, unit)]])
        else:
            lanes.setdefault(step.lane, []).append(_size_step(step, unit))
    return sections + ([list(lanes.values())] if lanes else [])


def _size_step(step: ChainStep, unit: float) -> _SizedStep:
    lines = tuple(filter(None, [step.shape(), *_wrap_note(text.printable(step.note))]))
    name = text.pixel_width(text.printable(step.name, 24), text.FONT_SIZE)
    if step.kind == "function":
        width, height = max(_CIRCLE_SIZE, name + 16), _CIRCLE_SIZE
    elif step.kind == "vector":
        width, height = _MIN_SIDE, max(unit * max(step.rows, step.columns), _MIN_SIDE)
    else:
        width, height = max(unit * step.columns, _MIN_SIDE), max(unit * step.rows, _MIN_SIDE)
    return _SizedStep(
        step,
        width,
        height,
        max(width, name, *(text.pixel_width(line) for line in lines), 0),
        lines,
    )


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
    return max(sum(item.slot_width for item in lane) + _GAP * (len(lane) - 1) for lane in section)


def _lane_extent(lane: Sequence[_SizedStep]) -> _Extent:
    return _Extent(max(item.above for item in lane), max(item.below for item in lane))


def _section_extent(section: Section) -> _Extent:
    """Return the extent of a section around the line that sections are centered on."""
    if len(section) == 1:
        return _lane_extent(section[0])
    total = sum(sum(_lane_extent(lane)) for lane in section) + _LANE_GAP * (len(section) - 1)
    return _Extent(total / 2, total / 2)


def _place_section(section: Section, left: float, middle: float) -> list[list[_PlacedStep]]:
    """Place the steps of a section; shorter lanes are spread over its whole length."""
    lanes: list[list[_PlacedStep]] = []
    top = middle - _section_extent(section).above
    for lane in section:
        extent = _lane_extent(lane)
        free = _section_width(section) - sum(item.slot_width for item in lane)
        gap = free / (len(lane) - 1) if len(lane) > 1 else 0.0
        x = left
        steps = []
        for item in lane:
            steps.append(_PlacedStep(item, x + item.slot_width / 2, top + extent.above))
            x += item.slot_width + gap
        lanes.append(steps)
        top += extent.above + extent.below + _LANE_GAP
    return lanes


def _draw_arrow(sheet: ET.Element, start: _PlacedStep, end: _PlacedStep, turn: float) -> None:
    """Draw an arrow between two shapes; if they are not on one line, it bends at `turn`."""
    x0, x1 = start.x + start.item.width / 2 + 5, end.x - end.item.width / 2 - 5
    path: list[str | float] = ["M", x0, start.y, "H", x1]
    if abs(end.y - start.y) > 0.5:
        path[4:] = [turn, "V", end.y, "H", x1]
    tip = svg.path_data("M", x1 + 1, end.y, x1 - 5, end.y - 3.5, x1 - 5, end.y + 3.5, "Z")
    _draw_path_and_tip(sheet, svg.path_data(*path), tip)


def _draw_path_and_tip(sheet: ET.Element, path: str, tip: str) -> None:
    svg.add_element(sheet, "path", d=path, fill="none", stroke=colors.MUTED, stroke_width=1.3)
    svg.add_element(sheet, "path", d=tip, fill=colors.MUTED)


def _render_downwards(figure: MatrixChain, id: str) -> str:
    """Draw the chain downwards, each shape with its name and text beside it."""
    longest = max(
        (max(step.rows, step.columns) for step in figure.steps if step.kind != "function"),
        default=1,
    )
    sections = _sections(figure.steps, _PHONE_SIDE / longest)
    width = _PHONE_LANE * max(map(len, sections))
    placed_sections, height = _place_downwards(sections)
    picture = svg.root_element(id, width, height, figure)
    last_steps: list[_PlacedStep] = []
    for lanes in placed_sections:
        first_steps = [lane[0] for lane in lanes]
        pairs = [
            *itertools.product(last_steps, first_steps),
            *itertools.chain(*map(pairwise, lanes)),
        ]
        for start, end in pairs:
            _draw_arrow_down(picture, start, end)
        for placed in itertools.chain(*lanes):
            group = _add_part(picture, placed.item.step)
            _draw_shape(group, placed)
            _draw_text_beside(group, placed)
        last_steps = [lane[-1] for lane in lanes]
    return svg.to_string(picture)


class _PlacedSections(NamedTuple):
    """Sections as lanes of placed steps, and the height of all together."""

    sections: list[list[list[_PlacedStep]]]
    height: float


def _place_downwards(sections: Sequence[Section]) -> _PlacedSections:
    """Place transposed sections below each other, their lanes side by side."""
    sole_lane = _PHONE_LANE / 2
    top = 4.0
    placed_sections = []
    for section in sections:
        lanes: list[list[_PlacedStep]] = []
        bottom = top
        for number, lane in enumerate(section):
            x = sole_lane if len(section) == 1 else (number + 0.5) * _PHONE_LANE - _PHONE_TEXT / 2
            y, steps = top, []
            for item in map(_transpose, lane):
                height = max(item.height, _text_height(item))
                steps.append(_PlacedStep(item, x, y + height / 2))
                y += height + _GAP
            lanes.append(steps)
            bottom = max(bottom, y)
        placed_sections.append(lanes)
        top = bottom
    return _PlacedSections(placed_sections, top - _GAP + 4)


def _transpose(item: _SizedStep) -> _SizedStep:
    """Swap the sides of a vector or matrix."""
    if item.step.kind == "function":
        return item
    return replace(item, width=item.height, height=item.width)


def _text_height(item: _SizedStep) -> float:
    lines = len(item.note_lines) + (item.step.kind != "function")
    return max(lines * _LINE_HEIGHT, _MIN_SIDE)


def _draw_arrow_down(sheet: ET.Element, start: _PlacedStep, end: _PlacedStep) -> None:
    """Draw an arrow from the bottom of a shape to the top of another, bent just above it."""
    y0, y1 = start.y + start.item.height / 2 + 5, end.y - end.item.height / 2 - 5
    x = end.x
    tip = svg.path_data("M", x, y1 + 1, x - 3.5, y1 - 5, x + 3.5, y1 - 5, "Z")
    path = svg.path_data("M", start.x, y0, "V", y1 - 12, "H", x, "V", y1)
    _draw_path_and_tip(sheet, path, tip)


def _draw_text_beside(sheet: ET.Element, placed: _PlacedStep) -> None:
    """Draw the name of a function inside it, and other words to the right of a shape."""
    item, step = placed.item, placed.item.step
    name = text.printable(step.name, 24)
    left = placed.x + item.width / 2 + 9
    if step.kind == "function":
        position: svg.Attributes = {"x": placed.x, "y": placed.y + 4.5, "text_anchor": "middle"}
        svg.add_element(sheet, "text", name, font_weight="600", **position)
    y = placed.y - _text_height(item) / 2 + 12
    if step.kind != "function":
        svg.add_element(sheet, "text", name, x=left, y=y, font_weight="600")
        y += _LINE_HEIGHT
    for i, line in enumerate(item.note_lines):
        style: svg.Attributes = {"font_size": text.SMALL_FONT_SIZE, "fill": colors.MUTED}
        svg.add_element(sheet, "text", line, x=left, y=y + _LINE_HEIGHT * i, **style)


def _draw_step(sheet: ET.Element, placed: _PlacedStep) -> None:
    """Draw the shape with its name and text."""
    item, step = placed.item, placed.item.step
    _draw_shape(sheet, placed)
    middle: svg.Attributes = {"x": placed.x, "text_anchor": "middle"}
    name_at = placed.y + 4.5 if step.kind == "function" else placed.y - item.height / 2 - 8
    svg.add_element(
        sheet, "text", text.printable(step.name, 24), y=name_at, font_weight="600", **middle
    )
    for i, line in enumerate(item.note_lines):
        y = placed.y + item.height / 2 + 16 + _LINE_HEIGHT * i
        svg.add_element(
            sheet, "text", line, y=y, font_size=text.SMALL_FONT_SIZE, fill=colors.MUTED, **middle
        )


def _add_part(sheet: ET.Element, step: ChainStep) -> ET.Element:
    """Add the group of a step, which prose can point to."""
    return svg.add_part(sheet, text.printable(step.name))


def _draw_shape(sheet: ET.Element, placed: _PlacedStep) -> None:
    """Draw a vector, a matrix or the circle of a function."""
    item, step = placed.item, placed.item.step
    geometry: svg.Attributes = {
        "x": placed.x - item.width / 2,
        "y": placed.y - item.height / 2,
        "width": item.width,
        "height": item.height,
        "rx": min(item.width, item.height) / 2 if step.kind == "function" else 1.5,
    }
    paint = _PAINTS[step.kind]
    svg.add_element(sheet, "rect", **geometry, fill=paint.fill, stroke=paint.edge, stroke_width=1.2)
