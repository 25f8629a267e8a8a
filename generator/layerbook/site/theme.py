"""A book's theme as the pages use it: a style sheet, and links to its files."""

from __future__ import annotations

from urllib.parse import quote

from layerbook.book.media import MediaFolders
from layerbook.book.schema import Colors, ThemeSpec
from layerbook.book.theme import DEFAULT_COLORS
from layerbook.site.pages import ThemeView

THEME_SHEET = "colors.css"
"""The name of the style sheet in `assets/`."""
_FONTS = {
    "text": ("serif", "Georgia, serif"),
    "headings": ("sans", "system-ui, sans-serif"),
    "code": ("mono", "monospace"),
}
"""For each use of a font, its variable in palette.css and the fallback."""


def theme_css(theme: ThemeSpec) -> str:
    """Return a style sheet with the variables of palette.css that a theme sets."""
    faces, variables = [], []
    for name in Colors.model_fields:
        light, dark = getattr(theme.light, name), getattr(theme.dark, name)
        if light or dark:
            light = light or getattr(DEFAULT_COLORS["light"], name)
            dark = dark or getattr(DEFAULT_COLORS["dark"], name)
            variables.append(f"--{name}: light-dark({light}, {dark});")
    if theme.light.accent or theme.dark.accent:
        variables.append("--accent-tint: color-mix(in oklab, var(--accent) 16%, var(--paper));")
    for use, path in theme.fonts:
        if path:
            family, (variable, fallback) = f"Book {use}", _FONTS[use]
            address = quote(f"../{path}")
            faces.append(
                f'@font-face {{\n\tfont-family: "{family}";\n\tsrc: url("{address}");\n'
                "\tfont-display: swap;\n}\n"
            )
            variables.append(f'--{variable}: "{family}", {fallback};')
    rules = "".join(f"\t{variable}\n" for variable in variables)
    return "".join(faces) + (f":root {{\n{rules}}}\n" if rules else "")


def theme_view(theme: ThemeSpec, folders: MediaFolders) -> ThemeView:
    """Return the links of a theme, for every page."""
    sheets = [f"assets/{THEME_SHEET}"] if theme_css(theme) else []
    return ThemeView(
        stylesheets=(*sheets, *([theme.css] if theme.css else ())),
        logo=theme.logo,
        dark_logo=folders.image(theme.logo).dark if theme.logo else None,
        favicon=theme.favicon,
    )


def theme_files(theme: ThemeSpec, folders: MediaFolders) -> dict[str, bytes]:
    """Return the files of a theme by path in the site; files in `static/` are published anyway."""
    files = {path: folders.read(path) for path in (theme.logo, theme.favicon) if path}
    if theme.logo and (dark := folders.image(theme.logo).dark):
        files[dark] = folders.read(dark)
    if css := theme_css(theme):
        files[f"assets/{THEME_SHEET}"] = css.encode()
    return files
