"""The grammar of checks: Python's own parser reads them, a walk over the tree refuses all that is not listed here."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layerbook.core.errors import LayerbookError, did_you_mean

MAX_LENGTH = 1000
MAX_DEPTH = 30
FUNCTIONS = ("r", "len", "all", "any", "min", "max", "sum", "abs", "monotone")
CONSTANTS = {"true": True, "false": False, "null": None}

COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
UNSUPPORTED_SYNTAX: dict[type[ast.AST], str] = {
    ast.Pow: "there are no powers; write a product",
    ast.Is: "compare with ==",
    ast.IsNot: "compare with !=",
    ast.Slice: "there are no slices; use a list comprehension",
    ast.IfExp: "there is no if-else; use and, or, not",
    ast.GeneratorExp: "put the comprehension in [brackets]",
    ast.Tuple: "write a list, in [brackets]",
    ast.NamedExpr: "compare with ==",
}


class CheckError(LayerbookError):
    """What is wrong with a check, in plain words; `column` counts its characters from 0."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.column = message, column


@dataclass(frozen=True)
class Reference:
    """An experiment that a check asks for with r(), and the column of its name."""

    name: str
    column: int


def parse_expression(text: str, names: Sequence[str] = ()) -> tuple[ast.expr, tuple[Reference, ...]]:
    """The tree of a check, and the experiments it refers to; CheckError for what is not part of the language.

    names: what it may use beside `result`.
    """
    if len(text) > MAX_LENGTH:
        raise CheckError(f"the check is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    if not text.strip():
        raise CheckError("the check is empty")
    tree = _parse_python(text)
    return tree, tuple(_GrammarChecker(text, names).check(tree))


def column_of(text: str, node: ast.AST) -> int:
    """Where a part of a check begins, in characters of its text; `ast` counts bytes."""
    return _column(text, getattr(node, "col_offset", 0))


def missing_field_error(text: str, node: ast.Attribute, names: Sequence[str]) -> CheckError:
    """The error for a field that is not among those there are."""
    near = did_you_mean(node.attr, names)
    return CheckError(
        f"there is no field {node.attr!r}{near}; there are {', '.join(names)}",
        field_column(text, node),
    )


def field_column(text: str, node: ast.Attribute) -> int:
    """Where the name of a field begins: `b` in `a.b`."""
    return max(_column(text, node.end_col_offset or 0) - len(node.attr), 0)


def _column(text: str, byte: int) -> int:
    code = text.lstrip()
    return (
        len(text)
        - len(code)
        + len(code.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "replace"))
    )


def _parse_python(text: str) -> ast.expr:
    code = re.sub(
        r"[\r\n]", " ", text.lstrip()
    )  # one line, so that lines break anywhere and columns stay simple
    lead = len(text) - len(code)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about `1 is 1` and "\d", which are refused or harmless here
            tree = ast.parse(code, mode="eval").body
    except SyntaxError as error:
        message = "compare with ==" if "==" in str(error.msg) else error.msg
        if error.offset == 0:  # the parser ran out of text
            raise CheckError("not an expression: it ends too early", len(text.rstrip())) from error
        raise CheckError(
            f"not an expression: {message}", min(lead + (error.offset or 1) - 1, len(text))
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise CheckError(f"not an expression: {error}") from error
    end = _column(text, tree.end_col_offset or 0)
    rest = text[end:].lstrip(" \t\f\r\n)")
    if rest:  # Python's parser stops at a comment, which would hide whatever stands behind it
        raise CheckError("a check has no comments", len(text) - len(rest))
    return tree


class _GrammarChecker:
    """Walks a tree once; what it does not know it refuses."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.known_names = ("result", *names)
        self.variables: list[str] = []

    def error(self, node: ast.AST, message: str) -> CheckError:
        return CheckError(message, column_of(self.text, node))

    def check(self, node: ast.AST, depth: int = 1) -> Iterator[Reference]:
        """The references of a tree, which is checked on the way."""
        if depth > MAX_DEPTH:
            raise self.error(node, f"nested more than {MAX_DEPTH} deep")
        reader = getattr(self, f"_{type(node).__name__}", None)
        if reader is None:
            raise self._unknown_syntax(node)
        for part in reader(node):
            if isinstance(part, Reference):
                yield part
            else:
                yield from self.check(part, depth + 1)

    def _unknown_syntax(self, node: ast.AST) -> CheckError:
        unknown = f"{type(node).__name__} is not part of the language of checks; docs/claims.md lists what there is"
        return self.error(node, UNSUPPORTED_SYNTAX.get(type(node), unknown))

    def _operator(self, node: ast.AST, operator: ast.AST, known: tuple[type[ast.AST], ...]) -> None:
        if not isinstance(operator, known):
            unknown = f"{type(operator).__name__} is not part of the language of checks; there are + - * / and comparisons"
            raise self.error(node, UNSUPPORTED_SYNTAX.get(type(operator), unknown))

    def _Name(self, node: ast.Name) -> Iterator[ast.AST]:
        if node.id not in (*self.known_names, *CONSTANTS, *self.variables):
            if node.id in FUNCTIONS:
                raise self.error(node, f"{node.id} is a function: write {node.id}(...)")
            near = did_you_mean(node.id, (*self.known_names, *CONSTANTS, *self.variables))
            raise self.error(
                node, f'unknown name {node.id!r}{near}; checks begin with result or r("id")'
            )
        return iter(())

    def _Constant(self, node: ast.Constant) -> Iterator[ast.AST]:
        value = node.value
        if not (value is None or type(value) in (bool, int, float, str)):
            raise self.error(node, 'only numbers, "text", true, false and null can be written out')
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise self.error(node, "the number is too large")
        return iter(())

    def _List(self, node: ast.List) -> Iterator[ast.AST]:
        return iter(node.elts)

    def _Attribute(self, node: ast.Attribute) -> Iterator[ast.AST]:
        if node.attr.startswith("_"):
            raise CheckError(
                f"{node.attr!r} is not a field of a result", field_column(self.text, node)
            )
        return iter((node.value,))

    def _Subscript(self, node: ast.Subscript) -> Iterator[ast.AST]:
        return iter((node.value, node.slice))

    def _BoolOp(self, node: ast.BoolOp) -> Iterator[ast.AST]:
        return iter(node.values)

    def _UnaryOp(self, node: ast.UnaryOp) -> Iterator[ast.AST]:
        self._operator(node, node.op, (ast.Not, ast.USub))
        return iter((node.operand,))

    def _BinOp(self, node: ast.BinOp) -> Iterator[ast.AST]:
        self._operator(node, node.op, OPERATORS)
        return iter((node.left, node.right))

    def _Compare(self, node: ast.Compare) -> Iterator[ast.AST]:
        for operator in node.ops:
            self._operator(node, operator, COMPARISONS)
        return iter((node.left, *node.comparators))

    def _Call(self, node: ast.Call) -> Iterator[ast.AST | Reference]:
        if not isinstance(node.func, ast.Name):
            raise self.error(
                node, "only the functions of the language can be called; results have none"
            )
        name = node.func.id
        if name not in FUNCTIONS:
            near = did_you_mean(name, FUNCTIONS)
            raise self.error(
                node, f"unknown function {name!r}{near}; there are {', '.join(FUNCTIONS)}"
            )
        many = name in ("min", "max")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.error(node, f"{name} takes plain values, no names and no stars")
        if not node.args or (len(node.args) > 1 and not many):
            raise self.error(
                node, f"{name} takes one {'list, or several numbers' if many else 'value'}"
            )
        if name == "r":
            return iter((self._reference(node.args[0]),))
        return iter(node.args)

    def _reference(self, argument: ast.expr) -> Reference:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise self.error(
                argument, 'r takes the quoted name of an experiment: r("id") or r("chapter/id")'
            )
        return Reference(argument.value, column_of(self.text, argument))

    def _ListComp(self, node: ast.ListComp) -> Iterator[ast.AST]:
        generator = node.generators[0]
        if len(node.generators) > 1 or generator.is_async:
            raise self.error(node, "a comprehension has one `for`")
        target = generator.target
        if not isinstance(target, ast.Name):
            raise self.error(target, "a comprehension has one variable")
        if target.id in (*self.known_names, *CONSTANTS, *FUNCTIONS, *self.variables) or target.id.startswith(
            "_"
        ):
            raise self.error(target, f"the variable {target.id!r} needs another name")
        yield generator.iter
        self.variables.append(target.id)
        yield from generator.ifs
        yield node.elt
        self.variables.pop()
