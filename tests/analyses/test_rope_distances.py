"""Scores by distance, against loops over vectors that are turned by the formula."""

import math

import numpy as np
import pytest
from fixtures.rope_reference import rotate
from fixtures.run_analysis import FakeModel, facts, json_round_trip
from layerbook.analyses.rope_distances import RopeDistances
from layerbook.core.figures import Lines
from layerbook.core.requests import Site


def measure_arrays(q, k, **parameters):
    """Return the analysis on arrays of queries and keys [heads, T, d], and its result."""
    sites = {Site("q", 0): lambda _: q, Site("k", 0): lambda _: k}
    small = facts(heads=len(q), kv_heads=len(k), d_head=q.shape[-1])
    prompt = " ".join("abcdefgh"[: q.shape[1]])
    analysis = RopeDistances(prompt=prompt, layer=0, **{"head": 0} | parameters)
    captures = FakeModel(sites=sites, facts=small).captures(analysis)
    return analysis, json_round_trip(analysis, analysis.measure(captures))


def test_scores_by_distance_are_those_of_turned_vectors():
    """Loops over all queries and keys at each distance agree to 1e-9."""
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(4, 5, 8)), rng.normal(size=(2, 5, 8))
    _, result = measure_arrays(q, k, head=3, distances=7)
    for head in range(4):
        for distance in range(7):
            scores = [
                a @ rotate(b, -distance, 10000) / math.sqrt(8)
                for a in q[head]
                for b in k[head // 2]
            ]
            assert result.heads_by_distance[head][distance] == pytest.approx(
                np.mean(scores), abs=1e-9
            )
    assert np.array_equal(result.by_distance, result.heads_by_distance[3])
    assert result.peak_distance == max(range(7), key=lambda r: result.by_distance[r])
    assert result.rises == sum(
        b > a for a, b in zip(result.by_distance, result.by_distance[1:], strict=False)
    )


def test_equal_vectors_follow_the_ideal_curve():
    """For q = k = ones the score is sqrt(d) times the mean cosine over the pairs, to 1e-9."""
    ones = np.ones((1, 4, 8))
    _, result = measure_arrays(ones, ones, distances=20)
    assert np.abs(result.by_distance - math.sqrt(8) * result.ideal_by_distance).max() < 1e-9
    expected = [sum(math.cos(r * 10000 ** (-2 * i / 8)) for i in range(4)) / 4 for r in range(20)]
    assert result.ideal_by_distance.tolist() == pytest.approx(expected, abs=1e-12)
    assert result.peak_distance == 0


def test_previous_token_head_peaks_at_distance_one():
    """The queries are the keys rotated by one position."""
    rng = np.random.default_rng(2)
    key = rng.normal(size=16)
    k = np.tile(key, (1, 5, 1))
    q = np.tile(rotate(key, -1, 10000), (1, 5, 1))
    assert measure_arrays(q, k)[1].peak_distance == 1


def test_curves_cover_all_distances():
    """One curve of the head in question, and one for each head of the layer."""
    rng = np.random.default_rng(3)
    analysis, result = measure_arrays(
        rng.normal(size=(4, 6, 64)), rng.normal(size=(2, 6, 64)), distances=9
    )
    charts = analysis.figures(result)
    curve = charts["score"]

    assert set(charts) == {"score", "heads", "equal"}
    assert isinstance(curve, Lines)
    assert curve.series[0].y == pytest.approx(tuple(result.by_distance))
    assert len(charts["heads"].series) == 4 and f"distance {result.peak_distance}" in curve.alt
