"""A picture that is too wide for a phone is drawn a second time, to fit it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from fixtures.sample_figures import mlp_shapes
from fixtures.svg import SVG, parse_svg, texts
from layerbook.core.figures import (
    Axis,
    Bars,
    Chart,
    Frame,
    Frames,
    Heatmap,
    Lines,
    MatrixChain,
    Panels,
    Point,
    Scatter,
    Series,
)
from layerbook.plotting import render

PHONE = 374
WORDS = tuple(f"word number {number:02d}" for number in range(40))


def wide_heatmap(*, annotate: bool = False, columns: int = 60) -> Heatmap:
    values = np.linspace(0, 1, 3 * columns).reshape(3, columns)
    return Heatmap(values, Axis("layer"), Axis("head"), "share", "A map.", annotate=annotate)


def wide_map() -> Scatter:
    points = tuple(Point(word, i % 7, i * i % 11) for i, word in enumerate(WORDS))
    return Scatter(points, Axis("first"), Axis("second"), "Words.", equal=False)


WIDE: dict[str, Chart | MatrixChain] = {
    "bars": Bars(
        tuple(f"a bar with a long name, {i}" for i in range(4)),
        (1.0, -2.0, 3.0, 4.0),
        Axis("what each of the bars is about"),
        Axis("a measure with a name of many words"),
        "Bars.",
    ),
    "lines": Lines(
        tuple(Series(f"MANY WORDS MAKE {i}", (0.0, 1.0), (0.0, 12_345.0 * i)) for i in range(4)),
        Axis("layer"),
        Axis("length"),
        "Lines.",
    ),
    "numbers": wide_heatmap(annotate=True, columns=12),
    "map": wide_map(),
    "multiples": Panels((wide_map(), wide_map()), "Two maps.", columns=2),
    "chain": mlp_shapes(),
}


def variants(html: str) -> dict[str, ET.Element]:
    """Return the drawings of a page by the class of their element."""
    return {
        kind: parse_svg(svg) for kind, svg in re.findall(r'<div class="(\w+)">(.*?)</div>', html)
    }


def width(picture: ET.Element) -> float:
    return float(picture.attrib["viewBox"].split()[2])


@pytest.mark.parametrize("name", WIDE)
def test_wide_pictures_have_a_variant_that_fits_a_phone(name: str) -> None:
    """Its text is as large as on wide screens, and no id is used twice."""
    (html,) = render.render_for_pages(WIDE[name], "fig-1")
    drawn = variants(html)
    assert width(drawn["wide"]) > PHONE >= width(drawn["narrow"])
    for picture in drawn.values():
        sizes = [float(t.get("font-size", 13.5)) for t in picture.iter(f"{SVG}text")]
        assert min(sizes) >= 13
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert drawn["wide"].findtext(f"{SVG}desc") == drawn["narrow"].findtext(f"{SVG}desc")


def test_pictures_that_fit_a_phone_are_drawn_once() -> None:
    (html,) = render.render_for_pages(wide_heatmap(columns=8), "fig-1")
    assert html.startswith("<svg") and html.count("<svg") == 1


def test_frames_of_a_sequence_fit_a_phone_in_one_layout() -> None:
    frames = tuple(Frame(str(n), wide_heatmap(annotate=True, columns=n)) for n in (11, 14))
    pages = [variants(html) for html in render.render_for_pages(Frames(frames, "Steps."), "fig-1")]
    for kind, fits in (("wide", False), ("narrow", True)):
        widths = {width(page[kind]) for page in pages}
        assert len(widths) == 1 and (widths.pop() <= PHONE) == fits


def test_a_chain_runs_downwards_on_a_phone() -> None:
    """All its words are there, and what leaves it is below what enters it."""
    (html,) = render.render_for_pages(mlp_shapes(), "fig-1")
    drawn = variants(html)
    assert sorted(texts(drawn["wide"])) == sorted(texts(drawn["narrow"]))
    names = {t.text: t for t in drawn["narrow"].iter(f"{SVG}text")}
    steps = mlp_shapes().steps
    heights = [float(names[step.name].attrib["y"]) for step in (steps[0], steps[-1])]
    assert heights[0] < heights[1]
