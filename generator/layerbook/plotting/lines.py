"""Lines over a common axis, named where they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Lines, Series
from layerbook.plotting import axes as scales
from layerbook.plotting import colours, text
from layerbook.plotting.canvas import Canvas

_PLOTS = ((500.0, 280.0), (280.0, 190.0), (170.0, 130.0), (130.0, 110.0))
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.8)), (0, (7, 2, 1.5, 2)))
_LINE = 14.0


@dataclass(frozen=True)
class Fit:
    """What line charts shown together share; no limits: each its own."""

    plot: tuple[float, float]
    left: float
    right: float
    ticks: tuple[int, int]
    limits: tuple[scales.Limits, scales.Limits] | None
    sides: tuple[bool, bool] = (True, True)

    @property
    def margin(self) -> float:
        """Room for the ticks of the y axis, where they are drawn."""
        return self.left if self.sides[0] else 0.0

    @property
    def width(self) -> float:
        """All of it, in pixels."""
        return self.margin + self.plot[0] + self.right

    @property
    def height(self) -> float:
        """All of it, in pixels."""
        return 30 + self.plot[1] + (44 if self.sides[1] else 8)


def fit(figures: Sequence[Lines], *, across: int = 1, shared: bool = True) -> Fit:
    """One layout for all of them; `shared` gives them one pair of axes."""
    plot, ticks = _PLOTS[min(across, 4) - 1], (7, 6) if across == 1 else (4, 4)
    names = [
        text.plain(s.name, 26)
        for figure in figures
        for s in figure.series
        if len(figure.series) > 1
    ]
    right = max((text.width(name, text.SMALL) for name in names), default=0.0) + 16
    left = max(scales.tick_width(f.y, _limits((f,))[1], ticks[1]) for f in figures) + 14
    return Fit(plot, left, right, ticks, _limits(figures) if shared else None)


def paint(canvas: Canvas, figure: Lines, fit: Fit, left: float, top: float) -> None:
    """Draw the chart at (left, top)."""
    place = (left + fit.margin, top + 30, *fit.plot)
    axes = canvas.axes(*place)
    limits_x, limits_y = fit.limits or _limits((figure,))
    scales.dress(axes, figure.x, figure.y, limits_x, limits_y, ticks=fit.ticks, sides=fit.sides)
    scales.titles(canvas, figure.x, figure.y, place, left, sides=fit.sides)
    for i, series in enumerate(figure.series):
        x, y = _points(figure, series)
        marker = "o" if np.isfinite(y).sum() <= 24 else ""
        axes.plot(
            x,
            y,
            color=_color(i),
            linestyle=_dash(i),
            marker=marker,
            markersize=4,
            clip_on=bool(fit.limits is None),
        )
    if len(figure.series) > 1:
        _name_ends(canvas, figure, place, limits_y)


def _limits(figures: Sequence[Lines]) -> tuple[scales.Limits, scales.Limits]:
    x = scales.limits([s.x for f in figures for s in f.series], figures[0].x, pad=0.01)
    return x, scales.limits([s.y for f in figures for s in f.series], figures[0].y)


def _points(figure: Lines, series: Series) -> tuple[np.ndarray, np.ndarray]:
    return scales.drawable(series.x, figure.x.log), scales.drawable(series.y, figure.y.log)


def _color(index: int) -> str:
    return colours.SERIES[index % len(colours.SERIES)]


def _dash(index: int) -> str | tuple[int, tuple[float, ...]]:
    return _DASHES[index // len(colours.SERIES) % len(_DASHES)]


def _name_ends(
    canvas: Canvas, figure: Lines, place: tuple[float, float, float, float], ends: scales.Limits
) -> None:
    """Each line's name beside its last point, moved apart where they would touch; some left out where too many."""
    left, top, width, height = place
    every = text.step(len(figure.series), int((height + _LINE) / _LINE))
    shown = [(i, s) for i, s in enumerate(figure.series) if i % every == 0]
    last = [_last(_points(figure, series)[1]) for _, series in shown]
    low, high = np.log10(ends) if figure.y.log else ends
    at = [
        top + height * (1 - ((np.log10(y) if figure.y.log else y) - low) / (high - low))
        for y in last
    ]
    for (i, series), y in zip(shown, apart(at, _LINE, top, top + height), strict=True):
        canvas.write(
            text.plain(series.name, 26), left + width + 8, y + 4, size=text.SMALL, color=_color(i)
        )


def _last(y: np.ndarray) -> float:
    finite = y[np.isfinite(y)]
    return float(finite[-1]) if finite.size else float("nan")


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places moved as little as a single sweep needs so that neighbours are `gap` apart, within low..high."""
    wanted = np.nan_to_num(np.array(places, dtype=float), nan=high)
    order = np.argsort(wanted, kind="stable")
    moved = np.clip(wanted[order], low, high)
    for _ in range(200):
        close = gap - np.diff(moved)
        if (close <= 1e-6).all():
            break
        push = np.clip(close, 0, None) / 2
        moved[1:] += push
        moved[:-1] -= push
        moved = np.clip(moved, low, high)
    result = np.empty_like(moved)
    result[order] = moved
    return [float(place) for place in result]
