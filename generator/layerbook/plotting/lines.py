"""Draw lines over a common axis, named where they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerbook.core.figures import Lines, Series
from layerbook.plotting import colors, numeric_axes, svg, text
from layerbook.plotting.canvas import BOTH_SIDES, Arrangement, Canvas, LabeledSides, TextStyle
from layerbook.plotting.svg import Area

_PLOT_SIZES = ((280.0, 210.0), (220.0, 170.0), (160.0, 130.0), (120.0, 110.0))
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.8)), (0, (7, 2, 1.5, 2)))
_MIN_PLOT_WIDTH = 190.0
_MIN_PHONE_PLOT_WIDTH = 140.0
_LINE_HEIGHT = 15.5


@dataclass(frozen=True)
class LinesLayout:
    """The layout of line charts that are shown together; without limits, each has its own axes."""

    plot_size: tuple[float, float]
    label_width: float
    right_margin: float
    max_ticks: tuple[int, int]
    limits: numeric_axes.PlotLimits | None
    labeled_sides: LabeledSides = BOTH_SIDES

    @property
    def left_margin(self) -> float:
        """Width of the ticks of the y axis, if they are drawn."""
        return self.label_width if self.labeled_sides.left else 0.0

    @property
    def width(self) -> float:
        """Total width in pixels."""
        return self.left_margin + self.plot_size[0] + self.right_margin

    @property
    def height(self) -> float:
        """Total height in pixels."""
        return 30 + self.plot_size[1] + (44 if self.labeled_sides.bottom else 8)


def compute_layout(figures: Sequence[Lines], arrangement: Arrangement) -> LinesLayout:
    """Return one layout for all charts; on a phone, the plot may become very small."""
    is_alone = arrangement.charts_per_row == 1
    plot = _PLOT_SIZES[min(arrangement.charts_per_row, 4) - 1]
    ticks = (6, 6) if is_alone else (4, 4)
    names = [name for figure in figures for name in _series_names(figure)]
    right = max((text.pixel_width(name) for name in names), default=0.0) + 16
    left = (
        max(numeric_axes.tick_label_width(f.y, _xy_limits((f,)).y, ticks[1]) for f in figures) + 14
    )
    if is_alone:
        max_width = svg.MAX_UNSCROLLED_WIDTH - left - right - 2
        least = _MIN_PHONE_PLOT_WIDTH if arrangement.narrow else _MIN_PLOT_WIDTH
        plot = min(plot[0], max(max_width, least)), plot[1]
    limits = _xy_limits(figures) if arrangement.shared_scale else None
    return LinesLayout(plot, left, right, ticks, limits)


def draw(canvas: Canvas, figure: Lines, layout: LinesLayout, left: float, top: float) -> None:
    """Draw the chart at (left, top)."""
    area = Area(left + layout.left_margin, top + 30, *layout.plot_size)
    limits = layout.limits or _xy_limits((figure,))
    axes = numeric_axes.draw_axes(canvas, figure, layout, limits, area)
    numeric_axes.draw_axis_titles(canvas, figure, layout, area, left)
    gids: list[str] = []
    for i, series in enumerate(figure.series):
        x, y = _points(figure, series)
        gid = canvas.add_part(text.printable(series.name))
        marker = "o" if np.isfinite(y).sum() <= 24 else ""
        axes.plot(
            x,
            y,
            color=_color(figure, i),
            linestyle=_dash(i),
            marker=marker,
            markersize=4,
            clip_on=layout.limits is None,
            gid=gid,
        )
        gids.append(gid)
    if len(figure.series) > 1:
        _draw_series_names(canvas, figure, area, limits.y, gids)


def _xy_limits(figures: Sequence[Lines]) -> numeric_axes.PlotLimits:
    x = numeric_axes.axis_limits(
        [s.x for f in figures for s in f.series], figures[0].x, padding=0.01
    )
    y = numeric_axes.axis_limits([s.y for f in figures for s in f.series], figures[0].y)
    return numeric_axes.PlotLimits(x, y)


def _points(figure: Lines, series: Series) -> tuple[np.ndarray, np.ndarray]:
    x = numeric_axes.mask_unplottable(series.x, log=figure.x.log)
    return x, numeric_axes.mask_unplottable(series.y, log=figure.y.log)


def _color(figure: Lines, index: int) -> str:
    default = colors.SERIES[index % len(colors.SERIES)]
    return colors.role_color(figure.series[index].role, default)


def _dash(index: int) -> str | tuple[int, tuple[float, ...]]:
    return _DASHES[index // len(colors.SERIES) % len(_DASHES)]


def _draw_series_names(
    canvas: Canvas,
    figure: Lines,
    area: Area,
    limits: numeric_axes.Limits,
    gids: Sequence[str],
) -> None:
    """Draw the name of each line beside its last point.

    Names that would cover each other are moved apart; of too many, some are left out.
    """
    interval = text.label_step(len(figure.series), int((area.height + _LINE_HEIGHT) / _LINE_HEIGHT))
    named_series = range(0, len(figure.series), interval)
    last = np.array([_last_finite(_points(figure, figure.series[i])[1]) for i in named_series])
    low, high = np.log10(limits) if figure.y.log else limits
    shares = ((np.log10(last) if figure.y.log else last) - low) / (high - low)
    heights = spread_positions(
        area.top + area.height * (1 - shares), _LINE_HEIGHT, area.top, area.bottom
    )
    names = _series_names(figure)
    for i, y in zip(named_series, heights, strict=True):
        canvas.draw_text(
            names[i], area.right + 8, y + 4, TextStyle(color=_color(figure, i)), gid=gids[i]
        )


def _series_names(figure: Lines) -> list[str]:
    """Return the names of the lines; a single line needs none."""
    names = text.shorten_apart([series.name for series in figure.series], 20)
    return names if len(names) > 1 else []


def _last_finite(y: np.ndarray) -> float:
    finite = y[np.isfinite(y)]
    return float(finite[-1]) if finite.size else float("nan")


def spread_positions(
    positions: Sequence[float] | np.ndarray, gap: float, low: float, high: float
) -> list[float]:
    """Return the positions moved so that neighbors are `gap` apart, within low..high."""
    targets = np.nan_to_num(np.array(positions, dtype=float), nan=high)
    order = np.argsort(targets, kind="stable")
    spread = np.clip(targets[order], low, high)
    for _ in range(200):
        close = gap - np.diff(spread)
        if (close <= 1e-6).all():
            break
        push = np.clip(close, 0, None) / 2
        spread[1:] += push
        spread[:-1] -= push
        spread = np.clip(spread, low, high)
    result = np.empty_like(spread)
    result[order] = spread
    return [float(position) for position in result]
