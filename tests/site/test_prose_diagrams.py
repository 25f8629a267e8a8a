"""Diagrams in the text of a chapter: drawn as figures, or reported at their place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.site import chapter_media

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
DIAGRAM = """
```dot
// caption: The way of {{ r("cut").prompts | length }} *texts*.
// alt: Two boxes; text leads to tokens.
// name: way
digraph { rankdir=LR; node [shape=record]; text -> "tokens {{x}}" }
```

See @fig-way.
"""


def add_prose(book: Path, text: str) -> None:
    """Add a text to a chapter."""
    path = book / "templates" / "chapters" / "words.md"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def refuse(book: Path, *command: str) -> str:
    """Run a command that fails, and return its errors."""
    process = layerbook(*command, cwd=book)
    assert process.returncode == 2, process.stderr
    return process.stderr


@needs_dot
def test_a_diagram_is_a_figure(book: Path) -> None:
    """With number, caption and description; drawn for both kinds of pages, and kept."""
    add_prose(book, DIAGRAM)
    layerbook("check", cwd=book, check=True)
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "words.html").read_text(encoding="utf-8")
    assert '<figure class="figure kind-image" id="way">' in page
    assert 'alt="Two boxes; text leads to tokens."' in page
    assert "Figure 2.3.</b> The way of 2 <em>texts</em>." in page
    assert '<a class="reference" href="#way">Figure 2.3</a>' in page
    light, dark = sorted((book / "site" / "data" / "diagrams").iterdir(), reverse=True)
    assert light.stem == dark.name.removesuffix(".dark.svg")
    assert f'src="data/diagrams/{light.name}"' in page and "digraph" not in page
    first = light.read_bytes()
    shutil.rmtree(book / "site")
    layerbook("build", "--no-run", cwd=book, check=True)
    assert light.read_bytes() == first


@needs_dot
def test_a_mistake_is_reported_at_its_line(book: Path) -> None:
    """Counted in the file of the chapter."""
    add_prose(book, DIAGRAM.replace("rankdir=LR;", "rankdir=LR;\n->"))
    for command in (("check",), ("build", "--no-run")):
        errors = refuse(book, *command)
        assert "words.md:12:1: Graphviz cannot draw the diagram: syntax error" in errors


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("// caption: The", "// The", "words.md:7:1: the diagram has no caption"),
        ("// alt: Two", "// Two", "words.md:7:1: the diagram has no description"),
        ("rankdir=LR", "imagepath=x", "words.md:11:1: a diagram cannot read files"),
        ("```dot", "- ```dot", "words.md:7:1: a diagram starts at the margin"),
        ("```dot", "```mermaid", "diagrams in Mermaid are not drawn"),
    ],
)
def test_a_check_refuses(book: Path, old: str, new: str, message: str) -> None:
    """Before the program runs."""
    add_prose(book, DIAGRAM.replace(old, new))
    assert message in refuse(book, "check")


def test_without_graphviz_an_error_names_it(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the place of the diagram."""
    monkeypatch.setenv("PATH", "")
    add_prose(book, DIAGRAM)
    errors = refuse(book, "build", "--no-run")
    assert "words.md:7:1: `dot` is not on the PATH" in errors and "install Graphviz" in errors


@needs_dot
def test_the_diagrams_of_a_page_share_their_time(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many that take almost too long would take hours; the first beyond the limit is named."""
    monkeypatch.setattr(chapter_media, "SECONDS_OF_DIAGRAMS", 1e-9)
    add_prose(book, DIAGRAM)
    errors = refuse(book, "build", "--no-run", "--jobs", "1")
    assert "words.md:" in errors and "the diagrams of this page take longer than" in errors
