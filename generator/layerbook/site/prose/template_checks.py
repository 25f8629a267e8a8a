"""Find mistakes in the Jinja of prose without results: unknown names, filters and fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, get_origin

from jinja2 import TemplateSyntaxError, nodes
from pydantic import BaseModel

from layerbook.book.claims.type_check import PossibleTypes, element_types, field_types, join_types
from layerbook.book.claims.values import field_names
from layerbook.core.errors import Problem, did_you_mean, first_problems
from layerbook.site.prose.call_checks import find_call_problems
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import parse_prose, prose_environment
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.sandbox.access import METHODS

NUMBER_FILTERS = ("percent", "num", "integer", "sign", "scientific", "compact", "bytes")
_IMPLICIT_NAMES = frozenset({"loop", "caller", "varargs", "kwargs", "range"})


def find_template_problems(
    prose: TextPiece,
    names: Mapping[str, PossibleTypes],
    result_type_of: Callable[[str], type | None],
) -> list[Problem]:
    """Report syntax errors or, if there are none, unknown filters, tests, names and fields.

    names: what the prose may use, with the types of values; empty for functions and unknown types.
    result_type_of: returns the type of an experiment's result, for `r`; None if there is none.
    """
    try:
        if tree := prose.template:
            checker = _TreeChecker(prose, tree, names, result_type_of)
            if problems := first_problems(checker.problems()):
                return problems
        # The compiler changes the tree, and finds more mistakes.
        prose_environment().compile(parse_prose(prose.text))
    except TemplateSyntaxError as error:
        return [prose.problem_at(error.lineno, "{", error.message or "invalid template")]
    return []


class _TreeChecker:
    """Checks a syntax tree. What the types leave open is checked when rendering."""

    def __init__(
        self,
        prose: TextPiece,
        tree: nodes.Template,
        names: Mapping[str, PossibleTypes],
        result_type_of: Callable[[str], type | None],
    ) -> None:
        self._prose, self._tree, self._names = prose, tree, names
        self._result_type_of = result_type_of
        self._variables = dict(names)
        self._note_variables()

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of all names, fields and calls."""
        environment = prose_environment()
        for kind, known in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
            yield from self._unknown_helpers(kind, known)
        yield from self._undefined_names()
        yield from self._missing_fields()
        yield from self._misused_values()
        functions = frozenset(FUNCTIONS).intersection(self._names)
        yield from find_call_problems(self._prose, self._tree, functions)

    def _unknown_helpers(
        self, kind: type[nodes.Filter | nodes.Test], known: Collection[str]
    ) -> Iterator[Problem]:
        for node in self._tree.find_all(kind):
            if node.name not in known:
                hint = did_you_mean(node.name, known)
                message = f"No {kind.__name__.lower()} named {node.name!r}.{hint}"
                yield self._prose.problem_at(node.lineno, node.name, message)

    def _undefined_names(self) -> Iterator[Problem]:
        """Yield undefined names; a name that is set in only one branch counts as defined."""
        known = {*self._names, *_IMPLICIT_NAMES}
        for test in self._tree.find_all(nodes.Test):
            if test.name in ("defined", "undefined") and isinstance(test.node, nodes.Name):
                known.add(test.node.name)
        used = list(self._tree.find_all(nodes.Name))
        known |= {name.name for name in used if name.ctx != "load"}
        for name in used:
            if name.name not in known:
                message = f"{name.name!r} is not defined{did_you_mean(name.name, self._names)}"
                yield self._prose.problem_at(name.lineno, name.name, message)

    def _missing_fields(self) -> Iterator[Problem]:
        for node in self._tree.find_all(nodes.Getattr):
            if message := _attribute_message(self._types(node.node), node.attr):
                yield self._prose.problem_at(node.lineno, node.attr, message)
        for item in self._tree.find_all(nodes.Getitem):
            if message := self._item_message(item):
                yield self._prose.problem_at(item.lineno, "[", message)

    def _misused_values(self) -> Iterator[Problem]:
        for loop in self._tree.find_all(nodes.For):
            if records := self._records(loop.iter):
                yield self._prose.problem_at(loop.lineno, "{%", f"{records} is not a list")
        for output in self._tree.find_all(nodes.Output):
            for value in output.nodes:
                if records := self._records(value):
                    message = f"a {records} cannot be written; take a field of it"
                    yield self._prose.problem_at(value.lineno, "{{", message)
        for filtered in self._tree.find_all(nodes.Filter):
            types = self._types(filtered.node) if filtered.node else ()
            if filtered.name in NUMBER_FILTERS and types and all(map(_cannot_be_number, types)):
                message = f"{filtered.name} needs a number"
                yield self._prose.problem_at(filtered.lineno, filtered.name, message)

    def _item_message(self, item: nodes.Getitem) -> str:
        index = item.arg.value if isinstance(item.arg, nodes.Const) else None
        records = self._records(item.node)
        if not records or index is None:
            return ""
        if isinstance(index, int):
            return f"{records} has no {index}"
        return _attribute_message(self._types(item.node), str(index))

    def _records(self, node: nodes.Node) -> str:
        """Return the names of the types of a value if all of them are records."""
        types = self._types(node)
        if types and all(isinstance(t, type) and issubclass(t, BaseModel) for t in types):
            return " or ".join(t.__name__ for t in types)
        return ""

    def _note_variables(self) -> None:
        """Record the types of names that are set once; a name set again can have any type."""
        set_names: set[str] = set()

        def note(target: nodes.Node, types: PossibleTypes) -> None:
            if isinstance(target, nodes.Name):
                self._variables[target.name] = () if target.name in set_names else types
                set_names.add(target.name)
            for name in target.find_all(nodes.Name):  # in `{% for a, b in ... %}`
                self._variables[name.name] = ()
                set_names.add(name.name)

        for node in self._tree.find_all((nodes.Macro, nodes.CallBlock, nodes.Assign, nodes.For)):
            match node:
                case nodes.Macro() | nodes.CallBlock():
                    for argument in node.args:
                        note(argument, ())
                case nodes.Assign():
                    note(node.target, self._types(node.node))
                case nodes.For():
                    elements = [element_types(kind, None) for kind in self._types(node.iter)]
                    note(node.target, join_types(elements))

    def _types(self, node: nodes.Node) -> PossibleTypes:
        match node:
            case nodes.Name(name=name):
                return self._variables.get(name, ())
            case nodes.Const(value=str()):
                return (str,)
            case nodes.Call(node=nodes.Name(name="r"), args=[nodes.Const(value=str(id))]):
                kind = self._result_type_of(id)
                return () if kind is None else (kind,)
            case nodes.Getattr(node=owner, attr=attr):
                return join_types([field_types(t, attr) for t in self._types(owner)])
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
