"""Hands of clocks point at their angles, clockwise from twelve, in the colors of their
quantities.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fixtures.sample_figures import make_clock
from fixtures.svg import filled_boxes, line_points, parse_svg, text_position
from layerbook.core.figures import Frame, Frames, Hand
from layerbook.plotting import render


def hand_direction(svg: str, paint: str) -> np.ndarray:
    """Return the unit vector of a hand from the center; y points down."""
    stroke = line_points(parse_svg(svg), paint)
    way = stroke[-1] - stroke[0]
    direction: np.ndarray = way / np.linalg.norm(way)
    return direction


@pytest.mark.parametrize("length", [1.0, 0.1], ids=["long", "short"])
@pytest.mark.parametrize(
    "angle", [0.0, math.pi / 2, math.pi, -1.0, 9.0], ids=["12", "3", "6", "before 12", "a turn on"]
)
def test_hand_points_at_its_angle(angle: float, length: float) -> None:
    """Upwards at twelve, a quarter later to the right."""
    hand = Hand(angle, role="query", length=length)
    clock = replace(make_clock(0.0), hands=(hand,), past=(), arc=False)
    direction = hand_direction(render.render_figure(clock, "x"), "query")
    np.testing.assert_allclose(direction, [math.sin(angle), -math.cos(angle)], atol=2e-3)


def test_names_of_coinciding_hands_do_not_overlap() -> None:
    root = parse_svg(render.render_figure(make_clock(0.0), "x"))
    key, query = text_position(root, "key"), text_position(root, "·table")
    assert math.dist(key, query) > 20


def test_frames_of_clocks_share_one_face() -> None:
    """Only the hand moves between frames."""
    frames = Frames(
        tuple(Frame(f"position {i}", make_clock(0.5 * i)) for i in range(3)), "Turning.", "Turning"
    )
    pictures = render.render_frames(frames, "x")
    roots = [parse_svg(svg) for svg in pictures]
    assert len({root.get("viewBox") for root in roots}) == 1
    faces = {filled_boxes(root, "box")[0] for root in roots}
    assert len(faces) == 1
    directions = [hand_direction(svg, "query") for svg in pictures]
    angles = [math.atan2(x, -y) for x, y in directions]
    np.testing.assert_allclose(angles, [0.0, 0.5, 1.0], atol=2e-3)


def test_table_has_degrees() -> None:
    """A right angle is 90 degrees."""
    table = make_clock(math.pi / 2).table()
    assert table.columns == ("hand", "angle (degrees)")
    assert [row[1] for row in table.rows] == pytest.approx([0, 90])
