"""What checks read and give: values, verdicts, the fields of results, and how a value is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel

from layerbook.book.claims.margins import Margin, Robustness

MAX_WIDTH = 60


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds, what the check read of the results, by expression, and how far it is from turning over.

    margin: none where numbers do not decide, as in an equality of texts, or where they decide by being equal.
    """

    holds: bool
    values: tuple[tuple[str, str], ...]
    margin: Margin | None = None


@dataclass(frozen=True)
class Value:
    """A value, and how a reader would write where it was read: `result.layers[0]`; nothing for a computed one.

    margin: of a truth. margins: of the truths in a list that was computed, one each.
    """

    value: Any
    expression: str = ""
    margin: Margin | None = None
    element_margins: tuple[Margin | None, ...] = ()

    @classmethod
    def from_robustness(cls, robustness: Robustness) -> Value:
        """A truth that was computed."""
        return cls(robustness.holds, margin=robustness.margin)

    @classmethod
    def from_elements(cls, values: Sequence[Value]) -> Value:
        """A list that was computed."""
        return cls([value.value for value in values], element_margins=tuple(value.margin for value in values))

    @property
    def robustness(self) -> Robustness:
        """A truth with its margin."""
        return Robustness(self.value, self.margin)


def to_python(value: Any) -> Any:
    """A number of numpy's as Python's own; anything else as it is."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def is_number(value: Any) -> bool:
    """Numbers; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_list(value: Any) -> bool:
    """Lists, tuples, and arrays, which are lists of their rows."""
    return isinstance(value, list | tuple | np.ndarray)


def field_names(kind: type) -> list[str] | None:
    """The fields that a check may read: of models and dataclasses, with their properties; None where there are none."""
    if issubclass(kind, BaseModel):
        own = list(kind.model_fields)
    elif is_dataclass(kind):
        own = [field.name for field in fields(kind)]
    else:
        return None
    declared = [cls for cls in kind.__mro__ if cls not in (BaseModel, object)]
    computed = [
        n
        for cls in declared
        for n, v in vars(cls).items()
        if isinstance(v, property | cached_property)
    ]
    return [name for name in dict.fromkeys([*own, *computed]) if not name.startswith("_")]


def describe(value: Any) -> str:
    """What a value is, in words: `the text "4"`, `null`, `a list`."""
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
    """A value as the book prints it beside the claim: four digits, long things cut, quotes where spaces would hide."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, str):
        bare = value and value == value.strip() and value.isprintable()
        return shorten(value if bare else json.dumps(value, ensure_ascii=False), MAX_WIDTH)
    if is_list(value):
        return shorten(
            f"[{', '.join(format_value(to_python(item)) for item in value[:20])}{', ...' * (len(value) > 20)}]",
            MAX_WIDTH,
        )
    return shorten(str(value), MAX_WIDTH) if isinstance(value, int) else describe(value)


def shorten(text: str, most: int) -> str:
    """The text, shortened where it is longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def is_id_expression(expression: str) -> bool:
    """Whether a number that was read is a name: the distance between two ids says nothing."""
    return expression.endswith((".id", "_id"))
