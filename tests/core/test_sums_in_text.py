from __future__ import annotations

import pytest
from layerbook.core.text import join_sums


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("What may come after “2 + 2 - 3 =·”", "What may come after “2_+_2_-_3_=·”"),
        ("The capital of France is", "The capital of France is"),
    ],
)
def test_sums_have_no_breaking_spaces(text: str, joined: str) -> None:
    assert join_sums(text) == joined.replace("_", "\N{NO-BREAK SPACE}")
