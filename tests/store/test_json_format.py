"""Results are written as valid and readable JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from layerbook.store import json_format

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner)
)


@given(DATA)
def test_any_data_round_trips(data: Any) -> None:
    """The JSON decodes to equal data, with keys in the same order."""
    decoded = json.loads(json_format.encode(data))
    assert decoded == data
    assert json.dumps(decoded) == json.dumps(data)


def test_rows_and_records_are_lines() -> None:
    """A row of numbers and a short record are one line each; the rest is indented."""
    row = [number / 7 for number in range(100)]
    data = {
        "matrix": [row, row],
        "top": [{"id": 1, "text": "4"}],
        "long": [{"text": "x" * 120}],
        "none": [],
    }
    numbers = json.dumps(row)
    assert json_format.dumps(data).split("\n") == [
        "{",
        ' "matrix": [',
        f"  {numbers},",
        f"  {numbers}",
        " ],",
        ' "top": [',
        '  {"id": 1, "text": "4"}',
        " ],",
        ' "long": [',
        "  {",
        f'   "text": "{"x" * 120}"',
        "  }",
        " ],",
        ' "none": []',
        "}",
    ]


def test_escapes_lone_surrogates() -> None:
    """Text that UTF-8 cannot encode is written as an escape."""
    assert json.loads(json_format.encode({"text": "\ud83d"})) == {"text": "\ud83d"}
