"""The templates of pages: a book's own come before those of the package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    FunctionLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
)
from jinja2.loaders import split_template_path
from markupsafe import Markup, escape

from layerbook.book.claims.values import CLOSE_MARGIN
from layerbook.core.errors import Problem, SpecError
from layerbook.core.figures import Table
from layerbook.core.language import gettext
from layerbook.site.assets import STYLESHEETS
from layerbook.site.blocks import EVIDENCE_MEANINGS
from layerbook.site.pages import BookInfo, Page
from layerbook.site.prose import filters
from layerbook.site.prose.markup import finalize
from layerbook.site.sandbox.environment import TEMPLATE_ERRORS, LimitError, Sandbox
from layerbook.site.sandbox.filters import FILTERS
from layerbook.site.tokens_html import show_token, table_html

MAX_PAGE_STEPS = 1_000_000
"""The limit is higher than for prose: a page can have thousands of elements."""
PAGE_FILTERS = ("default", "d", "escape", "e", "join", "safe", "string", "title", "trim", "unique")
"""Jinja's filters for page templates, in addition to the filters of prose."""
PACKAGE_PREFIX = "layerbook"
_VALUE = re.compile(r"%(?:\((\w+)\)s|%)")


class _ProjectLoader(FileSystemLoader):
    """Loads the templates in one folder; SpecError for a link that leads out of it."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        folder = Path(self.searchpath[0])
        path = folder.joinpath(*split_template_path(template))
        if not path.resolve().is_relative_to(folder.resolve()):
            raise SpecError([Problem(str(path), 1, 1, f"leads out of {folder}")])
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            raise SpecError([Problem(str(path), 1, 1, "the file is not UTF-8")]) from error


def own_templates(templates_dir: Path) -> Path | None:
    """Return a project's template folder if it has page templates, not only chapters."""
    return templates_dir if next(templates_dir.glob("*.html"), None) else None


def make_environment(
    project_templates: Path | None = None, bytecode_cache: BytecodeCache | None = None
) -> Sandbox:
    """Return the environment of page templates: strict about names, escaping all but markup."""
    package = files("layerbook.templates")

    @cache
    def load_from_package(name: str) -> str | None:
        file = package.joinpath(*split_template_path(name))  # TemplateNotFound for `..`
        return file.read_text(encoding="utf-8") if file.is_file() else None

    package_loader = FunctionLoader(load_from_package)
    # A page of the book can extend ours of the same name: `{% extends "layerbook/chapter.html" %}`.
    loaders: list[BaseLoader] = [PrefixLoader({PACKAGE_PREFIX: package_loader}), package_loader]
    if project_templates:
        loaders.insert(1, _ProjectLoader(project_templates, encoding="utf-8-sig"))
    environment = Sandbox(
        filters.FILTERS | {"chip": show_token, "table": _table},
        (*FILTERS, *PAGE_FILTERS),
        MAX_PAGE_STEPS,
        loader=ChoiceLoader(loaders),
        bytecode_cache=bytecode_cache,
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, gettext, newstyle=True
    )
    environment.globals |= _message_functions(environment)
    environment.globals |= {
        "evidence_meaning": EVIDENCE_MEANINGS,
        "stylesheets": STYLESHEETS,
        "close_share": CLOSE_MARGIN,
    }
    return environment


def _message_functions(environment: Sandbox) -> dict[str, Callable[..., Markup]]:
    """Return the functions behind `{% trans %}`, which count what they write.

    Jinja's own would write `%(name)999999999s`.
    """

    def fill(message: str, /, **values: object) -> Markup:
        texts = {name: escape(value) for name, value in values.items()}
        text = gettext(message)
        names = [name for name in _VALUE.findall(text) if name]
        environment.count(sum(len(texts[name]) for name in names) // 100)
        return Markup(_VALUE.sub(lambda match: texts[match[1]] if match[1] else "%", text))

    def fill_one_or_many(singular: str, plural: str, num: int, /, **values: object) -> Markup:
        return fill(singular if num == 1 else plural, **{"num": num, **values})

    return {"_": fill, "gettext": fill, "ngettext": fill_one_or_many}


def _table(table: Table, name: str) -> Markup:
    return Markup(table_html(table, name))


def render_page(page: Page, book: BookInfo, jinja_env: Sandbox) -> str:
    """Render a whole page. Raises SpecError at the line of a template of the project."""
    with _located_errors(jinja_env):
        jinja_env.restart()
        return jinja_env.get_template(page.template).render(page=page, book=book)


def render_block(jinja_env: Sandbox, name: str, argument: object) -> str:
    """Render a macro of `blocks.html`. Raises SpecError at the line of a project's template."""
    with _located_errors(jinja_env):
        jinja_env.restart()
        return str(getattr(jinja_env.get_template("blocks.html").module, name)(argument))


@contextmanager
def _located_errors(jinja_env: Sandbox) -> Iterator[None]:
    """Turn errors in a book's template into a SpecError; those in the package's are bugs.

    A page may also exceed a limit when its parts are joined, after all templates have ended.
    """
    try:
        yield
    except TemplateSyntaxError as error:
        if error.filename is None:
            raise
        problem = Problem(error.filename, error.lineno, 1, error.message or "invalid template")
        raise SpecError([problem]) from error
    except (*TEMPLATE_ERRORS, RecursionError) as error:
        location = _template_location(error.__traceback__)
        if location is None and isinstance(error, LimitError):
            location = next((_Location(folder, 1) for folder in _own_folders(jinja_env)), None)
        if location is None:
            raise
        is_recursive = isinstance(error, RecursionError)
        message = "templates include each other recursively" if is_recursive else str(error)
        raise SpecError([Problem(*location, 1, message or type(error).__name__)]) from error


def _own_folders(jinja_env: Sandbox) -> list[str]:
    """Return the folder of the project's templates, if it has some."""
    loaders = jinja_env.loader.loaders if isinstance(jinja_env.loader, ChoiceLoader) else ()
    return [str(loader.searchpath[0]) for loader in loaders if isinstance(loader, _ProjectLoader)]


class _Location(NamedTuple):
    file: str
    line: int


def _template_location(trace: TracebackType | None) -> _Location | None:
    """Return the place in the innermost template of the project."""
    location = None
    while trace:
        names = trace.tb_frame.f_globals
        template = names.get("__jinja_template__")
        if isinstance(template, Template) and template.filename:
            line = template.get_corresponding_lineno(trace.tb_lineno)
            location = _Location(template.filename, line)
        elif "__jinja_exception__" in names and Path(names["__file__"]).is_file():
            location = _Location(names["__file__"], trace.tb_lineno)
        trace = trace.tb_next
    return location
