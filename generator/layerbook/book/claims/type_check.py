"""Fields that a check names and that no result of its analysis has, found from the types before anything is measured.

What the types leave open, such as the element of an array or the fields of whichever of several records it is, is left
to the evaluation: here is told only what is surely wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from layerbook.book.claims.check import Check
from layerbook.book.claims.parser import CheckError, missing_field_error
from layerbook.book.claims.values import field_names

PossibleTypes = tuple[Any, ...]
"""What something may be; empty where nobody knows."""


def missing_fields(
    check: Check, result: type, result_type_of: Callable[[str], type | None]
) -> list[CheckError]:
    """One error for each wrong field, in the order of the text; `result_type_of` gives the result types that r() names."""
    walk = _TypeInference(check.text, result, result_type_of)
    walk.infer(check.tree)
    return sorted(walk.errors, key=lambda error: error.column)


class _TypeInference:
    """One walk over one check."""

    def __init__(self, text: str, result: type, result_type_of: Callable[[str], type | None]) -> None:
        self.text, self.result, self.result_type_of = text, result, result_type_of
        self.variables: dict[str, PossibleTypes] = {}
        self.errors: list[CheckError] = []

    def infer(self, node: ast.AST) -> PossibleTypes:
        """What a part may be; its own parts are looked at on the way."""
        finder: Callable[[Any], PossibleTypes] | None = getattr(self, f"_{type(node).__name__}", None)
        if finder is not None:
            return finder(node)
        for part in ast.iter_child_nodes(node):
            self.infer(part)
        return ()

    def _Name(self, node: ast.Name) -> PossibleTypes:
        return (self.result,) if node.id == "result" else self.variables.get(node.id, ())

    def _Attribute(self, node: ast.Attribute) -> PossibleTypes:
        owners = self.infer(node.value)
        known = [field_names(owner) if isinstance(owner, type) else None for owner in owners]
        names = [name for one in known for name in one or ()]
        if owners and None not in known and node.attr not in names:
            self.errors.append(missing_field_error(self.text, node, list(dict.fromkeys(names))))
            return ()
        found = [field_types(owner, node.attr) for owner in owners if isinstance(owner, type)]
        return _all_or_nothing([one for one in found if one is not None])

    def _Subscript(self, node: ast.Subscript) -> PossibleTypes:
        owners = self.infer(node.value)
        self.infer(node.slice)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return _all_or_nothing([_element_types(owner, index) for owner in owners])

    def _ListComp(self, node: ast.ListComp) -> PossibleTypes:
        generator = node.generators[0]
        assert isinstance(generator.target, ast.Name)
        self.variables[generator.target.id] = _all_or_nothing(
            [_element_types(one, None) for one in self.infer(generator.iter)]
        )
        for condition in generator.ifs:
            self.infer(condition)
        found = self.infer(node.elt)
        del self.variables[generator.target.id]
        return tuple(list[one] for one in found)  # type: ignore[valid-type]

    def _Call(self, node: ast.Call) -> PossibleTypes:
        if isinstance(node.func, ast.Name) and node.func.id == "r":
            other = self.result_type_of(node.args[0].value)  # type: ignore[attr-defined]
            return () if other is None else (other,)
        for part in node.args:
            self.infer(part)
        return ()


def _all_or_nothing(found: list[PossibleTypes]) -> PossibleTypes:
    """Together, what several may be; unknown where one of them is."""
    return tuple(one for part in found for one in part) if all(found) else ()


@cache
def field_types(owner: type, name: str) -> PossibleTypes | None:
    """What a field or a property of a record may be; None where the record has none of that name."""
    if name not in (field_names(owner) or ()):
        return None
    if issubclass(owner, BaseModel) and name in owner.model_fields:
        return _union_members(owner.model_fields[name].annotation)
    attribute = getattr(owner, name, None)
    function = (
        attribute.fget if isinstance(attribute, property) else getattr(attribute, "func", None)
    )
    try:
        if isinstance(attribute, property | cached_property):
            return _union_members(get_type_hints(function).get("return", Any))
        return _union_members(get_type_hints(owner).get(name, Any)) if is_dataclass(owner) else ()
    except (NameError, TypeError):  # a type that is only there for type checkers
        return ()


def _union_members(annotation: Any) -> PossibleTypes:
    """The alternatives of a type, null left out: whether a value is null shows only in the result."""
    if get_origin(annotation) is Annotated:
        return _union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _all_or_nothing([_union_members(one) for one in get_args(annotation) if one is not NoneType])
    return () if annotation in (Any, None, NoneType) else (annotation,)


def _element_types(kind: Any, index: Any) -> PossibleTypes:
    """What an element of a list, a row or a mapping may be."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple and inside and inside[-1] is not Ellipsis:
        at = range(-len(inside), len(inside))
        return _union_members(inside[index]) if isinstance(index, int) and index in at else ()
    if origin in (tuple, list) and inside:
        return _union_members(inside[0])
    return _union_members(inside[1]) if origin in (dict, Mapping) and len(inside) == 2 else ()
