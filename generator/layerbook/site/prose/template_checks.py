"""Find mistakes in the Jinja of prose without results: unknown names, wrong fields and calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, get_origin

from jinja2 import TemplateSyntaxError, nodes
from pydantic import BaseModel

from layerbook.book.claims.type_check import PossibleTypes, element_types, field_types, join_types
from layerbook.core.errors import LayerbookError, Problem, did_you_mean, first_problems
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import parse_prose, prose_environment
from layerbook.site.prose.filters import FILTERS
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.functions.text import INCOMPLETE, TextFunctions, make_prediction
from layerbook.site.prose.journey import make_stages
from layerbook.site.sandbox.views import METHODS, names_of_type

NUMBER_FILTERS = ("percent", "num", "integer", "sign", "scientific", "compact", "bytes")
_IMPLICIT_NAMES = frozenset({"loop", "caller", "varargs", "kwargs", "range"})
_WITHOUT_RESULTS: dict[str, Callable[..., object]] = {
    "quantity": TextFunctions.quantity,
    "tok": TextFunctions.tok,
    "journey": make_stages,
}
_ONCE_PER_PAGE = ("figure", "code_cell")
_BRANCHES = (nodes.If, nodes.For, nodes.Macro, nodes.CondExpr)


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
        self._functions = FUNCTIONS.keys() & names
        self._known_names = {*names, *_IMPLICIT_NAMES, *_names_set_or_tested(tree)}
        self._block_calls = {id(block.call) for block in tree.find_all(nodes.CallBlock)}
        self._variables = dict(names)
        self._note_variables()

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of all names, fields and calls."""
        for node in self._tree.find_all(nodes.Node):
            excerpt, message = self._mistake(node)
            if message:
                yield self._prose.problem_at(node.lineno, excerpt, message)
        for output in self._tree.find_all(nodes.Output):
            for value in output.nodes:
                excerpt, message = self._unwritable(value)
                if message:
                    yield self._prose.problem_at(value.lineno, excerpt, message)
        for node in _outside(self._tree, (nodes.For,)):
            match node:
                case nodes.Name(name="loop", ctx="load"):
                    yield self._prose.problem_at(node.lineno, "loop", "'loop' is not defined")
        yield from self._repeated_blocks()

    def _mistake(self, node: nodes.Node) -> tuple[str, str]:
        """Return the text to point at and the message; no message if nothing is wrong."""
        match node:
            case nodes.Name(name=name) if name not in self._known_names:
                return name, f"{name!r} is not defined{did_you_mean(name, self._names)}"
            case nodes.Getattr(node=owner, attr=name):
                return name, _attribute_message(self._types(owner), name)
            case nodes.Getitem():
                return "[", self._item_message(node)
            case nodes.Filter(name=name):
                return name, self._filter_message(node)
            case nodes.Test(name=name):
                return name, _unknown_message("test", name, prose_environment().tests)
            case nodes.Call(node=nodes.Name(name=name)) if name in self._functions:
                return name, _call_message(name, node, is_block=id(node) in self._block_calls)
            case nodes.For(iter=items) if records := self._records(items):
                return "{%", f"{records} is not a list"
            case nodes.Import() | nodes.FromImport() | nodes.Include() | nodes.Extends():
                return "{", "prose cannot import, include or extend other templates"
        return "", ""

    def _filter_message(self, node: nodes.Filter) -> str:
        name = node.name
        if message := _unknown_message("filter", name, prose_environment().filters):
            return message
        if name in FILTERS and (message := _signature_message(node, FILTERS[name], skipped=1)):
            return f"{name}: {message}"
        types = self._types(node.node) if node.node else ()
        is_wrong = name in NUMBER_FILTERS and types and all(map(_cannot_be_number, types))
        return f"{name} needs a number" if is_wrong else ""

    def _unwritable(self, value: nodes.Expr) -> tuple[str, str]:
        """Return the text to point at and the message; no message if the value can be written."""
        match value:
            case nodes.Name(name=name) if name in self._functions:
                return name, "there is nothing to write: the value is a function"
            case nodes.Const(value=None):
                return "None", "there is nothing to write: the value is None"
        records = self._records(value)
        return "{{", f"a {records} cannot be written; take a field of it" if records else ""

    def _repeated_blocks(self) -> Iterator[Problem]:
        """Yield figures and code cells that are always shown twice."""
        shown: set[tuple[object, ...]] = set()
        for call in _outside(self._tree, _BRANCHES):
            if not isinstance(call, nodes.Call) or _function_name(call) not in _ONCE_PER_PAGE:
                continue
            name = _function_name(call)
            values = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
            if not values or len(values) < len(call.args):
                continue
            if (name, *values) in shown:
                label, kind = "-".join(map(str, values)), name.replace("_", " ")
                message = f"the {kind} {label!r} is already on this page"
                yield self._prose.problem_at(call.lineno, name, message)
            shown.add((name, *values))

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


def _names_set_or_tested(tree: nodes.Template) -> Iterator[str]:
    """Yield names that are set, if only in one branch, and those tested with `is defined`."""
    for test in tree.find_all(nodes.Test):
        if test.name in ("defined", "undefined") and isinstance(test.node, nodes.Name):
            yield test.node.name
    yield from (name.name for name in tree.find_all(nodes.Name) if name.ctx != "load")


def _unknown_message(kind: str, name: str, known: Collection[str]) -> str:
    return "" if name in known else f"No {kind} named {name!r}.{did_you_mean(name, known)}"


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
    return METHODS[kind] if kind in (str, list, tuple) else names_of_type(kind) or None


def _call_message(name: str, call: nodes.Call, *, is_block: bool) -> str:
    has_arguments = call.args or call.kwargs
    if name in INCOMPLETE and not (is_block and (has_arguments or name != "sidebar")):
        return INCOMPLETE[name]
    if message := _signature_message(call, FUNCTIONS[name]):
        return f"{name}(): {message}"
    return _constant_message(name, call)


def _signature_message(
    call: nodes.Call | nodes.Filter, function: Callable[..., object], skipped: int = 0
) -> str:
    """Return how a call does not fit a signature, or ""; `skipped` parameters come first."""
    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return ""
    try:
        parameters = [None] * (skipped + len(call.args))
        named = {str(pair.key): None for pair in call.kwargs}
        inspect.signature(function).bind(*parameters, **named)
    except TypeError as error:
        return str(error)
    return ""


def _constant_message(name: str, call: nodes.Call) -> str:
    """Call a function if all its arguments are constants, and return its error message or ""."""
    try:
        arguments = [argument.as_const() for argument in call.args]
        named = {pair.key: pair.value.as_const() for pair in call.kwargs if pair.key != "right"}
        if name == "predict":
            question, choices = (*arguments, "?", ("a", "b"))[:2]
            question, choices = named.get("question", question), named.get("choices", choices)
            make_prediction(1, question, choices, _right(call), "")
        elif name in _WITHOUT_RESULTS:
            _WITHOUT_RESULTS[name](*arguments, **named)
        elif arguments and not isinstance(arguments[0], str):
            return f"{name}(): the first argument must be text, not {arguments[0]!r}"
        elif name in ("claim", "tick", "holds") and arguments[1:] and type(arguments[1]) is not int:
            return f"{name}(): the number of a claim is a whole number, not {arguments[1]!r}"
    except nodes.Impossible:
        return ""
    except (LayerbookError, TypeError, ValueError) as error:
        return str(error)
    return ""


def _right(call: nodes.Call) -> object:
    answers = [pair.value for pair in call.kwargs if pair.key == "right"] or call.args[2:3]
    try:
        return answers[0].as_const() if answers else None
    except nodes.Impossible:
        return None


def _outside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> Iterator[nodes.Node]:
    """Yield the nodes inside a node, except those in statements and expressions of some kinds."""
    for child in node.iter_child_nodes():
        if not isinstance(child, kinds):
            yield child
            yield from _outside(child, kinds)


def _function_name(call: nodes.Call) -> str:
    return call.node.name if isinstance(call.node, nodes.Name) else ""
