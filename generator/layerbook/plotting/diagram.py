"""Draw the decoder: the residual stream upwards, and the blocks that read and add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from layerbook.core.figures import Block, Diagram
from layerbook.core.language import gettext, localized, with_groups
from layerbook.plotting import colors, svg, text


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


@dataclass(frozen=True)
class _Group:
    """Boxes of one branch off the stream, or one box across it."""

    blocks: tuple[Block, ...]
    branch: bool = False
    inside: bool = False


@dataclass(frozen=True)
class _Box:
    """A placed box; `y` is its upper edge."""

    block: Block
    x: float
    y: float
    width: float
    height: float


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


def render_diagram(
    figure: Diagram, id: str, *, compact: bool = False, links: Mapping[str, str] | None = None
) -> str:
    """Draw the diagram as SVG.

    compact: small and without words. links: addresses that boxes lead to, by part.
    """
    sizes = _COMPACT if compact else _FULL
    width = _COMPACT_WIDTH if compact else _width(figure)
    groups = _branch_groups(figure.blocks)
    plan = _compute_layout(groups, sizes, width)
    height = -plan.top
    picture = svg.root_element(id, width, height, figure, role="group" if links else "img")
    sheet = svg.add_element(picture, "g", transform=f"translate(0 {svg.format_coordinate(height)})")
    _draw_frame(sheet, figure, plan, sizes, width)
    _draw_lines(sheet, figure, groups, plan, sizes)
    for part, members in groupby(plan.boxes, key=lambda box: box.block.part):
        boxes = list(members)
        href = (links or {}).get(part)
        parent = sheet
        if href:
            parent = svg.add_element(
                sheet, "a", href=href, aria_label=", ".join(box.block.name for box in boxes)
            )
        for box in boxes:
            group = parent if compact else svg.add_part(parent, text.printable(box.block.name))
            _draw_box(group, box, figure.highlight, sizes)
    return svg.to_string(picture)


def _branch_groups(blocks: Sequence[Block]) -> list[_Group]:
    """Return the boxes in groups: a branch up to the box that adds, or one box on the stream."""
    groups: list[_Group] = []
    waiting: list[Block] = []
    for block in blocks:
        if block.inside and not block.adds:
            waiting.append(block)
        elif block.adds:
            groups.append(_Group((*waiting, block), branch=True, inside=block.inside))
            waiting = []
        else:
            groups += _single_boxes(waiting)
            groups.append(_Group((block,)))
            waiting = []
    return groups + _single_boxes(waiting)


def _single_boxes(blocks: Sequence[Block]) -> list[_Group]:
    return [_Group((block,), inside=True) for block in blocks]


def _width(figure: Diagram) -> float:
    """Return a width that fits the text in the boxes."""
    widest = max(map(_row_width, figure.blocks), default=0.0)
    return min(max(widest + _FULL.branch_indent + 2 * _FULL.padding + 14, 360.0), _MAX_WIDTH)


def _row_width(block: Block) -> float:
    name = text.pixel_width(block.name, text.FONT_SIZE) + 34
    if not (block.detail or block.parameters):
        return name
    return max(name, _second_line(block).width + 60)


class _SecondLine(NamedTuple):
    """The second line of a box: its shape and its number of parameters, or ""."""

    shape: str
    parameters: str

    @property
    def width(self) -> float:
        """The width of both texts."""
        return sum(text.pixel_width(part) for part in self)


def _second_line(block: Block) -> _SecondLine:
    count = text.format_count(block.parameters)
    parameters = gettext("{count} parameters", count=count) if block.parameters else ""
    return _SecondLine(text.printable(with_groups(block.detail)), parameters)


def _compute_layout(groups: Sequence[_Group], sizes: _Sizes, width: float) -> _Layout:
    """Place each group above the previous one."""
    plan = _Layout()
    y = -sizes.gap
    right = width - 2 * sizes.padding
    for inside, members in groupby(groups, key=lambda group: group.inside):
        bottom = y
        if inside:
            y -= sizes.gap * 0.7
        for group in members:
            left = sizes.branch_indent + sizes.padding if group.branch else 2 * sizes.padding
            fork = y
            y -= sizes.gap * 0.6 if group.branch else 0.0
            start = y
            for block in group.blocks:
                height = sizes.height(block, right - left)
                plan.boxes.append(_Box(block, left, y - height, right - left, height))
                y -= height + sizes.box_gap
            y += sizes.box_gap
            inner = plan.boxes[-len(group.blocks) :]
            plan.links += [_Span(low.y, up.y + up.height) for low, up in pairwise(inner)]
            if group.branch:
                plan.branches.append(_Branch(fork, start, end=y, back=y - sizes.gap * 0.6))
                y -= sizes.gap * 0.6 + sizes.plus_radius
            y -= sizes.gap
        if inside:
            plan.frame = _Span(bottom, y + sizes.gap * 0.5)
            y -= sizes.gap * 0.3
    plan.top = y
    return plan


def _draw_frame(
    sheet: ET.Element, figure: Diagram, plan: _Layout, sizes: _Sizes, width: float
) -> None:
    """Draw the frame around the repeated layer, with the number of repetitions."""
    if not plan.frame:
        return
    bottom, top = plan.frame
    box: svg.Attributes = {
        "x": sizes.padding,
        "y": top,
        "width": width - 2 * sizes.padding,
        "height": bottom - top,
    }
    svg.add_element(
        sheet,
        "rect",
        **box,
        rx=sizes.corner_radius * 1.8,
        fill=colors.PAPER,
        stroke=colors.LINE,
        stroke_dasharray="4 3",
    )
    if sizes.has_text:
        label: svg.Attributes = {
            "x": width - 2 * sizes.padding,
            "y": top + 20,
            "text_anchor": "end",
            "font_weight": "600",
        }
        svg.add_element(sheet, "text", f"× {figure.repeat}", **label)


def _draw_lines(
    sheet: ET.Element, figure: Diagram, groups: Sequence[_Group], plan: _Layout, sizes: _Sizes
) -> None:
    """Draw the stream, thick where it is the residual stream, and the branches off it and back."""
    x = sizes.branch_indent / 2 + sizes.padding
    thin: svg.Attributes = {
        "fill": "none",
        "stroke": colors.MUTED,
        "stroke_width": sizes.line_width,
    }
    svg.add_element(
        sheet, "path", d=svg.path_data("M", x, 0, "V", plan.top + sizes.gap * 0.25), **thin
    )
    residual = _residual_stream_span(groups, plan)
    if residual.bottom > residual.top:
        _draw_residual_stream(sheet, figure, x, residual, sizes)
    _draw_arrow_head(sheet, x, plan.top, sizes)
    up = x + sizes.branch_indent / 2 + sizes.padding + sizes.plus_radius
    for low, high in plan.links:
        svg.add_element(sheet, "path", d=svg.path_data("M", up, low, "V", high), **thin)
        _draw_arrow_head(sheet, up, high, sizes)
    for fork, start, end, back in plan.branches:
        svg.add_element(sheet, "path", d=svg.path_data("M", x, fork, "H", up, "V", start), **thin)
        _draw_arrow_head(sheet, up, start, sizes)
        svg.add_element(
            sheet,
            "path",
            d=svg.path_data("M", up, end, "V", back, "H", x + sizes.plus_radius),
            **thin,
        )
        _draw_plus(sheet, x, back, sizes)


def _draw_residual_stream(
    sheet: ET.Element, figure: Diagram, x: float, span: _Span, sizes: _Sizes
) -> None:
    """Draw a thick line at x, with a label."""
    color = colors.ROLES["residual"]
    svg.add_element(
        sheet,
        "path",
        d=svg.path_data("M", x, span.bottom, "V", span.top),
        fill="none",
        stroke=color,
        stroke_width=sizes.stream_width,
    )
    if sizes.has_text:
        words = gettext(
            "residual stream, {count} numbers per token", count=localized(f"{figure.d_model:,}")
        )
        svg.add_element(
            sheet,
            "text",
            words,
            x=x + 12,
            y=span.bottom - 8,
            fill=color,
            font_size=text.SMALL_FONT_SIZE,
        )


def _draw_plus(sheet: ET.Element, x: float, y: float, sizes: _Sizes) -> None:
    """Draw the circled plus where a branch is added to the stream."""
    svg.add_element(
        sheet,
        "circle",
        cx=x,
        cy=y,
        r=sizes.plus_radius,
        fill=colors.PAPER,
        stroke=colors.MUTED,
        stroke_width=sizes.line_width,
    )
    arm = sizes.plus_radius * 0.55
    svg.add_element(
        sheet,
        "path",
        d=svg.path_data("M", x - arm, y, "H", x + arm, "M", x, y - arm, "V", y + arm),
        fill="none",
        stroke=colors.MUTED,
        stroke_width=sizes.line_width,
    )


def _residual_stream_span(groups: Sequence[_Group], plan: _Layout) -> _Span:
    """Return the ends of the residual stream.

    It starts at the last box below the repeated layer and ends at the first box above it.
    """
    inside = [i for i, group in enumerate(groups) if group.inside]
    if not inside or not plan.frame:
        return _Span(0.0, 0.0)
    bottom, top = plan.frame
    below = [box.y for box in plan.boxes if box.y >= bottom]
    above = [box.y + box.height for box in plan.boxes if box.y + box.height <= top]
    return _Span(min(below, default=0.0), max(above, default=plan.top))


def _draw_arrow_head(sheet: ET.Element, x: float, y: float, sizes: _Sizes) -> None:
    """Draw the head of an arrow that points up, its tip at (x, y)."""
    long, half = (7.0, 4.0) if sizes.has_text else (4.0, 2.5)
    svg.add_element(
        sheet,
        "path",
        d=svg.path_data("M", x, y, "L", x - half, y + long, x + half, y + long, "Z"),
        fill=colors.MUTED,
    )


def _draw_box(parent: ET.Element, box: _Box, highlight: str, sizes: _Sizes) -> None:
    """Draw a box, and in it its name, its shape and its number of parameters."""
    block = box.block
    is_highlighted, is_dimmed = block.part == highlight, bool(highlight) and block.part != highlight
    if sizes.has_text:
        paper = colors.TINT if is_highlighted else colors.PAPER if is_dimmed else colors.BOX
    else:
        paper = colors.ACCENT if is_highlighted else colors.PALE
    edge = colors.ACCENT if is_highlighted else colors.LINE
    geometry: svg.Attributes = {
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "rx": sizes.corner_radius,
    }
    svg.add_element(
        parent,
        "rect",
        **geometry,
        fill=paper,
        stroke=edge,
        stroke_width=1.8 if is_highlighted and sizes.has_text else 1.0,
    )
    if sizes.has_text:
        ink = colors.ACCENT if is_highlighted else colors.MUTED if is_dimmed else colors.INK
        _draw_box_text(parent, box, ink, is_highlighted=is_highlighted)


def _draw_box_text(parent: ET.Element, box: _Box, ink: str, *, is_highlighted: bool) -> None:
    block = box.block
    left, right = box.x + _TEXT_INSET, box.x + box.width - _TEXT_INSET
    detail, learned = _second_line(block)
    middle = 20.0 if detail or learned else box.height / 2 + 4.5
    name = text.shorten(text.printable(block.name), int(box.width / 7))
    svg.add_element(parent, "text", name, x=left, y=box.y + middle, fill=ink, font_weight="600")
    if is_highlighted:
        position: svg.Attributes = {"x": right, "y": box.y + middle, "text_anchor": "end"}
        svg.add_element(parent, "text", gettext("you are here"), fill=colors.ACCENT, **position)
    soft: svg.Attributes = {
        "y": box.y + 37,
        "fill": colors.MUTED,
        "font_size": text.SMALL_FONT_SIZE,
    }
    if detail:
        svg.add_element(
            parent, "text", text.shorten(detail, int((right - left) / 6)), x=left, **soft
        )
    if learned and _is_stacked(block, box.width):
        soft["y"] = box.y + 37 + _LINE_HEIGHT
        svg.add_element(parent, "text", learned, x=left, **soft)
    elif learned:
        svg.add_element(parent, "text", learned, x=right, text_anchor="end", **soft)


def _is_stacked(block: Block, width: float) -> bool:
    """Return whether shape and parameters need a line each in a box of this width."""
    line = _second_line(block)
    return all(line) and line.width + 2 * _TEXT_INSET + 12 > width
