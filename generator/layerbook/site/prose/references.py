"""Find the experiments, code cells, sources and terms that prose names, without rendering it."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import nodes

from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.functions.links import LinkFunctions
from layerbook.site.prose.functions.results import ResultFunctions

REFERENCE_FUNCTIONS = (*ResultFunctions.unbound(), *LinkFunctions.unbound())
"""The functions whose first argument names an experiment, a code cell, a source or a term."""
TO_FIGURE = ("ref", "point")
"""The functions that lead to a figure that a page shows."""


@dataclass(frozen=True)
class Reference:
    """A call such as `figure("noise", "prompt-0")`: function, first argument, and place.

    second: the second argument; None if it is missing or not a constant.
    """

    function: str
    name: str
    line: int
    column: int
    second: object = None


def find_references(prose: TextPiece) -> tuple[Reference, ...]:
    """Return every experiment, code cell, source and term that a plain string names."""
    references = []
    for call in prose.calls(*REFERENCE_FUNCTIONS):
        match call.node, call.args:
            case nodes.Name(name=function), [nodes.Const(value=str(name)), *rest]:
                rest += [pair.value for pair in call.kwargs]
                second = _constant(rest[0]) if rest else None
                column = max(prose.lines[call.lineno - 1].find(f'"{name}"'), 0) + 1
                references.append(Reference(function, name, call.lineno, column, second))
    return tuple(references)


def _constant(node: nodes.Expr) -> object:
    """Return the value of a constant expression such as -1, or None."""
    match node:
        case nodes.Const(value=value):
            return value
        case nodes.Neg(node=nodes.Const(value=int(number))):
            return -number
    return None
