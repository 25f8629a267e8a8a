"""Draw the decoder: the residual stream upwards, and the blocks that read and add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from layerbook.core.figures import Block, Diagram
from layerbook.core.language import gettext, localized, with_groups
from layerbook.plotting import colors, svg, text
from layerbook.plotting.svg import Area


@dataclass(frozen=True)
class _Sizes:
    """Lengths in pixels; `has_text` is false in a diagram without words."""

    box_height: float = 46.0
    one_line_height: float = 32.0
    gap: float = 26.0
    box_gap: float = 14.0
    padding: float = 10.0
    stream_width: float = 5.0
    line_width: float = 1.4
    plus_radius: float = 9.0
    branch_indent: float = 76.0
    corner_radius: float = 6.0
    has_text: bool = True

    @property
    def stream_x(self) -> float:
        """The position of the stream."""
        return self.branch_indent / 2 + self.padding

    @property
    def branch_x(self) -> float:
        """The position of the branches off the stream."""
        return self.stream_x + self.branch_indent / 2 + self.padding + self.plus_radius

    def height(self, block: Block, width: float) -> float:
        """Height of a box of this width: one line, two, or three if the second is too long."""
        if not (block.detail or block.parameters):
            return self.one_line_height
        stacked = self.has_text and _is_stacked(block, width)
        return self.box_height + (_LINE_HEIGHT if stacked else 0.0)


_FULL = _Sizes()
_COMPACT = _Sizes(
    box_height=10.0,
    one_line_height=10.0,
    gap=8.0,
    box_gap=6.0,
    padding=4.0,
    stream_width=3.0,
    line_width=1.0,
    plus_radius=3.5,
    branch_indent=26.0,
    corner_radius=2.5,
    has_text=False,
)
_COMPACT_WIDTH = 130.0
_TEXT_INSET = 14.0
_LINE_HEIGHT = 17.0
_MAX_WIDTH = 370.0


class _Box(NamedTuple):
    block: Block
    area: Area


class _Branch(NamedTuple):
    """The heights where a branch leaves the stream, enters and leaves its boxes, and is added."""

    fork: float
    start: float
    end: float
    back: float


class _Span(NamedTuple):
    """A vertical line from its lower to its upper end."""

    bottom: float
    top: float


@dataclass
class _Layout:
    """All placed parts, from the bottom upwards: y starts at 0, so all of it is negative.

    links: from box to box within a branch. frame: around the repeated layer.
    """

    boxes: list[_Box] = field(default_factory=list)
    branches: list[_Branch] = field(default_factory=list)
    links: list[_Span] = field(default_factory=list)
    frame: _Span | None = None
    top: float = 0.0


def render_diagram(figure: Diagram, id: str) -> str:
    """Draw the diagram as SVG."""
    sizes = _COMPACT if figure.compact else _FULL
    width = _COMPACT_WIDTH if figure.compact else _width(figure)
    plan = _compute_layout(figure, sizes, width)
    height = -plan.top
    role = "group" if figure.links else "img"
    picture = svg.root_element(id, width, height, figure, role=role)
    sheet = svg.add_element(picture, "g", transform=f"translate(0 {svg.format_coordinate(height)})")
    if plan.frame:
        _draw_frame(sheet, figure, plan.frame, sizes, width)
    _draw_lines(sheet, figure, plan, sizes)
    for part, members in groupby(plan.boxes, key=lambda box: box.block.part):
        boxes, parent = list(members), sheet
        if part in figure.links:
            names = ", ".join(box.block.name for box in boxes)
            parent = svg.add_element(sheet, "a", href=figure.links[part], aria_label=names)
        for box in boxes:
            name = text.printable(box.block.name)
            group = svg.add_part(parent, name) if sizes.has_text else parent
            _draw_box(group, box, figure.highlight, sizes)
    return svg.to_string(picture)


def _branch_groups(blocks: Sequence[Block]) -> list[tuple[Block, ...]]:
    """Return the boxes in groups: a branch up to the box that adds, or one box on the stream."""
    groups: list[tuple[Block, ...]] = []
    waiting: list[Block] = []
    for block in blocks:
        waiting.append(block)
        if block.adds:
            groups.append(tuple(waiting))
        elif not block.inside:
            groups += [(single,) for single in waiting]
        else:
            continue
        waiting = []
    return groups + [(single,) for single in waiting]


def _width(figure: Diagram) -> float:
    """Return a width that fits the text in the boxes."""
    widest = max(map(_row_width, figure.blocks), default=0.0)
    return min(max(widest + _FULL.branch_indent + 2 * _FULL.padding + 14, 360.0), _MAX_WIDTH)


def _row_width(block: Block) -> float:
    name = text.pixel_width(block.name, text.FONT_SIZE) + 34
    if not (block.detail or block.parameters):
        return name
    return max(name, sum(map(text.pixel_width, _second_line(block))) + 60)


def _second_line(block: Block) -> tuple[str, str]:
    """Return the second line of a box: its shape and its number of parameters, or ""."""
    count = text.format_count(block.parameters)
    parameters = gettext("{count} parameters", count=count) if block.parameters else ""
    return text.printable(with_groups(block.detail)), parameters


def _compute_layout(figure: Diagram, sizes: _Sizes, width: float) -> _Layout:
    """Place each group above the previous one."""
    plan = _Layout()
    y = -sizes.gap
    right = width - 2 * sizes.padding
    groups = _branch_groups(figure.blocks)
    for inside, members in groupby(groups, key=lambda group: group[-1].inside):
        bottom = y
        if inside:
            y -= sizes.gap * 0.7
        for group in members:
            is_branch = group[-1].adds
            left = sizes.branch_indent + sizes.padding if is_branch else 2 * sizes.padding
            fork = y
            y -= sizes.gap * 0.6 if is_branch else 0.0
            start = y
            for block in group:
                height = sizes.height(block, right - left)
                plan.boxes.append(_Box(block, Area(left, y - height, right - left, height)))
                y -= height + sizes.box_gap
            y += sizes.box_gap
            areas = [box.area for box in plan.boxes[-len(group) :]]
            plan.links += [_Span(lower.top, upper.bottom) for lower, upper in pairwise(areas)]
            if is_branch:
                plan.branches.append(_Branch(fork, start, end=y, back=y - sizes.gap * 0.6))
                y -= sizes.gap * 0.6 + sizes.plus_radius
            y -= sizes.gap
        if inside:
            plan.frame = _Span(bottom, y + sizes.gap * 0.5)
            y -= sizes.gap * 0.3
    plan.top = y
    return plan


def _draw_frame(
    sheet: ET.Element, figure: Diagram, frame: _Span, sizes: _Sizes, width: float
) -> None:
    """Draw the frame around the repeated layer, with the number of repetitions."""
    area = Area(sizes.padding, frame.top, width - 2 * sizes.padding, frame.bottom - frame.top)
    style: svg.Attributes = {"fill": colors.PAPER, "stroke": colors.LINE, "stroke_dasharray": "4 3"}
    svg.add_rectangle(sheet, area, rx=sizes.corner_radius * 1.8, **style)
    if sizes.has_text:
        right: svg.Attributes = {"x": width - 2 * sizes.padding, "y": frame.top + 20}
        repeat = f"× {figure.repeat}"
        svg.add_element(sheet, "text", repeat, **right, text_anchor="end", font_weight="600")


def _draw_lines(sheet: ET.Element, figure: Diagram, plan: _Layout, sizes: _Sizes) -> None:
    """Draw the stream, thick where it is the residual stream, and the branches off it and back."""
    x, up = sizes.stream_x, sizes.branch_x
    thin = _line_style(colors.MUTED, sizes.line_width)
    svg.add_path(sheet, "M", x, 0, "V", plan.top + sizes.gap * 0.25, **thin)
    if plan.frame:
        _draw_residual_stream(sheet, figure, plan, plan.frame, sizes)
    _draw_arrow_head(sheet, x, plan.top, sizes)
    for low, high in plan.links:
        svg.add_path(sheet, "M", up, low, "V", high, **thin)
        _draw_arrow_head(sheet, up, high, sizes)
    for fork, start, end, back in plan.branches:
        svg.add_path(sheet, "M", x, fork, "H", up, "V", start, **thin)
        _draw_arrow_head(sheet, up, start, sizes)
        svg.add_path(sheet, "M", up, end, "V", back, "H", x + sizes.plus_radius, **thin)
        _draw_plus(sheet, x, back, sizes)


def _line_style(color: str, width: float) -> svg.Attributes:
    return {"fill": "none", "stroke": color, "stroke_width": width}


def _draw_residual_stream(
    sheet: ET.Element, figure: Diagram, plan: _Layout, frame: _Span, sizes: _Sizes
) -> None:
    """Draw a thick line from the last box below the repeated layer to the first above it."""
    areas = [box.area for box in plan.boxes]
    start = min((area.top for area in areas if area.top >= frame.bottom), default=0.0)
    end = max((area.bottom for area in areas if area.bottom <= frame.top), default=plan.top)
    color, x = colors.ROLES["residual"], sizes.stream_x
    svg.add_path(sheet, "M", x, start, "V", end, **_line_style(color, sizes.stream_width))
    if sizes.has_text:
        words = gettext(
            "residual stream, {count} numbers per token", count=localized(f"{figure.d_model:,}")
        )
        style: svg.Attributes = {"fill": color, "font_size": text.SMALL_FONT_SIZE}
        svg.add_element(sheet, "text", words, x=x + 12, y=start - 8, **style)


def _draw_plus(sheet: ET.Element, x: float, y: float, sizes: _Sizes) -> None:
    """Draw the circled plus where a branch is added to the stream."""
    style = _line_style(colors.MUTED, sizes.line_width)
    svg.add_element(
        sheet, "circle", cx=x, cy=y, r=sizes.plus_radius, **(style | {"fill": colors.PAPER})
    )
    arm = sizes.plus_radius * 0.55
    svg.add_path(sheet, "M", x - arm, y, "H", x + arm, "M", x, y - arm, "V", y + arm, **style)


def _draw_arrow_head(sheet: ET.Element, x: float, y: float, sizes: _Sizes) -> None:
    """Draw the head of an arrow that points up, its tip at (x, y)."""
    long, half = (7.0, 4.0) if sizes.has_text else (4.0, 2.5)
    corners = ("M", x, y, "L", x - half, y + long, x + half, y + long, "Z")
    svg.add_path(sheet, *corners, fill=colors.MUTED)


def _draw_box(parent: ET.Element, box: _Box, highlight: str, sizes: _Sizes) -> None:
    """Draw a box, and in it its name, its shape and its number of parameters."""
    is_here = box.block.part == highlight
    is_dimmed = bool(highlight) and not is_here
    if sizes.has_text:
        paper = colors.TINT if is_here else colors.PAPER if is_dimmed else colors.BOX
    else:
        paper = colors.ACCENT if is_here else colors.PALE
    style: svg.Attributes = {
        "rx": sizes.corner_radius,
        "fill": paper,
        "stroke": colors.ACCENT if is_here else colors.LINE,
        "stroke_width": 1.8 if is_here and sizes.has_text else 1.0,
    }
    svg.add_rectangle(parent, box.area, **style)
    if sizes.has_text:
        ink = colors.ACCENT if is_here else colors.MUTED if is_dimmed else colors.INK
        _draw_box_text(parent, box, ink, is_here=is_here)


def _draw_box_text(parent: ET.Element, box: _Box, ink: str, *, is_here: bool) -> None:
    block, area = box
    left, right = area.left + _TEXT_INSET, area.right - _TEXT_INSET
    detail, parameters = _second_line(block)
    y = area.top + (20.0 if detail or parameters else area.height / 2 + 4.5)
    name = text.shorten(text.printable(block.name), int(area.width / 7))
    svg.add_element(parent, "text", name, x=left, y=y, fill=ink, font_weight="600")
    if is_here:
        here = gettext("you are here")
        svg.add_element(parent, "text", here, fill=colors.ACCENT, x=right, y=y, text_anchor="end")
    soft: svg.Attributes = {"fill": colors.MUTED, "font_size": text.SMALL_FONT_SIZE}
    y = area.top + 37
    if detail:
        detail = text.shorten(detail, int((right - left) / 6))
        svg.add_element(parent, "text", detail, x=left, y=y, **soft)
    if parameters and _is_stacked(block, area.width):
        svg.add_element(parent, "text", parameters, x=left, y=y + _LINE_HEIGHT, **soft)
    elif parameters:
        svg.add_element(parent, "text", parameters, x=right, text_anchor="end", y=y, **soft)


def _is_stacked(block: Block, width: float) -> bool:
    """Return whether shape and parameters need a line each in a box of this width."""
    line = _second_line(block)
    return all(line) and sum(map(text.pixel_width, line)) + 2 * _TEXT_INSET + 12 > width
