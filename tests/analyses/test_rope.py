"""RoPE pair by pair: it reproduces the model's pattern and depends on distance only."""

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest
from fixtures.rope_reference import rotate
from fixtures.run_analysis import (
    FakeModel,
    capture_requests,
    facts,
    json_round_trip,
    plain_rope,
    run,
)
from layerbook.analyses.rope import Rope
from layerbook.core.figures import Clock, Frames, Heatmap, Panels
from layerbook.core.requests import Site

TEXT = "The cat sat on the table and the dog"


def measure_arrays(q, k, **parameters):
    """Return the analysis on arrays of queries and keys [heads, T, d]."""
    pattern = np.tile(np.tri(q.shape[1]) / np.arange(1, q.shape[1] + 1)[:, None], (len(q), 1, 1))
    sites = {
        Site("q", 0): lambda _: q,
        Site("k", 0): lambda _: k,
        Site("pattern", 0): lambda _: pattern,
    }
    small = facts(heads=len(q), kv_heads=len(k), d_head=q.shape[-1])
    analysis = Rope(prompt=" ".join("abcdefgh"[: q.shape[1]]), layer=0, **{"head": 0} | parameters)
    return analysis, json_round_trip(
        analysis, analysis.measure(FakeModel(sites=sites, facts=small).captures(analysis))
    )


@pytest.mark.parametrize("layer", [0, 1])
def test_rotation_reproduces_the_models_pattern(tiny, layer):
    """The softmax of rotated queries and keys equals the site `pattern`, to 1e-5."""
    result = run(tiny, Rope(prompt=TEXT, layer=layer, head=3))
    assert result.pattern_difference < 1e-5
    assert np.ptp(result.original.pattern[-1]) > 0.01  # not uniform: agreement means something


def test_wrong_base_changes_the_pattern(tiny):
    """Another theta changes the pattern by more than 0.01."""
    analysis = Rope(prompt=TEXT, layer=0, head=0)
    captures = dict(capture_requests(tiny, analysis))
    model_facts = captures["model"].facts
    assert model_facts is not None and model_facts.rope_theta == 100000
    captures["model"] = replace(
        captures["model"], model_facts=replace(model_facts, rope=(plain_rope(8, 2.0),) * 2)
    )
    assert analysis.measure(captures).pattern_difference > 0.01


def test_only_the_distance_counts():
    """Shifting everything by 1000 changes scores by less than 1e-9."""
    rng = np.random.default_rng(1)
    _, result = measure_arrays(rng.normal(size=(2, 6, 16)), rng.normal(size=(1, 6, 16)))
    assert result.shift == 1000 and result.shift_difference < 1e-9
    assert np.abs(result.ahead.pattern - result.unrotated.pattern).max() > 0.01


def test_facts_come_from_the_model(tiny):
    """theta, pairs and wavelengths come from the configuration, the share of the previous token
    from the diagonal.
    """
    result = run(tiny, Rope(prompt=TEXT, layer=1, head=2))
    assert (result.theta, result.d_head, result.pairs) == (100000, 8, 4)
    assert result.wavelengths.tolist() == pytest.approx(
        [2 * math.pi * 100000 ** (2 * i / 8) for i in range(4)]
    )
    T = len(result.tokens)
    for variant in (result.original, result.ahead, result.unrotated):
        back, own = ([variant.pattern[t][t - step] for t in range(2, T)] for step in (1, 0))
        assert variant.previous_token == pytest.approx(np.mean(back), abs=1e-6)
        assert variant.itself == pytest.approx(np.mean(own), abs=1e-6)


def attend_in_loops(q, k, position, theta=10000):
    """Return the pattern [T][T] of one head, rotating every query and key [T, d] in loops.
    position: of a query and of a key, by the numbers of their tokens.
    """
    rows = []
    for i, query in enumerate(q):
        positions = position(i)
        scores = [
            rotate(query, positions[0], theta)
            @ rotate(key, position(j)[1], theta)
            / math.sqrt(len(key))
            for j, key in enumerate(k[: i + 1])
        ]
        weights = np.exp(np.array(scores) - max(scores))
        rows.append([*(weights / weights.sum()), *[0.0] * (len(q) - i - 1)])
    return np.array(rows)


def test_shifted_queries_and_stopped_rotation_agree_with_loops():
    """They agree to 1e-9; with no pair rotating, the pattern is the stopped one."""
    rng = np.random.default_rng(7)
    q, k = rng.normal(size=(2, 5, 8)), rng.normal(size=(1, 5, 8))
    _, result = measure_arrays(q, k, head=1)
    ahead = attend_in_loops(q[1], k[0], lambda i: (i + 1, i))
    stopped = attend_in_loops(q[1], k[0], lambda i: (0, 0))
    plain = attend_in_loops(q[1], k[0], lambda i: (i, i))
    assert np.abs(result.ahead.pattern - ahead).max() < 1e-9
    assert np.abs(result.unrotated.pattern - stopped).max() < 1e-9
    assert len(result.previous_token_by_pairs) == result.pairs + 1
    assert result.previous_token_by_pairs[0] == pytest.approx(
        np.diag(stopped, -1)[1:].mean(), abs=1e-9
    )
    assert result.previous_token_by_pairs[-1] == pytest.approx(
        np.diag(plain, -1)[1:].mean(), abs=1e-9
    )

    scores = [
        [
            rotate(q[1][4], 4, 10000)[[i, i + 4]] @ rotate(key, j, 10000)[[i, i + 4]]
            for i in range(4)
        ]
        for j, key in enumerate(k[0])
    ]
    assert result.pair == int(np.argmax(scores[3]))
    expected = [row[result.pair] / math.sqrt(8) for row in scores]
    assert result.pair_scores == pytest.approx(expected, abs=1e-9)
    products = result.key_pairs @ result.query_pair / math.sqrt(8)
    assert result.pair_scores == pytest.approx(products, abs=1e-9)

    slow = [0, 0, 1, 1, 0, 0, 1, 1]  # dimensions whose pairs are not the two fastest
    halves = (
        [np.where(slow, 0, part) for part in (q[1], k[0])],
        [np.where(slow, part, 0) for part in (q[1], k[0])],
    )
    scores = [
        [
            rotate(halves[0][0][i], i, 10000) @ rotate(halves[0][1][j], j, 10000)
            + halves[1][0][i] @ halves[1][1][j]
            for j in range(i + 1)
        ]
        for i in range(5)
    ]
    shares = []
    for i in range(2, 5):
        weights = np.exp(np.array(scores[i]) / math.sqrt(8))
        shares.append(weights[i - 1] / weights.sum())
    assert result.previous_token_by_pairs[2] == pytest.approx(np.mean(shares), abs=1e-9)


def test_arrows_of_equal_keys_turn_by_the_speed_of_their_clock():
    rng = np.random.default_rng(3)
    q, k = rng.normal(size=(1, 6, 8)), np.tile(rng.normal(size=8), (1, 6, 1))
    _, result = measure_arrays(q, k)
    assert result.key_turns == pytest.approx([result.speeds[result.pair]] * 5, abs=1e-5)

    query = complex(*result.query_pair.tolist())
    angles = [cmath.phase(complex(*key) / query) for key in result.key_pairs.tolist()]
    assert result.arrow_cosines == pytest.approx([math.cos(a) for a in angles], abs=1e-6)


def test_figures_share_scales():
    """Clocks show the measured arrows and the pattern is causal, also for a single token."""
    rng = np.random.default_rng(3)
    analysis, result = measure_arrays(
        rng.normal(size=(4, 6, 64)),
        rng.normal(size=(2, 6, 64)),
    )
    charts = analysis.figures(result)
    patterns = {"pattern", "ahead", "stopped"}
    assert set(charts) == {
        *("angles", "arrows", "hands", "moved"),
        *patterns,
    }
    hands, pattern = charts["angles"], charts["pattern"]
    assert isinstance(hands, Frames) and [f.label for f in hands.frames] == [
        f"position {p}" for p in range(6)
    ]
    for position, frame in enumerate(hands.frames):
        assert isinstance(frame.picture, Panels) and len(frame.picture.panels) == 6
        fast = frame.picture.panels[0]
        assert isinstance(fast, Clock) and len(fast.past) == position
        assert fast.hands[0].angle == pytest.approx(position)  # the first pair: a radian a position
    clocks = charts["arrows"].panels
    assert len(clocks) == 6
    for clock, (up, right) in zip(clocks, result.key_pairs, strict=True):
        angle = clock.hands[1].angle
        assert math.hypot(up, right) * math.cos(angle) == pytest.approx(up)
        assert math.hypot(up, right) * math.sin(angle) == pytest.approx(right)
    assert {hand.role for clock in clocks for hand in clock.hands} == {"query", "key"}
    assert max(hand.length for clock in clocks for hand in clock.hands) == pytest.approx(1)
    assert isinstance(pattern, Heatmap) and pattern.causal and pattern.scale == (0, 1)

    analysis, alone = measure_arrays(np.ones((1, 1, 4)), np.ones((1, 1, 4)))
    assert alone.original.previous_token == 0 and set(analysis.figures(alone)) == set(charts)
