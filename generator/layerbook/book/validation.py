"""What pydantic found wrong with a spec, in plain words and at its place in the file.

A union reports each of its branches. Here, what stands below a value, or says that a value of the right kind is out of
bounds, silences those branches that wanted another kind; where all of them did, their wishes become one sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from layerbook.book.yaml import Node, Position, SpecFile
from layerbook.core.analysis import Limits
from layerbook.core.errors import did_you_mean

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
NAME_RULE = "lower-case letters, digits and hyphens"

MessageFormat = Callable[[Mapping[str, Any]], str]
BOUND_MESSAGES: Mapping[str, MessageFormat] = {
    "greater_than": lambda c: f"{_number_kind(c['gt'])} above {_format_bound(c['gt'])}",
    "greater_than_equal": lambda c: f"{_number_kind(c['ge'])} of at least {_format_bound(c['ge'])}",
    "less_than": lambda c: f"{_number_kind(c['lt'])} below {_format_bound(c['lt'])}",
    "less_than_equal": lambda c: f"{_number_kind(c['le'])} of at most {_format_bound(c['le'])}",
    "multiple_of": lambda c: f"a multiple of {_format_bound(c['multiple_of'])}",
    "finite_number": lambda c: "a finite number",
    "string_pattern_mismatch": lambda c: (
        NAME_RULE if "a-z0-9" in c["pattern"] else f"like {c['pattern']}"
    ),
}


def validate(
    model: type[BaseModel], node: Node, file: SpecFile, exclude: Iterable[str] = (), limits: Limits | None = None
) -> BaseModel | None:
    """The keys of a mapping but for `exclude`, as a model; None, and the problems noted, where they do not fit.

    JSON's strict mode is what specs need: a list is a tuple, 1 is a float, but "1" and true are no numbers.
    """
    left_out = set(exclude)
    plain = {key: value.to_python() for key, value in node.value.items() if key not in left_out}
    try:
        return model.model_validate_json(
            json.dumps(plain), strict=True, context={"limits": limits}
        )
    except ValidationError as error:
        add_problems(error.errors(include_url=False), node, file, model)
        return None


def add_problems(
    errors: Iterable[ErrorDetails], node: Node, file: SpecFile, model: type[BaseModel]
) -> None:
    """Add a problem for each thing that is wrong below a node, which should have been a `model`."""
    by_path: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for error in errors:
        path = _path(error, node)
        if not _is_spurious_length_error(error, node_at(node, path)):
            by_path.setdefault(path, []).append(error)
    for path, found in by_path.items():
        telling = [e for e in found if not _is_type_error(e)]
        below = any(len(other) > len(path) and other[: len(path)] == path for other in by_path)
        if telling:
            for error in telling:
                _add_problem(error, path, node, file, model)
        elif not below:
            wanted = list(dict.fromkeys(word for error in found for word in _expected(error)))
            value = node_at(node, path)
            file.add_problem(
                value.position,
                f"should be {_join_with_or(wanted)}, not {describe_value(value)}{_hint(wanted, value)}",
            )


def node_at(node: Node, path: Iterable[str | int]) -> Node:
    """The node below another, by keys and indices."""
    for part in path:
        node = node.value[part]
    return node


def _path(error: ErrorDetails, node: Node) -> tuple[str | int, ...]:
    """The part of an error's location that exists in the file: names of branches and missing keys are left out."""
    path: list[str | int] = []
    for part in error["loc"]:
        inside = isinstance(node.value, dict) and part in node.value
        inside = inside or (
            isinstance(node.value, tuple) and isinstance(part, int) and part < len(node.value)
        )
        if inside:
            node = node.value[part]
            path.append(part)
    index = error.get("ctx", {}).get("index")
    return tuple(path) if index is None else (*path, index)


def _is_spurious_length_error(error: ErrorDetails, value: Node) -> bool:
    """pydantic also calls a list too short whose elements it refused."""
    return error["type"] == "too_short" and len(value.value) >= error.get("ctx", {})["min_length"]


def _is_type_error(error: ErrorDetails) -> bool:
    return error["type"] in TYPE_NAMES or error["type"] == "literal_error"


def _add_problem(
    error: ErrorDetails,
    path: tuple[str | int, ...],
    node: Node,
    file: SpecFile,
    model: type[BaseModel],
) -> None:
    kind, context, value = error["type"], error.get("ctx", {}), node_at(node, path)
    if kind == "missing":
        file.add_problem(value.position, f"the key {error['loc'][-1]!r} is missing")
    elif kind == "extra_forbidden":
        key, owner = str(path[-1]), node_at(node, path[:-1])
        file.add_problem(owner.key_positions[key], unknown_key_message(key, _known_keys(model, path[:-1])))
    elif kind in BOUND_MESSAGES:
        file.add_problem(
            _position(error, path, node), f"should be {BOUND_MESSAGES[kind](context)}, not {describe_value(value)}"
        )
    elif kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        file.add_problem(
            _position(error, path, node),
            "should not be empty" if least == 1 else f"should have at least {least} elements",
        )
    elif kind in ("string_too_long", "too_long"):
        what = "characters" if kind.startswith("string") else "elements"
        file.add_problem(value.position, f"should have at most {context['max_length']} {what}")
    else:
        reason = context.get("error", error["msg"])
        file.add_problem(_position(error, path, node), str(reason))


def _position(error: ErrorDetails, path: tuple[str | int, ...], node: Node) -> Position:
    """The value's place; the key's own, where the key is what is wrong."""
    if error["loc"][-1:] == ("[key]",):
        return node_at(node, path[:-1]).key_positions[str(path[-1])]
    if not path and error["type"] != "missing":  # a default that the model does not allow
        return (node.get("analysis") or node).position
    return node_at(node, path).position


def unknown_key_message(key: str, names: list[str]) -> str:
    """The words for a key that means nothing here; `names` are those that mean something."""
    there = f"; there are {', '.join(names)}" if names and not did_you_mean(key, names) else ""
    return f"unknown key {key!r}{did_you_mean(key, names)}{there}"


def _known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that a mapping at a path below a model can have."""
    models = [model]
    for part in path:
        if isinstance(part, str):
            fields = [m.model_fields[part].annotation for m in models if part in m.model_fields]
            models = [inner for annotation in fields for inner in _models_in(annotation)]
    return [name for m in models for name in m.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _expected(error: ErrorDetails) -> list[str]:
    if error["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'|(-?\d+)", error.get("ctx", {})["expected"])
        return [json.dumps(text) if text else number for text, number in choices]
    return [TYPE_NAMES[error["type"]]]


def _join_with_or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _hint(wanted: list[str], value: Node) -> str:
    if isinstance(value.value, str):
        return did_you_mean(
            value.value, [json.loads(word) for word in wanted if word.startswith('"')]
        )
    if wanted == ["text"] and not isinstance(value.value, dict | tuple):
        return "; quote it to make it text"
    return ""


def describe_value(node: Node) -> str:
    """A value as a message names it."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, tuple):
        return "a list" if node.value else "an empty list"
    if node.value is None:
        return "empty" if not node.source.strip() else "null"
    text = json.dumps(node.value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _number_kind(bound: Any) -> str:
    return "a whole number" if isinstance(bound, int) else "a number"


def _format_bound(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
