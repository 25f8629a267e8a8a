"""What checks read of results: which fields there are, what counts as a list or a number, how a value is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel

MAX_SHOWN = 60


def plain(value: Any) -> Any:
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


def field_names(value: Any) -> list[str] | None:
    """The fields that a check may read: of models and dataclasses, with their properties; None where there are none."""
    if isinstance(value, BaseModel):
        own = list(type(value).model_fields)
    elif is_dataclass(value) and not isinstance(value, type):
        own = [field.name for field in fields(value)]
    else:
        return None
    declared = [cls for cls in type(value).__mro__ if cls not in (BaseModel, object)]
    computed = [n for cls in declared for n, v in vars(cls).items() if isinstance(v, property | cached_property)]
    return [name for name in dict.fromkeys([*own, *computed]) if not name.startswith("_")]


def kind(value: Any) -> str:
    """What a value is, in words: `the text "4"`, `null`, `a list`."""
    if value is None or isinstance(value, bool):
        return shown(value)
    if isinstance(value, str):
        return f"the text {cut(json.dumps(value, ensure_ascii=False), 30)}"
    if is_number(value):
        return f"the number {shown(value)}"
    if is_list(value):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def shown(value: Any) -> str:
    """A value as the book prints it beside the claim: four digits, long things cut, quotes where spaces would hide."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, str):
        bare = value and value == value.strip() and value.isprintable()
        return cut(value if bare else json.dumps(value, ensure_ascii=False), MAX_SHOWN)
    if is_list(value):
        return cut(f"[{', '.join(shown(plain(item)) for item in value[:20])}{', ...' * (len(value) > 20)}]", MAX_SHOWN)
    return cut(str(value), MAX_SHOWN) if isinstance(value, int) else kind(value)


def cut(text: str, most: int) -> str:
    """The text, shortened where it is longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
