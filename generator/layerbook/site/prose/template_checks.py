"""Find mistakes in the Jinja of prose without results: unknown names, filters and fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from jinja2 import Environment, TemplateSyntaxError, nodes
from pydantic import BaseModel

from layerbook.book.claims.type_check import PossibleTypes, element_types, field_types, join_types
from layerbook.book.claims.values import field_names
from layerbook.book.node import Position
from layerbook.core.errors import Problem, did_you_mean, first_problems
from layerbook.site.prose.call_checks import find_call_problems
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import parse_prose, prose_environment
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.sandbox.access import METHODS

NUMBER_FILTERS = ("percent", "num", "integer", "sign", "scientific", "compact", "bytes")
_IMPLICIT_NAMES = frozenset({"loop", "caller", "varargs", "kwargs", "range"})


@dataclass(frozen=True)
class PieceOfProse(TextPiece):
    """A chapter, caption or claim.

    names: what it may use, with the types of values; empty for functions and unknown types.
    result_type_of: returns the type of an experiment's result, for `r`; None if there is none.
    """

    names: Mapping[str, PossibleTypes]
    result_type_of: Callable[[str], type | None]


def find_template_problems(prose: PieceOfProse) -> list[Problem]:
    """Report syntax errors or, if there are none, unknown filters, tests, names and fields."""
    try:
        tree = parse_prose(prose.text)
    except TemplateSyntaxError as error:
        return [_problem(prose, error.lineno, "{", error.message or "invalid template")]
    problems = first_problems(_tree_problems(prose, tree))
    return problems or _compile_problems(prose, prose_environment(), tree)


def _tree_problems(prose: PieceOfProse, tree: nodes.Template) -> Iterator[Problem]:
    environment = prose_environment()
    yield from _unknown_helpers(prose, tree, "filter", nodes.Filter, environment.filters)
    yield from _unknown_helpers(prose, tree, "test", nodes.Test, environment.tests)
    yield from _undefined_names(prose, tree)
    yield from _FieldFinder(prose).find(tree)
    for problem in find_call_problems(tree, frozenset(FUNCTIONS).intersection(prose.names)):
        yield _problem(prose, *problem)


def _unknown_helpers(
    prose: PieceOfProse,
    tree: nodes.Template,
    kind: str,
    node_type: type[nodes.Filter | nodes.Test],
    known: Collection[str],
) -> Iterator[Problem]:
    for node in tree.find_all(node_type):
        if node.name not in known:
            message = f"No {kind} named {node.name!r}.{did_you_mean(node.name, known)}"
            yield _problem(prose, node.lineno, node.name, message)


def _undefined_names(prose: PieceOfProse, tree: nodes.Template) -> Iterator[Problem]:
    """Yield undefined names; a name that is set in only one branch counts as defined."""
    tests = (t.node for t in tree.find_all(nodes.Test) if t.name in ("defined", "undefined"))
    known = {*prose.names, *_IMPLICIT_NAMES, *(n.name for n in tests if isinstance(n, nodes.Name))}
    names = list(tree.find_all(nodes.Name))
    known |= {name.name for name in names if name.ctx != "load"}
    for name in names:
        if name.name not in known:
            message = f"{name.name!r} is not defined{did_you_mean(name.name, prose.names)}"
            yield _problem(prose, name.lineno, name.name, message)


def _compile_problems(
    prose: PieceOfProse, environment: Environment, tree: nodes.Template
) -> list[Problem]:
    try:
        environment.compile(tree)
    except TemplateSyntaxError as error:
        return [_problem(prose, error.lineno, "{", error.message or "invalid template")]
    return []


class _FieldFinder:
    """Finds fields that no result can have. What the types leave open is checked when rendering."""

    def __init__(self, prose: PieceOfProse) -> None:
        self._prose = prose
        self._variables = dict(prose.names)

    def find(self, tree: nodes.Template) -> Iterator[Problem]:
        """Yield a problem for each missing field and each misused value."""
        self._note_variables(tree)
        for node in tree.find_all(nodes.Getattr):
            if message := _attribute_message(self._types(node.node), node.attr):
                yield _problem(self._prose, node.lineno, node.attr, message)
        for item in tree.find_all(nodes.Getitem):
            yield from self._check_item(item)
        for loop in tree.find_all(nodes.For):
            if records := self._records(loop.iter):
                yield _problem(self._prose, loop.lineno, "{%", f"{records} is not a list")
        for output in tree.find_all(nodes.Output):
            yield from self._check_output(output)
        for filtered in tree.find_all(nodes.Filter):
            yield from self._check_filter(filtered)

    def _check_item(self, item: nodes.Getitem) -> Iterator[Problem]:
        index = item.arg.value if isinstance(item.arg, nodes.Const) else None
        records = self._records(item.node)
        if not records or index is None:
            return
        message = f"{records} has no {index}" if isinstance(index, int) else ""
        message = message or _attribute_message(self._types(item.node), str(index))
        if message:
            yield _problem(self._prose, item.lineno, "[", message)

    def _check_output(self, output: nodes.Output) -> Iterator[Problem]:
        for value in output.nodes:
            if records := self._records(value):
                message = f"a {records} cannot be written; take a field of it"
                yield _problem(self._prose, value.lineno, "{{", message)

    def _check_filter(self, filtered: nodes.Filter) -> Iterator[Problem]:
        types = self._types(filtered.node) if filtered.node else ()
        if filtered.name in NUMBER_FILTERS and types and all(map(_cannot_be_number, types)):
            message = f"{filtered.name} needs a number"
            yield _problem(self._prose, filtered.lineno, filtered.name, message)

    def _records(self, node: nodes.Node) -> str:
        """Return the names of the types of a value if all of them are records."""
        types = self._types(node)
        if types and all(isinstance(t, type) and issubclass(t, BaseModel) for t in types):
            return " or ".join(t.__name__ for t in types)
        return ""

    def _note_variables(self, tree: nodes.Template) -> None:
        """Record the types of names that are set once; a name set again can have any type."""
        targets: list[tuple[nodes.Node, PossibleTypes]] = []
        for node in tree.find_all((nodes.Macro, nodes.CallBlock, nodes.Assign, nodes.For)):
            if isinstance(node, nodes.Macro | nodes.CallBlock):
                targets += [(argument, ()) for argument in node.args]
            elif isinstance(node, nodes.Assign):
                targets.append((node.target, self._types(node.node)))
            elif isinstance(node, nodes.For):
                elements = [element_types(kind, None) for kind in self._types(node.iter)]
                targets.append((node.target, join_types(elements)))
            self._variables |= self._single_names(targets)

    def _single_names(
        self, targets: list[tuple[nodes.Node, PossibleTypes]]
    ) -> dict[str, PossibleTypes]:
        types: dict[str, PossibleTypes] = {}
        for target, kinds in targets:
            if isinstance(target, nodes.Name):
                types[target.name] = () if target.name in types else kinds
            for name in target.find_all(nodes.Name):
                types[name.name] = ()
        return types

    def _types(self, node: nodes.Node) -> PossibleTypes:
        match node:
            case nodes.Name(name=name):
                return self._variables.get(name, ())
            case nodes.Const(value=str()):
                return (str,)
            case nodes.Call(node=nodes.Name(name="r"), args=[nodes.Const(value=str(id))]):
                kind = self._prose.result_type_of(id)
                return () if kind is None else (kind,)
            case nodes.Getattr(node=owner, attr=attr):
                kinds: list[Any] = [field_types(t, attr) for t in self._types(owner)]
                return join_types(kinds)
            case nodes.Getitem(node=owner, arg=nodes.Slice()):
                return self._types(owner)
            case nodes.Getitem(node=owner, arg=index):
                key = index.value if isinstance(index, nodes.Const) else None
                return join_types([element_types(t, key) for t in self._types(owner)])
        return ()


def _cannot_be_number(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, BaseModel | str | list | tuple | Mapping)


def _attribute_message(owners: PossibleTypes, name: str) -> str:
    """Return the message for a field or method that none of the types lets prose read."""
    known: dict[str, None] = {}
    for owner in owners:
        names = _names_of_type(owner)
        if names is None:
            return ""
        known |= dict.fromkeys(names)
    if not owners or name in known:
        return ""
    kinds = " or ".join(getattr(owner, "__name__", str(owner)) for owner in owners)
    list_of_names = f"; available: {', '.join(known)}" if known else ""
    return f"{kinds} has no {name!r}{did_you_mean(name, known)}{list_of_names}"


def _names_of_type(owner: Any) -> Sequence[str] | None:
    """Return the names that prose can read of values of a type; None if they are not known."""
    kind = get_origin(owner) or owner
    if not isinstance(kind, type) or hasattr(kind, "_fields"):
        return None
    names = field_names(kind)
    if names is None:
        return METHODS.get(kind) if kind in (str, list, tuple) else None
    constants = [attribute for attribute, value in vars(kind).items() if isinstance(value, str)]
    return names if issubclass(kind, BaseModel) else [*names, *constants]


def _problem(prose: PieceOfProse, line: int, excerpt: str, message: str) -> Problem:
    """Return a problem at the first place of a line that has the text `excerpt`."""
    lines = prose.text.split("\n")
    column = lines[line - 1].find(excerpt) + 1 if 0 < line <= len(lines) else 1
    return prose.problem(Position(line, max(column, 1)), " ".join(message.split()))
