"""Draw a picture with the function of an analysis, in the style of the other figures."""

from __future__ import annotations

import inspect

from cycler import cycler
from matplotlib import rcParams
from matplotlib.figure import Figure

from layerbook.core.errors import LayerbookError, RunError, describe_exception, format_trace
from layerbook.core.figures import MatplotlibFigure
from layerbook.plotting import colors, svg
from layerbook.plotting.canvas import DPI, matplotlib_style, to_svg

_RC_PARAMS = {
    "axes.labelcolor": colors.INK,
    "axes.prop_cycle": cycler(color=colors.SERIES),
    "figure.constrained_layout.use": True,
    "image.interpolation": "none",
    "patch.facecolor": colors.SERIES[0],
    "xtick.color": colors.LINE,
    "xtick.labelcolor": colors.INK,
    "ytick.color": colors.LINE,
    "ytick.labelcolor": colors.INK,
}


def render_own(figure: MatplotlibFigure, id: str) -> str:
    """Return the picture as SVG. Raises RunError, with the place, for whatever `draw` raises."""
    with matplotlib_style(id):
        rcParams.update(_RC_PARAMS)
        sheet = Figure(figsize=(figure.width / DPI, figure.height / DPI), dpi=DPI)
        try:
            figure.draw(sheet, figure.data)
            drawing = to_svg(sheet)
        except LayerbookError:
            raise
        except Exception as error:  # the function may be the author's own and raise anything
            reason = describe_exception(error, inspect.getfile(figure.draw))
            message = f"{id}: cannot be drawn: {reason}"
            raise RunError(message, format_trace(error)) from error
    picture = svg.root_element(id, figure.width, figure.height, figure)
    return svg.embed_matplotlib_svg(drawing, picture, id, {})
