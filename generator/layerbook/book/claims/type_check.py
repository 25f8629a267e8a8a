"""Find fields in a check that no result can have, by the types of the results.

If a type is unknown, as for the elements of an array, only the evaluation can tell.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache, cached_property
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from layerbook.book.claims.check import Check
from layerbook.book.claims.values import CheckError, field_names, missing_field_error, name_of

PossibleTypes = tuple[Any, ...]  # the types that a value can have; empty if unknown


def missing_fields(
    check: Check, result_type: type, result_type_of: Callable[[str], type | None]
) -> list[CheckError]:
    """Return an error for each missing field, in the order of the text.

    result_type_of: return the type of another experiment's result, for r().
    """
    inference = _TypeInference(result_type, result_type_of)
    inference.visit(check.tree)
    return sorted(inference.errors, key=lambda error: error.column)


def possible_types(check: Check, result_type: type) -> PossibleTypes:
    """Return the types that the value of an expression can have; empty if they are unknown."""
    return _TypeInference(result_type, lambda _: None).visit(check.tree)


class _TypeInference(ast.NodeVisitor):
    """Infer the possible types of every part of a check."""

    def __init__(self, result_type: type, result_type_of: Callable[[str], type | None]) -> None:
        self.result_type_of = result_type_of
        self.variables: dict[str, PossibleTypes] = {"result": (result_type,)}
        self.errors: list[CheckError] = []

    def visit(self, node: ast.AST) -> PossibleTypes:
        types: PossibleTypes = super().visit(node)
        return types

    def generic_visit(self, node: ast.AST) -> PossibleTypes:
        super().generic_visit(node)
        return ()

    def visit_Name(self, node: ast.Name) -> PossibleTypes:
        return self.variables.get(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> PossibleTypes:
        names: dict[str, None] = {}
        types = []
        owners = self.visit(node.value)
        for owner in owners:
            owner_names = field_names(owner) if isinstance(owner, type) else None
            if owner_names is None:
                return ()
            names |= dict.fromkeys(owner_names)
            if node.attr in owner_names:
                types.append(field_types(owner, node.attr))
        if owners and not types:
            self.errors.append(missing_field_error(node, list(names)))
        return join_types(types)

    def visit_Subscript(self, node: ast.Subscript) -> PossibleTypes:
        owners = self.visit(node.value)
        self.visit(node.slice)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return join_types([element_types(owner, index) for owner in owners])

    def visit_ListComp(self, node: ast.ListComp) -> PossibleTypes:
        (generator,) = node.generators
        name = name_of(generator.target)
        list_types = self.visit(generator.iter)
        self.variables[name] = join_types([element_types(kind, None) for kind in list_types])
        for condition in generator.ifs:
            self.visit(condition)
        types = self.visit(node.elt)
        del self.variables[name]
        return tuple(GenericAlias(list, (kind,)) for kind in types)

    def visit_Call(self, node: ast.Call) -> PossibleTypes:
        if name_of(node.func) == "r":
            other_type = self.result_type_of(ast.literal_eval(node.args[0]))
            return () if other_type is None else (other_type,)
        for argument in node.args:
            self.visit(argument)
        return ()


def join_types(alternatives: Sequence[PossibleTypes]) -> PossibleTypes:
    """Return the types of all alternatives; empty, for unknown, if one of them is unknown."""
    return tuple(kind for types in alternatives for kind in types) if all(alternatives) else ()


@cache
def field_types(owner: type, name: str) -> PossibleTypes:
    """Return the possible types of a field or property of a record."""
    if issubclass(owner, BaseModel) and name in owner.model_fields:
        return _union_members(owner.model_fields[name].annotation)
    attribute = getattr(owner, name, None)
    try:
        if isinstance(attribute, property):
            return _union_members(get_type_hints(attribute.fget).get("return", Any))
        if isinstance(attribute, cached_property):
            return _union_members(get_type_hints(attribute.func).get("return", Any))
        return _union_members(get_type_hints(owner).get(name, Any)) if is_dataclass(owner) else ()
    except (NameError, TypeError):  # a type that only type checkers import
        return ()


def _union_members(annotation: Any) -> PossibleTypes:
    """Return the alternatives of a type, without null."""
    if get_origin(annotation) is Annotated:
        return _union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        return join_types([_union_members(member) for member in members])
    return () if annotation in (Any, None, NoneType) else (annotation,)


def element_types(container: Any, index: Any) -> PossibleTypes:
    """Return the possible types of an element of a list, a tuple or a mapping."""
    origin, inner = get_origin(container), get_args(container)
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        if isinstance(index, int) and -len(inner) <= index < len(inner):
            return _union_members(inner[index])
        return ()
    if origin in (tuple, list) and inner:
        return _union_members(inner[0])
    return _union_members(inner[1]) if origin in (dict, Mapping) and len(inner) == 2 else ()
