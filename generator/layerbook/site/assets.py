"""Pages and static files as bytes; writing them is somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment

from layerbook.site.prose.highlight import highlight_css
from layerbook.site.interactive.tokenizer import LIBRARY_NAME
from layerbook.site.prose.math import TEMML, math_css
from layerbook.site.pages import BookInfo, Licence, Page
from layerbook.site.templates import STYLESHEETS, make_environment, static_files

__all__ = ["STYLESHEETS", "assets", "make_environment", "render_page", "vendored_licences"]


def render_page(page: Page, book: BookInfo, pages: Environment) -> str:
    """One whole page. `pages` is `make_environment()`; a name that a template lacks is jinja2's UndefinedError."""
    return pages.get_template(page.template).render(page=page, book=book)


def assets(formulas: Mapping[str, str], project_templates: Path | None = None) -> dict[str, bytes]:
    """Every static file by its path in the site, generated sheets included; `formulas` are the rules that they need."""
    found = static_files(project_templates)
    found["code.css"] = found.get("code.css", b"") + highlight_css().encode()
    found["math.css"] = found.get("math.css", b"") + math_css(formulas).encode()
    for sheet in STYLESHEETS:
        found.setdefault(sheet, b"")
    return {f"assets/{name}": content for name, content in sorted(found.items())}


def vendored_licences() -> tuple[Licence, ...]:
    """What others wrote and the package carries, for the colophon."""
    folder = files("layerbook.site").joinpath("vendor")

    def text(name: str) -> str:
        return folder.joinpath(f"{name}-LICENSE.txt").read_text(encoding="utf-8")

    return (
        Licence(
            f"{TEMML.replace('-', ' ').title()}, which sets the formulas", "MIT", text("temml")
        ),
        Licence(
            f"{LIBRARY_NAME}, which cuts your own texts",
            "Apache-2.0",
            text("huggingface-tokenizers"),
        ),
    )
