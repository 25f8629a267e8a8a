"""Read-only views of results, as prose sees them: fields, elements and keys, and few methods.

A template never gets a pydantic model or a numpy array: their methods write files and load code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

import numpy as np
from jinja2 import Undefined
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, LoopContext, Macro
from pydantic import BaseModel

from layerbook.book.claims.values import field_names, to_python

MAX_SHOWN = 1000


def view(value: Any) -> Any:
    """Return a value as templates see it; text, numbers and plain dataclasses are unchanged."""
    value = to_python(value)
    if isinstance(value, BaseModel):
        return RecordView(value)
    is_record = hasattr(type(value), "_fields")  # a NamedTuple
    if isinstance(value, list | tuple | np.ndarray) and not is_record:
        return ListView(value)
    if isinstance(value, Mapping) and not isinstance(value, MappingView):
        return MappingView(value)
    return value


@cache  # pages of a large book read the same few types very often
def names_of_type(kind: type) -> tuple[str, ...]:
    """Return the fields and the constants of a type, none if it is no model or dataclass.

    A view of a model has no constants.
    """
    names = field_names(kind)
    if names is None or issubclass(kind, BaseModel):
        return tuple(names or ())
    constants = (name for name, value in vars(kind).items() if isinstance(value, str))
    return (*names, *(name for name in constants if not name.startswith("_")))


class RecordView:
    """The fields and properties of a result, or of a part of one."""

    __slots__ = ("_record",)

    def __init__(self, record: BaseModel) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        if name not in dir(self):
            raise AttributeError(f"{type(self._record).__name__} has no {name!r}")
        return view(getattr(self._record, name))

    def __dir__(self) -> Sequence[str]:
        return names_of_type(type(self._record))

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"{self!r} cannot be compared; compare its fields")

    def __str__(self) -> str:
        raise TypeError(f"{self!r} cannot be written; take a field of it: {', '.join(dir(self))}")

    def __repr__(self) -> str:
        return f"a {type(self._record).__name__}"


class FunctionView:
    """A function that a template may call, and nothing else.

    steps: what a call counts.
    """

    __slots__ = ("_function", "_name", "steps")

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name, self._function = name, function
        self.steps: int = getattr(function, "steps", 1)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return view(self._function(*args, **kwargs))

    def __str__(self) -> str:
        raise TypeError(f"{self!r} cannot be written")

    def __repr__(self) -> str:
        return f"the function {self._name}"


def identity(record: RecordView) -> int:
    """Return a value that all views of a record share while any of them exists."""
    return id(record._record)


class ListView(Sequence[Any]):
    """A list, a tuple, or an array as the list of its rows."""

    __slots__ = ("_items",)

    def __init__(self, items: Sequence[Any] | np.ndarray[Any, Any]) -> None:
        self._items = items

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, int | slice):
            raise TypeError(f"an index must be a whole number, not {index!r}")
        return view(self._items[index])

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return map(view, self._items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ListView | list | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __str__(self) -> str:
        if count_values(self, MAX_SHOWN) > MAX_SHOWN:
            raise TypeError(f"the list has more than {MAX_SHOWN:,} values; take some of them")
        return str(tuple(self) if isinstance(self._items, tuple) else list(self))

    def __repr__(self) -> str:
        is_long = count_values(self, MAX_SHOWN) > MAX_SHOWN
        return f"a list of {len(self):,}" if is_long else str(self)


class MappingView(Mapping[Any, Any]):
    """A mapping."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        return view(self._values[key])

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __str__(self) -> str:
        if count_values(self, MAX_SHOWN) > MAX_SHOWN:
            raise TypeError(f"the mapping has more than {MAX_SHOWN:,} values; take some of them")
        return str(dict(self))

    def __repr__(self) -> str:
        is_long = count_values(self, MAX_SHOWN) > MAX_SHOWN
        return f"a mapping of {len(self):,}" if is_long else str(self)


def count_values(value: object, limit: int, *, deep: bool = True) -> int:
    """Return the number of values in a value, each 100 characters of text as one more.

    Repeated values count each time. Stops beyond the limit.

    deep: count what is inside the elements of views too.
    """
    count, pending = 0, [value]
    while pending and count <= limit:
        inner = pending.pop()
        count += 1
        if isinstance(inner, str):
            count += len(inner) // 100
        elif isinstance(inner, list | tuple | ListView | Mapping):
            if count + len(inner) > limit or not (deep or isinstance(inner, list | tuple | dict)):
                count += len(inner)
            elif isinstance(inner, Mapping):
                pending += [*inner, *inner.values()]
            else:
                pending += inner
    return count


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
    return names_of_type(type(obj))  # type: ignore[arg-type]  # mypy: not hashable


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
