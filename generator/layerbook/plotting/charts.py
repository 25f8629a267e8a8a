"""Charts as SVG: one module per kind lays out and draws its charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from layerbook.core.figures import Chart, Heatmap, Panels
from layerbook.plotting import panels, svg
from layerbook.plotting.canvas import Arrangement, Canvas, matplotlib_style, to_svg

DRAWERS: dict[type, Any] = {**panels.CHART_MODULES, Panels: panels}


def render_charts(
    charts: Sequence[Chart], ids: Sequence[str], *, narrow: bool = False
) -> tuple[str, ...]:
    """Return one SVG per chart. Charts of one kind share a layout and a scale.

    Stepping through them then shows what changes. Heat maps of different measures share only the
    layout. narrow: lay the charts out for a phone.
    """
    layouts = {}
    for kind in dict.fromkeys(map(type, charts)):
        if kind not in DRAWERS:
            raise TypeError(f"a figure of kind {kind.__name__} is not a chart")
        group = [chart for chart in charts if type(chart) is kind]
        scales = {panels.scale_key(chart) for chart in group if isinstance(chart, Heatmap)}
        arrangement = Arrangement(shared_scale=len(scales) < 2, narrow=narrow)
        layouts[kind] = DRAWERS[kind].compute_layout(group, arrangement)
    return tuple(
        _render_chart(chart, layouts[type(chart)], id)
        for chart, id in zip(charts, ids, strict=True)
    )


def _render_chart(chart: Chart, layout: Any, id: str) -> str:
    with matplotlib_style(id):
        canvas = Canvas(layout.width, layout.height)
        DRAWERS[type(chart)].draw(canvas, chart, layout, 0, 0)
        drawing = to_svg(canvas.figure)
    picture = svg.root_element(id, canvas.width, canvas.height, chart)
    for name, areas in (("data-grids", canvas.grids), ("data-panels", canvas.panels)):
        if areas:
            picture.set(name, json.dumps(areas, ensure_ascii=False, separators=(",", ":")))
    return svg.embed_matplotlib_svg(drawing, picture, id, canvas.marks)
