"""The code that measured a result: `measure` of its analysis, and the functions it calls."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeGuard

from layerbook.core.analysis import Analysis
from layerbook.site.prose.highlight import code_html

Definition = ast.FunctionDef | ast.ClassDef
Definitions = Mapping[str, Definition]


@cache
def measure_html(analysis_type: type[Analysis[Any]]) -> str:
    """Return the highlighted source of `measure` and of the functions it calls."""
    return code_html(measure_source(analysis_type), "python")


def measure_source(analysis_type: type[Analysis[Any]]) -> str:
    """Return the source of `measure`, then of what it calls, in the order of use.

    Includes functions, methods and small helper classes of the same file, also those used by the
    ones included. The classes of results are documented elsewhere.
    """
    source = inspect.getsource(sys.modules[analysis_type.measure.__module__])
    definitions = definitions_by_name(ast.parse(source))
    class_name = analysis_type.measure.__qualname__.partition(".")[0]
    lines = source.splitlines()
    return "\n\n".join(
        _definition_source(definition, lines)
        for definition in used_definitions(f"{class_name}.measure", definitions)
    )


def definitions_by_name(tree: ast.Module) -> dict[str, Definition]:
    """Map qualified names to the functions, methods and helper classes of a module."""
    definitions: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) or _is_helper_class(node):
            definitions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = (child for child in node.body if isinstance(child, ast.FunctionDef))
            definitions |= {f"{node.name}.{method.name}": method for method in methods}
    return definitions


def _is_helper_class(node: ast.stmt) -> TypeGuard[ast.ClassDef]:
    """Return whether a class is a dataclass or a named tuple, not a pydantic model."""
    if not isinstance(node, ast.ClassDef):
        return False
    names = {
        ast.unparse(expression).partition("(")[0]
        for expression in (*node.bases, *node.decorator_list)
    }
    return bool(names & {"dataclass", "NamedTuple"})


def used_definitions(name: str, definitions: Definitions) -> list[Definition]:
    """Return the definition of this name and all that it uses, callers before callees."""
    reached: dict[str, Definition] = {}

    def visit(name: str) -> None:
        if name in definitions and name not in reached:
            reached[name] = definitions[name]
            for used_name in _used_names(definitions[name], class_name=name.partition(".")[0]):
                visit(used_name)

    visit(name)
    return list(reached.values())


def _used_names(definition: Definition, class_name: str) -> Iterator[str]:
    """Yield the qualified names that a definition uses, in the order of its source."""
    used = [node for node in ast.walk(definition) if isinstance(node, ast.Name | ast.Attribute)]
    for node in sorted(used, key=lambda node: (node.end_lineno, node.end_col_offset)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node.value, ast.Name):
            owner = class_name if node.value.id in ("self", "cls") else node.value.id
            yield f"{owner}.{node.attr}"


def _definition_source(definition: Definition, lines: list[str]) -> str:
    first = definition.decorator_list[0] if definition.decorator_list else definition
    return textwrap.dedent("\n".join(lines[first.lineno - 1 : definition.end_lineno]))
