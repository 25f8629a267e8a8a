"""The language of claims: expressions over results, written like Python but never compiled or run.

Python's parser reads a check, `parse` refuses all syntax that the guide does not list, and the
evaluator walks the tree. Mistakes raise CheckError with their column.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from layerbook.book.claims.evaluator import ARITHMETIC, CONSTANTS, MAX_BITS, ORDER, Evaluator
from layerbook.book.claims.values import CheckError, Margin, Verdict, field_column
from layerbook.core.errors import did_you_mean

__all__ = ["Check", "CheckError", "Margin", "Reference", "Verdict", "parse"]

MAX_LENGTH = 1000
MAX_DEPTH = 30
FUNCTIONS = ("r", "len", "all", "any", "min", "max", "sum", "abs", "monotone")
ALLOWED_SYNTAX = (
    *(ast.Name, ast.Constant, ast.List, ast.Attribute, ast.Subscript, ast.Load),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, *ARITHMETIC),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.In, ast.NotIn, *ORDER, ast.Call, ast.ListComp),
)
ALTERNATIVES: dict[type[ast.AST], str] = {
    ast.Pow: "there are no powers; write a product",
    ast.Is: "compare with ==",
    ast.IsNot: "compare with !=",
    ast.Slice: "there are no slices; use a list comprehension",
    ast.IfExp: "there is no if-else; use and, or, not",
    ast.GeneratorExp: "put the comprehension in [brackets]",
    ast.Tuple: "write a list, in [brackets]",
    ast.NamedExpr: "compare with ==",
}


@dataclass(frozen=True)
class Reference:
    """The name of another experiment in a check, r("name"), and its column."""

    name: str
    column: int


@dataclass(frozen=True)
class Check:
    """A check, made by `parse`. Columns in its tree count the characters of its text."""

    text: str
    tree: ast.expr
    references: tuple[Reference, ...]

    def evaluate(self, result: object, result_of: Callable[[str], object] | None = None) -> Verdict:
        """Decide the check on an experiment's result.

        result_of: return the result of another experiment, for r().

        Raises CheckError for missing fields, types that do not fit, and an outcome that is neither
        true nor false.
        """
        return Evaluator(self.text, result, result_of).verdict(self.tree)

    def value(
        self,
        result: object,
        variables: Mapping[str, object],
        result_of: Callable[[str], object] | None = None,
    ) -> object:
        """Return the value of the expression on a result.

        variables: the values of further names. result_of: as in `evaluate`.

        Raises CheckError for missing fields and types that do not fit.
        """
        return Evaluator(self.text, result, result_of, variables).evaluate(self.tree).value


def parse(text: str, names: Sequence[str] = ()) -> Check:
    """Parse a check that may use these names beside `result`.

    Raises CheckError for what is not part of the language.
    """
    if len(text) > MAX_LENGTH:
        raise CheckError(f"the check is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    if not text.strip():
        raise CheckError("the check is empty")
    tree = _parse_python(text)
    checker = _GrammarChecker(("result", *names, *CONSTANTS))
    checker.visit(tree)
    return Check(text, tree, tuple(checker.references))


def _parse_python(text: str) -> ast.expr:
    # Put the check on one line, so that it can break anywhere and columns stay simple.
    code = re.sub(r"[\r\n]", " ", text.lstrip())
    indent = len(text) - len(code)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about `1 is 1` and "\d"
            tree = ast.parse(code, mode="eval").body
    except SyntaxError as error:
        if error.offset == 0:  # the text ended too early for the parser
            message, column = "it ends too early", len(text.rstrip())
        else:
            message = "compare with ==" if "==" in str(error.msg) else str(error.msg)
            column = min(indent + (error.offset or 1) - 1, len(text))
        raise CheckError(f"not an expression: {message}", column) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise CheckError(f"not an expression: {error}") from error
    encoded = code.encode()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.keyword):  # `ast` counts bytes
            node.col_offset = indent + len(encoded[: node.col_offset].decode())
            node.end_col_offset = indent + len(encoded[: node.end_col_offset].decode())
    rest = text[tree.end_col_offset :].lstrip(" \t\f\r\n)")
    if rest:  # Python would ignore a comment, and with it the rest of the check
        raise CheckError("a check has no comments", len(text) - len(rest))
    return tree


class _GrammarChecker(ast.NodeVisitor):
    """Refuse syntax that is not part of the language, and collect references."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)  # and the variables of open comprehensions
        self.references: list[Reference] = []
        self.depth = 0
        self.column = 0  # of the innermost expression; operators have none

    def visit(self, node: ast.AST) -> None:
        outer_column = self.column
        self.column = getattr(node, "col_offset", self.column)
        self.depth += isinstance(node, ast.expr)
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} deep")
        if not isinstance(node, ALLOWED_SYNTAX):
            name = type(node).__name__
            unknown = f"{name} is not part of the language of checks (see the guide: Claims)"
            raise self.error(ALTERNATIVES.get(type(node), unknown))
        super().visit(node)
        self.depth -= isinstance(node, ast.expr)
        self.column = outer_column

    def error(self, message: str, node: ast.expr | None = None) -> CheckError:
        return CheckError(message, self.column if node is None else node.col_offset)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.names:
            return
        if node.id in FUNCTIONS:
            raise self.error(f"{node.id} is a function: write {node.id}(...)")
        hint = did_you_mean(node.id, self.names)
        raise self.error(f'unknown name {node.id!r}{hint}; checks start with result or r("id")')

    def visit_Constant(self, node: ast.Constant) -> None:
        if node.value is not None and type(node.value) not in (bool, int, float, str):
            raise self.error('only numbers, "text", true, false and null can be written out')
        is_long = isinstance(node.value, int) and node.value.bit_length() > MAX_BITS
        if is_long or (isinstance(node.value, float) and math.isinf(node.value)):
            raise self.error("the number is too large")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_"):
            raise CheckError(f"{node.attr!r} is not a field of a result", field_column(node))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name):
            raise self.error(
                "only the functions of the language can be called; results have no methods"
            )
        name = node.func.id
        if name not in FUNCTIONS:
            hint = did_you_mean(name, FUNCTIONS)
            raise self.error(f"unknown function {name!r}{hint}; available: {', '.join(FUNCTIONS)}")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.error(f"{name} takes plain arguments, without names or stars")
        takes_several = name in ("min", "max")
        if not node.args or (len(node.args) > 1 and not takes_several):
            expected = "list, or several numbers" if takes_several else "value"
            raise self.error(f"{name} takes one {expected}")
        if name == "r":
            self._add_reference(node.args[0])
        else:
            for argument in node.args:
                self.visit(argument)

    def _add_reference(self, argument: ast.expr) -> None:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            form = 'r("id") or r("chapter/id")'
            raise self.error(f"r takes the quoted name of an experiment: {form}", argument)
        self.references.append(Reference(argument.value, argument.col_offset))

    def visit_ListComp(self, node: ast.ListComp) -> None:
        generator = node.generators[0]
        if len(node.generators) > 1 or generator.is_async:
            raise self.error("a comprehension has one `for`")
        target = generator.target
        if not isinstance(target, ast.Name):
            raise self.error("a comprehension has one variable", target)
        if target.id in (*self.names, *FUNCTIONS) or target.id.startswith("_"):
            raise self.error(f"the variable {target.id!r} needs a different name", target)
        self.visit(generator.iter)
        self.names.append(target.id)
        for part in (*generator.ifs, node.elt):
            self.visit(part)
        self.names.pop()
