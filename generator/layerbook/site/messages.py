"""Collect the program's messages and update the catalogues of all languages.

`make messages` runs this after a change of words; `python -m layerbook.site.messages LANG` begins
the catalogue of another language. Translations are written in templates/locale/LANG.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

import layerbook
from layerbook.book.languages import CATALOGUE
from layerbook.core.code_messages import message_of
from layerbook.core.figures import ChainStep, Frames
from layerbook.core.limits import FEATURE_DESCRIPTIONS
from layerbook.model.sources import STORAGE_NOTES
from layerbook.site.blocks import EVIDENCE_MEANINGS
from layerbook.site.bundling import CSS_WORDS
from layerbook.site.measure_source import definitions_by_name, used_definitions

PACKAGE = Path(layerbook.__file__).parent
FIGURES = sorted((PACKAGE / "analyses").glob("*.py"))
_JS_CALL = re.compile(
    r'\b(?:t|mark|plural|LiveError)\(\s*(?:[\w.]+,\s*)?"((?:[^"\\]|\\.)*)"(?:,\s*"([^"]*)")?'
)
_WORDS = re.compile(r"(?!\w*_)(?!\w$)[^\\^]*[^\W\d_].*", re.DOTALL)
"""A text that is more than a name with an underscore, a letter or a pattern."""
_NAME_LIKE = re.compile(r"[a-z0-9_{}./:-]*")

_HEADER_NOISE = re.compile(
    r'"(Project-Id|Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|'
    r"Generated-By)"
)
"""Header lines that change with the date or the person and carry no information."""

LocatedMessage = tuple[str | tuple[str, str], str]
"""A message, or a singular and a plural, and the file that contains it."""


def find_messages() -> list[LocatedMessage]:
    """Return every message of the program, each with its file, in a fixed order."""
    messages = [*_in_python(), *_in_figures(), *_in_templates(), *_in_assets(), *_by_name()]
    return list(dict.fromkeys(messages))


def _in_python() -> Iterator[LocatedMessage]:
    """Yield the arguments of `gettext` and `mark`, including both sides of a conditional."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name("gettext" | "mark" | "_names"), arguments):
                    texts = itertools.chain.from_iterable(map(_constants, arguments))
                    yield from ((text, _package_path(path)) for text in texts)


def _constants(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(body)
            yield from _constants(orelse)


def _in_figures() -> Iterator[LocatedMessage]:
    """Yield the texts in the code of figures: f-strings, and strings that are more than a name."""
    for path in FIGURES:
        texts = _FigureTexts(ast.parse(path.read_text(encoding="utf-8")))
        yield from ((message, _package_path(path)) for message in texts.messages)


class _FigureTexts(ast.NodeVisitor):
    """Collects the `messages` in the functions and constants of a module."""

    _SKIPPED_CALLS = frozenset({"Field", "Site", "getattr", "ValueError", "UsageError", "gettext"})
    _SKIPPED_KEYWORDS = frozenset({"role", "kind", "step", "part", "description"})

    def __init__(self, tree: ast.Module) -> None:
        self.messages: list[str | tuple[str, str]] = []
        self._silent = set(_without_figures(tree))
        for statement in tree.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for statement in node.body if node not in self._silent else ():
            self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Skip docstrings."""
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        names = {getattr(statement, "name", "") for statement in node.body}
        if {"figures", "measure"} <= names:  # an analysis: pages show its first line
            self.messages.append((ast.get_docstring(node) or "").partition("\n")[0])
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.visit(statement)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Skip errors, which only authors see on the console."""

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in self._SKIPPED_CALLS:
            return
        if name == "pluralize" and isinstance(node.args[1], ast.Constant):
            noun = str(node.args[1].value)
            self.messages.append((f"{{count}} {noun}", f"{{count}} {noun}s"))
            return
        self.visit(node.func)
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg not in self._SKIPPED_KEYWORDS:
                self.visit(keyword.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None and not isinstance(value, ast.Call):
                self.visit(key)
            self.visit(value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        message, values = message_of(node)
        words = re.sub(r"\{\w*\}", "", message)
        if any(map(str.isalpha, words)) and not _NAME_LIKE.fullmatch(message):
            self.messages.append(message)
        for part in values.values():
            self.visit(part.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        text = node.value
        if isinstance(text, str) and _WORDS.fullmatch(text):
            self.messages.append(text)


def _without_figures(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the functions that only `runs` and `measure` use, not the figures."""
    definitions = definitions_by_name(tree)
    for name in definitions:
        class_name, _, method = name.rpartition(".")
        if method == "figures":
            figure_code = used_definitions(name, definitions)
            for other in ("runs", "measure"):
                other_code = used_definitions(f"{class_name}.{other}", definitions)
                yield from (item for item in other_code if item not in figure_code)


def _in_templates() -> Iterator[LocatedMessage]:
    options = {"silent": "false", "trimmed": "false"}
    for path in sorted(_templates().glob("*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), options):
                texts = [message] if isinstance(message, str) else list(filter(None, message or ()))
                if texts:  # the values of a message are None
                    yield texts[0] if len(texts) == 1 else (texts[0], texts[1]), path.name


def _in_assets() -> Iterator[LocatedMessage]:
    for path in sorted((_templates() / "assets").rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        for match in _JS_CALL.finditer(text):
            singular, plural = match[1].replace('\\"', '"'), match[2]
            is_plural = match[0].startswith("plural") and plural
            yield ((singular, plural) if is_plural else singular), path.name
    for path in sorted((_templates() / "assets").rglob("*.css")):
        for words in CSS_WORDS.findall(path.read_text(encoding="utf-8")):
            yield words, path.name


def _by_name() -> Iterator[LocatedMessage]:
    """Yield internal names that pages show as words."""
    names = (
        *EVIDENCE_MEANINGS,
        *STORAGE_NOTES.values(),
        *FEATURE_DESCRIPTIONS.values(),
        *get_args(get_type_hints(Frames)["step"]),
        *get_args(get_type_hints(ChainStep)["kind"]),
    )
    yield from ((name, "names") for name in names)


def locale_folder() -> Path:
    """Return the folder of the catalogues."""
    return _templates() / "locale"


def _templates() -> Path:
    return Path(str(files("layerbook.templates")))


def _package_path(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def update(code: str) -> None:
    """Update a language's catalogue, and drop messages that no longer exist."""
    path = locale_folder() / code / CATALOGUE
    old = read_catalogue(path, code)
    comment = "# Messages of Layerbook; `make messages` brings this file up to date."
    new = Catalog(locale=code, header_comment=comment, fuzzy=False, charset="utf-8")
    for message, file in find_messages():
        flags = ["python-format"] if "%(" in str(message) else []
        translation = old.get(message[0] if isinstance(message, tuple) else message)
        text = translation.string if translation is not None and translation.id == message else None
        new.add(message, text, locations=[(file, 0)], flags=flags)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_po(buffer, new, width=96, omit_header=False, sort_output=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    body = (line for line in lines if not _HEADER_NOISE.match(line))
    path.write_text("".join(body), encoding="utf-8")


def read_catalogue(path: Path, code: str) -> Catalog:
    """Return the catalogue in a file, empty if there is none."""
    if not path.is_file():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


if __name__ == "__main__":
    folders = locale_folder().iterdir()
    for language_code in sys.argv[1:] or sorted(item.name for item in folders if item.is_dir()):
        update(language_code)
