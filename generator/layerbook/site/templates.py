"""Where page templates and static files are found: the project's own first, then those of the package."""

from __future__ import annotations

from collections.abc import Iterator
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

from layerbook.site.prose import filters
from layerbook.site.prose.markup import finalize
from layerbook.site.pages import EVIDENCE_MEANINGS
from layerbook.site.tokens_html import as_token, chip, table_html
from layerbook.book.claims.values import CLOSE_MARGIN

STYLESHEETS = ("book.css", "code.css", "math.css", "figures.css")
"""The sheets of every page, in the order in which they apply."""


def make_environment(project_templates: Path | None = None) -> Environment:
    """Page templates: strict about names, escaping everything that is not markup of ours."""
    package = files("layerbook.templates")

    def packaged(name: str) -> str | None:
        file = package.joinpath(*name.split("/"))
        return file.read_text(encoding="utf-8") if file.is_file() else None

    loaders: list[BaseLoader] = [FileSystemLoader(project_templates)] if project_templates else []
    env = Environment(
        loader=ChoiceLoader([*loaders, FunctionLoader(packaged)]),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= filters.FILTERS | {"chip": lambda token: chip(as_token(token)), "table": _table}
    env.globals |= {
        "evidence_meaning": EVIDENCE_MEANINGS,
        "stylesheets": STYLESHEETS,
        "close_share": CLOSE_MARGIN,
    }
    return env


def _table(table: object, name: str) -> Markup:
    return Markup(table_html(table, name))  # type: ignore[arg-type]


def static_files(project_templates: Path | None = None) -> dict[str, bytes]:
    """Everything under `assets/`, by path relative to it; the project's file wins over the package's."""
    found: dict[str, bytes] = {}
    for root in (files("layerbook.templates"), project_templates):
        folder = root.joinpath("assets") if root else None
        if folder and folder.is_dir():
            found |= dict(_walk(folder, ""))
    return dict(sorted(found.items()))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
