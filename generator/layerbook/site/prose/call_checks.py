"""Find mistakes in function calls without results, such as a missing argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from jinja2 import nodes

from layerbook.core.errors import LayerbookError
from layerbook.site.prose import folds
from layerbook.site.prose.filters import FILTERS
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.functions.text import TextFunctions
from layerbook.site.prose.journey import make_stages


class CallProblem(NamedTuple):
    """A problem of a call: its line, and a text on that line to point at."""

    line: int
    excerpt: str
    message: str


_WITHOUT_RESULTS: dict[str, Callable[..., object]] = {
    "quantity": TextFunctions.quantity,
    "tok": TextFunctions.tok,
    "journey": make_stages,
}
_FOLDS = {
    "reveal": f"reveal() needs something to hide: {folds.REVEAL_USAGE}",
    "sidebar": f"sidebar() needs a title and a text: {folds.SIDEBAR_USAGE}",
    "predict": f"predict() needs an answer to hide: {folds.PREDICT_USAGE}",
}
_ONCE_PER_PAGE = ("figure", "code_cell")
_BRANCHES = (nodes.If, nodes.For, nodes.Macro, nodes.CondExpr)
_OTHER_TEMPLATES = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)


def find_call_problems(tree: nodes.Template, functions: Collection[str]) -> Iterator[CallProblem]:
    """Yield the problems of function and filter calls in a piece of prose."""
    block_calls = {id(block.call) for block in tree.find_all(nodes.CallBlock)}
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in functions:
            name = call.node.name
            message = _call_message(name, call, is_block=id(call) in block_calls)
            if message:
                yield CallProblem(call.lineno, name, message)
    for node in tree.find_all(nodes.Filter):
        if node.name in FILTERS and (message := _signature_message(node, FILTERS[node.name], 1)):
            yield CallProblem(node.lineno, node.name, f"{node.name}: {message}")
    for other in tree.find_all(_OTHER_TEMPLATES):
        yield CallProblem(
            other.lineno, "{", "prose cannot import, include or extend other templates"
        )
    yield from _functions_as_values(tree, functions)
    yield from _repeated(tree)
    yield from _loops_outside(tree)


def _call_message(name: str, call: nodes.Call, *, is_block: bool) -> str:
    if name in _FOLDS and (not is_block or (name == "sidebar" and not (call.args or call.kwargs))):
        return _FOLDS[name]
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
            folds.make_prediction(
                1,
                named.get("question", question),
                named.get("choices", choices),
                _right(call),
                "",
            )
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


def _functions_as_values(tree: nodes.Template, functions: Collection[str]) -> Iterator[CallProblem]:
    """Yield functions that are written without being called, and None."""
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.Name) and node.name in functions:
                message = "there is nothing to write: the value is a function"
                yield CallProblem(node.lineno, node.name, message)
            elif isinstance(node, nodes.Const) and node.value is None:
                yield CallProblem(
                    node.lineno, "None", "there is nothing to write: the value is None"
                )


def _repeated(tree: nodes.Template) -> Iterator[CallProblem]:
    """Yield figures and code cells that are always shown twice."""
    shown: set[tuple[object, ...]] = set()
    for call in _always_run(tree):
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        values = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
        if name not in _ONCE_PER_PAGE or len(values) < len(call.args):
            continue
        key = (name, *values)
        if key in shown and values:
            label = "-".join(map(str, values))
            kind = name.replace("_", " ")
            yield CallProblem(call.lineno, name, f"the {kind} {label!r} is already on this page")
        shown.add(key)


def _always_run(node: nodes.Node) -> Iterator[nodes.Call]:
    """Yield the calls that stand in no branch, loop or macro."""
    for child in node.iter_child_nodes():
        if isinstance(child, _BRANCHES):
            continue
        if isinstance(child, nodes.Call):
            yield child
        yield from _always_run(child)


def _loops_outside(node: nodes.Node) -> Iterator[CallProblem]:
    """Yield uses of `loop` outside of a loop."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.For):
            continue
        if isinstance(child, nodes.Name) and child.name == "loop" and child.ctx == "load":
            yield CallProblem(child.lineno, "loop", "'loop' is not defined")
        yield from _loops_outside(child)
