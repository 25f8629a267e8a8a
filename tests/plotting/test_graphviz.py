"""Diagrams in DOT: what is refused before Graphviz sees it, and what becomes of its drawings."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from layerbook.plotting import graphviz
from layerbook.plotting.graphviz import (
    DARK_INK,
    LIGHT_INK,
    DiagramError,
    check_source,
    clean,
    draw_dot,
)

SVG = "{http://www.w3.org/2000/svg}"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
FILES = (
    'digraph { a [image="/etc/hostname"] }',
    'digraph {\na ["image"="/etc/hostname"] }',
    'digraph { a ["im\\\nage"="/etc/hostname"] }',
    'digraph { a ["im\\\r\nage"="/etc/hostname"] }',
    'digraph { a [<image>="/etc/hostname"] }',
    'digraph { a [width=5image="/etc/hostname"] }',
    'digraph { a [width=-.5URL="javascript:alert(1)"] }',
    'digraph { a [label=<b<!-- < -->>, image="/etc/hostname"] }',
    'digraph { a ["im" + "age"="/etc/hostname"] }',
    'digraph { a ["im" /* x */\n# y\n + "age"="/etc/hostname"] }',
    'digraph { a [shape=epsf, shapefile="/etc/hostname"] }',
    "digraph { imagepath = x }",
    'digraph { fontpath /* " */ = x }',
    'digraph { _background="c 7 -#ff0000 I 0 0 9 9 9 -/etc/hostname" }',
    'digraph { stylesheet="https://a.example/x.css" }',
    'digraph { a [URL="javascript:alert(1)"] }',
    'digraph { a [<URL>="javascript:alert(1)"] }',
    'digraph { a -> b [edgehref="x"] }',
    'digraph { a [label=<<TABLE><TR><TD><IMG SRC="/etc/hostname"/></TD></TR></TABLE>>] }',
    'digraph { a [label=<<TABLE HREF="x"><TR><TD>b</TD></TR></TABLE>>] }',
)


@pytest.mark.parametrize("source", FILES)
def test_files_and_links_are_refused(source: str) -> None:
    """In every spelling of the attribute."""
    with pytest.raises(DiagramError, match=r"cannot (read files|have links|contain)|joined"):
        check_source(source)


def test_the_refused_line_is_named() -> None:
    """So that an author sees it."""
    with pytest.raises(DiagramError) as error:
        check_source("digraph {\n// image=x\na [label=<b>]\nb [image=c]\n}")
    assert error.value.line == 4


def test_words_in_texts_are_allowed() -> None:
    """Only attributes read files; comments and labels do not."""
    check_source('digraph { image -> url; a [label="image=x + href=y"] /* image= */ b -- c }')


def test_a_long_source_is_refused() -> None:
    """Before the program runs."""
    with pytest.raises(DiagramError, match="longer than 20,000 characters"):
        check_source("a" * 20_001)


@needs_dot
def test_a_diagram_is_drawn_light_and_dark() -> None:
    """With its texts, in the ink of the page where its source sets no color."""
    for dark, ink in ((False, LIGHT_INK), (True, DARK_INK)):
        drawing = draw_dot('digraph { a -> b [label="then"]; b [color=red] }', dark=dark)
        root = ElementTree.fromstring(drawing.svg)
        texts = [text.text for text in root.iter(f"{SVG}text")]
        assert sorted(map(str, texts)) == ["a", "b", "then"]
        strokes = {element.get("stroke") for element in root.iter(f"{SVG}ellipse")}
        assert strokes == {ink, "red"}
        width, height = map(float, root.get("viewBox", "").split()[2:])
        assert (drawing.width, drawing.height) == (round(width), round(height))
        assert float(root.get("width", "")) == width > 0


@needs_dot
def test_graphviz_reads_no_file_even_if_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of defence: the program itself opens nothing."""
    picture = tmp_path / "x.svg"
    picture.write_text(
        '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9px" height="9px">\n'
        "</svg>\n"
    )
    source = f'digraph {{ a [image="{picture}", label=""] }}'
    assert "<image" not in graphviz._run_dot(source, ["-Tsvg"])
    monkeypatch.setattr(graphviz, "_SERVER", {})  # without it, the file would be read
    assert "<image" in graphviz._run_dot(source, ["-Tsvg"])


@needs_dot
@pytest.mark.parametrize(
    ("source", "line", "message"),
    [("digraph {\na ->\n}", 3, "syntax error"), ("", 0, r"gave no reason|syntax|not SVG")],
)
def test_a_mistake_is_reported_at_its_line(source: str, line: int, message: str) -> None:
    """In the words of the program."""
    with pytest.raises(DiagramError, match=message) as error:
        draw_dot(source, dark=False)
    assert error.value.line == line


@needs_dot
def test_a_diagram_that_takes_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program ends with it."""
    monkeypatch.setattr(graphviz, "SECONDS", 0.5)
    names = " ".join(f"n{i}" for i in range(1500))
    with pytest.raises(DiagramError, match="takes longer"):
        draw_dot(f"digraph {{ {{ {names} }} -> {{ {names} }} }}", dark=False)


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As is one in the working directory, which may be a stranger's."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DiagramError, match="`dot` is not on the PATH"):
        draw_dot("digraph { a }", dark=False)
    stranger = tmp_path / "dot"
    stranger.write_text("#!/bin/sh\ntouch ran\n")
    stranger.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(DiagramError, match="`dot` is not on the PATH"):
        draw_dot("digraph { a }", dark=False)
    assert not (tmp_path / "ran").exists()


def drawing_with(content: str) -> str:
    """Return a drawing as Graphviz writes it, with some content."""
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">\n'
        f'<svg viewBox="0 0 10 10" xmlns="{SVG[1:-1]}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">{content}</svg>'
    )


@pytest.mark.parametrize("name", ["image", "script", "style", "foreignObject", "use", "animate"])
def test_a_drawing_has_plain_shapes_only(name: str) -> None:
    """All others are errors."""
    with pytest.raises(DiagramError, match=f"<{name}>"):
        clean(drawing_with(f"<g><{name}/></g>"))


def test_what_runs_or_leads_away_is_removed() -> None:
    """Links, handlers and addresses go; words and gradients stay."""
    content = (
        '<a xlink:href="javascript:x" onclick="y"><text fill="url(https://a.example)">b</text></a>'
        '<linearGradient id="g"><stop style="stop-color:red;stop-opacity:1.;"/></linearGradient>'
        '<rect fill="url(#g)" style="behavior:url(x)"/>'
    )
    svg = clean(drawing_with(content)).svg
    assert "javascript" not in svg and "onclick" not in svg and "example" not in svg
    assert "behavior" not in svg and "DOCTYPE" not in svg
    assert ">b</text>" in svg and 'fill="url(#g)"' in svg and 'stop-color="red"' in svg
