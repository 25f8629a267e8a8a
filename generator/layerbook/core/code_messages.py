"""Translate the messages in the code of analyses: their f-strings and string constants.

An analysis writes plain English: `f"layer {layer}, head {head}"`. For a book in another language,
its functions are recompiled with each f-string as a call of `language.fill`, and with each string
as a `Text`. The source does not change, nor does what it computes: a `Text` behaves like the same
`str`, and only displayed texts are looked up.

The usual alternative, a `gettext` call around each message, would put one around several hundred
strings of the analyses, name every value a second time, and format every number by hand. Authors
of analyses would have to learn it even for a book in English. For an English book nothing is
recompiled.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, cast

from layerbook.core import language
from layerbook.core.language import Text

_FILL, _TEXT, _JOIN = "__fill_message__", "__message_text__", "__join_messages__"
_WRAPPERS = frozenset({"len", "visible", "label_text", "shorten_prompt", "prompt_title", "listed"})
_CODE_FIELDS = frozenset({"role", "kind", "step", "part", "highlight", "tokenizer_json"})
"""Fields of figures that are names for the program, not words for a reader."""
T = TypeVar("T")


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

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Leave decorators and default values alone."""
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node


def _call(place: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, place))


def _join(separator: str, parts: Any) -> str:
    return separator.join(map(language.translated, parts))


@functools.cache
def make_translatable(module: ModuleType) -> None:
    """Let the functions of a module write in the current language."""
    tree = ast.parse(inspect.getsource(module))
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            _Rewriter().visit(statement)
    code = compile(tree, str(module.__file__), "exec", dont_inherit=True)
    by_name = {inner.co_qualname: inner for inner in _inner_codes(code)}
    for function in _functions(module):
        new = by_name.get(function.__code__.co_qualname)
        if new is not None and new.co_freevars == function.__code__.co_freevars:
            function.__code__ = new
    names: dict[str, Any] = vars(module)
    names |= {_FILL: language.fill, _TEXT: Text, _JOIN: _join}
    names |= {name: _as_texts(value) for name, value in names.items() if name.isupper()}


def _inner_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner_codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    owners = [module, *(item for item in vars(module).values() if isinstance(item, type))]
    for owner in owners:
        for value in tuple(vars(owner).values()):
            function = _plain_function(value)
            if function is not None and function.__module__ == module.__name__:
                yield function


def _plain_function(value: Any) -> FunctionType | None:
    """Return the function of a property, a method or a decorated function."""
    for name in ("fget", "func", "__func__", "__wrapped__"):
        inner = inspect.getattr_static(value, name, None)
        value = getattr(value, name) if inner is not None else value
    return value if isinstance(value, FunctionType) else None


def _as_texts(value: Any) -> Any:
    """Return a constant of a module with its texts marked as such."""
    if type(value) is str:
        return Text(value)
    if type(value) in (tuple, list):
        return type(value)(map(_as_texts, value))
    if type(value) is dict:
        return {key: _as_texts(inner) for key, inner in value.items()}
    return value


def translate_texts(value: T) -> T:
    """Return a figure, or what is in one, with every `Text` in the current language."""
    return cast(T, _translate(value))


def _translate(value: Any) -> Any:
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
