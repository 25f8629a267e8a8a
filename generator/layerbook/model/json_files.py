"""Read a model's untrusted JSON files, within limits of size and depth, and write JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MAX_BYTES = 50_000_000  # an index of 100,000 tensors has 10 MB
MAX_DEPTH = 50


def read_json(path: Path) -> Any:
    """Read a file. Raises OSError, and ValueError if it is too large, too deep or not JSON."""
    if path.exists() and not path.is_file():  # a pipe would block its reader
        raise ValueError(f"{path.name} is not a file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES:,} bytes")
    try:
        data = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested more than {MAX_DEPTH} deep") from None
    parts = [data]
    for _ in range(MAX_DEPTH):
        containers = [part for part in parts if isinstance(part, dict | list)]
        parts = [p for c in containers for p in (c.values() if isinstance(c, dict) else c)]
    if parts:
        raise ValueError(f"{path.name} is nested more than {MAX_DEPTH} deep")
    return data


def read_object(path: Path) -> dict[str, Any]:
    """Read an object, {} if there is no such file. Raises OSError, ValueError."""
    data = read_json(path) if path.exists() else {}
    if not isinstance(data, dict):
        raise ValueError(f"{path.name} is not an object")
    return data


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, always the same bytes for the same value."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
