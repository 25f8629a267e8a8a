"""Render figures as SVG: the same figure and id give the same bytes on every machine.

matplotlib is imported by the first chart, seaborn by the first annotated heatmap.
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path
from typing import get_args

from layerbook.core.figures import Diagram, Frames, MatplotlibFigure, MatrixChain, Picture
from layerbook.plotting import svg
from layerbook.plotting.diagram import render_diagram
from layerbook.plotting.matrix_chain import render_matrix_chain


def render_figure(figure: Picture, id: str) -> str:
    """Render the figure as inline SVG; `id` must be unique on the page and prefixes all ids inside.

    Raises TypeError for figures of other kinds: text and tables are HTML, and frames are several
    drawings.
    """
    if not isinstance(figure, get_args(Picture)):
        raise TypeError(f"a figure of kind {type(figure).__name__} is not a single drawing")
    return _render_all(figure, id)[0]


def render_frames(figure: Frames, id: str) -> tuple[str, ...]:
    """Render all frames as SVG with one layout and scale; their ids are `id-1`, `id-2`, ..."""
    return _render_all(figure, id)


def render_for_pages(figure: Picture | Frames, id: str) -> tuple[str, ...]:
    """Render a figure, or each of its frames, for a page.

    What is too wide for a phone is rendered twice, in elements of class `wide` and `narrow`; the
    stylesheet shows one of them.
    """
    drawings = _render_all(figure, id)
    width = max(map(svg.natural_width, drawings))
    if width <= svg.PHONE_WIDTH or isinstance(figure, MatplotlibFigure):
        return drawings
    narrow = _render_all(figure, f"{id}-narrow", narrow=True)
    if max(map(svg.natural_width, narrow)) >= width:
        return drawings
    return tuple(
        f'<div class="wide">{wide}</div><div class="narrow">{small}</div>'
        for wide, small in zip(drawings, narrow, strict=True)
    )


def _render_all(figure: Picture | Frames, id: str, *, narrow: bool = False) -> tuple[str, ...]:
    """Render a figure, or each of its frames; an author's own drawing has one layout only."""
    if isinstance(figure, Diagram):
        return (render_diagram(figure, id),)
    if isinstance(figure, MatrixChain):
        return (render_matrix_chain(figure, id, narrow=narrow),)
    _import_matplotlib()
    if isinstance(figure, MatplotlibFigure):
        from layerbook.plotting.own_drawing import render_own

        return (render_own(figure, id),)
    from layerbook.plotting.charts import render_charts

    if not isinstance(figure, Frames):
        return render_charts([figure], [f"{id}-1" if narrow else id], narrow=narrow)
    ids = [f"{id}-{number}" for number, _ in enumerate(figure.frames, start=1)]
    return render_charts([frame.picture for frame in figure.frames], ids, narrow=narrow)


def import_libraries() -> None:
    """Import early what most figures need."""
    _import_matplotlib()
    import seaborn  # noqa: F401

    from layerbook.plotting import charts  # noqa: F401


def _import_matplotlib() -> None:
    """Import matplotlib from a neutral working directory.

    It would otherwise read `matplotlibrc` from the working directory, perhaps a stranger's book.
    """
    if "matplotlib" not in sys.modules:
        with chdir(Path(__file__).parent):
            import matplotlib  # noqa: F401
