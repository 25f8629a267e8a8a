"""The drawers of charts under one roof: each kind has `fit` (what charts shown together share) and `paint`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layerbook.core.figures import Bars, Chart, Heatmap, Lines, Panels, Scatter
from layerbook.plotting import bars, heatmap, lines, panels, scatter, svg
from layerbook.plotting.canvas import Canvas, style

_MODULES: dict[type, Any] = {
    Heatmap: heatmap,
    Lines: lines,
    Bars: bars,
    Scatter: scatter,
    Panels: panels,
}


def draw(charts: Sequence[Chart], ids: Sequence[str]) -> tuple[str, ...]:
    """One SVG per chart; charts of one kind share layout and scale, so that stepping through them shows change.

    Heat maps of different measures share the layout alone: numbers that mean different things are on no common scale.
    """
    for chart in charts:
        if type(chart) not in _MODULES:
            raise TypeError(f"no chart: {type(chart).__name__}")
    kinds = {
        kind: [chart for chart in charts if type(chart) is kind]
        for kind in dict.fromkeys(map(type, charts))
    }
    fits = {kind: _MODULES[kind].fit(some, shared=_alike(some)) for kind, some in kinds.items()}
    return tuple(_one(chart, fits[type(chart)], id) for chart, id in zip(charts, ids, strict=True))


def _alike(charts: Sequence[Chart]) -> bool:
    """Whether all of them are to be read on one scale."""
    return len({panels.measure(chart) for chart in charts if isinstance(chart, Heatmap)}) < 2


def _one(chart: Chart, fit: Any, id: str) -> str:
    with style(id):
        canvas = Canvas(fit.width, fit.height)
        _MODULES[type(chart)].paint(canvas, chart, fit, 0, 0)
        drawn = canvas.svg()
    return svg.finish(
        drawn, svg.root(id, canvas.width, canvas.height, chart.title, chart.alt), id, canvas.marks
    )
