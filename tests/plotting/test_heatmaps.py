"""Heat maps show their numbers: pictures are read back and compared with the data."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from fixtures.sample_figures import (
    TOKEN_LABELS,
    attention_pattern,
    attention_weights,
    growing_frames,
)
from fixtures.svg import (
    SVG,
    decode_values,
    filled_boxes,
    parse_svg,
    path_points,
    rasters,
    text_position,
    texts,
)
from layerbook.core.figures import Axis, Frame, Frames, Heatmap, Panels
from layerbook.plotting import colors, render


def grid(rows: int, columns: int, **settings: object) -> Heatmap:
    """Return a map of distinct random numbers."""
    numbers = np.random.default_rng(5).normal(size=(rows, columns)).astype(np.float32)
    axes = Axis("row"), Axis("column")
    return Heatmap(numbers, *axes, "value", "Numbers.", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 3), (40, 40), (4, 576), (64, 576), (300, 2)])
@pytest.mark.parametrize("diverging", [False, True])
def test_pixels_decode_to_the_values(shape: tuple[int, int], diverging: bool) -> None:
    """Row 0 is on top, and each value is within half a shade."""
    figure = grid(*shape, diverging=diverging)
    largest = float(np.abs(figure.values).max())
    low, high = (
        (-largest, largest)
        if diverging
        else (float(figure.values.min()), float(figure.values.max()))
    )
    if low == high:
        low, high = low - 0.5, high + 0.5
    shades = colors.diverging() if diverging else colors.sequential()
    (raster,) = rasters(parse_svg(render.render_figure(figure, "x")))
    decoded = decode_values(raster.cell_colors(*shape), shades, low, high)
    np.testing.assert_allclose(decoded, figure.values, atol=(high - low) / 254 * 0.501)


def test_fixed_scale_clips_values() -> None:
    """Colors are equal in every picture of a series."""
    figure = replace(grid(6, 6), scale=(-1.0, 1.0))
    root = parse_svg(render.render_figure(figure, "x"))
    (raster,) = rasters(root)
    decoded = decode_values(raster.cell_colors(6, 6), colors.sequential(), -1, 1)
    np.testing.assert_allclose(decoded, np.clip(figure.values, -1, 1), atol=2 / 255 * 0.501)
    assert {"−1", "1"} <= set(texts(root))


def test_causal_cells_are_absent_not_zero() -> None:
    """Cells right of the diagonal are empty; a zero left of it has a color."""
    figure = attention_pattern(5)
    figure.values[3, 1] = 0
    (raster,) = rasters(parse_svg(render.render_figure(figure, "x")))
    alpha = raster.cell_colors(5, 5)[..., 3]
    np.testing.assert_array_equal(alpha == 255, np.tril(np.ones((5, 5), dtype=bool)))


def test_masked_cells_are_hatched_and_on_no_scale() -> None:
    """Minus infinity has no color or number, and the color bar explains the hatching."""
    low = np.tri(5, dtype=bool)
    figure = replace(
        attention_pattern(5),
        values=np.where(low, attention_weights(5) - 0.5, -np.inf),
        causal=False,
        diverging=True,
    )
    figure = replace(figure, masked=True, scale=(-1.0, 1.0))
    picture, annotated_picture = (
        parse_svg(render.render_figure(replace(figure, annotate=a), "x")) for a in (False, True)
    )
    (raster,) = rasters(picture)
    cells = raster.cell_colors(5, 5)
    np.testing.assert_array_equal(cells[..., 3] == 255, low)
    decoded = decode_values(cells, colors.diverging(), -1, 1)
    np.testing.assert_allclose(decoded[low], figure.values[low], atol=2 / 254 * 0.501)
    left, top, right, bottom = raster.box
    wide, high = (right - left) / 5, (bottom - top) / 5
    strokes = [
        path_points(s)
        for p in picture.iter(f"{SVG}path")
        if hatching(p)
        for s in p.attrib["d"].split("M")[1:]
    ]
    middles = [(s[0] + s[-1]) / 2 for s in strokes if s[:, 1].min() >= top - 0.01]
    hit = {(int((y - top) // high), int((x - left) // wide)) for x, y in middles}
    assert hit == {(i, j) for i in range(5) for j in range(i + 1, 5)}
    assert "−∞, masked" in texts(picture) and "−∞, masked" in texts(annotated_picture)
    assert (
        sum(
            "." in words and words.strip("−.0123456789") == "" for words in texts(annotated_picture)
        )
        == 15
    )
    assert "−∞, masked" not in texts(
        parse_svg(render.render_figure(replace(figure, masked=False), "x"))
    )


def hatching(path: ET.Element) -> bool:
    """Return whether a path is made of the strokes over masked cells."""
    return "--fig-line," in path.get("stroke", "") and not path.get("id")


def test_stages_keep_their_scales_and_positions() -> None:
    """A product and its eighth have equal colors on their own scales; steps of one measure
    share theirs.
    """
    raw = grid(5, 5, diverging=True)
    eighth = replace(raw, values=raw.values / 8, value="eighth")
    roots = [
        parse_svg(svg)
        for svg in render.render_frames(
            Frames((Frame("raw", raw), Frame("/ 8", eighth)), "Two."), "x"
        )
    ]
    first, second = (rasters(root)[0] for root in roots)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.box == second.box
    frames = Frames((Frame("raw", raw), Frame("/ 8", replace(eighth, value="value"))), "Two.")
    first, second = (rasters(parse_svg(svg))[0] for svg in render.render_frames(frames, "x"))
    assert (first.pixels != second.pixels).any()


def test_nan_cells_are_absent() -> None:
    """NaN does not affect the scale; infinities have the colors of the ends."""
    figure = grid(3, 3)
    figure.values[1, 1], figure.values[0, 0], figure.values[2, 2] = np.nan, np.inf, -np.inf
    finite = figure.values[np.isfinite(figure.values)]
    low, high = float(finite.min()), float(finite.max())
    (raster,) = rasters(parse_svg(render.render_figure(figure, "x")))
    decoded = decode_values(raster.cell_colors(3, 3), colors.sequential(), low, high)
    expected = np.clip(figure.values, low, high)
    np.testing.assert_allclose(decoded, expected, atol=(high - low) / 254 * 0.501)


@pytest.mark.parametrize("causal", [False, True])
def test_annotated_cells_show_their_values(causal: bool) -> None:
    """Numbers are centered in their cells."""
    figure = replace(attention_pattern(5, annotate=True), causal=causal)
    root = parse_svg(render.render_figure(figure, "x"))
    (group,) = [g for g in root.iter(f"{SVG}g") if g.get("class") == "fig-map"]
    places = [path_points(path.attrib["d"]) for path in group]
    cells = {
        (p.min(axis=0)[1], p.min(axis=0)[0]): path.attrib["fill"]
        for p, path in zip(places, group, strict=True)
    }
    expected = figure.values[np.tril_indices(5)] if causal else figure.values.ravel()
    assert len(cells) == len(expected)
    for value, (top, left) in zip(expected, sorted(cells), strict=True):
        shade = colors.sequential()[round(255 * float(value))]
        assert cells[top, left] == "#{:02x}{:02x}{:02x}".format(*shade[:3])
        (inside,) = [
            element
            for element in root.iter(f"{SVG}text")
            if 0 < float(element.attrib["x"]) - left < 64
            and 0 < float(element.attrib["y"]) - top < 30
        ]
        assert inside.text == ("0" if value == 0 else f"{value:.2f}")
        ink = int(inside.attrib["fill"].rpartition("#")[2][:2], 16)
        assert colors.contrast_ratio(shade[:3], np.full(3, ink)) >= 4.5


def test_values_are_written_only_where_they_fit() -> None:
    """A map of forty columns is drawn without numbers."""
    root = parse_svg(render.render_figure(grid(40, 40, annotate=True), "x"))
    assert len(rasters(root)) == 1
    assert float(root.attrib["width"]) < 960


def test_every_token_labels_both_axes() -> None:
    """In order, with whitespace made visible."""
    root = parse_svg(render.render_figure(attention_pattern(7), "x"))
    (raster,) = rasters(root)
    left, top, right, bottom = raster.box
    placed = [(e.text, float(e.attrib["x"]), float(e.attrib["y"])) for e in root.iter(f"{SVG}text")]
    beside = [(words, y) for words, x, y in placed if x < left and top < y < bottom]
    below = [(words, x) for words, x, y in placed if y > bottom and words in TOKEN_LABELS]
    assert [words for words, _ in beside] == list(TOKEN_LABELS) and [
        words for words, _ in below
    ] == list(TOKEN_LABELS)
    high, wide = (bottom - top) / 7, (right - left) / 7
    assert all(top + i * high < y < top + (i + 1) * high for i, (_, y) in enumerate(beside))
    assert all(left + i * wide < x < left + (i + 1) * wide for i, (_, x) in enumerate(below))


def test_frames_share_scale_size_and_position() -> None:
    """Cells of a growing matrix keep their place and color."""
    frames = growing_frames(6)
    roots = [parse_svg(svg) for svg in render.render_frames(frames, "x")]
    assert len({(root.attrib["width"], root.attrib["height"]) for root in roots}) == 1
    images = [rasters(root)[0] for root in roots]
    sizes = [
        ((r.box[2] - r.box[0]) / n, (r.box[3] - r.box[1]) / n)
        for n, r in enumerate(images, start=2)
    ]
    np.testing.assert_allclose(sizes, [sizes[0]] * len(sizes), atol=0.01)
    np.testing.assert_allclose(
        [r.box[:2] for r in images], [images[0].box[:2]] * len(images), atol=0.01
    )
    for n, raster in enumerate(images, start=2):
        decoded = decode_values(
            raster.cell_colors(n, n), colors.sequential(), *_ends(attention_weights(6))
        )
        lower = np.tril_indices(n)
        np.testing.assert_allclose(
            decoded[lower], attention_weights(6)[:n, :n][lower], atol=1 / 255
        )


def _ends(weights: np.ndarray) -> tuple[float, float]:
    existing = weights[np.tril_indices(len(weights))]
    return float(existing.min()), float(existing.max())


def test_panels_share_a_scale() -> None:
    """Equal numbers have equal colors, and the scale is shown once."""
    maps = tuple(
        replace(grid(4, 4), values=grid(4, 4).values * factor, title=f"times {factor}")
        for factor in (1, 2, 3)
    )
    root = parse_svg(render.render_figure(Panels(maps, "Three."), "x"))
    everything = np.concatenate([m.values for m in maps])
    low, high = float(everything.min()), float(everything.max())
    for raster, map in zip(rasters(root), maps, strict=True):
        decoded = decode_values(raster.cell_colors(4, 4), colors.sequential(), low, high)
        np.testing.assert_allclose(decoded, map.values, atol=(high - low) / 254 * 0.501)
    assert texts(root).count("value") == 1
    assert all(text_position(root, f"times {factor}") for factor in (1, 2, 3))


def test_panels_of_different_measures_keep_their_own_scales() -> None:
    maps = (grid(4, 4), replace(grid(4, 4), values=grid(4, 4).values * 50, value="another"))
    root = parse_svg(render.render_figure(Panels(maps, "Two."), "x"))
    first, second = rasters(root)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert {"value", "another"} <= set(texts(root))


def test_inner_panels_repeat_no_labels() -> None:
    """Row labels appear once per row of panels, column labels once per column."""
    heads = Panels(
        tuple(attention_pattern(7, seed=h, title=f"head {h}") for h in range(9)), "Nine."
    )
    root = parse_svg(render.render_figure(heads, "x"))
    labels = texts(root)
    assert all(labels.count(name) == 3 + 3 for name in TOKEN_LABELS)
    assert sum("query" in words for words in labels) == sum("key" in words for words in labels) == 1
    places = [raster.box for raster in rasters(root)]
    assert len({round(box[1]) for box in places}) == len({round(box[0]) for box in places}) == 3


def test_no_cell_of_a_panel_is_narrower_than_a_pixel() -> None:
    """Maps of 576 dimensions are below each other."""
    panels = Panels(tuple(grid(8, 576, title=str(i)) for i in range(3)), "Three.", columns=3)
    images = rasters(parse_svg(render.render_figure(panels, "x")))
    assert all(raster.box[2] - raster.box[0] >= 576 for raster in images)
    assert len({raster.box[0] for raster in images}) == 1


def test_only_large_cells_have_gaps() -> None:
    """Gaps would hide small cells."""
    assert "--fig-paper" in render.render_figure(grid(5, 5), "x")
    assert "--fig-paper" not in render.render_figure(grid(64, 576), "x")
    assert not filled_boxes(parse_svg(render.render_figure(grid(5, 5), "x")), "paper")


def test_frames_outline_the_largest_map_and_panels_do_not() -> None:
    """The first of growing frames shows the final size."""
    first, *_, last = (parse_svg(drawn) for drawn in render.render_frames(growing_frames(), "x"))
    assert outlines(first) == 1 and outlines(last) == 0
    small, large = attention_pattern(3), attention_pattern(6)
    grid = parse_svg(render.render_figure(Panels((small, large), "Two."), "y"))
    assert outlines(grid) == 0


def outlines(root: ET.Element) -> int:
    """Return the number of strokes in the color of the grid."""
    return sum("--fig-grid," in path.get("stroke", "") for path in root.iter(f"{SVG}path"))
