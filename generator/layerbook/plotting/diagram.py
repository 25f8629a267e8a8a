"""The decoder as a picture: the residual stream upwards, and beside it the blocks that read from it and add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from xml.etree import ElementTree as ET

from layerbook.core.figures import Block, Diagram
from layerbook.plotting import colours, svg, text


@dataclass(frozen=True)
class _Sizes:
    """All lengths in pixels. `words`: whether anything is written."""

    box: float = 46.0
    bare: float = 32.0
    gap: float = 26.0
    between: float = 14.0
    edge: float = 10.0
    stream: float = 5.0
    thin: float = 1.4
    plus: float = 9.0
    indent: float = 76.0
    round: float = 6.0
    words: bool = True

    def height(self, block: Block) -> float:
        """A box is lower where its second line would be empty."""
        return self.box if block.detail or block.parameters else self.bare


_FULL = _Sizes()
_COMPACT = _Sizes(10.0, 10.0, 8.0, 6.0, 4.0, 3.0, 1.0, 3.5, 26.0, 2.5, False)
_COMPACT_WIDTH = 130.0


@dataclass(frozen=True)
class _Group:
    """Boxes of one branch off the stream, or one box across it."""

    blocks: tuple[Block, ...]
    branch: bool
    inside: bool


@dataclass(frozen=True)
class _Box:
    """A box in its place; `y` is its upper edge."""

    block: Block
    x: float
    y: float
    width: float
    height: float


@dataclass
class _Plan:
    """Everything placed, from the bottom upwards: y counts up from 0 downwards, so all of it is negative."""

    boxes: list[_Box]
    branches: list[tuple[float, float, float, float]]
    """Where each branch leaves the stream, enters its first box, leaves its last, and is added back."""
    links: list[tuple[float, float]]
    """From box to box within a branch."""
    frame: tuple[float, float] | None
    top: float


def draw(
    figure: Diagram, id: str, *, compact: bool = False, links: Mapping[str, str] | None = None
) -> str:
    """The diagram as SVG; `compact`: small and without words; `links`: part -> address that its boxes lead to."""
    sizes = _COMPACT if compact else _FULL
    width = _COMPACT_WIDTH if compact else _width(figure)
    groups = _groups(figure.blocks)
    plan = _plan(groups, sizes, width)
    height = -plan.top
    picture = svg.root(
        id, width, height, figure.title, figure.alt, role="group" if links else "img"
    )
    sheet = svg.add(picture, "g", transform=f"translate(0 {svg.short(height)})")
    _frame(sheet, figure, plan, sizes, width)
    _lines(sheet, figure, groups, plan, sizes)
    for part, some in groupby(plan.boxes, key=lambda box: box.block.part):
        boxes = list(some)
        href = (links or {}).get(part)
        parent = sheet
        if href:
            parent = svg.add(
                sheet, "a", href=href, aria_label=", ".join(box.block.name for box in boxes)
            )
        for box in boxes:
            _box(parent, box, figure.highlight, sizes)
    return svg.serialise(picture)


def _groups(blocks: Sequence[Block]) -> list[_Group]:
    """Boxes inside the layer wait for the one that adds; together they are a branch. All others lie on the stream."""
    groups: list[_Group] = []
    waiting: list[Block] = []
    for block in blocks:
        if block.inside and not block.adds:
            waiting.append(block)
        elif block.adds:
            groups.append(_Group((*waiting, block), True, block.inside))
            waiting = []
        else:
            groups.extend(_Group((left,), False, True) for left in waiting)
            groups.append(_Group((block,), False, False))
            waiting = []
    return groups + [_Group((left,), False, True) for left in waiting]


def _width(figure: Diagram) -> float:
    """Wide enough for what is written in the boxes."""
    rows = [
        text.width(block.name, text.SIZE) + 34
        if not (block.detail or block.parameters)
        else max(
            text.width(block.name, text.SIZE) + 34,
            sum(text.width(part, text.SMALL) for part in _second(block)) + 60,
        )
        for block in figure.blocks
    ]
    widest = max(rows, default=0.0)
    return min(max(widest + _FULL.indent + 2 * _FULL.edge + 14, 360.0), 520.0)


def _second(block: Block) -> tuple[str, str]:
    """The second line of a box: its shape, and how much was learned there."""
    return text.plain(
        block.detail
    ), f"{text.count(block.parameters)} parameters" if block.parameters else ""


def _plan(groups: Sequence[_Group], sizes: _Sizes, width: float) -> _Plan:
    """Place every group above the one before."""
    plan = _Plan([], [], [], None, 0.0)
    y = -sizes.gap
    right = width - 2 * sizes.edge
    for inside, some in groupby(groups, key=lambda group: group.inside):
        bottom = y
        if inside:
            y -= sizes.gap * 0.7
        for group in some:
            left = sizes.indent + sizes.edge if group.branch else 2 * sizes.edge
            fork = y
            y -= sizes.gap * 0.6 if group.branch else 0.0
            start = y
            for block in group.blocks:
                high = sizes.height(block)
                plan.boxes.append(_Box(block, left, y - high, right - left, high))
                y -= high + sizes.between
            y += sizes.between
            inner = plan.boxes[-len(group.blocks) :]
            plan.links += [(low.y, up.y + up.height) for low, up in pairwise(inner)]
            if group.branch:
                plan.branches.append((fork, start, y, y - sizes.gap * 0.6))
                y -= sizes.gap * 0.6 + sizes.plus
            y -= sizes.gap
        if inside:
            plan.frame = (bottom, y + sizes.gap * 0.5)
            y -= sizes.gap * 0.3
    plan.top = y
    return plan


def _frame(sheet: ET.Element, figure: Diagram, plan: _Plan, sizes: _Sizes, width: float) -> None:
    """The frame around what is repeated, and how often it is."""
    if not plan.frame:
        return
    bottom, top = plan.frame
    box: svg.Attributes = {
        "x": sizes.edge,
        "y": top,
        "width": width - 2 * sizes.edge,
        "height": bottom - top,
    }
    svg.add(
        sheet,
        "rect",
        **box,
        rx=sizes.round * 1.8,
        fill=colours.PAPER,
        stroke=colours.LINE,
        stroke_dasharray="4 3",
    )
    if sizes.words:
        label: svg.Attributes = {
            "x": width - 2 * sizes.edge,
            "y": top + 20,
            "text_anchor": "end",
            "font_weight": "600",
        }
        svg.add(sheet, "text", f"× {figure.repeat}", **label)


def _lines(
    sheet: ET.Element, figure: Diagram, groups: Sequence[_Group], plan: _Plan, sizes: _Sizes
) -> None:
    """The stream from bottom to top, thick where it is the residual stream, and the branches off it and back."""
    x = sizes.indent / 2 + sizes.edge
    thin: svg.Attributes = {"fill": "none", "stroke": colours.MUTED, "stroke_width": sizes.thin}
    first, last = _residual(groups, plan)
    svg.add(sheet, "path", d=_path("M", x, 0, "V", plan.top + sizes.gap * 0.25), **thin)
    thick: svg.Attributes = {"fill": "none", "stroke": colours.MUTED, "stroke_width": sizes.stream}
    if first > last:
        svg.add(sheet, "path", d=_path("M", x, first, "V", last), **thick)
        if sizes.words:
            words = f"residual stream, {figure.d_model:,} numbers per token"
            svg.add(
                sheet,
                "text",
                words,
                x=x + 12,
                y=first - 8,
                fill=colours.MUTED,
                font_size=text.SMALL,
            )
    _head(sheet, x, plan.top, sizes)
    up = x + sizes.indent / 2 + sizes.edge + sizes.plus
    for low, high in plan.links:
        svg.add(sheet, "path", d=_path("M", up, low, "V", high), **thin)
        _head(sheet, up, high, sizes)
    for fork, start, end, back in plan.branches:
        svg.add(sheet, "path", d=_path("M", x, fork, "H", up, "V", start), **thin)
        _head(sheet, up, start, sizes)
        svg.add(sheet, "path", d=_path("M", up, end, "V", back, "H", x + sizes.plus), **thin)
        svg.add(
            sheet,
            "circle",
            cx=x,
            cy=back,
            r=sizes.plus,
            fill=colours.PAPER,
            stroke=colours.MUTED,
            stroke_width=sizes.thin,
        )
        arm = sizes.plus * 0.55
        cross = _path("M", x - arm, back, "H", x + arm, "M", x, back - arm, "V", back + arm)
        svg.add(sheet, "path", d=cross, **thin)


def _residual(groups: Sequence[_Group], plan: _Plan) -> tuple[float, float]:
    """From the top of the last box below the repeated layer to the bottom of the first box above it."""
    inside = [i for i, group in enumerate(groups) if group.inside]
    if not inside or not plan.frame:
        return 0.0, 0.0
    bottom, top = plan.frame
    below = [box.y for box in plan.boxes if box.y >= bottom]
    above = [box.y + box.height for box in plan.boxes if box.y + box.height <= top]
    return min(below, default=0.0), max(above, default=plan.top)


def _head(sheet: ET.Element, x: float, y: float, sizes: _Sizes) -> None:
    """The head of an arrow that points up, its tip at (x, y)."""
    long, half = (7.0, 4.0) if sizes.words else (4.0, 2.5)
    svg.add(
        sheet,
        "path",
        d=_path("M", x, y, "L", x - half, y + long, x + half, y + long, "Z"),
        fill=colours.MUTED,
    )


def _box(parent: ET.Element, box: _Box, highlight: str, sizes: _Sizes) -> None:
    """One box: its name, and below it its shape and how much was learned there."""
    block = box.block
    lit, pale = block.part == highlight, bool(highlight) and block.part != highlight
    paper = colours.TINT if lit else colours.PAPER if pale else colours.BOX
    if not sizes.words:
        paper = colours.ACCENT if lit else colours.PALE
    edge = colours.ACCENT if lit else colours.LINE
    place: svg.Attributes = {
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "rx": sizes.round,
    }
    svg.add(
        parent,
        "rect",
        **place,
        fill=paper,
        stroke=edge,
        stroke_width=1.8 if lit and sizes.words else 1.0,
    )
    if not sizes.words:
        return
    ink = colours.ACCENT if lit else colours.MUTED if pale else colours.INK
    left, right = box.x + 14, box.x + box.width - 14
    detail, learned = _second(block)
    middle = 20.0 if detail or learned else box.height / 2 + 4.5
    name = text.shorten(text.plain(block.name), int(box.width / 7))
    svg.add(parent, "text", name, x=left, y=box.y + middle, fill=ink, font_weight="600")
    soft: svg.Attributes = {"y": box.y + 37, "fill": colours.MUTED, "font_size": text.SMALL}
    if learned:
        svg.add(parent, "text", learned, x=right, text_anchor="end", **soft)
    if detail:
        room = right - left - text.width(learned, text.SMALL) - 10
        svg.add(parent, "text", text.shorten(detail, int(room / 6)), x=left, **soft)


def _path(*parts: str | float) -> str:
    return " ".join(part if isinstance(part, str) else svg.short(part) for part in parts)
