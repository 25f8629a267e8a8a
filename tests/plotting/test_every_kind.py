"""Every kind of figure is well-formed, named, safe to inline, and reproducible."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib
import pytest
from fixtures.sample_figures import (
    CHARTS,
    HOSTILE_LABELS,
    decoder_diagram,
    growing_frames,
    mlp_shapes,
)
from fixtures.svg import SVG, parse_svg, texts
from layerbook.core.figures import Chart, Diagram, MatrixChain, Passage
from layerbook.plotting import render
from layerbook.plotting.diagram import render_diagram

FIGURES: dict[str, Chart | Diagram | MatrixChain] = {
    **CHARTS,
    "decoder": decoder_diagram("mlp"),
    "mlp": mlp_shapes(),
}
EVERY_FIGURE = pytest.mark.parametrize("name", FIGURES)


@EVERY_FIGURE
def test_figure_has_a_name_and_a_description(name: str) -> None:
    """The picture refers to its title and description."""
    figure = FIGURES[name]
    root = parse_svg(render.render_figure(figure, "fig-1"))
    assert root.tag == f"{SVG}svg" and root.get("role") == "img" and root.get("id") == "fig-1"
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert by_id[root.attrib["aria-labelledby"]].text == (figure.title or figure.alt)
    assert root.findtext(f"{SVG}desc") == figure.alt
    left, top, width, height = (float(v) for v in root.attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    shown = [
        float(root.attrib[side]) / size for side, size in (("width", width), ("height", height))
    ]
    # What fits a phone is larger where there is room, the rest as large as it was drawn.
    assert shown == pytest.approx([1.15 if width <= 405 else 1] * 2, abs=1e-3)
    assert ("fig-wide" in root.attrib["class"]) == (width > 405)


@EVERY_FIGURE
def test_figures_need_no_inline_styles_or_scripts(name: str) -> None:
    """They have no handlers and load nothing."""
    for element in parse_svg(render.render_figure(FIGURES[name], "fig-1")).iter():
        assert element.tag.removeprefix(SVG) in {
            *(
                "svg",
                "title",
                "desc",
                "g",
                "path",
                "rect",
                "circle",
                "text",
                "defs",
                "use",
                "image",
                "clipPath",
            )
        }
        for attribute, value in element.attrib.items():
            assert attribute != "style" and not attribute.startswith("on")
            assert "url(" not in value or value.startswith("url(#fig-1-")
            if attribute == "href":
                assert value.startswith(("#fig-1-", "data:image/png;base64,"))


@EVERY_FIGURE
def test_ids_are_unique_and_start_with_the_figure_id(name: str) -> None:
    """Two pictures on a page share no id, and every reference has a target."""
    roots = [parse_svg(render.render_figure(FIGURES[name], id)) for id in ("a", "b")]
    counts = Counter(
        element.attrib["id"] for root in roots for element in root.iter() if "id" in element.attrib
    )
    assert max(counts.values()) == 1
    assert all(id in {"a", "b"} or id.startswith(("a-", "b-")) for id in counts)
    targets = {t for root in roots for e in root.iter() for t in referred(e)}
    assert targets <= set(counts)


def referred(element: ET.Element) -> list[str]:
    """Yield the ids that an element refers to."""
    targets = re.findall(r"url\(#([^)]+)\)", " ".join(element.attrib.values()))
    targets += [element.attrib["href"][1:]] if element.get("href", "").startswith("#") else []
    return targets + [
        id
        for name in ("aria-labelledby", "aria-describedby")
        for id in element.get(name, "").split()
    ]


def test_frames_have_distinct_ids() -> None:
    """All frames may be on one page."""
    pictures = [parse_svg(svg) for svg in render.render_frames(growing_frames(), "fig-2")]
    assert [root.get("id") for root in pictures] == [f"fig-2-{i}" for i in range(1, 6)]
    counts = Counter(e.attrib["id"] for root in pictures for e in root.iter() if "id" in e.attrib)
    assert max(counts.values()) == 1


@pytest.mark.parametrize("name", ["hostile bars", "hostile points", "hostile lines"])
def test_hostile_labels_are_text(name: str) -> None:
    """They are escaped, without mathematics or elements."""
    labels = texts(parse_svg(render.render_figure(CHARTS[name], "fig-1")))
    for label in HOSTILE_LABELS:
        shown = [
            words
            for words in labels
            if words == label or (words.endswith("…") and label.startswith(words[:-1]))
        ]
        assert shown, label


def test_other_kinds_are_refused() -> None:
    """Text and frames are rendered elsewhere."""
    with pytest.raises(TypeError, match="Passage"):
        render.render_figure(Passage("text", "alt"), "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Frames"):
        render.render_figure(growing_frames(), "x")  # type: ignore[arg-type]


def digests() -> dict[str, str]:
    """Return a digest of every picture; also used by a new process below."""
    drawn = {
        name: render.render_figure(figure, f"fig-{i}")
        for i, (name, figure) in enumerate(FIGURES.items())
    }
    drawn["growing"] = "".join(render.render_frames(growing_frames(), "frames"))
    linked = replace(decoder_diagram(), compact=True, links={"mlp": "mlp.html"})
    drawn["links"] = render_diagram(linked, "map")
    return {name: sha256(svg.encode()).hexdigest() for name, svg in drawn.items()}


def test_same_figure_gives_the_same_bytes_elsewhere() -> None:
    """In a process with another hash seed, time zone, locale and matplotlib configuration."""
    root = Path(__file__).parents[2]
    code = (
        "import json, sys, matplotlib; "
        "matplotlib.rcParams.update({'lines.linewidth': 9, 'grid.linestyle': ':'}); "
        "matplotlib.rcParams['font.size'] = 30; "
        "from plotting.test_every_kind import digests; json.dump(digests(), sys.stdout)"
    )
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")]),
        "PYTHONHASHSEED": "77",
        "TZ": "Pacific/Apia",
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "1",
    }
    process = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd="/", capture_output=True, text=True, check=True
    )
    assert json.loads(process.stdout) == digests()


def test_drawing_does_not_change_matplotlib_settings() -> None:
    """Drawing in a notebook keeps its style."""
    with matplotlib.rc_context({"lines.linewidth": 9}):
        settings = dict(matplotlib.rcParams)
        render.render_figure(CHARTS["lines"], "x")
        assert dict(matplotlib.rcParams) == settings


def test_simple_figures_import_no_plotting_library() -> None:
    """Diagrams need no matplotlib, bars and plain maps no seaborn."""
    root = Path(__file__).parents[2]
    code = (
        "import sys\n"
        "from fixtures import sample_figures as samples\n"
        "from layerbook.plotting import render\n"
        "render.render_figure(samples.decoder_diagram(), 'a'); "
        "render.render_figure(samples.mlp_shapes(), 'b')\n"
        "assert 'matplotlib' not in sys.modules\n"
        "render.render_figure(samples.attention_pattern(3), 'c'); "
        "render.render_figure(samples.make_bars(1.0, 2.0), 'd')\n"
        "assert 'seaborn' not in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
        "render.render_figure(samples.attention_pattern(3, annotate=True), 'e')\n"
        "assert 'seaborn' in sys.modules\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
