"""Draw angles as the hands of clocks, for rotary and sinusoidal positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.patches import Circle, PathPatch, Polygon
from matplotlib.path import Path

from layerbook.core.figures import Clock, Hand
from layerbook.core.tokens import Token
from layerbook.plotting import colors, text
from layerbook.plotting.canvas import Anchor, Arrangement, Canvas

_RADII = (88.0, 66.0, 48.0, 36.0)
_HEAD = (11.0, 5.0)
_HAND_WIDTH = 2.6
_NAME_GAP = 12.0
_ARC_SHARE = 0.42
_WORD = 30.0


@dataclass(frozen=True)
class ClockLayout:
    """The layout that clocks shown together share."""

    radius: float
    margin: float
    has_names: bool
    has_notes: bool

    @property
    def left_margin(self) -> float:
        """Distance of the face from the left, where its title begins."""
        return self.margin

    @property
    def above(self) -> float:
        """Height of the names above the face."""
        return _NAME_GAP + 8 if self.has_names else 4.0

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return 2 * (self.radius + self.margin)

    @property
    def height(self) -> float:
        """Total height in pixels."""
        return 2 * (self.radius + self.above) + (20.0 if self.has_notes else 0.0)


def compute_layout(figures: Sequence[Clock], arrangement: Arrangement) -> ClockLayout:
    """Return one layout for all clocks, which always share a scale and fit a phone."""
    radius = _RADII[min(arrangement.charts_per_row, len(_RADII)) - 1]
    names = [_name_width(hand) for figure in figures for hand in figure.hands if hand.name]
    notes = [text.pixel_width(f.note) for f in figures if f.note]
    margin = max(6.0, max(names, default=0.0) + 4, max(notes, default=0.0) / 2 - radius)
    return ClockLayout(radius, margin, bool(names), bool(notes))


def draw(canvas: Canvas, figure: Clock, layout: ClockLayout, left: float, top: float) -> None:
    """Draw the face, the past positions, the angle between the first two hands, and the hands."""
    radius = layout.radius
    x, y = left + radius + layout.margin, top + layout.above + radius
    canvas.draw_patch(Circle((x, y), radius), fill=colors.BOX, edge=colors.LINE)
    quarters = [quarter * math.pi / 2 for quarter in range(4)]
    ticks = [(*_point_at(x, y, 0.9 * radius, a), *_point_at(x, y, radius, a)) for a in quarters]
    canvas.draw_segments(ticks, colors.LINE)
    for angle in figure.past:
        canvas.draw_patch(Circle(_point_at(x, y, radius, angle), 3.2), fill=colors.MUTED)
    if figure.arc and len(figure.hands) > 1:
        first, second = (hand.angle for hand in figure.hands[:2])
        _draw_arc(canvas, (x, y), _ARC_SHARE * radius, first, second)
    for hand in figure.hands:
        _draw_hand(canvas, hand, (x, y), radius)
    for hand, angle in zip(figure.hands, _name_angles(figure.hands, radius), strict=True):
        if hand.name:
            _draw_name(canvas, hand, _point_at(x, y, radius + _NAME_GAP - 4, angle), angle)
    canvas.draw_patch(Circle((x, y), 3.2), fill=colors.INK)
    if figure.note:
        canvas.draw_text(
            text.printable(figure.note),
            x,
            y + radius + layout.above + 12,
            color=colors.MUTED,
            anchor="center",
        )


def _draw_hand(canvas: Canvas, hand: Hand, center: tuple[float, float], radius: float) -> None:
    """Draw an arrow from the center."""
    color = _color(hand)
    x, y = center
    reach = max(hand.length * radius - 2, 0.0)
    # The head of a short hand is smaller, so that it does not begin behind the center.
    long, half = (min(1, 0.7 * reach / _HEAD[0]) * size for size in _HEAD)
    tip, neck = _point_at(x, y, reach, hand.angle), _point_at(x, y, reach - long, hand.angle)
    canvas.draw_segments([(x, y, *neck)], color, _HAND_WIDTH)
    side = (half * math.cos(hand.angle), half * math.sin(hand.angle))
    left, right = (neck[0] - side[0], neck[1] - side[1]), (neck[0] + side[0], neck[1] + side[1])
    canvas.draw_patch(Polygon([tip, right, left]), fill=color)


def _name_angles(hands: Sequence[Hand], radius: float) -> list[float]:
    """Return the angles of the names: at the tips, a word apart where hands coincide."""
    gap = _WORD / radius
    angles: list[float] = []
    for hand in hands:
        angle = hand.angle
        while any(abs(math.remainder(angle - other, 2 * math.pi)) < gap for other in angles):
            angle += gap
        angles.append(angle)
    return angles


def _draw_name(canvas: Canvas, hand: Hand, at: tuple[float, float], angle: float) -> None:
    across = math.sin(angle)
    anchor: Anchor = "center" if abs(across) < 0.3 else "left" if across > 0 else "right"
    canvas.draw_text(
        text.printable(hand.name),
        at[0],
        at[1] + 4.5 - 4.5 * math.cos(angle),
        color=_color(hand),
        anchor=anchor,
        mono=isinstance(hand.name, Token),
    )


def _color(hand: Hand) -> str:
    return colors.role_color(hand.role, colors.ACCENT)


def _draw_arc(
    canvas: Canvas, center: tuple[float, float], radius: float, first: float, second: float
) -> None:
    """Draw the smaller angle between two hands."""
    turn = math.remainder(second - first, 2 * math.pi)
    count = max(2, math.ceil(abs(turn) / 0.1))
    steps = [first + turn * i / count for i in range(count + 1)]
    arc = Path([_point_at(*center, radius, angle) for angle in steps])
    canvas.draw_patch(PathPatch(arc, linewidth=1.6), edge=colors.MUTED)


def _point_at(x: float, y: float, radius: float, angle: float) -> tuple[float, float]:
    """Return the point at an angle, clockwise from twelve."""
    return x + radius * math.sin(angle), y - radius * math.cos(angle)


def _name_width(hand: Hand) -> float:
    name = text.printable(hand.name)
    return text.pixel_width(name, mono=isinstance(hand.name, Token)) + _NAME_GAP
