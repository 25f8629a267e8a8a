"""The attention to whitespace, against loops and against uniform attention."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests, json_round_trip
from layerbook.analyses.whitespace_attention import WhitespaceAttention
from layerbook.core.figures import Lines
from layerbook.core.requests import ActivationCache, Site
from layerbook.core.tokens import Token

PIECES = [" ", "2", "\n\n", " +", " ", ""]


def by_hand() -> tuple[WhitespaceAttention, dict[str, ActivationCache], np.ndarray]:
    """Return the analysis on six tokens, three of them whitespace, with random patterns in
    layers 4 and 2.
    """
    rows = np.tril(np.random.default_rng(7).random((2, 3, 6, 6)))
    pattern = rows / rows.sum(-1, keepdims=True)
    tokens = tuple(Token(i, piece, piece.encode().hex()) for i, piece in enumerate(PIECES))
    sites = {
        Site("pattern", layer): pattern[i].astype(np.float32) for i, layer in enumerate((4, 2))
    }
    run = ActivationCache(tokens, "", None, sites, 3)  # type: ignore[arg-type]
    return WhitespaceAttention(prompt="x", max_new_tokens=3, layers=(4, 2)), {"text": run}, pattern


def test_shares_are_sums_over_the_whitespace_tokens():
    """Loops over heads and queries agree to 1e-6."""
    analysis, captures, pattern = by_hand()
    result = json_round_trip(analysis, analysis.measure(captures))

    assert result.whitespace == (0, 2, 4)
    for layer_index in range(2):
        cells = [
            (k, pattern[layer_index, h, q, k])
            for h in range(3)
            for q in range(1, 6)
            for k in range(q + 1)
        ]
        first, others, total = (
            sum(v for k, v in cells if k in keys) / 15 for keys in ({0}, {2, 4}, {0, 2, 4})
        )
        shares = (result.on_first, result.on_other_whitespace, result.on_whitespace)
        assert [share[layer_index] for share in shares] == pytest.approx(
            [first, others, total], abs=1e-6
        )
        assert result.without_first[layer_index] == pytest.approx(others / (1 - first), abs=1e-6)


def test_uniform_attention_gives_the_uniform_share():
    """Query q gives 1 / (q + 1) to each key."""
    analysis, captures, _ = by_hand()
    result = analysis.measure(captures)
    second, fourth = (1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 5, (1 / 5 + 1 / 6) / 5
    first = (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 5

    assert result.uniform_without_first == pytest.approx((second + fourth) / (1 - first))


def test_three_parts_sum_to_one_in_every_layer(tiny):
    """On a tiny Llama, for a text with its continuation."""
    analysis = WhitespaceAttention(prompt="The cat sat ", max_new_tokens=5, layers=(0, 1))
    result = analysis.measure(capture_requests(tiny, analysis))
    shares = analysis.figures(result)["shares"]

    assert isinstance(shares, Lines)
    assert len(shares.series) == 3
    for values in zip(*(series.y for series in shares.series), strict=True):
        assert sum(values) == pytest.approx(1)
        assert min(values) >= 0
    assert all(result.tokens[i].text.isspace() for i in result.whitespace)
