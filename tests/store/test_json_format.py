"""The JSON of a result is JSON, and reads well."""

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
def test_any_data_comes_back(data: Any) -> None:
    """What is written is JSON for the very same data, keys in the same order."""
    again = json.loads(json_format.encode(data))
    assert again == data
    assert json.dumps(again) == json.dumps(data)


def test_rows_and_records_are_lines() -> None:
    """A row of numbers is one line, a short record one line, everything else is indented."""
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


def test_half_of_a_surrogate_pair_is_written_as_an_escape() -> None:
    """Text that UTF-8 cannot hold does not stop a result from being written."""
    assert json.loads(json_format.encode({"text": "\ud83d"})) == {"text": "\ud83d"}
