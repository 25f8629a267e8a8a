"""As much of JSON Schema 2020-12 as the specs' schemas use; an unknown keyword is an error, never ignored."""

from __future__ import annotations

import re
from typing import Any

ANNOTATIONS = {"$schema", "$defs", "title", "description", "default"}
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value fits a schema, whose `$ref`s lie in `root`."""
    for keyword in schema.keys() - ANNOTATIONS - {"then", "prefixItems"}:
        if not RULES[keyword](value, schema[keyword], schema, root):
            return False
    return True


def _kind(value: Any, kind: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        return number and value == int(value)
    return number if kind == "number" else isinstance(value, KINDS[kind])


def _ref(value, ref, schema, root):
    found = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return valid(value, found, root)


def _properties(value, properties, schema, root):
    return not isinstance(value, dict) or all(
        valid(v, properties[k], root) for k, v in value.items() if k in properties
    )


def _patterns(value, patterns, schema, root):
    return not isinstance(value, dict) or all(
        valid(v, of, root) for k, v in value.items() for pattern, of in patterns.items() if re.search(pattern, k)
    )


def _additional(value, allowed, schema, root):
    extra = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
    return all(allowed is not False and (allowed is True or valid(value[k], allowed, root)) for k in extra)


def _if(value, condition, schema, root):
    return not valid(value, condition, root) or valid(value, schema["then"], root)


def _number(test):
    return lambda v, bound, schema, root: not _kind(v, "number") or test(v, bound)


RULES = {
    "$ref": _ref,
    "type": lambda v, kind, s, root: _kind(v, kind),
    "enum": lambda v, choices, s, root: v in choices,
    "const": lambda v, const, s, root: v == const,
    "required": lambda v, names, s, root: not isinstance(v, dict) or all(name in v for name in names),
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _additional,
    "propertyNames": lambda v, names, s, root: not isinstance(v, dict) or all(valid(k, names, root) for k in v),
    "items": lambda v, items, s, root: not isinstance(v, list) or all(valid(item, items, root) for item in v),
    "anyOf": lambda v, branches, s, root: any(valid(v, branch, root) for branch in branches),
    "allOf": lambda v, branches, s, root: all(valid(v, branch, root) for branch in branches),
    "if": _if,
    "minItems": lambda v, least, s, root: not isinstance(v, list) or len(v) >= least,
    "maxItems": lambda v, most, s, root: not isinstance(v, list) or len(v) <= most,
    "minLength": lambda v, least, s, root: not isinstance(v, str) or len(v) >= least,
    "maxLength": lambda v, most, s, root: not isinstance(v, str) or len(v) <= most,
    "pattern": lambda v, pattern, s, root: not isinstance(v, str) or re.search(pattern, v) is not None,
    "minimum": _number(lambda v, bound: v >= bound),
    "maximum": _number(lambda v, bound: v <= bound),
    "exclusiveMinimum": _number(lambda v, bound: v > bound),
    "exclusiveMaximum": _number(lambda v, bound: v < bound),
}
