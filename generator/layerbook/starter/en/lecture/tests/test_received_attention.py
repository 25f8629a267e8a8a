"""Received attention, recomputed from another analysis. Run: python -m pytest tests"""

from __future__ import annotations

import layerbook as lb
import pytest
from analyses.received_attention import ReceivedAttention
from layerbook import AttentionPattern

MODEL = "@MODEL@"


def test_the_mean_is_that_of_the_pattern() -> None:
    """Each token's share is the mean of its column, from its own row on."""
    model, prompt = lb.load_model(MODEL), "The capital of France is"
    measured = lb.measure(ReceivedAttention(prompt=prompt, layer=0), model)
    pattern = AttentionPattern(prompts=[prompt], layers=[0], heads="mean")
    rows = lb.measure(pattern, model).result.prompts[0].weights[0][0]
    for key, share in enumerate(measured.result.received):
        column = [row[key] for row in rows[key:]]
        assert share == pytest.approx(sum(column) / len(column), abs=1e-6)
    assert measured.figures["tokens"].alt
