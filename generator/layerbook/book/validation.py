"""Validate parts of specs with pydantic, and report errors in plain words at their positions.

pydantic reports an error for each branch of a union. If a branch accepted the type of a value, its
type errors are left out; if none did, they become one sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from layerbook.book.node import Node
from layerbook.book.schema import (
    COLOR_PATTERN,
    COLUMN_PATTERN,
    MODEL_NAME_PATTERN,
    NAME_PATTERN,
    URL_PATTERN,
)
from layerbook.core.errors import did_you_mean
from layerbook.core.limits import Limits
from layerbook.core.text import shorten

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]

MAX_VALUE_WIDTH = 40
TYPE_NAMES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "null",
}
BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("of at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("of at most", "le"),
}
PATTERN_RULES = {
    NAME_PATTERN: "lower-case letters, digits and hyphens",
    COLUMN_PATTERN: "a lower-case letter, then lower-case letters, digits and underscores",
    MODEL_NAME_PATTERN: "a letter or digit, then letters, digits, '.', '_' and '-'",
    URL_PATTERN: "an address such as https://example.org",
    COLOR_PATTERN: "a color such as #0b5cad",
}


def validate(
    model: type[M], node: Node, exclude: Collection[str] = (), limits: Limits | None = None
) -> M | None:
    """Build a pydantic model from a mapping without the keys in `exclude`.

    Reports problems and returns None if the mapping is not valid.
    limits: those of the language model, to resolve layers and heads.
    """
    values = {key: value.to_python() for key, value in node.value.items() if key not in exclude}
    try:
        # In JSON's strict mode a list is a tuple and 1 a float, but "1" and true are not numbers.
        return model.model_validate_json(
            json.dumps(values), strict=True, context={"limits": limits}
        )
    except ValidationError as error:
        _report(error.errors(include_url=False), node, model)
        return None


def _report(errors: Iterable[ErrorDetails], node: Node, model: type[BaseModel]) -> None:
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        path = _existing_path(error, node)
        value = _node_at(node, path)
        if not (value.reported or _is_spurious_length_error(error, value)):
            by_path.setdefault(path, []).append(error)
    parents = {path[:length] for path in by_path for length in range(len(path))}
    for path, group in by_path.items():
        value_errors = [error for error in group if not _is_type_error(error)]
        for error in value_errors:
            _report_value_error(error, path, node, model)
        if not value_errors and path not in parents:
            _report_wrong_type(group, _node_at(node, path))


def _existing_path(error: ErrorDetails, node: Node) -> KeyPath:
    """Return an error's location without union branches and missing keys."""
    path: list[str | int] = []
    repeated = error.get("ctx", {}).get("index")
    for part in (*error["loc"], *(() if repeated is None else (repeated,))):
        if isinstance(node.value, dict):
            exists = part in node.value
        else:
            exists = isinstance(node.value, tuple) and isinstance(part, int)
            exists = exists and part < len(node.value)
        if exists:
            node = node.value[part]
            path.append(part)
    return tuple(path)


def _node_at(node: Node, path: KeyPath) -> Node:
    for part in path:
        node = node.value[part]
    return node


def _is_spurious_length_error(error: ErrorDetails, value: Node) -> bool:
    """pydantic also calls a list too short if it refused some of its elements."""
    return error["type"] == "too_short" and len(value.value) >= error.get("ctx", {})["min_length"]


def _is_type_error(error: ErrorDetails) -> bool:
    return error["type"] in TYPE_NAMES or error["type"] == "literal_error"


def _report_wrong_type(errors: Iterable[ErrorDetails], value: Node) -> None:
    expected = list(dict.fromkeys(word for error in errors for word in _expected(error)))
    message = f"should be {_join_with_or(expected)}, not {_describe(value)}"
    if isinstance(value.value, str):
        choices = [json.loads(word) for word in expected if word.startswith('"')]
        message += did_you_mean(value.value, choices)
    elif expected == ["text"] and not isinstance(value.value, dict | tuple):
        message += "; quote it to make it text"
    value.add_problem(message)


def _expected(error: ErrorDetails) -> list[str]:
    if error["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'|(-?\d+)", error.get("ctx", {})["expected"])
        return [json.dumps(text) if text else number for text, number in choices]
    return [TYPE_NAMES[error["type"]]]


def _join_with_or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _report_value_error(
    error: ErrorDetails, path: KeyPath, node: Node, model: type[BaseModel]
) -> None:
    value = _node_at(node, path)
    if error["type"] == "extra_forbidden":
        parent, key = _node_at(node, path[:-1]), str(path[-1])
        models, _ = _models_and_fields(model, path[:-1])
        known_keys = [name for each in models for name in each.model_fields]
        parent.add_key_problem(key, unknown_key_message(key, known_keys))
    elif error["loc"][-1] == "[key]":
        key = str(path[-1])
        message = _value_message(error, _quoted(key))
        _node_at(node, path[:-1]).add_key_problem(key, message)
    elif not path and error["type"] != "missing":  # a default that the model cannot have
        (node.get("analysis") or node).add_problem(_value_message(error, _describe(value)))
    else:
        _, fields = _models_and_fields(model, path)
        description = next((field.description for field in fields if field.description), "")
        value.add_problem(_value_message(error, _describe(value), description))


def _value_message(error: ErrorDetails, value: str, description: str = "") -> str:
    """Describe what is wrong with a value or a key.

    description: the description of its field, if there is one.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"the key {error['loc'][-1]!r} is missing"
    if kind in BOUNDS:
        words, name = BOUNDS[kind]
        bound = context[name]
        number = f"a whole number {words} {bound}"
        if isinstance(bound, float):
            number = f"a number {words} {bound:g}"
        return f"should be {number}, not {value}"
    if kind == "string_pattern_mismatch":
        return _pattern_message(context["pattern"], value, description)
    if kind in ("string_too_short", "too_short"):
        min_length = context["min_length"]
        if min_length == 1:
            return "should not be empty"
        return f"should have at least {min_length} elements"
    if kind in ("string_too_long", "too_long"):
        noun = "characters" if kind == "string_too_long" else "elements"
        return f"should have at most {context['max_length']} {noun}"
    return str(context.get("error", error["msg"]))


def _pattern_message(pattern: str, value: str, description: str) -> str:
    """Describe the text that a field accepts by its description, or else by its pattern."""
    rule = PATTERN_RULES.get(pattern)
    if rule is None and description:
        return f"{value} does not fit the description: {description.rstrip('.')}"
    return f"should be {rule or f'like {pattern}'}, not {value}"


def unknown_key_message(key: str, known_keys: Collection[str]) -> str:
    """Return the message for a key that a mapping cannot have."""
    hint = did_you_mean(key, known_keys)
    choices = f"; available: {', '.join(known_keys)}" if known_keys and not hint else ""
    return f"unknown key {key!r}{hint}{choices}"


def _models_and_fields(
    model: type[BaseModel], path: KeyPath
) -> tuple[list[type[BaseModel]], list[FieldInfo]]:
    """Return the models and the fields at a path below a model, for each branch of a union."""
    models, fields = [model], list[FieldInfo]()
    for part in path:
        inner = [m.model_fields[part] for m in models if part in m.model_fields]
        if inner:  # else the key of a dict or the index of a list
            fields = inner
            models = [each for field in fields for each in models_in(field.annotation)]
    return models, fields


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the pydantic models in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _describe(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, tuple):
        return "a list" if node.value else "an empty list"
    if node.value is None:
        return "empty" if not node.source.strip() else "null"
    return _quoted(node.value)


def _quoted(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), MAX_VALUE_WIDTH)
