"""Fractions are shown in percent in figures, and stored as fractions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from fixtures.sample_figures import attention_pattern, make_bars, make_lines
from fixtures.svg import filled_boxes, parse_svg, texts
from layerbook.core.charts import probability_axis
from layerbook.core.figures import Bars, Figure, Heatmap, Lines
from layerbook.core.tidy_table import tidy_table
from layerbook.plotting import render
from layerbook.site.tokens_html import table_csv, table_html

BARS = replace(make_bars(0.617, 0.25, 0.000312, rest=0.132688), value_axis=probability_axis())


def shown(figure: Bars | Heatmap | Lines) -> list[str]:
    """Return all texts of the picture, with ordinary spaces."""
    return [
        text.replace("\u202f", " ") for text in texts(parse_svg(render.render_figure(figure, "x")))
    ]


def page_and_file(figure: Figure) -> tuple[str, str]:
    """Return the table on the page, with ordinary spaces, and the CSV."""
    page = table_html(figure.table()).replace("\u202f", " ")
    return page, table_csv(tidy_table(figure))


def test_bars_end_in_percent() -> None:
    """With three digits, in the color of probabilities."""
    assert {"61.7 %", "25.0 %", "0.0312 %", "13.3 %"} <= set(shown(BARS))
    root = parse_svg(render.render_figure(BARS, "x"))
    assert len(filled_boxes(root, "probability")) == 3


def test_ticks_and_titles_have_percent() -> None:
    """The title of the axis needs no unit."""
    lines = replace(make_lines(), y=probability_axis())
    series = tuple(replace(s, y=tuple(v / 1e5 for v in s.y)) for s in lines.series)
    labels = shown(replace(lines, series=series))
    assert {"0 %", "20 %", "100 %", "↑ probability"} <= set(labels)


def test_cells_and_color_bar_have_percent() -> None:
    """Whole percent in the cells, tenths below one."""
    values = np.array([[1.0, 0.0], [0.004, 0.996]])
    pattern = replace(attention_pattern(2, annotate=True), values=values, percent=True)
    labels = shown(pattern)
    assert {"100 %", "0.4 %", "0 %"} <= set(labels)
    assert labels.count("100 %") >= 3  # 1, 0.996 and the end of the scale


def test_tables_have_percent_and_downloads_have_fractions() -> None:
    page, file = page_and_file(BARS)
    assert "61.70 %" in page and "0.617" not in page
    assert "0.617" in file and "%" not in file
    pattern = replace(attention_pattern(2), values=np.array([[1.0, 0], [0.25, 0.75]]), percent=True)
    page, file = page_and_file(pattern)
    assert "25 %" in page and "0.25" in file and "%" not in file
