"""Data for the figures that readers can play with."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


def assign_data(href: str, data: str) -> bytes:
    """Return a script that sets `window.layerbookData[href]` to `data`, a JavaScript literal.

    A classic script, since pages opened from disk may not fetch data.
    """
    target = f"(window.layerbookData = window.layerbookData || {{}})[{json.dumps(href)}]"
    return f"{target} = {data};\n".encode("ascii")


def compact_json(data: object) -> str:
    """Return ASCII JSON without spaces."""
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


@cache
def read_library(name: str) -> bytes:
    """Return a vendored script."""
    return files("layerbook.site").joinpath("vendor", name).read_bytes()
