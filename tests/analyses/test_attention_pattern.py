"""Attention patterns: means, choices and counts on hand-made captures and on a tiny random
Llama.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from fixtures.letters import FixedRequests, LetterVocabulary
from fixtures.run_analysis import capture_requests, json_round_trip
from layerbook.analyses.attention_pattern import AttentionPattern
from layerbook.core.figures import Heatmap, Panels
from layerbook.core.requests import NEXT_LOGITS, ActivationCache, Forward, Prompt, Site

TEXT = "The cat sat on the table. 2 + 2 = 4"


def capture(ids: list[int], pattern: list, layer: int = 0) -> ActivationCache:
    """Return a capture with these tokens and this pattern [heads, T, T]; token 7 is most
    probable.
    """
    vocabulary, logits = LetterVocabulary(), np.zeros(10, dtype=np.float32)
    logits[7] = 2.0
    sites = {Site("pattern", layer): np.array(pattern, dtype=np.float32), NEXT_LOGITS: logits}
    return ActivationCache(
        tuple(vocabulary.token(i) for i in ids), "text", vocabulary, sites, len(ids)
    )


TWO_HEADS = [
    [[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.5, 0.25, 0.25, 0], [0.25, 0, 0.5, 0.25]],
    [[1, 0, 0, 0], [0.25, 0.75, 0, 0], [1, 0, 0, 0], [0.5, 0, 0.25, 0.25]],
]


def test_means_leave_out_the_first_query():
    """Sink, leading run and distinct keys of a small pattern match a count by hand."""
    analysis = AttentionPattern(prompts=("x",), layers=(0,), heads=(1, 0))
    result = analysis.measure({"prompt-0": capture([2, 2, 5, 6], TWO_HEADS)})
    (prompt,) = result.prompts

    assert prompt.sink_share == pytest.approx(((0.75 + 0.5 + 0.25 + 0.25 + 1 + 0.5) / 6,))
    assert prompt.leading_equal_tokens == 2
    assert prompt.leading_share == pytest.approx(
        ((0.75 + 0.25 + 1 + 0.5) / 4,)
    )  # queries 2 and 3 only
    assert prompt.uniform_leading_share == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert prompt.leading_weights.tolist() == [[[0.75, 0.125], [0.375, 0.0]]]
    assert prompt.distinct_keys == pytest.approx(
        ((2 + 1 + 2) / 3,)
    )  # queries 1, 2, 3: {0, 1}, {0, 0}, {2, 0}
    assert prompt.weights[0].tolist() == [
        TWO_HEADS[1],
        TWO_HEADS[0],
    ]  # in the order that was asked for
    assert (result.heads, result.head_count) == ((1, 0), 2)
    assert (prompt.predicted.id, prompt.predicted.prob) == (
        7,
        pytest.approx(math.exp(2) / (math.exp(2) + 9)),
    )


def test_mean_is_over_all_heads():
    """`heads: mean` keeps one matrix per layer."""
    analysis = AttentionPattern(prompts=("x",), layers=(0,))
    result = analysis.measure({"prompt-0": capture([1, 2, 3, 4], TWO_HEADS)})

    assert result.prompts[0].weights.tolist() == [
        [((np.array(TWO_HEADS[0]) + TWO_HEADS[1]) / 2).tolist()]
    ]
    assert result.heads == ("mean",)
    assert result.prompts[0].leading_equal_tokens == 1


def test_uniform_attention_gives_uniform_shares():
    """Queries that see only the leading run are left out; to 1e-6."""
    even = [[1 / (q + 1)] * (q + 1) + [0.0] * (6 - q) for q in range(7)]
    analysis = AttentionPattern(prompts=("x",), layers=(0,))
    (prompt,) = analysis.measure({"prompt-0": capture([2, 2, 2, 5, 2, 6, 7], [even, even])}).prompts

    assert prompt.leading_equal_tokens == 3
    assert prompt.uniform_leading_share == pytest.approx((3 / 4 + 3 / 5 + 3 / 6 + 3 / 7) / 4)
    assert prompt.leading_share == pytest.approx((prompt.uniform_leading_share,), abs=1e-6)


@pytest.mark.parametrize("heads", ["mean", (0,)])
def test_single_token_attends_to_itself(heads):
    """No query has a choice, and all numbers are finite."""
    analysis = AttentionPattern(prompts=("x",), layers=(0,), heads=heads)
    result = json_round_trip(
        analysis, analysis.measure({"prompt-0": capture([1], [[[1.0]], [[1.0]]])})
    )

    assert (result.prompts[0].sink_share, result.prompts[0].distinct_keys) == ((1.0,), (1.0,))
    assert (result.prompts[0].leading_share, result.prompts[0].uniform_leading_share) == (
        (1.0,),
        1.0,
    )
    assert analysis.figures(result)


def test_weights_are_the_softmax_of_rotated_queries_and_keys(tiny):
    """Recomputed in float64 with RoPE and mask written out, to 1e-5."""
    analysis = AttentionPattern(prompts=(TEXT,), layers=(1, 0), heads=(0, 1, 2, 3))
    result = analysis.measure(capture_requests(tiny, analysis))
    keep = frozenset(Site(name, layer) for name in ("q", "k") for layer in (0, 1))
    raw = capture_requests(tiny, FixedRequests({"run": Forward(Prompt(text=TEXT), keep)}))["run"]

    for row, layer in enumerate((1, 0)):
        q, k = (rotate(raw[Site(name, layer)].astype(np.float64), tiny) for name in ("q", "k"))
        for head in range(4):
            scores = q[head] @ k[head // 2].T / math.sqrt(q.shape[-1])
            shares = [
                np.exp(scores[i, : i + 1] - scores[i, : i + 1].max()) for i in range(len(scores))
            ]
            for i, share in enumerate(shares):
                row_weights = result.prompts[0].weights[row, head, i]
                assert np.abs(share / share.sum() - row_weights[: i + 1]).max() < 1e-5
                assert (row_weights[i + 1 :] == 0).all()


def test_charts_share_names_scale_and_labels(tiny):
    """The scale is 0 to 1, future cells are absent, and names have absolute layers."""
    mean = AttentionPattern(prompts=("2 + 2", TEXT), layers=(0, 1))
    figures = mean.figures(mean.measure(capture_requests(tiny, mean)))
    heads = AttentionPattern(prompts=("2 + 2",), layers=(1,), heads=(0, 3))
    panels = heads.figures(heads.measure(capture_requests(tiny, heads)))

    grids = [figures.pop(f"layer-{layer}-mean") for layer in (0, 1)]
    for n, layer in product((0, 1), repeat=2):
        assert isinstance(grids[layer], Panels)
        alone = figures[f"prompt-{n}-layer-{layer}-mean"]
        assert (grids[layer].panels[n].values == alone.values).all()
    assert list(figures) == [f"prompt-{n}-layer-{layer}-mean" for n in (0, 1) for layer in (0, 1)]
    assert list(panels) == ["prompt-0-layer-1-heads"]
    inner = panels["prompt-0-layer-1-heads"]
    assert isinstance(inner, Panels)
    assert [panel.title for panel in inner.panels] == ["head 0", "head 3"]
    for chart in (*figures.values(), *inner.panels):
        assert isinstance(chart, Heatmap)
        assert (chart.scale, chart.causal) == ((0, 1), True)
        assert chart.rows.labels == chart.columns.labels
    assert [chart.annotate for chart in figures.values()] == [True, True, False, False]
    assert not any(panel.annotate for panel in inner.panels)
    assert "2 + 2" in figures["prompt-0-layer-0-mean"].title


def rotate(x, model):
    """Apply RoPE: rotate dimensions i and i + d/2 by position * theta^(-2i/d)."""
    _, length, d = x.shape
    angle = np.arange(length)[:, None] * model.facts.rope_theta ** (-2 * np.arange(d // 2) / d)
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return np.concatenate(
        [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=-1
    )


def test_titles_call_a_single_head_the_only_one():
    """A mean of one head is no mean."""
    analysis = AttentionPattern(prompts=("x", "y"), layers=(0,))
    captures = {f"prompt-{n}": capture([1, 2, 3, 4], TWO_HEADS[:1]) for n in (0, 1)}
    figures = analysis.figures(analysis.measure(captures))
    assert figures["layer-0-mean"].title == "The only head, layer 0"
    assert figures["prompt-0-layer-0-mean"].title.startswith("The only head, layer 0")
