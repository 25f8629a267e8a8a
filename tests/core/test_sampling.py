"""Sampling against the definitions, and against Hugging Face's own processors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layerbook.core.distributions import sample_token, sampling_distribution

logit_vectors = arrays(np.float32, st.integers(2, 40), elements=st.floats(-20, 20, width=32))


@given(
    logit_vectors, st.floats(0.1, 3), st.none() | st.integers(1, 50), st.none() | st.floats(0.05, 1)
)
def test_probabilities_sum_to_one(logits, temperature, top_k, top_p):
    """They are non-negative, and the best token is always possible."""
    prob = sampling_distribution(logits, temperature, top_k, top_p)

    assert prob.min() >= 0
    assert abs(prob.sum() - 1) < 1e-9
    assert prob[np.argmax(logits)] > 0
    assert top_k is None or (prob > 0).sum() <= top_k


@given(logit_vectors, st.floats(0.05, 0.99))
def test_nucleus_is_minimal(logits, top_p):
    """The kept mass reaches p, and without its least likely token it would not."""
    full, nucleus = (
        sampling_distribution(logits, 1.0),
        sampling_distribution(logits, 1.0, top_p=top_p) > 0,
    )

    assert full[nucleus].sum() >= top_p - 1e-9
    assert full[nucleus].sum() - full[nucleus].min() < top_p


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(0.2, None, 0.9), (1.5, 7, None), (0.7, 20, 0.5)]
)
def test_agrees_with_hugging_face(temperature, top_k, top_p):
    """The processors of `generate` keep the same tokens, with probabilities to 1e-6."""
    import torch
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = np.random.default_rng(0).normal(size=200).astype(np.float32) * 3
    scores = TemperatureLogitsWarper(temperature)(None, torch.tensor(logits)[None])
    scores = TopKLogitsWarper(top_k)(None, scores) if top_k else scores
    scores = TopPLogitsWarper(top_p)(None, scores) if top_p else scores

    expected = torch.softmax(scores[0].double(), -1).numpy()
    assert np.abs(sampling_distribution(logits, temperature, top_k, top_p) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(0.05, None, 0.999), (1, 50, 0.9), (1, None, 1), (1, 3, 0), (3, None, 0.37)],
)
def test_computes_in_float64(temperature, top_k, top_p):
    """Hugging Face's processors agree to 1e-12 in float64.

    49152 logits, edges of top-p included.
    """
    import torch
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = (np.random.default_rng(1).normal(size=49152) * 4).astype(np.float32)
    scores = TemperatureLogitsWarper(float(temperature))(None, torch.tensor(logits).double()[None])
    scores = TopKLogitsWarper(top_k)(None, scores) if top_k else scores
    scores = TopPLogitsWarper(float(top_p))(None, scores) if top_p is not None else scores
    distribution = sampling_distribution(logits, temperature, top_k, top_p)

    assert np.abs(distribution - torch.softmax(scores[0], -1).numpy()).max() < 1e-12
    assert (distribution > 0).sum() == torch.isfinite(scores[0]).sum()


def test_tiny_temperatures_do_not_overflow():
    """The best tokens share the probability."""
    logits = np.array([3, 5, 5, 4], dtype=np.float32)

    for temperature in (1e-3, 1e-40, 1e-310, 5e-324):
        assert sampling_distribution(logits, temperature).tolist() == [0, 0.5, 0.5, 0]


def test_ties_prefer_lower_ids():
    """Of equal logits the lower id is kept, also if top-p is reached exactly."""
    logits = np.zeros(8, dtype=np.float32)

    assert np.flatnonzero(sampling_distribution(logits, 1, 3)).tolist() == [0, 1, 2]
    assert np.flatnonzero(sampling_distribution(logits, 1, None, 0.5)).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(sampling_distribution(logits, 0)).tolist() == [0]


def test_draws_follow_the_distribution():
    """20,000 seeded draws come within 1.5 percentage points of each probability."""
    prob = np.array([0.5, 0.0, 0.3, 0.2])
    rng = np.random.default_rng(0)
    drawn = np.bincount([sample_token(prob, rng) for _ in range(20_000)], minlength=4) / 20_000

    assert np.abs(drawn - prob).max() < 0.015
    assert drawn[1] == 0
