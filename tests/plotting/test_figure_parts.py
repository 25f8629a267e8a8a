"""Parts of figures that prose points to are in the drawings, under the same names."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fixtures.sample_figures import (
    HOSTILE_LABELS,
    TOKENS,
    attention_pattern,
    decoder_diagram,
    make_bars,
    make_lines,
    make_scatter,
    mlp_shapes,
)
from fixtures.svg import SVG, parse_svg, texts
from layerbook.core.errors import UsageError
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames, Heatmap, Panels
from layerbook.plotting import render
from layerbook.plotting.parts import Part, find_part
from layerbook.plotting.text import printable


def small_map(title: str = "") -> Heatmap:
    layers, heads = Axis("layer"), Axis("head", start=4)
    return Heatmap(np.arange(6.0).reshape(2, 3), layers, heads, "share", "A map.", title=title)


def part_texts(figure: Figure, name: str) -> set[str]:
    """Return the texts in the groups of a part."""
    root = parse_svg(render.render_figure(figure, "fig-1"))
    groups = [group for group in root.iter(f"{SVG}g") if group.get("data-part") == name]
    assert groups
    return {text for group in groups for text in texts(group)}


@pytest.mark.parametrize(
    "figure", [make_lines(), make_bars(0.3, 0.25, 0.1, rest=0.35), decoder_diagram(), mlp_shapes()]
)
def test_named_parts_are_groups_with_their_label(figure: Figure) -> None:
    """The group of a part has its name as text, and nothing of other parts."""
    names = dict.fromkeys(printable(row[0]) for row in figure.table().rows)
    for name in names:
        assert find_part(figure, name, None) == Part(name)
        assert not part_texts(figure, name) & (names.keys() - {name})


def test_points_of_a_map_have_names() -> None:
    figure = make_scatter()
    root = parse_svg(render.render_figure(figure, "fig-1"))
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "fig-point":
            name = group.attrib["data-part"]
            assert find_part(figure, name, None) == Part(name)


def test_hostile_names_are_the_same_in_prose_and_picture() -> None:
    labels = (*HOSTILE_LABELS, TOKENS[4])
    values = tuple(range(len(labels)))
    figure = Bars(labels, values, Axis("name"), Axis("number"), "Bars.")
    root = parse_svg(render.render_figure(figure, "fig-1"))
    drawn = {group.get("data-part") for group in root.iter(f"{SVG}g")}
    assert {find_part(figure, label, None).name for label in labels} <= drawn


def test_cells_have_the_place_that_the_picture_gives() -> None:
    """The grid in the picture spans its cells."""
    figure = small_map()
    assert find_part(figure, "1", "6") == Part(row=1, column=2)
    assert find_part(figure, "1", None) == Part(row=1)
    assert find_part(figure, None, "4") == Part(column=0)
    root = parse_svg(render.render_figure(figure, "fig-1"))
    ((left, top, width, height, rows, columns),) = json.loads(root.attrib["data-grids"])
    assert (rows, columns) == (2, 3)
    image = next(element for element in root.iter(f"{SVG}image"))
    assert (float(image.attrib["width"]), float(image.attrib["height"])) != (0, 0)
    assert left + width <= float(root.attrib["viewBox"].split()[2])
    assert top + height <= float(root.attrib["viewBox"].split()[3])


def test_tokens_name_rows_and_columns() -> None:
    figure = attention_pattern(5)
    tokens = figure.rows.labels
    assert find_part(figure, tokens[3], tokens[1]) == Part(row=3, column=1)


def test_a_panel_is_a_part_and_tells_its_cells_from_those_of_others() -> None:
    figure = Panels((small_map("first"), small_map("second")), "Two maps.")
    assert find_part(figure, "second", None) == Part("second")
    assert find_part(figure, "0", "5") == Part(row=0, column=1)
    assert find_part(figure, "0", "5", "second") == Part(row=0, column=1, grids=(1,))
    root = parse_svg(render.render_figure(figure, "fig-1"))
    assert [panel[0] for panel in json.loads(root.attrib["data-panels"])] == ["first", "second"]
    assert len(json.loads(root.attrib["data-grids"])) == 2


def test_a_sequence_has_the_parts_of_its_frames() -> None:
    figure = Frames((Frame("1", make_bars(1, 2)), Frame("2", small_map())), "Steps.")
    assert find_part(figure, TOKENS[1], None) == Part("·")
    assert find_part(figure, "1", "4") == Part(row=1, column=0)


@pytest.mark.parametrize(
    ("part", "column", "panel", "message"),
    [
        ("2", None, "", "no row '2'; available: 0, 1"),
        ("1", "7", "", "no column '7'; available: 4, 5, 6"),
        (None, None, "", "needs a row, a column or both"),
        ("1", "4", "frist", r"no panel 'frist' \(did you mean 'first'\?\); available: first"),
    ],
)
def test_unknown_cells_are_reported(
    part: str | None, column: str | None, panel: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        find_part(small_map("first"), part, column, panel)


def test_unknown_names_are_reported_with_the_nearest() -> None:
    """A figure without parts says so."""
    with pytest.raises(UsageError, match=r"no part 'W dwon' \(did you mean 'W down'"):
        find_part(mlp_shapes(), "W dwon", None)
    with pytest.raises(UsageError, match="has no columns"):
        find_part(mlp_shapes(), "W down", "1")
    with pytest.raises(UsageError, match="no part 'x'; it has none"):
        find_part(make_lines().table(), "x", None)


def test_bars_of_a_part_are_in_its_group() -> None:
    """Fading the others leaves label, bar and value of one."""
    figure = make_bars(3, 2, 1)
    root = parse_svg(render.render_figure(figure, "fig-1"))
    groups = [group for group in root.iter(f"{SVG}g") if group.get("data-part") == "·"]
    assert sum(len(list(group.iter(f"{SVG}text"))) for group in groups) == 2
    assert sum(len(list(group.iter(f"{SVG}path"))) for group in groups) == 1
