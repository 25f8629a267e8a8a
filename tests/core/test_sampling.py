"""Sampling against the definitions, and against Hugging Face's own processors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layerbook.core.sampling import sample_token, sampling_distribution

logit_vectors = arrays(np.float32, st.integers(2, 40), elements=st.floats(-20, 20, width=32))


@given(
    logit_vectors, st.floats(0.1, 3), st.none() | st.integers(1, 50), st.none() | st.floats(0.05, 1)
)
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
    full, kept = (
        sampling_distribution(logits, 1.0),
        sampling_distribution(logits, 1.0, top_p=top_p) > 0,
    )

    assert full[kept].sum() >= top_p - 1e-9
    assert full[kept].sum() - full[kept].min() < top_p


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(0.2, None, 0.9), (1.5, 7, None), (0.7, 20, 0.5)]
)
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


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(0.05, None, 0.999), (1, 50, 0.9), (1, None, 1), (1, 3, 0), (3, None, 0.37)],
)
def test_float32_logits_are_computed_with_in_float64(temperature, top_k, top_p):
    """To 1e-12 of Hugging Face's processors on float64, over a vocabulary of real size; edges of
    top-p included.
    """
    torch = pytest.importorskip("torch")
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = (np.random.default_rng(1).normal(size=49152) * 4).astype(np.float32)
    theirs = TemperatureLogitsWarper(float(temperature))(None, torch.tensor(logits).double()[None])
    theirs = TopKLogitsWarper(top_k)(None, theirs) if top_k else theirs
    theirs = TopPLogitsWarper(float(top_p))(None, theirs) if top_p is not None else theirs
    ours = sampling_distribution(logits, temperature, top_k, top_p)

    assert np.abs(ours - torch.softmax(theirs[0], -1).numpy()).max() < 1e-12
    assert (ours > 0).sum() == torch.isfinite(theirs[0]).sum()


def test_no_temperature_is_too_small():
    """The best keep everything: equals share it, and nothing overflows."""
    logits = np.array([3, 5, 5, 4], dtype=np.float32)

    for temperature in (1e-3, 1e-40, 1e-310, 5e-324):
        assert sampling_distribution(logits, temperature).tolist() == [0, 0.5, 0.5, 0]


def test_of_equal_logits_the_lower_id_is_better():
    """For top-k, for top-p and for greedy alike; where the mass reaches p exactly, nothing more is
    kept.
    """
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
