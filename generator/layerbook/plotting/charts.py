"""The drawers of charts under one roof: each kind has `compute_layout` (what charts shown together
share) and `draw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layerbook.core.figures import Bars, Chart, Heatmap, Lines, Panels, Scatter
from layerbook.plotting import bars, heatmap, lines, panels, scatter, svg
from layerbook.plotting.canvas import Canvas, matplotlib_style

_CHART_MODULES: dict[type, Any] = {
    Heatmap: heatmap,
    Lines: lines,
    Bars: bars,
    Scatter: scatter,
    Panels: panels,
}


def render_charts(charts: Sequence[Chart], ids: Sequence[str]) -> tuple[str, ...]:
    """One SVG per chart; charts of one kind share layout and scale, so that stepping through them
    shows change.

    Heat maps of different measures share the layout alone: numbers that mean different things are
    on no common scale.
    """
    for chart in charts:
        if type(chart) not in _CHART_MODULES:
            raise TypeError(f"no chart: {type(chart).__name__}")
    kinds = {
        kind: [chart for chart in charts if type(chart) is kind]
        for kind in dict.fromkeys(map(type, charts))
    }
    fits = {
        kind: _CHART_MODULES[kind].compute_layout(some, shared_scale=_same_scale(some))
        for kind, some in kinds.items()
    }
    return tuple(
        _render_chart(chart, fits[type(chart)], id) for chart, id in zip(charts, ids, strict=True)
    )


def _same_scale(charts: Sequence[Chart]) -> bool:
    """True if all charts share one scale."""
    return len({panels.scale_key(chart) for chart in charts if isinstance(chart, Heatmap)}) < 2


def _render_chart(chart: Chart, layout: Any, id: str) -> str:
    with matplotlib_style(id):
        canvas = Canvas(layout.width, layout.height)
        _CHART_MODULES[type(chart)].draw(canvas, chart, layout, 0, 0)
        drawn = canvas.to_svg()
    return svg.embed_matplotlib_svg(
        drawn,
        svg.root_element(id, canvas.width, canvas.height, chart.title, chart.alt),
        id,
        canvas.marks,
    )
