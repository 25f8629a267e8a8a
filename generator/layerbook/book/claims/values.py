"""Values that checks read and compute, their margins, and how the book prints them."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel

from layerbook.core.errors import LayerbookError, did_you_mean
from layerbook.core.text import shorten

CLOSE_MARGIN = 0.05


class CheckError(LayerbookError):
    """A mistake in a check; `column` counts the characters of its text from 0."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.column = message, column


@dataclass(frozen=True)
class Margin:
    """The distance between the two sides of the comparison that decides a check.

    absolute: the distance, in the units of the comparison.
    relative: the smallest share by which the numbers read from results would have to change to
    close the distance, for products and quotients to first order; infinite if there are none.
    """

    absolute: float
    relative: float

    @property
    def close(self) -> bool:
        """Return whether a small change of the numbers would flip the verdict."""
        return self.relative < CLOSE_MARGIN


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim, some values of its check by expression, and its margin.

    values: those that decided it, then others that were read.
    margin: None if no change of a number would flip the verdict, or if any change would.
    """

    holds: bool
    values: tuple[tuple[str, str], ...]
    margin: Margin | None = None


@dataclass(frozen=True)
class Value:
    """A value in a check.

    expression: how it is read from a result, or computed; empty if it need not be shown.
    margin: of a truth value.
    elements: of a computed list.
    causes: of a computed value, those that it depends on, such as the largest one for `max`.
    computed_scale: of a computed number, see `scale`.
    """

    value: Any
    expression: str = ""
    margin: Margin | None = None
    elements: tuple[Value, ...] = ()
    causes: tuple[Value, ...] = ()
    computed_scale: float | None = None

    @classmethod
    def from_elements(cls, elements: Sequence[Value]) -> Value:
        """Return a computed list."""
        return cls([element.value for element in elements], elements=tuple(elements))

    @property
    def scale(self) -> float:
        """The change of a number per relative change of the numbers that it was computed from.

        If each of these changes by at most a share s, the number changes by at most s * scale, to
        first order.
        """
        return abs(self.value) if self.computed_scale is None else self.computed_scale

    def shown(self) -> Iterator[Value]:
        """Yield this value and its causes, and their causes, if they have an expression."""
        visited, stack = set(), [self]
        while stack:
            value = stack.pop()
            if id(value) not in visited:
                visited.add(id(value))
                stack += reversed(value.causes)
                if value.expression:
                    yield value

    def element(self, index: int) -> Value:
        """Return an element of a list or a text."""
        return self.elements[index] if self.elements else self.part(self.value[index], f"[{index}]")

    def part(self, value: Any, access: str) -> Value:
        """Return a part of this value, which `access` reads, such as `.top` or `[0]`."""
        return Value(to_python(value), self.expression and f"{self.expression}{access}")

    def negated(self) -> Value:
        """Return the opposite truth value, equally robust."""
        return Value(not self.value, margin=self.margin, causes=(self,))


# Margins combine like the robustness of temporal logic: `and` is as robust as its weakest part,
# `or` as its strongest. Of two equally robust parts, one with a margin decides.


def _robustness(truth: Value) -> tuple[bool, float]:
    """Order truth values: surely false, barely false, barely true, surely true."""
    relative = math.inf if truth.margin is None else truth.margin.relative
    return truth.value, relative if truth.value else -relative


def conjunction(truths: Iterable[Value]) -> Value:
    """Combine truth values by `and`; true if there are none."""
    return _decided_by(
        min(truths, key=lambda t: (*_robustness(t), t.margin is None), default=Value(True))
    )


def disjunction(truths: Iterable[Value]) -> Value:
    """Combine truth values by `or`; false if there are none."""
    return _decided_by(
        max(truths, key=lambda t: (*_robustness(t), t.margin is not None), default=Value(False))
    )


def _decided_by(truth: Value) -> Value:
    return Value(truth.value, margin=truth.margin, causes=(truth,))


def equivalence(left: Value, right: Value) -> Value:
    """Compare two truth values; the less robust one decides the margin."""
    weaker = min(left, right, key=lambda truth: abs(_robustness(truth)[1]))
    return Value(left.value is right.value, margin=weaker.margin, causes=(left, right))


def comparison(holds: bool, left: Value, right: Value) -> Value:
    """Return the outcome of comparing two numbers."""
    return Value(holds, margin=margin_between(left, right), causes=(left, right))


def monotonicity(numbers: Sequence[Value]) -> Value:
    """Return whether numbers never fall, or never rise; true for fewer than two."""
    pairs = list(pairwise(numbers))
    rising = conjunction(comparison(a.value <= b.value, a, b) for a, b in pairs)
    falling = conjunction(comparison(a.value >= b.value, a, b) for a, b in pairs)
    return disjunction((rising, falling))


def margin_between(left: Value, right: Value) -> Margin | None:
    """Return the margin between two numbers; None if one of them is not finite or too large."""
    try:
        absolute, scale = float(abs(left.value - right.value)), float(left.scale + right.scale)
    except OverflowError:
        return None
    if not (math.isfinite(absolute) and math.isfinite(scale)):
        return None
    if absolute == 0:
        return Margin(0.0, 0.0)
    return Margin(absolute, absolute / scale if scale else math.inf)


def combined_scale(operator: type[ast.operator], left: Value, right: Value) -> float:
    """Return the scale of a sum, difference, product or quotient."""
    if operator in (ast.Add, ast.Sub):
        return left.scale + right.scale
    left_size: float = abs(left.value)
    right_size: float = abs(right.value)
    if operator is ast.Mult:
        return left_size * right.scale + right_size * left.scale
    return (left.scale + left_size / right_size * right.scale) / right_size


def to_python(value: Any) -> Any:
    """Return a numpy scalar as a Python number, anything else unchanged."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def is_number(value: Any) -> bool:
    """Return whether a value is a number, but not true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_list(value: Any) -> bool:
    """Return whether a value is a list, a tuple or an array, which is a list of its rows."""
    return isinstance(value, list | tuple | np.ndarray)


def field_names(record_type: type) -> list[str] | None:
    """Return the fields and properties of a model or dataclass; None for other types."""
    if issubclass(record_type, BaseModel):
        names = list(record_type.model_fields)
    elif is_dataclass(record_type):
        names = [field.name for field in fields(record_type)]
    else:
        return None
    for cls in record_type.__mro__:
        if cls not in (BaseModel, object):
            properties = (property, cached_property)
            names += [name for name, v in vars(cls).items() if isinstance(v, properties)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def name_of(node: ast.expr) -> str:
    """Return the name of a function or variable; empty for other expressions."""
    return node.id if isinstance(node, ast.Name) else ""


def field_column(node: ast.Attribute) -> int:
    """Return the column of a field's name: `b` in `a.b`."""
    return max((node.end_col_offset or 0) - len(node.attr), 0)


def missing_field_error(node: ast.Attribute, names: Sequence[str]) -> CheckError:
    """Return the error for a field that is not one of these."""
    hint = did_you_mean(node.attr, names)
    message = f"there is no field {node.attr!r}{hint}; available: {', '.join(names)}"
    return CheckError(message, field_column(node))


def describe(value: Any) -> str:
    """Return a value with its type in words: `the text "4"`, `null`, `a list`."""
    if value is None or isinstance(value, bool):
        return format_value(value)
    if isinstance(value, str):
        return f"the text {shorten(json.dumps(value, ensure_ascii=False), 30)}"
    if is_number(value):
        return f"the number {format_value(value)}"
    if is_list(value):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def format_value(value: Any) -> str:
    """Return a value as the book prints it: four digits, shortened, quotes around spaces."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, int):
        return shorten(str(value))
    if isinstance(value, str):
        is_plain = value and value == value.strip() and value.isprintable()
        return shorten(value if is_plain else json.dumps(value, ensure_ascii=False))
    if is_list(value):
        items = [format_value(to_python(item)) for item in value[:20]]
        return shorten(f"[{', '.join([*items, '...'] if len(value) > 20 else items)}]")
    return describe(value)


def is_id_expression(expression: str) -> bool:
    """Return whether a number is an id, so that the distance to another one means nothing."""
    return expression.endswith((".id", "_id"))
