"""Sampling against the definitions, and against Hugging Face's own processors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generator.sampling import draw, sampling_distribution

logit_vectors = arrays(np.float32, st.integers(2, 40), elements=st.floats(-20, 20, width=32))


@given(logit_vectors, st.floats(0.1, 3), st.none() | st.integers(1, 50), st.none() | st.floats(0.05, 1))
def test_it_is_a_distribution_over_the_kept_tokens(logits, temperature, top_k, top_p):
    """Non-negative, sums to one, and the best token is always possible."""
    prob = sampling_distribution(logits, temperature, top_k, top_p)

    assert prob.min() >= 0
    assert abs(prob.sum() - 1) < 1e-9
    assert prob[np.argmax(logits)] > 0
    assert top_k is None or (prob > 0).sum() <= top_k


@given(logit_vectors, st.floats(0.05, 0.99))
def test_the_nucleus_is_minimal(logits, top_p):
    """The kept mass reaches p, and without its least likely token it would not."""
    full, kept = sampling_distribution(logits, 1.0), sampling_distribution(logits, 1.0, top_p=top_p) > 0

    assert full[kept].sum() >= top_p - 1e-9
    assert full[kept].sum() - full[kept].min() < top_p


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(0.2, None, 0.9), (1.5, 7, None), (0.7, 20, 0.5)])
def test_it_agrees_with_hugging_face(temperature, top_k, top_p):
    """Same kept tokens and probabilities as the processors of `generate`, to 1e-6."""
    torch = pytest.importorskip("torch")
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = np.random.default_rng(0).normal(size=200).astype(np.float32) * 3
    theirs = TemperatureLogitsWarper(temperature)(None, torch.tensor(logits)[None])
    theirs = TopKLogitsWarper(top_k)(None, theirs) if top_k else theirs
    theirs = TopPLogitsWarper(top_p)(None, theirs) if top_p else theirs

    expected = torch.softmax(theirs[0].double(), -1).numpy()
    assert np.abs(sampling_distribution(logits, temperature, top_k, top_p) - expected).max() < 1e-6


def test_draws_follow_the_distribution():
    """20,000 seeded draws come within 1.5 percentage points of each probability."""
    prob = np.array([0.5, 0.0, 0.3, 0.2])
    rng = np.random.default_rng(0)
    drawn = np.bincount([draw(prob, rng) for _ in range(20_000)], minlength=4) / 20_000

    assert np.abs(drawn - prob).max() < 0.015
    assert drawn[1] == 0
