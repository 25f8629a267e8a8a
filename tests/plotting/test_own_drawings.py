"""Figures that an analysis draws with matplotlib, and text in the cells of a map."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from fixtures.svg import parse_svg, texts
from layerbook.core.errors import RunError
from layerbook.core.figures import Axis, Heatmap, MatplotlibFigure, Table
from layerbook.core.tidy_table import tidy_table
from layerbook.core.tokens import Token
from layerbook.plotting import render

TABLE = Table(("x",), ((1,),))


def draw_image(figure: Any, data: Any) -> None:
    """Draw an image, a line, and text that looks like markup."""
    axes = figure.subplots()
    axes.imshow(data)
    axes.plot([0, 1], [0, 1], label="<b>&")
    axes.legend()


def fail(figure: Any, data: Any) -> None:
    """Raise an error, as an author's code may."""
    raise KeyError("x")


def test_custom_drawing_has_the_form_of_other_figures() -> None:
    """Name, description, size and colors, without inline styles."""
    figure = MatplotlibFigure(draw_image, np.eye(3), TABLE, "An image.", "Mine", 300, 200)
    svg = render.render_figure(figure, "fig-1")
    root = parse_svg(svg)
    assert root.get("viewBox") == "0 0 300 200" and "<b>&" in texts(root)
    assert "An image." in svg and ">Mine</title>" in svg and "style=" not in svg
    assert "var(--fig-series-1" in svg and "data:image/png;base64," in svg
    assert svg == render.render_figure(figure, "fig-1")
    assert tidy_table(figure) == TABLE


def test_failing_drawing_reports_its_line() -> None:
    with pytest.raises(RunError, match=r"KeyError: 'x' \(\S*test_own_drawings\.py:\d+\)"):
        render.render_figure(MatplotlibFigure(fail, None, TABLE, "None."), "fig-1")


@pytest.mark.parametrize("draw", [lambda f, d: None, partial(fail, data=1)])
def test_drawing_must_be_a_function_of_a_module(draw: Any) -> None:
    """A closure could change without a change of code or data."""
    with pytest.raises(ValueError, match="a function of a module"):
        MatplotlibFigure(draw, None, TABLE, "None.")


def test_cells_can_have_tokens() -> None:
    """They replace the values in the figure, and are added to the download."""
    words = ((Token(1, " a", "2061"), "b"), ("c", "d"))
    heatmap = Heatmap(np.eye(2), Axis("row"), Axis("column"), "share", "A map.", cells=words)
    shown = texts(parse_svg(render.render_figure(heatmap, "fig-1")))
    assert {"·a", "b", "c", "d"} <= set(shown)
    table = tidy_table(heatmap)
    assert table.columns[-1] == "cell" and table.rows[1][-2:] == (0.0, "b")
