"""How a result looks on disk: JSON whose rows of numbers and small records stay on one line, for readable diffs."""

from __future__ import annotations

import json
from typing import Any

LINE_WIDTH = 120
INDENT = " "
encode_compact = json.JSONEncoder(
    ensure_ascii=False
).encode  # json.dumps would make a new encoder for each number


def dumps(data: Any, depth: int = 0) -> str:
    """Plain data as JSON, keys in the order given, floats in the shortest form that gives them back.

    A list of numbers is one line, however long; a list or a record of plain values is one line where it fits.
    NaN and the infinities are written as Python's json writes them: `NaN`, `Infinity`, `-Infinity`.
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
    """`dumps` as a file's bytes: UTF-8, one newline at the end; half of a surrogate pair stays an escape."""
    return (dumps(data) + "\n").encode("utf-8", "backslashreplace")
