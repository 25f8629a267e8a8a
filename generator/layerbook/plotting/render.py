"""The one door: a figure in, an SVG for the page out.

The same figure and id give the same bytes, everywhere and always. matplotlib is imported by the first chart, seaborn by
the first heat map with written values; the diagram and the shapes need neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from layerbook.core.figures import Chart, Diagram, Frames, MatrixChain
from layerbook.plotting import diagram, matrix_chain


def render_figure(figure: Chart | Diagram | MatrixChain, id: str) -> str:
    """The figure as SVG to be inlined; `id` must be unique on the page, all ids inside begin with it.

    TypeError for kinds that are not drawn: token strips, passages and tables are HTML, frames have `render_frames`.
    """
    if isinstance(figure, Diagram):
        return diagram.render_diagram(figure, id)
    if isinstance(figure, MatrixChain):
        return matrix_chain.render_matrix_chain(figure, id)
    if not isinstance(figure, get_args(Chart)):
        raise TypeError(f"figures of kind {type(figure).__name__} are not drawn as one picture")
    from layerbook.plotting import charts

    return charts.render_charts([figure], [id])[0]


def render_frames(figure: Frames, id: str) -> tuple[str, ...]:
    """Every frame as SVG, all under one layout and one scale so that nothing jumps; ids begin with `id-N`."""
    if not isinstance(figure, Frames):
        raise TypeError(f"a figure of kind {type(figure).__name__} has no frames")
    from layerbook.plotting import charts

    ids = [f"{id}-{i}" for i in range(1, len(figure.frames) + 1)]
    return charts.render_charts([frame.picture for frame in figure.frames], ids)


def import_libraries() -> None:
    """Import ahead of time what most pictures need."""
    import seaborn

    from layerbook.plotting import charts

    assert charts and seaborn


def render_diagram(
    figure: Diagram, id: str, *, compact: bool = False, links: Mapping[str, str] | None = None
) -> str:
    """The decoder as SVG: whole, or small and without details; `links` makes each part lead to its page."""
    if not isinstance(figure, Diagram):
        raise TypeError(f"a figure of kind {type(figure).__name__} is no diagram")
    return diagram.render_diagram(figure, id, compact=compact, links=links)
