"""The names that an experiment's figures can have, before there is a result.

They are the keys of dictionaries in the source of the functions that return figures. A part of a
key that depends on the result matches anything.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layerbook.book.contents import Experiment

_ANYTHING = ".+"


def can_have_figure(experiment: Experiment, name: str) -> bool:
    """Return whether a result of the experiment may have a figure of this name."""
    return any(re.fullmatch(pattern, name) for pattern in name_patterns(experiment))


def can_begin_figure(experiment: Experiment, name: str) -> bool:
    """Return whether a figure may have this name, or this name followed by a hyphen and more."""
    beginnings: list[str] = []
    for pattern in name_patterns(experiment):
        beginnings += accumulate(pattern.split("-"), "{}-{}".format)
    return any(re.fullmatch(beginning, name) for beginning in beginnings)


def name_patterns(experiment: Experiment) -> tuple[str, ...]:
    """Return regular expressions for the names: the views of a sweep, or the keys in the source."""
    if experiment.sweep is not None:
        return tuple(re.escape(name).replace(r"\-", "-") for name in experiment.sweep.views)
    return analysis_name_patterns(type(experiment.analysis))


def readable_names(patterns: Iterable[str]) -> list[str]:
    """Return names in which `*` stands for the parts that depend on the result.

    Keys with spaces are labels of other dictionaries in the same functions.
    """
    names = [re.sub(r"\\(.)", r"\1", pattern.replace(_ANYTHING, "*")) for pattern in patterns]
    return [name for name in names if " " not in name]


@cache
def analysis_name_patterns(analysis_type: type) -> tuple[str, ...]:
    """Return regular expressions for the names of an analysis's figures."""
    try:
        module = ast.parse(inspect.getsource(inspect.getmodule(analysis_type) or analysis_type))
    except (OSError, TypeError):
        return (_ANYTHING,)
    functions = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and _returns_figures(node)
    ]
    patterns = [pattern for function in functions for pattern in _key_patterns(function)]
    return tuple(dict.fromkeys(patterns)) or (_ANYTHING,)


def _returns_figures(function: ast.FunctionDef) -> bool:
    returned = ast.unparse(function.returns) if function.returns else ""
    return function.name == "figures" or ("dict" in returned and "Figure" in returned)


def _key_patterns(function: ast.FunctionDef) -> Iterator[str]:
    """Yield a pattern for each key of a dictionary that a function writes."""
    texts = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            keys = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.DictComp):
            keys = [node.key]
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            keys = [node.slice]
        else:
            continue
        yield from (_pattern(key, texts) for key in keys)


def _pattern(node: ast.expr, texts: dict[str, ast.expr], depth: int = 0) -> str:
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value)).replace(r"\-", "-")
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part, texts, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _pattern(node.value, texts, depth)
    if isinstance(node, ast.Name) and node.id in texts and depth < 5:
        return _pattern(texts[node.id], texts, depth + 1)
    return _ANYTHING
