"""JSON with rows of numbers and small records on one line each, for readable diffs."""

from __future__ import annotations

import hashlib
import json
from typing import Any

LINE_WIDTH = 120
INDENT = " "
# json.dumps would make a new encoder for each number.
encode_compact = json.JSONEncoder(ensure_ascii=False).encode


def dumps(data: Any, depth: int = 0) -> str:
    """Return plain data as JSON, keys in their order, floats in the shortest exact form.

    A list of numbers is always one line; any other list or record of plain values is one line if it
    fits. NaN and infinities are `NaN`, `Infinity`, `-Infinity`, as in Python's json.
    """
    parts = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(data, dict | list) or not data:
        return encode_compact(data)
    if not any(isinstance(part, dict | list) for part in parts):
        line = encode_compact(data)
        numbers = isinstance(data, list) and not any(isinstance(part, str) for part in parts)
        if numbers or (depth and len(line) + depth <= LINE_WIDTH):
            return line
    inner = "\n" + INDENT * (depth + 1)
    if isinstance(data, dict):
        names = [f"{encode_compact(name)}: " for name in data]
        opening, closing = "{", "}"
    else:
        names, opening, closing = [""] * len(data), "[", "]"
    lines = [f"{name}{dumps(part, depth + 1)}" for name, part in zip(names, parts, strict=True)]
    return opening + inner + f",{inner}".join(lines) + "\n" + INDENT * depth + closing


def encode(data: Any) -> bytes:
    """Return `dumps` as UTF-8 with a final newline; lone surrogates stay escaped."""
    return (dumps(data) + "\n").encode("utf-8", "backslashreplace")


def json_digest(data: Any) -> str:
    """Return the sha256 of plain data as canonical JSON: sorted keys, no spaces, ASCII."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
