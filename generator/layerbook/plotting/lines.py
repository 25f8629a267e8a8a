"""Draw lines over a common axis, named where they end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerbook.core.figures import Lines
from layerbook.plotting import colors, numeric_axes, svg, text
from layerbook.plotting.canvas import Arrangement, Canvas, Size
from layerbook.plotting.numeric_axes import PlotLayout, PlotLimits, axis_limits, tick_label_width
from layerbook.plotting.svg import Area

_PLOT_SIZES = (Size(280, 210), Size(220, 170), Size(160, 130), Size(120, 110))
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.8)), (0, (7, 2, 1.5, 2)))
_MIN_PLOT_WIDTH = 190.0
_MIN_PHONE_PLOT_WIDTH = 140.0
_LINE_HEIGHT = 15.5


def compute_layout(figures: Sequence[Lines], arrangement: Arrangement) -> PlotLayout:
    """Return one layout for all charts; on a phone, the plot may become very small."""
    is_alone = arrangement.charts_per_row == 1
    plot = _PLOT_SIZES[min(arrangement.charts_per_row, 4) - 1]
    ticks = 6 if is_alone else 4
    right = text.max_width(name for figure in figures for name in _series_names(figure)) + 16
    left = 14 + max(tick_label_width(f.y, _xy_limits((f,)).y, ticks) for f in figures)
    if is_alone:
        max_width = svg.MAX_UNSCROLLED_WIDTH - left - right - 2
        least = _MIN_PHONE_PLOT_WIDTH if arrangement.narrow else _MIN_PLOT_WIDTH
        plot = Size(min(plot.width, max(max_width, least)), plot.height)
    return PlotLayout(
        plot_size=plot,
        label_width=left,
        right_margin=right,
        max_ticks=ticks,
        limits=_xy_limits(figures) if arrangement.shared_scale else None,
    )


def draw(canvas: Canvas, figure: Lines, layout: PlotLayout, left: float, top: float) -> None:
    """Draw the chart at (left, top)."""
    area = Area(left + layout.left_margin, top + layout.header_height, *layout.plot_size)
    limits = layout.limits or _xy_limits((figure,))
    axes = numeric_axes.draw_axes(canvas, figure, layout, limits, area)
    gids: list[str] = []
    for i, series in enumerate(figure.series):
        x = numeric_axes.mask_unplottable(series.x, log=figure.x.log)
        y = numeric_axes.mask_unplottable(series.y, log=figure.y.log)
        gids.append(canvas.add_part(text.printable(series.name)))
        axes.plot(
            x,
            y,
            color=_color(figure, i),
            linestyle=_DASHES[i // len(colors.SERIES) % len(_DASHES)],
            marker="o" if np.isfinite(y).sum() <= 24 else "",
            markersize=4,
            clip_on=layout.limits is None,
            gid=gids[i],
        )
    if len(figure.series) > 1:
        _draw_series_names(canvas, figure, area, limits.y, gids)


def _xy_limits(figures: Sequence[Lines]) -> PlotLimits:
    series = [series for figure in figures for series in figure.series]
    x = axis_limits((x for s in series for x in s.x), figures[0].x, padding=0.01)
    return PlotLimits(x, axis_limits((y for s in series for y in s.y), figures[0].y))


def _color(figure: Lines, index: int) -> str:
    default = colors.SERIES[index % len(colors.SERIES)]
    return colors.role_color(figure.series[index].role, default)


def _draw_series_names(
    canvas: Canvas, figure: Lines, area: Area, limits: numeric_axes.Limits, gids: Sequence[str]
) -> None:
    """Draw the name of each line beside its last point.

    Names that would cover each other are moved apart; of too many, some are left out.
    """
    interval = text.label_step(len(figure.series), int((area.height + _LINE_HEIGHT) / _LINE_HEIGHT))
    named_series = range(0, len(figure.series), interval)
    last = []
    for i in named_series:
        shares = numeric_axes.axis_shares(figure.series[i].y, limits, log=figure.y.log)
        last.append(next((share for share in shares[::-1] if np.isfinite(share)), np.nan))
    heights = spread_positions(
        area.top + area.height * (1 - np.array(last)), _LINE_HEIGHT, area.top, area.bottom
    )
    names = _series_names(figure)
    for i, y in zip(named_series, heights, strict=True):
        canvas.draw_text(names[i], area.right + 8, y + 4, color=_color(figure, i), gid=gids[i])


def _series_names(figure: Lines) -> list[str]:
    """Return the names of the lines; a single line needs none."""
    names = text.shorten_apart([series.name for series in figure.series], 20)
    return names if len(names) > 1 else []


def spread_positions(positions: np.ndarray, gap: float, low: float, high: float) -> list[float]:
    """Return the positions moved so that neighbors are `gap` apart, within low..high."""
    targets = np.nan_to_num(positions, nan=high)
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
    return list(map(float, result))
