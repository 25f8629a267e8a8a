"""The one door: a figure in, an SVG for the page out.

The same figure and id give the same bytes, everywhere and always. matplotlib is imported by the first chart, seaborn by
the first heat map with written values; the diagram and the shapes need neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from layerbook.core.figures import Chart, Diagram, Frames, Shapes
from layerbook.plotting import diagram as _diagram
from layerbook.plotting import matrix_chain as _shapes


def picture(figure: Chart | Diagram | Shapes, id: str) -> str:
    """The figure as SVG to be inlined; `id` must be unique on the page, all ids inside begin with it.

    TypeError for kinds that are not drawn: token strips, passages and tables are HTML, frames have `frames`.
    """
    if isinstance(figure, Diagram):
        return _diagram.draw(figure, id)
    if isinstance(figure, Shapes):
        return _shapes.draw(figure, id)
    if not isinstance(figure, get_args(Chart)):
        raise TypeError(f"figures of kind {type(figure).__name__} are not drawn as one picture")
    from layerbook.plotting import charts

    return charts.draw([figure], [id])[0]


def frames(figure: Frames, id: str) -> tuple[str, ...]:
    """Every frame as SVG, all under one layout and one scale so that nothing jumps; ids begin with `id-N`."""
    if not isinstance(figure, Frames):
        raise TypeError(f"a figure of kind {type(figure).__name__} has no frames")
    from layerbook.plotting import charts

    ids = [f"{id}-{i}" for i in range(1, len(figure.frames) + 1)]
    return charts.draw([frame.picture for frame in figure.frames], ids)


def prepare() -> None:
    """Import ahead of time what most pictures need."""
    import seaborn

    from layerbook.plotting import charts

    assert charts and seaborn


def diagram(
    figure: Diagram, id: str, *, compact: bool = False, links: Mapping[str, str] | None = None
) -> str:
    """The decoder as SVG: whole, or small and without details; `links` makes each part lead to its page."""
    if not isinstance(figure, Diagram):
        raise TypeError(f"a figure of kind {type(figure).__name__} is no diagram")
    return _diagram.draw(figure, id, compact=compact, links=links)
