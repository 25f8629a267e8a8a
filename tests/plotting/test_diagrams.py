"""The decoder diagram and the shapes of matrices: labels and scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fixtures.sample_figures import decoder_diagram, mlp_shapes
from fixtures.svg import SVG, filled_boxes, parse_svg, text_position, texts
from layerbook.core.figures import ChainStep, Diagram, MatrixChain
from layerbook.plotting import render
from layerbook.plotting.diagram import render_diagram


def test_computation_runs_upwards() -> None:
    """Every box is above the previous one."""
    root = parse_svg(render.render_figure(decoder_diagram(), "x"))
    heights = [text_position(root, block.name)[1] for block in decoder_diagram().blocks]
    assert heights == sorted(heights, reverse=True)


def test_repeated_layer_is_framed_and_counted() -> None:
    """The frame contains only the blocks of the layer and states their number."""
    root = parse_svg(render.render_figure(decoder_diagram(), "x"))
    (frame,) = [r for r in root.iter(f"{SVG}rect") if r.get("stroke-dasharray")]
    top, bottom = float(frame.attrib["y"]), float(frame.attrib["y"]) + float(frame.attrib["height"])
    for block in decoder_diagram().blocks:
        assert (top < text_position(root, block.name)[1] < bottom) == block.inside
    assert top < text_position(root, "× 30")[1] < bottom


def test_added_outputs_return_to_the_stream() -> None:
    """Each adding block has a plus on the stream above it."""
    root = parse_svg(render.render_figure(decoder_diagram(), "x"))
    pluses = sorted(
        (float(c.attrib["cy"]), float(c.attrib["cx"])) for c in root.iter(f"{SVG}circle")
    )
    assert len(pluses) == 2 and len({x for _, x in pluses}) == 1
    assert (
        pluses[0][0]
        < text_position(root, "MLP")[1]
        < pluses[1][0]
        < text_position(root, "Attention")[1]
    )


def test_boxes_show_shapes_and_learned_parameters() -> None:
    """Blocks without parameters show no count."""
    labels = texts(parse_svg(render.render_figure(decoder_diagram(), "x")))
    assert {
        "49,152 × 576",
        "28.3 M parameters",
        "0.88 M parameters",
        "tied <to> the embedding",
    } <= set(labels)
    assert "residual stream, 576 numbers per token" in labels
    assert not any("0 parameters" == words for words in labels)


def test_highlighted_part_stands_out() -> None:
    """Only its boxes have the accent color."""
    root = parse_svg(render.render_figure(decoder_diagram("attention"), "x"))
    highlighted = filled_boxes(root, "tint")
    assert len(highlighted) == 2
    for name in ("First norm", "Attention"):
        x, y = text_position(root, name)
        assert any(
            left < x < right and top < y < bottom for left, top, right, bottom in highlighted
        )
    assert not filled_boxes(parse_svg(render.render_figure(decoder_diagram(), "x")), "tint")


def test_compact_diagram_has_the_boxes_without_text() -> None:
    """For the head of a chapter: eight boxes, two of them highlighted."""
    root = parse_svg(render_diagram(replace(decoder_diagram("mlp"), compact=True), "x"))
    assert texts(root) == []
    assert len(filled_boxes(root, "accent")) == 2 and len(filled_boxes(root, "pale")) == 6
    assert root.findtext(f"{SVG}desc") == decoder_diagram().alt
    assert 100 < float(root.attrib["height"]) < 250


@pytest.mark.parametrize("compact", [True, False])
def test_parts_link_to_their_chapters(compact: bool) -> None:
    """Adjacent boxes of a part are one named link; a part without an address has none."""
    addresses = {"attention": "attention.html", "mlp": "mlp.html#a"}
    figure = replace(decoder_diagram(), compact=compact, links=addresses)
    root = parse_svg(render_diagram(figure, "x"))
    links = {a.attrib["href"]: a for a in root.iter(f"{SVG}a")}
    assert set(links) == {"attention.html", "mlp.html#a"}
    assert links["attention.html"].attrib["aria-label"] == "First norm, Attention"
    assert len(list(links["attention.html"].iter(f"{SVG}rect"))) == 2
    assert root.get("role") == "group"


def test_model_without_repetition_is_still_drawn() -> None:
    """The diagram has boxes, but no frame and no plus signs."""
    outside = tuple(block for block in decoder_diagram().blocks if not block.inside)
    root = parse_svg(render.render_figure(Diagram(outside, 0, 576, "Plain."), "x"))
    assert not list(root.iter(f"{SVG}circle")) and len(list(root.iter(f"{SVG}rect"))) == len(
        outside
    )


def test_shapes_are_drawn_to_scale() -> None:
    """Edges are proportional to their lengths; a vector is as high as its matrix."""
    root = parse_svg(render.render_figure(mlp_shapes(), "x"))
    gate, up, down = sorted(filled_boxes(root, "tint"))
    x, h, y = sorted(filled_boxes(root, "series-1"))
    unit = (down[3] - down[1]) / 1536
    np.testing.assert_allclose(
        [down[2] - down[0], gate[3] - gate[1], up[3] - up[1]], 576 * unit, atol=0.02
    )
    np.testing.assert_allclose(
        [gate[2] - gate[0], up[2] - up[0], h[3] - h[1]], 1536 * unit, atol=0.02
    )
    np.testing.assert_allclose([x[3] - x[1], y[3] - y[1]], 576 * unit, atol=0.02)


def test_lanes_do_not_overlap() -> None:
    """Gate and up are above each other, the rest from left to right."""
    root = parse_svg(render.render_figure(mlp_shapes(), "x"))
    gate, up, down = sorted(filled_boxes(root, "tint"))
    assert gate[0] == up[0] and gate[3] < up[1]
    (x, *_), (h, *_), (y, *_) = sorted(filled_boxes(root, "series-1"))
    assert (
        x < gate[0] < text_position(root, "SiLU")[0] < text_position(root, "×")[0] < h < down[0] < y
    )
    assert {"576 × 1,536", "1,536 × 576", "of one token", "number by number"} <= set(texts(root))


def test_small_shapes_stay_visible() -> None:
    """A vector of 2 beside a matrix of 50,000 columns is visible."""
    steps = (
        ChainStep("x", 1, 2, kind="vector"),
        ChainStep("W", 2, 50_000),
        ChainStep("y", 1, 50_000, kind="vector"),
    )
    root = parse_svg(render.render_figure(MatrixChain(steps, "Thin."), "x"))
    for left, top, right, bottom in (*filled_boxes(root, "tint"), *filled_boxes(root, "series-1")):
        assert min(right - left, bottom - top) >= 8
    assert float(root.attrib["width"]) <= 960
