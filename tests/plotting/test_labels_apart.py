"""Different values have different labels."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from fixtures.sample_figures import make_bars
from fixtures.svg import SVG, parse_svg, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.book.schema import ViewSpec
from layerbook.book.sweep_views import SweepTable, view_figure
from layerbook.core.figures import Axis, Heatmap, Lines, Panels, Series
from layerbook.core.tokens import Token
from layerbook.plotting import numeric_axes, render, text

SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read_number(label: str) -> float:
    """Return the number that a reader sees in a label."""
    label = label.replace("−", "-").replace(",", "")
    if power := re.fullmatch(r"(-?)(?:([\d.]+)×)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", label):
        return float(f"{power[1]}{power[2] or 1}e{power[3].translate(SUPERSCRIPT)}")
    return float(label)


def line_chart(*values: float, axis: Axis) -> Lines:
    """Return one line over these values, with the same values on both axes."""
    return Lines((Series("a", values, values),), axis, axis, "Words")


def tick_labels(*values: float, axis: Axis) -> list[str]:
    """Return the labels of the horizontal axis."""
    names = texts(parse_svg(render.render_figure(line_chart(*values, axis=axis), "x")))
    return [name for name in names if name[:1] not in "→↑"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10.412, 10.431), {"10.415", "10.420", "10.425", "10.430"}),
        ((1e-14, 9e-14), {"2×10⁻¹⁴", "4×10⁻¹⁴"}),
        ((0.99991, 0.99999), {"0.99992", "0.99994"}),
        ((2019.0, 2021.0), {"2,019.5", "2,020.0"}),
        ((1e9 + 1, 1e9 + 9), {"1,000,000,002", "1,000,000,004"}),
        ((1 + 1e-10, 1 + 9e-10), {"1.0000000002"}),
        ((1e17, 1e17), {"10¹⁷"}),
        ((0.0, 1.0), {"0", "0.2", "0.4"}),
        ((0.0, 5000.0), {"1,000", "2,000"}),
    ],
)
def test_ticks_have_the_digits_they_need(values: tuple[float, ...], expected: set[str]) -> None:
    """All labels of an axis have the same form."""
    labels = tick_labels(*values, axis=Axis("a"))
    assert expected <= set(labels)
    assert all(labels.count(label) <= 2 for label in labels)


@settings(max_examples=300)
@given(
    st.floats(-1e12, 1e12), st.floats(1e-9, 1e3), st.booleans(), st.integers(2, 8), st.booleans()
)
def test_distinct_ticks_have_distinct_labels(
    start: float, share: float, is_small: bool, most: int, nominal: bool
) -> None:
    """Each label equals its tick to a twentieth of the step."""
    start *= 1e-15 if is_small else 1
    axis = Axis("a", nominal=nominal)
    limits = numeric_axes.axis_limits([start, start + share * (abs(start) or 1)], axis)
    places = numeric_axes._tick_positions(axis, limits, most)
    labels = numeric_axes._tick_labels(axis, places)
    assert len(set(labels)) == len(places)
    step = np.diff(places).min() if len(places) > 1 else abs(start) + 1
    numbers = [read_number(label) for label in labels]
    np.testing.assert_allclose(numbers, places, rtol=0, atol=step / 19)


def test_years_and_seeds_have_whole_ticks() -> None:
    """Only parameters have thousands separators."""
    years = {"year": [2019, 2020, 2021], "C": [2000, 3000, 4000], "p": [0.1, 0.2, 0.3]}

    def labels(across: str) -> set[str]:
        view = ViewSpec(measure="p", across=across)
        figure = view_figure("v", view, SweepTable(years, axes=(), tags=("year",)))
        return set(texts(parse_svg(render.render_figure(figure, "x"))))

    assert {"2019", "2020", "2021"} <= labels("year") and "2019.5" not in labels("year")
    assert {"2,000", "3,000"} <= labels("C")


def test_wide_ticks_are_fewer() -> None:
    """They do not touch in a small panel."""
    axis = Axis("a")
    chart = line_chart(1e9 + 1, 1e9 + 9, axis=axis)
    panels = Panels((chart,) * 4, "Words", columns=4)
    root = parse_svg(render.render_figure(panels, "x"))
    places = [
        (float(element.attrib["y"]), float(element.attrib["x"]))
        for element in root.iter(f"{SVG}text")
        if (element.text or "").startswith("1,000")
    ]
    lowest = max(y for y, _ in places)
    across = sorted(x for y, x in places if y == lowest)
    assert len(across) == 4 and len(set(across)) == 4
    assert np.diff(across).min() > 13 * 5


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((15.604, 15.649), ("15.604", "15.649")),
        ((-3.14159, 2.71828), ("−3.14", "2.72")),
        ((2019.0, 2021.0), ("2,019", "2,021")),
        ((0.0, 1e-30), ("0", "10⁻³⁰")),
    ],
)
def test_color_bars_name_their_ends(ends: tuple[float, float], labels: tuple[str, str]) -> None:
    """With as many digits as they need."""
    values = np.array([ends])
    figure = Heatmap(values, Axis("r"), Axis("c"), "value", "Words")
    drawn = texts(parse_svg(render.render_figure(figure, "x")))
    assert set(labels) <= set(drawn)


def test_values_with_equal_labels_get_more_digits() -> None:
    """In cells, beside bars, and in tooltips, but not for noise."""
    figure = Heatmap(np.array([[10.412, 10.431]]), Axis("r"), Axis("c"), "v", "W", annotate=True)
    assert {"10.412", "10.431"} <= set(texts(parse_svg(render.render_figure(figure, "x"))))
    bars = texts(parse_svg(render.render_figure(make_bars(10.412, 10.431), "x")))
    assert {"10.412", "10.431"} <= set(bars)
    assert text.format_values([0.1 + 0.2, 0.3]) == ["0.3", "0.3"]
    assert text.format_values([0.617, 0.116]) == ["0.617", "0.116"]
    assert text.format_values([0.786, 0.45, 0]) == ["0.786", "0.450", "0"]
    assert text.format_values([45, 82.0, 78.6]) == ["45.0", "82.0", "78.6"]
    assert text.format_values([0.5, 1.5, 250]) == ["0.5", "1.5", "250"]


def test_shortened_labels_stay_distinct() -> None:
    """Labels with a common start lose their start."""
    capitals = ["The capital of France is", "The capital of Germany is", "Tea"]
    assert text.shorten_apart(capitals, 12) == ["… of France…", "… of German…", "Tea"]
    assert text.shorten_apart(["a long label"] * 2, 6) == ["a lon…"] * 2
    assert text.shorten_apart(["a long label", "another"], 6) == ["a lon…", "anoth…"]


@given(st.lists(st.text("ab ", max_size=30), max_size=8), st.integers(6, 20))
def test_different_labels_are_shortened_differently(labels: list[str], width: int) -> None:
    """To the available width."""
    cut = text.shorten_apart(labels, width)
    assert all(text.column_count(label) <= width for label in cut)
    assert len(set(cut)) == len(set(labels))


def test_labels_of_bars_and_lines_stay_distinct() -> None:
    """Names of columns too."""
    names = (
        "The capital of France, which is in Europe, is",
        "The capital of France, which is a city, is",
    )
    bars = replace(make_bars(1.0, 2.0), labels=names)
    series = tuple(
        Series(name, (1.0, 2.0), (1.0, y)) for name, y in zip(names, (3, 4), strict=True)
    )
    lines = Lines(series, Axis("x"), Axis("y"), "Words")
    grid = Heatmap(np.eye(2), Axis("r", labels=names), Axis("c", labels=names), "v", "Words")
    for figure in (bars, lines, grid):
        shown = texts(parse_svg(render.render_figure(figure, "x")))
        assert len({name for name in shown if "…" in name}) in (2, 4)


def test_a_token_after_its_context_keeps_its_end() -> None:
    """The token is what the label is about; its context is cut first."""
    labels = [(" headquarters of", " → ", Token(0, " Germany", "20")), "The capital of Germany"]
    assert text.shorten_apart(labels, 12) == ["… → ·Germany", "The capital…"]
