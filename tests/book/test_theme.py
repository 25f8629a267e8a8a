"""Themes in book.yaml: problems at their places, and legible themes in the gallery."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.book.loader import read_book_spec
from layerbook.book.theme import DEFAULT_COLORS, contrast, find_contrast_warnings

ROOT = Path(__file__).parent.parent.parent
GALLERY = sorted((ROOT / "docs" / "guide" / "static").glob("*.yaml"))


def add_theme(book: Path, theme: str) -> int:
    """Append a theme to book.yaml and return the line of its key."""
    path = book / "experiments" / "book.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{theme}", encoding="utf-8")
    return text.count("\n") + 1


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [("#000000", "#ffffff", 21), ("#767676", "#ffffff", 4.54), ("#ff0000", "#ffffff", 4.0)],
)
def test_contrast_follows_wcag(first: str, second: str, ratio: float) -> None:
    """Published values agree, in either order."""
    assert contrast(first, second) == pytest.approx(ratio, abs=0.005)
    assert contrast(second, first) == contrast(first, second)


def test_default_colors_are_those_of_the_palette() -> None:
    """The style sheet and the check have the same values."""
    palette = (ROOT / "templates/assets/styles/palette.css").read_text(encoding="utf-8")
    for name, light in DEFAULT_COLORS["light"]:
        match = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\);", palette)
        assert match and match.groups() == (light, getattr(DEFAULT_COLORS["dark"], name))


@pytest.mark.parametrize("path", GALLERY, ids=[path.stem for path in GALLERY])
def test_themes_of_the_gallery_have_enough_contrast(book: Path, path: Path) -> None:
    """None has a warning, in light and in dark."""
    add_theme(book, path.read_text(encoding="utf-8"))
    theme = read_book_spec(book).theme
    assert theme.light.accent and theme.dark.accent
    assert find_contrast_warnings(book, theme) == []


@pytest.mark.parametrize(
    ("theme", "line", "message"),
    [
        ('theme: {light: {accent: "#abc"}}\n', 0, 'should be a color such as #0b5cad, not "#abc"'),
        (
            "theme:\n  light:\n    acent: '#aabbcc'\n",
            2,
            "unknown key 'acent' (did you mean 'accent'",
        ),
        ("theme:\n  logo: images/none.svg\n", 1, "there is no file 'images/none.svg'"),
        ("theme:\n  favicon: ../x.png\n", 1, "leads out of the book"),
        ("theme:\n  fonts:\n    text: static/none.woff2\n", 2, "there is no file"),
        (
            "theme:\n  fonts: {code: static/x.doc}\n",
            1,
            "is not a supported font; its name must end in .woff2",
        ),
        ("theme:\n  css: templates/x.css\n", 1, "not in images/ or static/"),
    ],
)
def test_mistakes_are_reported_at_their_place(
    book: Path, theme: str, line: int, message: str
) -> None:
    """By `check`, and by a build that runs nothing."""
    first = add_theme(book, theme)
    for command in (("check",), ("build", "--no-run")):
        completed = layerbook(*command, cwd=book)
        assert completed.returncode == 2
        reported = completed.stderr.splitlines()[0]
        assert reported.startswith(f"experiments/book.yaml:{first + line}:"), completed.stderr
        assert message in reported


def test_low_contrast_color_is_a_warning(book: Path) -> None:
    """The message has the contrast; `check` fails only with --strict."""
    first = add_theme(book, 'theme:\n  light: {accent: "#e0a080"}\n')
    completed = layerbook("check", cwd=book, check=True)
    message = "warning: accent #e0a080 on paper #fcf9f4 has a contrast of 2.1:1"
    assert f"experiments/book.yaml:{first + 1}:19: {message}" in completed.stderr
    assert layerbook("check", "--strict", cwd=book).returncode == 1
