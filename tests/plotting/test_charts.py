"""Bars, lines and points are drawn at their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fixtures.sample_figures import TOKENS, make_bars, make_lines, make_scatter
from fixtures.svg import (
    SVG,
    filled_boxes,
    line_points,
    marker_positions,
    parse_svg,
    path_points,
    text_position,
    texts,
)
from layerbook.core.figures import Axis, Bars, Frame, Frames, Lines, Panels, Point, Scatter, Series
from layerbook.plotting import render


def lengths(root: Any) -> np.ndarray:
    """Return the lengths of all bars from the top down."""
    boxes = [box for paint in ("series-7", "accent", "pale") for box in filled_boxes(root, paint)]
    return np.array(
        [right - left for left, top, right, bottom in sorted(boxes, key=lambda box: box[1])]
    )


def test_bar_lengths_are_proportional_to_values() -> None:
    """They start at zero, and include the bar of the other values."""
    values = (0.5, 0.25, 0.125, 0.0625)
    bar_lengths = lengths(
        parse_svg(
            render.render_figure(replace(make_bars(*values, rest=0.0625), highlight=(1,)), "x")
        )
    )
    np.testing.assert_allclose(
        bar_lengths / bar_lengths[0], np.array([*values, 0.0625]) / 0.5, atol=1e-3
    )


def test_negative_bars_extend_to_the_other_side() -> None:
    """All bars start at the same zero."""
    root = parse_svg(render.render_figure(make_bars(3.0, -1.5, 0.75), "x"))
    (a0, _, a1, _), (b0, _, b1, _), (c0, _, c1, _) = filled_boxes(root, "series-7")
    assert a0 == pytest.approx(b1, abs=0.02) and a0 == pytest.approx(c0, abs=0.02)
    np.testing.assert_allclose([b1 - b0, c1 - c0], [(a1 - a0) / 2, (a1 - a0) / 4], atol=0.03)


def test_logarithmic_bars_have_logarithmic_lengths() -> None:
    """Each factor of ten shortens a bar by the same length; a zero has no bar."""
    bar_lengths = lengths(
        parse_svg(render.render_figure(make_bars(1.0, 0.1, 0.01, 0.0, log=True), "x"))
    )
    assert len(bar_lengths) == 3
    assert bar_lengths[0] - bar_lengths[1] == pytest.approx(
        bar_lengths[1] - bar_lengths[2], abs=0.03
    )


def test_bars_without_a_height_are_labeled() -> None:
    """Zeros and NaN have their values written, and the chart is complete."""
    root = parse_svg(render.render_figure(make_bars(0.0, float("nan")), "x"))
    assert {"0", "–"} <= set(texts(root))
    assert lengths(root).max() < 1


def test_bars_with_equal_labels_are_separate() -> None:
    """Two tokens with equal text have two rows."""
    twice = Bars((TOKENS[2], TOKENS[2]), (0.25, 0.75), Axis("token"), Axis("probability"), "Twice.")
    root = parse_svg(render.render_figure(twice, "x"))
    assert texts(root).count("2") == 2
    (_, top, *_), (_, below, *_) = filled_boxes(root, "series-7")
    assert below - top > 15
    assert text_position(root, "0.25")[1] < text_position(root, "0.75")[1]


def test_bars_of_frames_and_panels_share_one_scale() -> None:
    """A value has the same length in every frame and panel."""
    charts = (make_bars(1.0, 0.5), make_bars(0.25, 0.125))
    frames = Frames(tuple(Frame(str(i), chart) for i, chart in enumerate(charts)), "Two.")
    stepped = [lengths(parse_svg(svg)) for svg in render.render_frames(frames, "x")]
    np.testing.assert_allclose(stepped[1] / stepped[0][0], [0.25, 0.125], atol=1e-3)
    panels = lengths(parse_svg(render.render_figure(Panels(charts, "Two."), "x")))
    np.testing.assert_allclose(
        np.sort(panels)[::-1] / panels.max(), [1, 0.5, 0.25, 0.125], atol=2e-3
    )


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("log", [True, False])
def test_points_are_drawn_at_their_coordinates(equal: bool, log: bool) -> None:
    """Positions are affine in the data; with equal axes both units have the same length."""
    figure = make_scatter(log=log, equal=equal and not log)
    root = parse_svg(render.render_figure(figure, "x"))
    places = np.concatenate(
        [marker_positions(root, "series-1"), marker_positions(root, "series-2")]
    )
    # The legend has one marker of each group, above the plot.
    top = np.sort(places[:, 1])[1]
    places = places[places[:, 1] > top]
    data = np.array([(p.x, p.y) for p in figure.points])
    data = np.log10(data) if log else data
    units = []
    for axis, sign in ((0, 1), (1, -1)):
        slope, start = np.polyfit(data[:, axis], places[:, axis], 1)
        np.testing.assert_allclose(start + slope * data[:, axis], places[:, axis], atol=0.02)
        assert slope * sign > 0
        units.append(abs(slope))
    if equal and not log:
        assert units[0] == pytest.approx(units[1], rel=1e-3)


def test_point_without_coordinates_is_not_drawn() -> None:
    """Values that a logarithmic axis cannot show are left out."""
    points = (Point("a", 1, 1), Point("b", 0, 10), Point("c", float("nan"), 2), Point("d", 10, 100))
    root = parse_svg(
        render.render_figure(
            Scatter(points, Axis("x", log=True), Axis("y", log=True), "Four.", equal=False), "x"
        )
    )
    assert len(marker_positions(root, "series-1")) == 2
    assert {"a", "d"} <= set(texts(root)) and not {"b", "c"} & set(texts(root))


def test_points_have_targets_linked_to_their_lines() -> None:
    """Marks are numbered over all panels; lines join the numbers, however close the points are."""
    points = (
        Point("a", 0, 0, "x", arrow_to=1, tooltip="More."),
        Point("b", 0.2, 0, "y"),
        Point("c", 9, 9, "x", arrow_to=3),
    )
    figure = Scatter(
        (*points, Point("<d>", 0, 9, "y", show_label=False)), Axis("x"), Axis("y"), "Four.", "Map"
    )
    root = parse_svg(render.render_figure(Panels((figure, figure), "Two.", columns=2), "x"))
    marks = [e for e in root.iter(f"{SVG}g") if e.get("class") == "fig-point"]
    words = {mark.attrib["data-point"]: mark.findtext(f"{SVG}title") for mark in marks}
    assert set(words) == set("01234567") and all(
        len(mark.findall(f"{SVG}use")) == 1 for mark in marks
    )
    assert (
        words["0"] == words["4"] == "a (x): x 0, y 0. More." and words["3"] == "<d> (y): x 0, y 9."
    )
    links = [e.attrib["data-link"] for e in root.iter(f"{SVG}g") if e.get("class") == "fig-link"]
    assert links == ["0 1", "2 3", "4 5", "6 7"]
    assert "c" in texts(root) and "<d>" not in texts(root)


def test_coinciding_points_are_rings() -> None:
    """The lower dot is larger, so every group is visible."""
    points = [Point("p", 1, 1, group) for group in "abc"] + [Point("q", 2, 2, "a")]
    root = parse_svg(
        render.render_figure(Scatter(tuple(points), Axis("x"), Axis("y"), "Four."), "x")
    )
    shapes = {e.attrib["id"]: e.attrib["d"] for e in root.iter(f"{SVG}path") if e.get("id")}
    size = [
        float(np.ptp(path_points(shapes[use.attrib["href"][1:]])[:, 0]))
        for mark in root.iter(f"{SVG}g") if mark.get("class") == "fig-point"
        for use in mark.iter(f"{SVG}use")
    ]  # fmt: skip
    assert size[0] > size[2] > size[3] and size[1] == pytest.approx(7, abs=0.1)


def test_names_of_points_do_not_cover_each_other() -> None:
    """Labels are moved apart; in a crowd some may be left out, but none is illegible."""
    figure = make_scatter(count=40)
    root = parse_svg(render.render_figure(figure, "x"))
    names = [e for e in root.iter(f"{SVG}text") if e.text in {p.label for p in figure.points}]
    places = np.array([(float(e.attrib["x"]), float(e.attrib["y"])) for e in names])
    gaps = np.abs(places[:, None] - places[None])
    close = (gaps[..., 0] < 14) & (gaps[..., 1] < 10)
    assert len(names) > 25 and close.sum() == len(names)


def test_names_do_not_cover_their_own_points() -> None:
    """This holds at the edges of the chart, too."""
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    points = tuple(Point(f"a long name, number {i}", x, y) for i, (x, y) in enumerate(corners))
    root = parse_svg(render.render_figure(Scatter(points, Axis("x"), Axis("y"), "Corners."), "x"))
    for element in (e for e in root.iter(f"{SVG}text") if e.text in {p.label for p in points}):
        assert element.get("text-anchor") == "middle"
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        assert not any(
            abs(px - x) < 60 and y - 10 < py < y + 2
            for px, py in marker_positions(root, "series-1")
        )


def test_panels_of_maps_name_their_groups_once() -> None:
    """All panels share one legend and one pair of axes."""
    other_map = replace(
        make_scatter(), points=tuple(replace(p, x=p.x + 5) for p in make_scatter().points)
    )
    root = parse_svg(
        render.render_figure(Panels((make_scatter(), other_map), "Two.", columns=2), "x")
    )
    assert texts(root).count("before") == texts(root).count("after") == 1
    first = marker_positions(root, "series-1")[1:]
    steps = first[5:] - first[:5]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=0.02)


@pytest.mark.parametrize("log", [True, False])
def test_lines_pass_through_their_numbers(log: bool) -> None:
    """Positions are affine in the data or its logarithm."""
    figure = make_lines(log=log)
    root = parse_svg(render.render_figure(figure, "x"))
    drawn = np.concatenate([line_points(root, f"series-{i}") for i in (1, 2, 3)])
    data = np.array([(x, y) for s in figure.series for x, y in zip(s.x, s.y, strict=True)])
    data = np.log10(data) if log else data
    for axis, sign in ((0, 1), (1, -1)):
        slope, start = np.polyfit(data[:, axis], drawn[:, axis], 1)
        np.testing.assert_allclose(start + slope * data[:, axis], drawn[:, axis], atol=0.02)
        assert slope * sign > 0


def test_ticks_of_a_logarithmic_axis_name_powers_of_ten() -> None:
    """There is one tick per decade, at equal distances."""
    root = parse_svg(
        render.render_figure(
            Lines(
                (Series("a", (1.0, 10.0, 100.0), (1.0, 2.0, 3.0)),),
                Axis("x", log=True),
                Axis("y"),
                "One.",
            ),
            "x",
        )
    )
    places = [text_position(root, words)[0] for words in ("10", "100")]
    np.testing.assert_allclose(places, line_points(root, "series-1")[1:, 0], atol=0.02)


def test_gaps_in_a_line_are_gaps() -> None:
    """Missing values are not bridged."""
    gap = Lines(
        (Series("a", (0.0, 1.0, 2.0, 3.0, 4.0), (0.0, 1.0, float("nan"), 3.0, 4.0)),),
        Axis("x"),
        Axis("y"),
        "Gap.",
    )
    root = parse_svg(render.render_figure(gap, "x"))
    (path,) = [
        p
        for p in root.iter(f"{SVG}path")
        if "series-1" in p.get("stroke", "") and p.get("fill") == "none"
    ]
    assert path.attrib["d"].count("M") == 2


def test_each_line_is_named_in_its_color() -> None:
    """The names are at the ends of the lines, in their order."""
    root = parse_svg(render.render_figure(make_lines(log=True), "x"))
    labels = [e for e in root.iter(f"{SVG}text") if (e.text or "").startswith("C = ")]
    for i, element in enumerate(labels, start=1):
        assert f"--fig-series-{i}," in element.attrib["fill"]
        assert abs(float(element.attrib["y"]) - line_points(root, f"series-{i}")[-1, 1]) < 8
