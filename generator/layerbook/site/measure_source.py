"""The code behind a result: an analysis's `measure` and the functions that it calls."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from layerbook.core.analysis import Analysis
from layerbook.site.prose.highlight import code_html

FunctionDefs = Mapping[str, ast.FunctionDef]


@cache
def measure_html(analysis_type: type[Analysis[Any]]) -> str:
    """Return the highlighted source of `measure` and of the functions it calls."""
    return code_html(measure_source(analysis_type), "python")


def measure_source(analysis_type: type[Analysis[Any]]) -> str:
    """Return the source of `measure`, then of what it calls, in the order of use.

    Includes functions and methods of the same file, also those called by the ones included.
    """
    source = inspect.getsource(sys.modules[analysis_type.measure.__module__])
    functions = _functions_by_name(ast.parse(source))
    class_name = analysis_type.measure.__qualname__.partition(".")[0]
    lines = source.splitlines()
    return "\n\n".join(
        _function_source(function, lines)
        for function in _called_functions(f"{class_name}.measure", functions)
    )


def _functions_by_name(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Map qualified names to the functions of a module and the methods of its classes."""
    functions = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = (child for child in node.body if isinstance(child, ast.FunctionDef))
            functions |= {f"{node.name}.{method.name}": method for method in methods}
    return functions


def _called_functions(name: str, functions: FunctionDefs) -> list[ast.FunctionDef]:
    """Return the function of this name and all that it uses, each before what it uses itself."""
    reached: dict[str, ast.FunctionDef] = {}

    def visit(name: str) -> None:
        if name in functions and name not in reached:
            reached[name] = functions[name]
            for used_name in _used_names(functions[name], class_name=name.partition(".")[0]):
                visit(used_name)

    visit(name)
    return list(reached.values())


def _used_names(function: ast.FunctionDef, class_name: str) -> Iterator[str]:
    """Yield the qualified names that a function uses, in the order of its source."""
    used = [node for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute)]
    for node in sorted(used, key=lambda node: (node.end_lineno, node.end_col_offset)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node.value, ast.Name):
            owner = class_name if node.value.id in ("self", "cls") else node.value.id
            yield f"{owner}.{node.attr}"


def _function_source(function: ast.FunctionDef, lines: list[str]) -> str:
    first = function.decorator_list[0] if function.decorator_list else function
    return textwrap.dedent("\n".join(lines[first.lineno - 1 : function.end_lineno]))
