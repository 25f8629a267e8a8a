"""Find the references and predictions in a chapter's prose without rendering it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import TemplateSyntaxError, nodes

from layerbook.book.node import Position
from layerbook.core.errors import SpecError
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import parse_prose
from layerbook.site.prose.functions.links import LinkFunctions
from layerbook.site.prose.functions.results import ResultFunctions

REFERENCE_FUNCTIONS = frozenset(ResultFunctions.names() + LinkFunctions.names())
"""The functions whose first argument names an experiment, a code cell, a source or a term."""
TO_FIGURE = ("ref", "point")
"""The functions that lead to a figure that a page shows."""


@dataclass(frozen=True)
class Reference:
    """A call such as `figure("noise", "prompt-0")`: function, first argument, and place.

    second: the second argument; None if it is missing or not a constant.
    is_complete: the second argument is missing or a constant.
    """

    function: str
    name: str
    line: int
    column: int
    second: object = None
    is_complete: bool = True


def find_references(prose: TextPiece) -> tuple[Reference, ...]:
    """Return every experiment, code cell, source and term that a plain string names.

    Raises SpecError if the prose is not a valid template.
    """
    try:
        tree = parse_prose(prose.text)
    except TemplateSyntaxError as error:
        problem = prose.problem(Position(error.lineno, 1), error.message or "invalid template")
        raise SpecError([problem]) from error
    lines = prose.text.split("\n")
    references = []
    for call in tree.find_all(nodes.Call):
        function = _function_name(call)
        match call.args:
            case [nodes.Const(value=str(name)), *rest] if function in REFERENCE_FUNCTIONS:
                column = max(lines[call.lineno - 1].find(f'"{name}"'), 0) + 1
                rest += [pair.value for pair in call.kwargs]
                second = _argument(rest[0]) if rest else _Argument()
                reference = Reference(
                    function,
                    name,
                    call.lineno,
                    column,
                    second=second.value,
                    is_complete=second.is_constant,
                )
                references.append(reference)
    return tuple(references)


class _Argument(NamedTuple):
    """The value of an argument, None unless it is a constant."""

    value: object = None
    is_constant: bool = True


def _argument(node: nodes.Expr) -> _Argument:
    """Return the value of a constant expression such as -1."""
    match node:
        case nodes.Const(value=value):
            return _Argument(value)
        case nodes.Neg(node=nodes.Const(value=int(number))):
            return _Argument(-number)
    return _Argument(is_constant=False)


def names_figures_by_variable(source: str) -> bool:
    """Return whether prose shows a figure of an experiment whose name is computed."""
    try:
        tree = parse_prose(source)
    except TemplateSyntaxError:
        return True
    calls = [call for call in tree.find_all(nodes.Call) if _function_name(call) == "figure"]
    return any(not (call.args and isinstance(call.args[0], nodes.Const)) for call in calls)


def find_predictions(source: str) -> Iterator[nodes.Call]:
    """Yield the calls of `predict`; none if the prose is not a valid template."""
    try:
        tree = parse_prose(source)
    except TemplateSyntaxError:
        return
    for block in tree.find_all(nodes.CallBlock):
        if _function_name(block.call) == "predict":
            yield block.call


def _function_name(call: nodes.Call) -> str:
    return call.node.name if isinstance(call.node, nodes.Name) else ""
