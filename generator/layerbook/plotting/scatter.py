"""Draw labeled points that can be pointed at, with arrows between points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from layerbook.core.figures import Scatter, label_text
from layerbook.core.language import gettext
from layerbook.plotting import colors, label_placement, numeric_axes, svg, text
from layerbook.plotting.canvas import Arrangement, Canvas, Segment, Size
from layerbook.plotting.numeric_axes import (
    PlotLayout,
    PlotLimits,
    axis_limits,
    axis_shares,
    tick_label_width,
)
from layerbook.plotting.svg import Area

_MAX_PLOT_SIZES = (Size(560, 440), Size(260, 240), Size(190, 180), Size(150, 150))
_PHONE_PLOT_SIZE = Size(315, 310)
_MAX_PHONE_LABELS = 16
_MIN_PLOT_SIZE = Size(240, 200)
_RIGHT_MARGIN = 12.0
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_DOT_SIZE = 7.0
_RING_WIDTH = 4.0
_MIN_ARROW_LENGTH = 2.2 * _DOT_SIZE
_LINE_HEIGHT = 18.0


@dataclass(frozen=True, kw_only=True)
class ScatterLayout(PlotLayout):
    """The layout of maps that are shown together, and the groups with a color."""

    groups: tuple[str, ...]
    has_legend: bool

    @property
    def header_height(self) -> float:
        """Height of the legend and the name of the y axis."""
        return 30.0 + legend_height(self.groups, super().width) if self.has_legend else 30.0

    @property
    def width(self) -> float:
        """Total width in pixels."""
        lines = _legend_lines(self.groups, super().width) if self.has_legend else []
        return max(super().width, *(sum(map(_legend_entry_width, line)) for line in lines), 0.0)


def compute_layout(figures: Sequence[Scatter], arrangement: Arrangement) -> ScatterLayout:
    """Return one layout for all maps; on a phone, labels without room are left out."""
    is_alone = arrangement.charts_per_row == 1
    plot = _MAX_PLOT_SIZES[min(arrangement.charts_per_row, 4) - 1]
    ticks = 6 if is_alone else 4
    left = 16 + max(tick_label_width(f.y, _xy_limits((f,)).y, ticks) for f in figures)
    if is_alone and (arrangement.narrow or max(map(_label_count, figures)) <= _MAX_PHONE_LABELS):
        max_width = svg.MAX_UNSCROLLED_WIDTH - left - _RIGHT_MARGIN
        plot = Size(min(_PHONE_PLOT_SIZE.width, max_width), _PHONE_PLOT_SIZE.height)
    limits = None
    if arrangement.shared_scale:
        least = _MIN_PLOT_SIZE if is_alone else Size(plot.width * 0.8, plot.height * 0.6)
        plot, limits = _equal_axes(figures, plot, least)
    groups = tuple(dict.fromkeys(p.group for f in figures for p in f.points))
    return ScatterLayout(
        plot_size=plot,
        label_width=left,
        right_margin=_RIGHT_MARGIN,
        max_ticks=ticks,
        limits=limits,
        groups=groups,
        has_legend=len(groups) > 1,
    )


def draw(canvas: Canvas, figure: Scatter, layout: ScatterLayout, left: float, top: float) -> None:
    """Draw the points at (left, top)."""
    plot, limits = layout.plot_size, layout.limits
    if limits is None:
        plot, limits = _equal_axes((figure,), plot, least=plot)
    area = Area(left + layout.left_margin, top + layout.header_height, *plot)
    numeric_axes.draw_axes(canvas, figure, layout, limits, area)
    centers = _pixel_positions(figure, limits, area)
    first = canvas.count_marks("point")
    pairs = [(i, p.arrow_to) for i, p in enumerate(figure.points) if p.arrow_to is not None]
    arrows = [(*centers[i], *centers[j]) for i, j in pairs]
    for (i, j), arrow in zip(pairs, arrows, strict=True):
        _draw_link(canvas, arrow, f"{first + i} {first + j}")
    _draw_points(canvas, figure, centers, layout.groups, first)
    if layout.has_legend:
        draw_legend(canvas, layout.groups, left, top, layout.width)
    if figure.show_labels:
        _draw_point_labels(canvas, _point_labels(figure, centers, layout.groups), area, arrows)


def _label_count(figure: Scatter) -> int:
    return sum(point.show_label and bool(point.label) for point in figure.points)


def _xy_limits(figures: Sequence[Scatter]) -> PlotLimits:
    points = [point for figure in figures for point in figure.points]
    x = axis_limits((p.x for p in points), figures[0].x, padding=0.1)
    return PlotLimits(x, axis_limits((p.y for p in points), figures[0].y, padding=0.1))


def _equal_axes(figures: Sequence[Scatter], room: Size, least: Size) -> tuple[Size, PlotLimits]:
    """Return the size and the limits of a plot that fits the room.

    Equal axes have units of equal length.
    """
    x, y = _xy_limits(figures)
    if not figures[0].equal:
        return room, PlotLimits(x, y)
    range_x, range_y = x[1] - x[0], y[1] - y[0]
    unit = min(room.width / range_x, room.height / range_y)
    plot = Size(max(range_x * unit, least.width), max(range_y * unit, least.height))
    more_x, more_y = (plot.width / unit - range_x) / 2, (plot.height / unit - range_y) / 2
    limits_x, limits_y = (x[0] - more_x, x[1] + more_x), (y[0] - more_y, y[1] + more_y)
    return plot, PlotLimits(limits_x, limits_y)


def _pixel_positions(figure: Scatter, limits: PlotLimits, area: Area) -> NDArray[np.float64]:
    """Return the positions [n, 2] of the points in pixels."""
    across = axis_shares((p.x for p in figure.points), limits.x, log=figure.x.log)
    up = axis_shares((p.y for p in figure.points), limits.y, log=figure.y.log)
    return np.stack([area.left + area.width * across, area.top + area.height * (1 - up)], axis=1)


def _draw_points(
    canvas: Canvas, figure: Scatter, centers: NDArray[np.float64], groups: Sequence[str], first: int
) -> None:
    """Draw each point as a mark, group by group.

    Where points of several groups coincide, the lower ones are rings around the topmost.
    """
    groups_at: dict[tuple[float, ...], set[int]] = {}
    positions = [tuple(np.round(center, 1)) for center in centers]
    index = [groups.index(p.group) for p in figure.points]
    for position, group in zip(positions, index, strict=True):
        groups_at.setdefault(position, set()).add(group)
    tooltips = _tooltips(figure)
    for i in sorted(range(len(index)), key=index.__getitem__):
        if np.isfinite(centers[i]).all():
            above = sum(group > index[i] for group in groups_at[positions[i]])
            name = text.printable(figure.points[i].label)
            gid = canvas.add_mark("point", str(first + i), tooltips[i], name)
            _draw_dot(canvas, centers[i], index[i], _DOT_SIZE + _RING_WIDTH * above, gid)


def _tooltips(figure: Scatter) -> list[str]:
    """Return each point's name, group and coordinates, and the analysis's own words."""
    x = text.format_values([p.x for p in figure.points], percent=figure.x.percent)
    y = text.format_values([p.y for p in figure.points], percent=figure.y.percent)
    tooltips = []
    for point, across, up in zip(figure.points, x, y, strict=True):
        label, group = label_text(point.label), point.group
        name = f"{label} ({group})" if label and group else label or group or gettext("point")
        words = f"{name}: {figure.x.name} {across}, {figure.y.name} {up}. {point.tooltip}"
        tooltips.append(text.printable(words.strip()))
    return tooltips


def _draw_dot(
    canvas: Canvas,
    center: NDArray[np.float64],
    index: int,
    size: float = _DOT_SIZE,
    gid: str | None = None,
) -> None:
    canvas.overlay.plot(
        center[:1],
        center[1:],
        linestyle="none",
        marker=_MARKERS[index % len(_MARKERS)],
        markersize=size,
        markerfacecolor=colors.SERIES[index % len(colors.SERIES)],
        markeredgecolor=colors.PAPER,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=4,
        gid=gid,
    )


def _draw_link(canvas: Canvas, arrow: Segment, ends: str) -> None:
    """Draw an arrow between two points, or a band around both if they are too close for one.

    A point that did not move has neither.
    """
    x0, y0, x1, y1 = arrow
    length = np.hypot(x1 - x0, y1 - y0)
    if not np.isfinite(length) or length < 0.5:
        return
    gid = canvas.add_mark("link", ends)
    if length < _MIN_ARROW_LENGTH:
        canvas.overlay.plot(
            (x0, x1),
            (y0, y1),
            color=colors.PALE,
            linewidth=_DOT_SIZE + 6,
            solid_capstyle="round",
            clip_on=False,
            zorder=3,
            gid=gid,
        )
        return
    patch = FancyArrowPatch(
        (x0, y0),
        (x1, y1),
        arrowstyle="->,head_length=4,head_width=2.4",
        color=colors.MUTED,
        linewidth=1.0,
        shrinkA=_DOT_SIZE * 0.7,
        shrinkB=_DOT_SIZE * 0.8,
        mutation_scale=1,
        clip_on=False,
        zorder=3,
        gid=gid,
    )
    canvas.overlay.add_artist(patch)


def draw_legend(
    canvas: Canvas, groups: Sequence[str], left: float, top: float, room: float
) -> None:
    """Draw the marker and name of each group, in as many lines as they need."""
    for line, members in enumerate(_legend_lines(groups, room)):
        x, y = left + 6, top + line * _LINE_HEIGHT
        for group in members:
            _draw_dot(canvas, np.array([x, y + 9]), groups.index(group))
            canvas.draw_text(text.printable(group) or gettext("other"), x + 10, y + 13)
            x += _legend_entry_width(group)


def legend_height(groups: Sequence[str], room: float) -> float:
    """Return the height of the legend and a gap below it."""
    return len(_legend_lines(groups, room)) * _LINE_HEIGHT + 6


def _legend_lines(groups: Sequence[str], room: float) -> list[list[str]]:
    lines: list[list[str]] = []
    for group in groups:
        if lines and sum(map(_legend_entry_width, [*lines[-1], group])) <= room:
            lines[-1].append(group)
        else:
            lines.append([group])
    return lines


def _legend_entry_width(group: str) -> float:
    return text.pixel_width(text.printable(group) or gettext("other")) + 32


class _PointLabel(NamedTuple):
    """The name of a point, the position of the point, and the color of its group."""

    name: str
    center: NDArray[np.float64]
    color: str


def _point_labels(
    figure: Scatter, centers: NDArray[np.float64], groups: Sequence[str]
) -> list[_PointLabel]:
    """Return the names to draw, of points that have a position."""
    labels = []
    for point, center in zip(figure.points, centers, strict=True):
        name = text.printable(point.label, 30)
        if point.show_label and name and np.isfinite(center).all():
            color = colors.SERIES[groups.index(point.group) % len(colors.SERIES)]
            labels.append(_PointLabel(name, center, color))
    return labels


def _draw_point_labels(
    canvas: Canvas, labels: Sequence[_PointLabel], area: Area, arrows: Sequence[Segment]
) -> None:
    """Draw each name near its point, with a hairline to it if it is far away."""
    sizes = [(text.pixel_width(label.name) + 2, 15.5) for label in labels]
    bounds = (area.left + 1, area.top - 2, area.right + 8, area.bottom - 1)
    placements = label_placement.place_labels(
        [(label.center[0], label.center[1]) for label in labels], sizes, bounds, arrows
    )
    hairlines = []
    for (name, center, color), placement in zip(labels, placements, strict=True):
        if placement is None:
            continue
        x0, y0, x1, y1 = placement.box
        canvas.draw_text(name, (x0 + x1) / 2, y1 - 3.5, color=color, anchor="center", halo=True)
        if placement.needs_leader:
            nearest = np.clip(center, (x0, y0 + 2), (x1, y1 - 2))
            hairlines.append((*center, *nearest))
    if hairlines:
        canvas.draw_segments(hairlines, colors.LINE, 0.8)
