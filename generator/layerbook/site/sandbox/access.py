"""The fields and methods of values that a template may read and call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Undefined
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, LoopContext, Macro

from layerbook.book.claims.values import field_names
from layerbook.site.sandbox.views import ListView, MappingView, RecordView

METHODS: Mapping[type, tuple[str, ...]] = {
    str: ("startswith", "endswith", "lower", "upper", "strip"),
    list: ("index", "count"),
    tuple: ("index", "count"),
    ListView: ("index", "count"),
    dict: ("items", "keys", "values", "get"),
    MappingView: ("items", "keys", "values", "get"),
}
LOOP_METHODS = ("cycle", "changed")
LOOP_FIELDS = (
    *("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem"),
    *("nextitem", "depth", "depth0"),
)


def readable_names(obj: object) -> Sequence[str]:
    """Return the names that a template may read of a value: its fields, and a few methods."""
    if isinstance(obj, RecordView):
        return dir(obj)
    if isinstance(obj, LoopContext):
        return LOOP_FIELDS + LOOP_METHODS
    if isinstance(obj, TemplateModule):
        return [name for name in vars(obj) if not name.startswith("_")]
    if hasattr(type(obj), "_fields"):
        return tuple(getattr(obj, "_fields", ()))
    if methods := _methods(obj):
        return methods
    return _names_of_type(type(obj))  # type: ignore[arg-type]  # mypy: not hashable


@cache  # pages of a large book read the same few types very often
def _names_of_type(kind: type) -> tuple[str, ...]:
    """Return the fields and the constants of a type, none if it is no model or dataclass."""
    names = field_names(kind) or ()
    constants = (name for name, value in vars(kind).items() if isinstance(value, str))
    public = (name for name in constants if names and not name.startswith("_"))
    return tuple(dict.fromkeys((*names, *public)))


def may_call(obj: object) -> bool:
    """Return whether a template may call a value that is not among its own functions."""
    if isinstance(obj, Macro | BlockReference | LoopContext):
        return True
    owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
    return name in (LOOP_METHODS if isinstance(owner, LoopContext) else _methods(owner))


def _methods(value: object) -> tuple[str, ...]:
    kind = next((kind for kind in METHODS if isinstance(value, kind)), None)
    return METHODS[kind] if kind else ()


def require_defined(*values: object) -> None:
    """Raise UndefinedError, with the name, for a value that is not defined."""
    for value in values:
        if isinstance(value, Undefined):
            str(value)  # raises: every environment here is strict about names
