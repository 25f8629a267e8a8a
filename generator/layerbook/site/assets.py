"""The static files of a site, and the licences of the libraries and fonts among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from layerbook.core.language import gettext
from layerbook.site.bundling import bundle
from layerbook.site.interactive.live_page import JINJA_NAME
from layerbook.site.interactive.tokenizer import LIBRARY_NAME
from layerbook.site.pages import Licence
from layerbook.site.prose.formulas import TEMML, math_css
from layerbook.site.prose.highlight import highlight_css

STYLESHEETS = ("book.css", "code.css", "math.css", "figures.css")
"""The style sheets of every page, in order."""


def static_files(project_templates: Path | None = None) -> dict[str, bytes]:
    """Return everything under `assets/` by relative path."""
    assets: dict[str, bytes] = {}
    for root in (files("layerbook.templates"), project_templates):
        folder = root.joinpath("assets") if root else None
        if folder and folder.is_dir():
            assets |= _read_folder(folder)
    return dict(sorted(assets.items()))


def _read_folder(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _read_folder(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def assets(
    math_rules: Mapping[str, str], project_templates: Path | None = None
) -> dict[str, bytes]:
    """Return every static file by its path in the site, generated style sheets included."""
    published = bundle(static_files(project_templates))
    published["code.css"] = published.get("code.css", b"") + highlight_css().encode()
    published["math.css"] += math_css(math_rules).encode()
    return {f"assets/{name}": data for name, data in sorted(published.items())}


def vendored_licences() -> tuple[Licence, ...]:
    """Return the licences of the vendored libraries and fonts."""
    libraries = files("layerbook.site").joinpath("vendor")
    fonts = files("layerbook.templates").joinpath("assets", "fonts")

    def text(folder: Traversable, name: str) -> str:
        return folder.joinpath(f"{name}-LICENSE.txt").read_text(encoding="utf-8")

    def font(title: str, name: str) -> Licence:
        return Licence(title, "OFL-1.1", text(fonts, name))

    name = TEMML.replace("-", " ").title()
    temml = gettext("{library}, which sets the formulas", library=name)
    tokenizers = gettext("{library}, which cuts your own texts", library=LIBRARY_NAME)
    jinja = gettext("{library}, which lays out your chats", library=JINJA_NAME)
    return (
        Licence(temml, "MIT", text(libraries, "temml")),
        Licence(tokenizers, "Apache-2.0", text(libraries, "huggingface-tokenizers")),
        Licence(jinja, "MIT", text(libraries, "huggingface-jinja")),
        font(gettext("Source Serif 4, the font of the text"), "source-serif-4"),
        font(gettext("JetBrains Mono, the font of code and tokens"), "jetbrains-mono"),
        font(gettext("Layerbook Math, the font of formulas, from STIX Math"), "layerbook-math"),
    )
