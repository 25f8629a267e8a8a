"""Page templates, static files and licences; the project's own files come before the package's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    FunctionLoader,
    StrictUndefined,
)
from markupsafe import Markup

from layerbook.book.claims.values import CLOSE_MARGIN
from layerbook.core.figures import Table
from layerbook.site.bundling import bundle
from layerbook.site.interactive.tokenizer import LIBRARY_NAME
from layerbook.site.pages import EVIDENCE_MEANINGS, BookInfo, Licence, Page
from layerbook.site.prose import filters
from layerbook.site.prose.highlight import highlight_css
from layerbook.site.prose.markup import Inline, finalize
from layerbook.site.prose.math import TEMML, math_css
from layerbook.site.tokens_html import as_token, chip, table_html

STYLESHEETS = ("book.css", "code.css", "math.css", "figures.css")
"""The style sheets of every page, in order."""


def own_templates(templates_dir: Path) -> Path | None:
    """Return a project's template folder if it has page templates, not only chapters."""
    return templates_dir if (templates_dir / "base.html").is_file() else None


def make_environment(project_templates: Path | None = None) -> Environment:
    """Return the environment of page templates: strict about names, escaping all but markup."""
    package = files("layerbook.templates")

    def load_from_package(name: str) -> str | None:
        file = package.joinpath(*name.split("/"))
        return file.read_text(encoding="utf-8") if file.is_file() else None

    loaders: list[BaseLoader] = [FunctionLoader(load_from_package)]
    if project_templates:
        loaders.insert(0, FileSystemLoader(project_templates, encoding="utf-8-sig"))
    environment = Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters.FILTERS | {"chip": _chip, "table": _table}
    environment.globals |= {
        "evidence_meaning": EVIDENCE_MEANINGS,
        "stylesheets": STYLESHEETS,
        "close_share": CLOSE_MARGIN,
    }
    return environment


def _chip(token: object) -> Inline:
    return chip(as_token(token))


def _table(table: Table, name: str) -> Markup:
    return Markup(table_html(table, name))


def render_page(page: Page, book: BookInfo, jinja_env: Environment) -> str:
    """Render a whole page. Raises jinja2.UndefinedError if the template uses an unknown name."""
    return jinja_env.get_template(page.template).render(page=page, book=book)


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
    published["math.css"] = published.get("math.css", b"") + math_css(math_rules).encode()
    for sheet in STYLESHEETS:
        published.setdefault(sheet, b"")
    return {f"assets/{name}": data for name, data in sorted(published.items())}


def vendored_licences() -> tuple[Licence, ...]:
    """Return the licences of the vendored libraries."""
    folder = files("layerbook.site").joinpath("vendor")

    def text(name: str) -> str:
        return folder.joinpath(f"{name}-LICENSE.txt").read_text(encoding="utf-8")

    temml = f"{TEMML.replace('-', ' ').title()}, which sets the formulas"
    tokenizers = f"{LIBRARY_NAME}, which cuts your own texts"
    return (
        Licence(temml, "MIT", text("temml")),
        Licence(tokenizers, "Apache-2.0", text("huggingface-tokenizers")),
    )
