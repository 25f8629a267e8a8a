"""Find mistakes in function calls without results, such as a missing argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator

from jinja2 import nodes

from layerbook.core.errors import LayerbookError, Problem
from layerbook.site.prose import folds
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.filters import FILTERS
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.functions.text import TextFunctions
from layerbook.site.prose.journey import make_stages

_WITHOUT_RESULTS: dict[str, Callable[..., object]] = {
    "quantity": TextFunctions.quantity,
    "tok": TextFunctions.tok,
    "journey": make_stages,
}
_ONCE_PER_PAGE = ("figure", "code_cell")
_BRANCHES = (nodes.If, nodes.For, nodes.Macro, nodes.CondExpr)
_OTHER_TEMPLATES = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)


def find_call_problems(
    prose: TextPiece, tree: nodes.Template, functions: Collection[str]
) -> Iterator[Problem]:
    """Yield the problems of function and filter calls in a piece of prose."""
    block_calls = {id(block.call) for block in tree.find_all(nodes.CallBlock)}
    for call in prose.calls(*functions):
        name = _function_name(call)
        if message := _call_message(name, call, is_block=id(call) in block_calls):
            yield prose.problem_at(call.lineno, name, message)
    for used in tree.find_all(nodes.Filter):
        if used.name in FILTERS and (message := _signature_message(used, FILTERS[used.name], 1)):
            yield prose.problem_at(used.lineno, used.name, f"{used.name}: {message}")
    for other in tree.find_all(_OTHER_TEMPLATES):
        message = "prose cannot import, include or extend other templates"
        yield prose.problem_at(other.lineno, "{", message)
    yield from _unwritable(prose, tree, functions)
    yield from _repeated(prose, tree)
    for node in _outside(tree, (nodes.For,)):
        match node:
            case nodes.Name(name="loop", ctx="load"):
                yield prose.problem_at(node.lineno, "loop", "'loop' is not defined")


def _call_message(name: str, call: nodes.Call, *, is_block: bool) -> str:
    has_arguments = call.args or call.kwargs
    if name in folds.INCOMPLETE and not (is_block and (has_arguments or name != "sidebar")):
        return folds.INCOMPLETE[name]
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
            folds.make_prediction(1, question, choices, _right(call), "")
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


def _unwritable(
    prose: TextPiece, tree: nodes.Template, functions: Collection[str]
) -> Iterator[Problem]:
    """Yield functions that are written without being called, and None."""
    message = "there is nothing to write: the value is {}"
    for output in tree.find_all(nodes.Output):
        for value in output.nodes:
            match value:
                case nodes.Name(name=name) if name in functions:
                    yield prose.problem_at(value.lineno, name, message.format("a function"))
                case nodes.Const(value=None):
                    yield prose.problem_at(value.lineno, "None", message.format("None"))


def _repeated(prose: TextPiece, tree: nodes.Template) -> Iterator[Problem]:
    """Yield figures and code cells that are always shown twice."""
    shown: set[tuple[object, ...]] = set()
    for call in _outside(tree, _BRANCHES):
        if not isinstance(call, nodes.Call) or _function_name(call) not in _ONCE_PER_PAGE:
            continue
        name = _function_name(call)
        values = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
        if not values or len(values) < len(call.args):
            continue
        if (name, *values) in shown:
            label, kind = "-".join(map(str, values)), name.replace("_", " ")
            message = f"the {kind} {label!r} is already on this page"
            yield prose.problem_at(call.lineno, name, message)
        shown.add((name, *values))


def _outside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> Iterator[nodes.Node]:
    """Yield the nodes inside a node, except those in statements and expressions of some kinds."""
    for child in node.iter_child_nodes():
        if not isinstance(child, kinds):
            yield child
            yield from _outside(child, kinds)


def _function_name(call: nodes.Call) -> str:
    return call.node.name if isinstance(call.node, nodes.Name) else ""
