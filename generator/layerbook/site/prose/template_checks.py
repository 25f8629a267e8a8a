"""Mistakes in the Jinja of prose that show without a result: in its names, filters and fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from layerbook.book.claims.type_check import PossibleTypes, element_types, field_types, join_types
from layerbook.book.claims.values import field_names
from layerbook.core.errors import Problem, did_you_mean
from layerbook.site.prose.environment import parse_prose, prose_environment

_IMPLICIT_NAMES = frozenset({"loop", "caller", "varargs", "kwargs", "range"})


@dataclass(frozen=True)
class PieceOfProse:
    """A chapter, caption or claim that begins at `first_line` of `file`.

    names: what it may use, with the types of values; empty for functions and unknown types.
    result_type_of: returns the type of an experiment's result, for `r`; None if there is none.
    """

    text: str
    file: str
    first_line: int
    names: Mapping[str, PossibleTypes]
    result_type_of: Callable[[str], type | None]


def find_template_problems(prose: PieceOfProse) -> list[Problem]:
    """Report syntax errors, or unknown filters, tests, names and fields."""
    try:
        tree = parse_prose(prose.text)
    except TemplateSyntaxError as error:
        return [_problem(prose, error.lineno, "{", error.message or "no template")]
    environment = prose_environment()
    problems = [
        *_unknown_helpers(prose, tree, "filter", nodes.Filter, environment.filters),
        *_unknown_helpers(prose, tree, "test", nodes.Test, environment.tests),
        *_undefined_names(prose, tree),
        *_FieldFinder(prose).find(tree),
    ]
    return problems or _compile_problems(prose, environment, tree)


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
    """Report names that are set nowhere; a name that only a branch sets counts as set."""
    asked = (t.node for t in tree.find_all(nodes.Test) if t.name in ("defined", "undefined"))
    known = {*prose.names, *_IMPLICIT_NAMES, *(n.name for n in asked if isinstance(n, nodes.Name))}
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
        return [_problem(prose, error.lineno, "{", error.message or "no template")]
    return []


class _FieldFinder:
    """Finds fields that no result can have; what the types leave open is left to the rendering."""

    def __init__(self, prose: PieceOfProse) -> None:
        self._prose = prose
        self._variables = dict(prose.names)

    def find(self, tree: nodes.Template) -> Iterator[Problem]:
        """Yield a problem for each missing field, in order."""
        self._note_variables(tree)
        for node in tree.find_all(nodes.Getattr):
            owners = self._types(node.node)
            names = [field_names(owner) for owner in owners if isinstance(owner, type)]
            known = {name: None for of_owner in names for name in of_owner or ()}
            is_open = not owners or len(names) < len(owners) or None in names
            has_attribute = any(hasattr(owner, node.attr) for owner in owners)
            if not is_open and node.attr not in known and not has_attribute:
                kinds = " or ".join(owner.__name__ for owner in owners)
                list_of_names = f"; there are {', '.join(known)}" if known else ""
                hint = did_you_mean(node.attr, known)
                message = f"{kinds} has no {node.attr!r}{hint}{list_of_names}"
                yield _problem(self._prose, node.lineno, node.attr, message)

    def _note_variables(self, tree: nodes.Template) -> None:
        """Note the types of what is set once; a name that is set again can be anything."""
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
            case nodes.Call(node=nodes.Name(name="r"), args=[nodes.Const(value=str(id))]):
                kind = self._prose.result_type_of(id)
                return () if kind is None else (kind,)
            case nodes.Getattr(node=owner, attr=attr):
                kinds: list[Any] = [field_types(t, attr) for t in self._types(owner)]
                return join_types(kinds)
            case nodes.Getitem(node=owner, arg=index):
                place = index.value if isinstance(index, nodes.Const) else None
                return join_types([element_types(t, place) for t in self._types(owner)])
        return ()


def _problem(prose: PieceOfProse, line: int, near: str, message: str) -> Problem:
    """Return a problem at the first place of a line that has the text `near`."""
    lines = prose.text.split("\n")
    column = lines[line - 1].find(near) + 1 if 0 < line <= len(lines) else 1
    return Problem(
        prose.file, prose.first_line + line - 1, max(column, 1), " ".join(message.split())
    )
