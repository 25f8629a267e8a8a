"""The closed language of claims: an expression over results that holds or does not.

It is written like Python and read by Python's own parser, but nothing is ever compiled or executed: the grammar lists
what there is, and the evaluation walks the tree. docs/claims.md explains it; a mistake is a CheckError with its column.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from layerbook.book.claims import parser
from layerbook.book.claims.evaluator import Evaluator
from layerbook.book.claims.margins import Margin
from layerbook.book.claims.parser import CheckError, Reference
from layerbook.book.claims.values import Value, Verdict

__all__ = ["Check", "CheckError", "Margin", "Reference", "Verdict", "parse"]


@dataclass(frozen=True)
class Check:
    """A parsed check; `parse` makes it."""

    text: str
    tree: ast.expr
    references: tuple[Reference, ...]

    def evaluate(self, result: object, result_of: Callable[[str], object] | None = None) -> Verdict:
        """Decide it on an experiment's result; `result_of` gives those of other experiments, for r().

        Raises CheckError where a field is missing, kinds do not fit, or the outcome is neither true nor false.
        """
        return Evaluator(self.text, result, result_of).verdict(self.tree)

    def value(self, result: object, names: Mapping[str, object]) -> object:
        """What the expression gives on a result, and on what further names stand for: a number, a text, a truth.

        Raises CheckError where a field is missing or kinds do not fit.
        """
        evaluator = Evaluator(self.text, result, None)
        evaluator.variables |= {name: Value(value, name) for name, value in names.items()}
        return evaluator.evaluate_and_record(self.tree).value


def parse(text: str, names: Sequence[str] = ()) -> Check:
    """Read a check, which may use these names beside `result`; raises CheckError for what is not of the language."""
    tree, references = parser.parse_expression(text, names)
    return Check(text, tree, references)
