"""Translate the messages in the code of analyses: their f-strings and string constants.

An analysis writes plain English: `f"layer {layer}, head {head}"`. For a book in another language,
its module is compiled once more with each f-string as a call of `language.fill`, and with each
string as a `Text`. The copy computes the same, because a `Text` behaves like the same `str`, and
only displayed texts are looked up. A book in English uses the modules as they are.

The usual alternative, a `gettext` call around each message, would put one around several hundred
strings of the analyses, name every value a second time, and format every number by hand. Authors
of analyses would have to learn it even for a book in English.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import ModuleType
from typing import Any, TypeVar, cast

from layerbook.core import language
from layerbook.core.analysis import Analysis, Result
from layerbook.core.figures import Figure
from layerbook.core.language import Text

_FILL, _TEXT, _JOIN = "__fill_message__", "__message_text__", "__join_messages__"
_WRAPPERS = frozenset({"len", "visible", "label_text", "shorten_prompt", "prompt_title", "listed"})
_CODE_FIELDS = frozenset({"role", "kind", "step", "part", "highlight", "tokenizer_json"})
"""Fields of figures that are names for the program, not words for a reader."""
R = TypeVar("R", bound=Result)


def translated_figures(analysis: Analysis[R], result: R) -> Mapping[str, Figure]:
    """Return the figures of a result, with their messages in the current language."""
    if language.current() is language.ENGLISH:
        return analysis.figures(result)
    module = translatable_copy(sys.modules[type(analysis).__module__])
    copied_type: type[Analysis[Result]] = getattr(module, type(analysis).__name__)
    copied_result = copied_type.result_type.model_construct(**dict(result))
    figures = copied_type.model_construct(**dict(analysis)).figures(copied_result)
    return cast("dict[str, Figure]", _translate(figures))


@functools.cache
def translatable_copy(module: ModuleType) -> ModuleType:
    """Return a copy of a module whose functions write in the current language."""
    tree = _Rewriter().visit(ast.parse(inspect.getsource(module)))
    copy = ModuleType(module.__name__)
    names = vars(copy)
    names |= {"__file__": module.__file__, "__package__": module.__package__}
    names |= {_FILL: language.fill, _TEXT: Text, _JOIN: _join}
    exec(compile(tree, str(module.__file__), "exec", dont_inherit=True), names)
    names |= {name: _as_texts(value) for name, value in names.items() if name.isupper()}
    return copy


def _as_texts(value: Any) -> Any:
    """Return a constant of a module with its texts marked as such."""
    if type(value) is str:
        return Text(value)
    if type(value) in (tuple, list):
        return type(value)(map(_as_texts, value))
    if type(value) is dict:
        return {key: _as_texts(inner) for key, inner in value.items()}
    return value


def message_of(node: ast.JoinedStr) -> tuple[str, dict[str, ast.FormattedValue]]:
    """Return the message of an f-string, and the value behind each of its `{names}`."""
    message, values = "", {}
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            base = _name_of(part.value)
            name, number = base, 2
            while name in values:
                name, number = f"{base}_{number}", number + 1
            values[name] = part
            message += f"{{{name}}}"
        elif isinstance(part, ast.Constant):
            message += str(part.value).replace("{", "{{").replace("}", "}}")
    return message, values


def _name_of(value: ast.expr) -> str:
    """Name a value for translators by the last word of its expression."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_")
        case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if name in _WRAPPERS:
            return _name_of(argument)
        case ast.Call(func=function):
            return _name_of(function)
        case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner) | ast.BinOp(left=inner):
            return _name_of(inner)
    return "value"


class _Rewriter(ast.NodeTransformer):
    """Makes the messages in the functions of a module translatable."""

    def visit_definitions(self, node: ast.Module | ast.ClassDef) -> ast.AST:
        """Visit functions alone; constants, fields and their descriptions stay as they are."""
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.visit(statement)
        return node

    visit_Module = visit_ClassDef = visit_definitions

    def visit_body(self, node: ast.FunctionDef | ast.match_case) -> ast.AST:
        """Visit statements alone; decorators, default values and patterns stay as they are."""
        node.body = [self.visit(statement) for statement in node.body]
        return node

    visit_FunctionDef = visit_match_case = visit_body

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        message, values = message_of(node)
        keys: list[ast.expr | None] = [ast.Constant(name) for name in values]
        parts: list[ast.expr] = []
        for part in values.values():
            conversion = "" if part.conversion < 0 else chr(part.conversion)
            spec = part.format_spec or ast.Constant("")
            elements = [self.visit(part.value), ast.Constant(conversion), spec]
            parts.append(ast.Tuple(elements, ast.Load()))
        return _call(node, _FILL, ast.Constant(message), ast.Dict(keys, parts))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        is_text = isinstance(node.value, str) and any(map(str.isalpha, node.value))
        return _call(node, _TEXT, ast.Constant(node.value)) if is_text else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node.func:
            case ast.Attribute(value=ast.Constant(value=str()), attr="join") if node.args:
                arguments = [self.visit(argument) for argument in node.args]
                return _call(node, _JOIN, node.func.value, *arguments)
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node


def _call(source: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, source))


def _join(separator: str, parts: Any) -> str:
    return separator.join(map(language.translated, parts))


def _translate(value: Any) -> Any:
    """Return a figure, or what is in one, with every `Text` in the current language."""
    if isinstance(value, Text):
        return language.translated(value)
    if type(value) in (tuple, list):
        return type(value)(map(_translate, value))
    if isinstance(value, Mapping):
        return {str(key): _translate(inner) for key, inner in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        old = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
        new = {n: inner if n in _CODE_FIELDS else _translate(inner) for n, inner in old.items()}
        changed = {name: inner for name, inner in new.items() if inner is not old[name]}
        return replace(value, **changed) if changed else value
    return value
