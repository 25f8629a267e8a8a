"""Check the theme in book.yaml: missing files, and colors with too little contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from layerbook.book.media import MediaError, MediaFolders
from layerbook.book.node import FILE_START, Node, ProblemList, display_path
from layerbook.book.schema import Colors, ThemeSpec
from layerbook.book.yaml import read_mapping
from layerbook.core.errors import Problem

DEFAULT_COLORS = {
    "light": Colors(
        paper="#fcf9f4",
        panel="#f5efe4",
        raised="#fffdf9",
        ink="#28231d",
        soft="#675e52",
        rule="#e2d9c9",
        accent="#96391b",
    ),
    "dark": Colors(
        paper="#1c1916",
        panel="#26221d",
        raised="#221e1a",
        ink="#ebe3d7",
        soft="#b0a594",
        rule="#3b352d",
        accent="#f2a57f",
    ),
}
"""The colors in templates/assets/styles/palette.css."""

MIN_CONTRAST = 4.5
"""The contrast that WCAG 2.2 requires for text (success criterion 1.4.3)."""
_TEXT_COLORS = ("accent", "ink", "soft")


def find_theme_problems(root: Path, theme: ThemeSpec) -> list[Problem]:
    """Report files of a theme that are missing or cannot be used, at their line in book.yaml."""
    return [_problem(root, keys, str(error)) for keys, error in _unusable_files(root, theme)]


def find_contrast_warnings(root: Path, theme: ThemeSpec) -> list[Problem]:
    """Report colors of a theme in which text is hard to read."""
    warnings = []
    for scheme in ("light", "dark"):
        theme_colors: Colors = getattr(theme, scheme)
        colors = DEFAULT_COLORS[scheme].model_dump() | theme_colors.model_dump(exclude_none=True)
        paper = colors["paper"]
        for name in _TEXT_COLORS:
            color = colors[name]
            ratio = contrast(color, paper)
            if ratio < MIN_CONTRAST:
                message = (
                    f"{name} {color} on paper {paper} has a contrast of {ratio:.1f}:1, but text "
                    f"needs at least {MIN_CONTRAST}:1"
                )
                keys = (scheme, name if getattr(theme_colors, name) else "paper")
                warnings.append(_problem(root, keys, message))
    return warnings


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colors #rrggbb, 1 to 21, as WCAG defines it."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Return the relative luminance of a color, 0 to 1."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _unusable_files(root: Path, theme: ThemeSpec) -> Iterator[tuple[tuple[str, ...], MediaError]]:
    """Yield the keys of each file that cannot be used, and why."""
    folders = MediaFolders(root)
    check_font = partial(folders.check_static, kind="font")
    files: list[tuple[tuple[str, ...], str | None, Callable[[str], object]]] = [
        *((("fonts", use), path, check_font) for use, path in theme.fonts),
        (("logo",), theme.logo, folders.image),
        (("favicon",), theme.favicon, folders.image),
        (("css",), theme.css, partial(folders.check_static, kind="style sheet")),
    ]
    for keys, path, check in files:
        try:
            if path:
                check(path)
        except MediaError as error:
            yield keys, error


def _problem(root: Path, keys: tuple[str, ...], message: str) -> Problem:
    """Return a problem at a value of `theme:` in book.yaml."""
    path = root / "experiments" / "book.yaml"
    node: Node | None = read_mapping(path, ProblemList())
    position = FILE_START
    for key in ("theme", *keys):
        node = node.get(key) if node is not None else None
        position = position if node is None else node.position
    return Problem(display_path(path), *position, message)
