"""A theme on the pages: style sheets, files, and page templates that change one block."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.small_book import layerbook

THEME = """\
theme:
  light: {accent: "#0b5cad"}
  dark: {paper: "#000000"}
  fonts: {text: static/fonts/a b'.woff2, code: static/code.ttf}
  logo: images/logo.svg
  favicon: images/logo.svg
  css: static/own.css
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'


@pytest.fixture
def themed_book(book: Path) -> Path:
    """Write the small book with a theme and its files."""
    (book / "static" / "fonts").mkdir(parents=True)
    (book / "images").mkdir()
    for name in ("fonts/a b'.woff2", "code.ttf"):
        (book / "static" / name).write_bytes(b"font")
    (book / "static" / "own.css").write_text("a { color: red; }\n")
    for name in ("logo.svg", "logo.dark.svg"):
        (book / "images" / name).write_text(SVG)
    with (book / "experiments" / "book.yaml").open("a") as file:
        file.write(THEME)
    return book


def build(book: Path) -> Path:
    """Build without running, and return the site."""
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return book / "site"


def test_pages_have_the_colors_fonts_and_pictures(themed_book: Path) -> None:
    """Other colors stay, and the book's style sheet comes last."""
    site = build(themed_book)
    css = (site / "assets" / "colors.css").read_text()
    assert "--accent: light-dark(#0b5cad, #f2a57f);" in css
    assert "--paper: light-dark(#fcf9f4, #000000);" in css
    assert "--ink" not in css
    assert 'src: url("../static/fonts/a%20b%27.woff2");' in css
    assert '--serif: "Book text", Georgia, serif;' in css
    page = (site / "index.html").read_text()
    sheets = [part.split('"')[0] for part in page.split('rel="stylesheet" href="')[1:]]
    assert sheets[-2:] == ["assets/colors.css", "static/own.css"]
    assert '<link rel="icon" href="images/logo.svg">' in page
    assert 'src="images/logo.dark.svg"' in page and "font-src 'self' file:" in page
    for name in ("images/logo.svg", "images/logo.dark.svg", "static/own.css", "static/code.ttf"):
        assert (site / name).is_file()


def test_book_without_a_theme_has_no_extra_style_sheet(book: Path) -> None:
    site = build(book)
    assert not (site / "assets" / "colors.css").exists()
    assert "colors.css" not in (site / "index.html").read_text()


def test_page_template_changes_one_block(book: Path) -> None:
    """It extends the package's template of the same name; ids stay unique."""
    (book / "templates" / "chapter.html").write_text(
        '{% extends "layerbook/chapter.html" %}\n'
        "{% block turn %}<p>Seminar notes</p>{{ super() }}{% endblock %}\n"
    )
    site = build(book)
    page = (site / "next.html").read_text()
    assert "<p>Seminar notes</p>" in page and 'class="turn"' in page and "Figure 1.1" in page
    assert "Seminar notes" not in (site / "index.html").read_text()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('{% extends "layerbook/nothing.html" %}', "nothing.html"),
        ("{% extends 'layerbook/chapter.html' %}\n{% block turn %}{{ x }}{% endblock %}", "'x'"),
        ('{% extends "layerbook/../base.html" %}', "base.html"),
    ],
)
def test_broken_page_template_is_reported(book: Path, template: str, message: str) -> None:
    (book / "templates" / "chapter.html").write_text(template)
    completed = layerbook("build", "--no-run", "--quiet", cwd=book)
    assert completed.returncode == 2
    assert "templates/chapter.html:" in completed.stderr and message in completed.stderr
