"""Labelled points that can be pointed at, with arrows where one point moves to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from layerbook.core.figures import Point, Scatter
from layerbook.plotting import axes as scales
from layerbook.plotting import colours, text
from layerbook.plotting import label_placement as placement
from layerbook.plotting.canvas import Canvas

_ROOMS = ((560.0, 420.0), (320.0, 280.0), (215.0, 200.0), (160.0, 160.0))
_LEAST = (240.0, 200.0)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_DOT = 7.0
_RING = 4.0
_NEAR = 2.2 * _DOT
_LINE = 18.0


@dataclass(frozen=True)
class Fit:
    """What maps shown together share: axes (none: each its own), size, and the groups that have a colour each."""

    plot: tuple[float, float]
    left: float
    groups: tuple[str, ...]
    ticks: tuple[int, int]
    limits: tuple[scales.Limits, scales.Limits] | None
    legend: bool = True
    sides: tuple[bool, bool] = (True, True)

    @property
    def margin(self) -> float:
        """Room for the ticks of the y axis, where they are drawn."""
        return self.left if self.sides[0] else 0.0

    @property
    def top(self) -> float:
        """Room for the legend and the name of the y axis."""
        return 30.0 + legend_height(self.groups, self._across) if self.legend else 30.0

    @property
    def width(self) -> float:
        """All of it, in pixels."""
        return max(self._across, _legend_across(self.groups, self._across) if self.legend else 0.0)

    @property
    def _across(self) -> float:
        return self.margin + self.plot[0] + 12

    @property
    def height(self) -> float:
        """All of it, in pixels."""
        return self.top + self.plot[1] + (44 if self.sides[1] else 8)


def fit(figures: Sequence[Scatter], *, across: int = 1, shared: bool = True) -> Fit:
    """One layout for all of them; `shared` gives them one pair of axes."""
    room, ticks = _ROOMS[min(across, 4) - 1], (6, 6) if across == 1 else (4, 4)
    plot, limits = room, None
    if shared:
        plot, limits = _frame(figures, room, across > 1)
    left = max(scales.tick_width(f.y, _limits((f,))[1], ticks[1]) for f in figures) + 16
    groups = tuple(dict.fromkeys(p.group for f in figures for p in f.points))
    return Fit(plot, left, groups, ticks, limits, legend=len(groups) > 1)


def paint(canvas: Canvas, figure: Scatter, fit: Fit, left: float, top: float) -> None:
    """Draw the points at (left, top)."""
    plot, limits = fit.plot, fit.limits
    if limits is None:
        plot, limits = _frame((figure,), fit.plot, compact=True, exact=True)
    place = (left + fit.margin, top + fit.top, *plot)
    axes = canvas.axes(*place)
    scales.dress(axes, figure.x, figure.y, *limits, ticks=fit.ticks, sides=fit.sides)
    scales.titles(canvas, figure.x, figure.y, place, left, sides=fit.sides)
    spots = _pixels(figure, limits, place)
    first = canvas.marked("point")
    pairs = [(i, p.to) for i, p in enumerate(figure.points) if p.to is not None]
    arrows = [(*spots[i], *spots[j]) for i, j in pairs]
    for (i, j), (x0, y0, x1, y1) in zip(pairs, arrows, strict=True):
        _join(canvas, x0, y0, x1, y1, f"{first + i} {first + j}")
    _points(canvas, figure, spots, fit.groups, first)
    if fit.legend:
        legend(canvas, fit.groups, left, top, fit.width)
    if figure.show_labels:
        _names(canvas, figure, spots, fit.groups, place, arrows)


def _limits(figures: Sequence[Scatter]) -> tuple[scales.Limits, scales.Limits]:
    x = scales.limits([[p.x for p in f.points] for f in figures], figures[0].x, pad=0.1)
    return x, scales.limits([[p.y for p in f.points] for f in figures], figures[0].y, pad=0.1)


def _frame(
    figures: Sequence[Scatter], room: tuple[float, float], compact: bool, exact: bool = False
) -> tuple[tuple[float, float], tuple[scales.Limits, scales.Limits]]:
    """Size of the plot in pixels and its limits; with equal axes a unit is as long across as it is up."""
    x, y = _limits(figures)
    if not figures[0].equal:
        return room, (x, y)
    wide, high = x[1] - x[0], y[1] - y[0]
    unit = min(room[0] / wide, room[1] / high)
    least = room if exact else (room[0] * 0.8, room[1] * 0.6) if compact else _LEAST
    plot = max(wide * unit, least[0]), max(high * unit, least[1])
    more_x, more_y = (plot[0] / unit - wide) / 2, (plot[1] / unit - high) / 2
    return plot, ((x[0] - more_x, x[1] + more_x), (y[0] - more_y, y[1] + more_y))


def _pixels(
    figure: Scatter,
    limits: tuple[scales.Limits, scales.Limits],
    place: tuple[float, float, float, float],
) -> NDArray[np.float64]:
    """The points [n, 2] on the paper."""
    x = scales.drawable((p.x for p in figure.points), figure.x.log)
    y = scales.drawable((p.y for p in figure.points), figure.y.log)
    (x0, x1), (y0, y1) = limits
    if figure.x.log:
        x, x0, x1 = np.log10(x), np.log10(x0), np.log10(x1)
    if figure.y.log:
        y, y0, y1 = np.log10(y), np.log10(y0), np.log10(y1)
    left, top, width, height = place
    return np.stack(
        [left + width * (x - x0) / (x1 - x0), top + height * (1 - (y - y0) / (y1 - y0))], axis=1
    )


def _points(
    canvas: Canvas, figure: Scatter, spots: NDArray[np.float64], groups: Sequence[str], first: int
) -> None:
    """Every point a mark of its own, group by group; where groups meet in one place, rings around the topmost."""
    here: dict[tuple[float, ...], set[int]] = {}
    at = [tuple(np.round(spot, 1)) for spot in spots]
    index = [groups.index(p.group) for p in figure.points]
    for place, group in zip(at, index, strict=True):
        here.setdefault(place, set()).add(group)
    for i in sorted(range(len(index)), key=index.__getitem__):
        if np.isfinite(spots[i]).all():
            above = sum(other > index[i] for other in here[at[i]])
            gid = canvas.mark("point", str(first + i), _words(figure, figure.points[i]))
            _dot(canvas, spots[i], index[i], _DOT + _RING * above, gid)


def _words(figure: Scatter, point: Point) -> str:
    """What is told of a point: whose it is, where it lies, and what its analysis adds."""
    name = (
        f"{point.label} ({point.group})"
        if point.label and point.group
        else point.label or point.group or "point"
    )
    x, y = (
        f"{axis.name} {text.number(value)}"
        for axis, value in ((figure.x, point.x), (figure.y, point.y))
    )
    return text.plain(f"{name}: {x}, {y}. {point.note}".strip())


def _dot(
    canvas: Canvas,
    spot: NDArray[np.float64],
    index: int,
    size: float = _DOT,
    gid: str | None = None,
) -> None:
    canvas.paper.plot(
        spot[:1],
        spot[1:],
        linestyle="none",
        marker=_MARKERS[index % len(_MARKERS)],
        markersize=size,
        markerfacecolor=colours.SERIES[index % len(colours.SERIES)],
        markeredgecolor=colours.PAPER,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=4,
        gid=gid,
    )


def _join(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, ends: str) -> None:
    """An arrow from dot to dot, stopping short of both; a band around them where there is no room for one.

    A point that did not move has neither.
    """
    if not np.isfinite([x0, y0, x1, y1]).all() or np.hypot(x1 - x0, y1 - y0) < 0.5:
        return
    gid = canvas.mark("link", ends)
    if np.hypot(x1 - x0, y1 - y0) < _NEAR:
        canvas.paper.plot(
            (x0, x1),
            (y0, y1),
            color=colours.PALE,
            linewidth=_DOT + 6,
            solid_capstyle="round",
            clip_on=False,
            zorder=3,
            gid=gid,
        )
        return
    arrow = FancyArrowPatch(
        (x0, y0),
        (x1, y1),
        arrowstyle="->,head_length=4,head_width=2.4",
        color=colours.MUTED,
        linewidth=1.0,
        shrinkA=_DOT * 0.7,
        shrinkB=_DOT * 0.8,
        mutation_scale=1,
        clip_on=False,
        zorder=3,
        gid=gid,
    )
    canvas.paper.add_artist(arrow)


def legend(canvas: Canvas, groups: Sequence[str], left: float, top: float, room: float) -> None:
    """Every group's marker and name, in as many lines as they need."""
    for line, some in enumerate(_legend_lines(groups, room)):
        x, y = left + 6, top + line * _LINE
        for group in some:
            _dot(canvas, np.array([x, y + 9]), groups.index(group))
            canvas.write(text.plain(group) or "other", x + 10, y + 13, size=text.SMALL)
            x += _legend_width(group)


def legend_height(groups: Sequence[str], room: float) -> float:
    """Room for the legend and a gap below it."""
    return len(_legend_lines(groups, room)) * _LINE + 6


def _legend_across(groups: Sequence[str], room: float) -> float:
    return max(sum(map(_legend_width, line)) for line in _legend_lines(groups, room))


def _legend_lines(groups: Sequence[str], room: float) -> list[list[str]]:
    lines: list[list[str]] = []
    for group in groups:
        if lines and sum(map(_legend_width, [*lines[-1], group])) <= room:
            lines[-1].append(group)
        else:
            lines.append([group])
    return lines


def _legend_width(group: str) -> float:
    return text.width(text.plain(group) or "other", text.SMALL) + 32


def _names(
    canvas: Canvas,
    figure: Scatter,
    spots: NDArray[np.float64],
    groups: Sequence[str],
    place: tuple[float, float, float, float],
    arrows: Sequence[tuple[float, float, float, float]],
) -> None:
    """Every name near its point, in its group's colour; a hairline leads back where it had to move away."""
    left, top, width, height = place
    names = [text.plain(p.label, 30) if p.named else "" for p in figure.points]
    known = [i for i, name in enumerate(names) if name and np.isfinite(spots[i]).all()]
    sizes = [(text.width(names[i], text.SMALL) + 2, 14.0) for i in known]
    bounds = (left + 1, top - 2, left + width + 8, top + height - 1)
    places = placement.place([tuple(spots[i]) for i in known], sizes, bounds, arrows)
    leads = []
    for i, placed in zip(known, places, strict=True):
        if placed is None:
            continue
        x0, y0, x1, y1 = placed.box
        color = colours.SERIES[groups.index(figure.points[i].group) % len(colours.SERIES)]
        canvas.write(
            names[i],
            (x0 + x1) / 2,
            y1 - 3.5,
            size=text.SMALL,
            color=color,
            anchor="center",
            halo=True,
        )
        if placed.led:
            leads.append(
                (
                    *spots[i],
                    float(np.clip(spots[i][0], x0, x1)),
                    float(np.clip(spots[i][1], y0 + 2, y1 - 2)),
                )
            )
    if leads:
        canvas.strokes(leads, colours.LINE, 0.8)
