"""All heads at once, against attention-pattern and an independent computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fixtures.letters import LetterVocabulary
from fixtures.run_analysis import capture_requests, json_round_trip, run
from layerbook.analyses.attention_all import AttentionAll, AttentionAllResult
from layerbook.analyses.attention_pattern import AttentionPattern
from layerbook.core.figures import Heatmap, Panels
from layerbook.core.requests import ActivationCache, Site

TEXT = "The cat sat on the table and the cat sat"

BY_HAND = [
    [
        [1, 0, 0, 0, 0],
        [0.5, 0.5, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0.25, 0.25, 0.25, 0.25, 0],
        [0.125, 0.125, 0.5, 0.25, 0],
    ],
    [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
]


def by_hand(ids: list[int]) -> AttentionAllResult:
    """Return the result for these tokens and the first rows of the patterns above."""
    pattern = np.array(BY_HAND, dtype=np.float32)[:, : len(ids), : len(ids)]
    vocabulary = LetterVocabulary()
    tokens = tuple(vocabulary.token(i) for i in ids)
    analysis = AttentionAll(prompt="x", layers=(0,))
    capture = ActivationCache(tokens, "text", vocabulary, {Site("pattern", 0): pattern}, len(ids))
    return json_round_trip(analysis, analysis.measure({"run": capture}))


def test_shares_counted_by_hand() -> None:
    """All shares of two small patterns match a count by hand; query 0 never counts."""
    first_head, second_head = by_hand(
        [2, 3, 4, 5, 3]
    ).heads  # the 3 at position 4 has stood at 1, and 4 came after it

    assert (first_head.layer, first_head.head, second_head.head) == (0, 0, 1)
    assert first_head.first_token == pytest.approx((0.5 + 0 + 0.25 + 0.125) / 4)
    assert first_head.itself == pytest.approx((0.5 + 0 + 0.25 + 0) / 4)
    assert first_head.previous_token == pytest.approx(
        (1 + 0.25 + 0.25) / 3
    )  # not query 1, whose token before is the first
    assert first_head.induction_token == 0.5
    assert first_head.entropy == pytest.approx((1 + 0 + 2 + (2 * 3 / 8 + 0.5 + 0.5)) / 4)
    assert (
        second_head.first_token,
        second_head.itself,
        second_head.previous_token,
        second_head.induction_token,
        second_head.entropy,
    ) == (
        0.75,
        0.25,
        0,
        0,
        0,
    )


def test_repeated_token_is_matched_with_its_last_earlier_place() -> None:
    """The last of two earlier places counts; a token that directly repeats has nothing between."""
    assert (
        by_hand([2, 2, 3, 2, 5]).heads[0].induction_token == 0.25
    )  # only query 3: last at 1, so key 2
    assert by_hand([2, 2, 2]).heads[0].induction_token is None
    assert by_hand([2, 3, 4]).heads[0].induction_token is None


@pytest.mark.parametrize("ids", [[2], [2, 3]])
def test_short_prompts_have_plain_numbers_and_figures(ids: list[int]) -> None:
    """No share divides by zero."""
    result = by_hand(ids)

    assert result.heads[0].previous_token == 0 and result.heads[0].first_token == (
        1.0 if len(ids) == 1 else 0.5
    )
    assert all(
        figure.alt for figure in AttentionAll(prompt="x", layers=(0,)).figures(result).values()
    )


def test_weights_are_bit_identical_to_attention_pattern(tiny) -> None:
    """All cells of all heads agree, and the upper triangle of attention-pattern is zero."""
    layers, heads = (0, 1), (0, 1, 2, 3)
    every = AttentionAll(prompt=TEXT, layers=layers)
    other = AttentionPattern(prompts=(TEXT,), layers=layers, heads=heads)
    result = every.measure(capture_requests(tiny, every))
    weights = other.measure(capture_requests(tiny, other)).prompts[0].weights
    count = len(result.tokens)

    assert result.weights.dtype == np.float64
    assert result.weights.shape == (2, 4, count * (count + 1) // 2)
    for query in range(count):
        offset = query * (query + 1) // 2
        assert (
            result.weights[..., offset : offset + query + 1] == weights[..., query, : query + 1]
        ).all()
    assert (weights[..., np.triu_indices(count, 1)[0], np.triu_indices(count, 1)[1]] == 0).all()
    assert (result.patterns == weights).all()


def test_shares_agree_with_loops_over_the_stored_weights(tiny) -> None:
    """On a tiny Llama, loops in plain Python agree to 1e-12."""
    analysis = AttentionAll(prompt=TEXT, layers=(0, 1))
    result = analysis.measure(
        capture_requests(tiny, analysis)
    )  # JSON would round the weights a little
    ids = [token.id for token in result.tokens]

    assert len(result.heads) == 8
    assert any(head.induction_token for head in result.heads)
    for head in result.heads:
        flat = iter(result.weights[head.layer, head.head].tolist())
        rows = [[next(flat) for _ in range(query + 1)] for query in range(len(ids))]
        assert all(abs(sum(row) - 1) < 1e-6 for row in rows)
        after = []
        for q, id in enumerate(ids):
            earlier = [p for p in range(q - 1) if ids[p] == id and id not in ids[p + 1 : q]]
            after += [rows[q][p + 1] for p in earlier]
        entropies = [-sum(p * math.log2(p) for p in row if p > 0) for row in rows[1:]]
        for measured, values in (
            (head.first_token, [row[0] for row in rows[1:]]),
            (head.itself, [row[-1] for row in rows[1:]]),
            (head.previous_token, [row[-2] for row in rows[2:]]),
            (head.induction_token, after),
            (head.entropy, entropies),
        ):
            assert measured == pytest.approx(sum(values) / len(values), abs=1e-12)


def test_most_extreme_head_and_layer_are_reported() -> None:
    """The head with the largest share, and the layer that attends least to the first token."""
    result = by_hand([2, 3, 4, 5, 3])
    layers = [
        h.model_copy(
            update={
                "layer": 7,
                "first_token": h.first_token / 2,
                "previous_token": h.previous_token / 3,
            }
        )
        for h in result.heads
    ]
    both = result.model_copy(update={"layers": (0, 7), "heads": (*result.heads, *layers)})

    assert (both.first_token_head.layer, both.first_token_head.head) == (0, 1)
    assert (
        both.previous_token_head.head,
        both.induction_head.head,
        both.top_head("entropy").head,
    ) == (0, 0, 0)
    assert both.lowest_sink_layer == 7
    assert both.first_token_by_layer == pytest.approx(
        ((7 / 8 / 4 + 0.75) / 2, (7 / 8 / 4 + 0.75) / 4)
    )


def test_values_behind_each_mean_are_listed_by_position(tiny) -> None:
    """The listed shares average to `induction_token`, by hand and on a tiny Llama."""
    small = by_hand([2, 3, 4, 5, 3])
    assert [(a.id, b.id, share) for a, b, share in small.induction_shares] == [(3, 4, 0.5)]

    result = run(tiny, AttentionAll(prompt=TEXT, layers=(0, 1)))
    shares = [share for _, _, share in result.induction_shares]
    assert len(shares) > 1 and result.induction_head.induction_token == pytest.approx(
        sum(shares) / len(shares), abs=1e-6
    )


def test_figures_show_every_head_and_the_explorer(tiny) -> None:
    """There is a map per kind of key; the explorer shows the layer that attends least to the first
    token.
    """
    analysis = AttentionAll(prompt=TEXT, layers=(0, 1))
    result = run(tiny, analysis)
    figures = analysis.figures(result)
    grid, explorer = figures["grid"], figures["explorer"]

    assert (
        isinstance(grid, Panels)
        and isinstance(explorer, Heatmap)
        and explorer.interactive is not None
    )
    assert [panel.values.shape for panel in grid.panels] == [(4, 2)] * 4
    for panel, name in zip(
        grid.panels, ("first_token", "previous_token", "itself", "induction_token"), strict=True
    ):
        assert isinstance(panel, Heatmap) and panel.scale == (0, 1)
        for head in result.heads:
            assert panel.values[head.head, head.layer] == getattr(head, name)
    layer_index = result.layers.index(result.lowest_sink_layer)
    rows = [
        result.weights[layer_index, :, q * (q + 1) // 2 :][:, : q + 1].mean(axis=0)
        for q in range(len(result.tokens))
    ]
    assert all(
        np.allclose(explorer.values[q, : q + 1], row, atol=1e-7) for q, row in enumerate(rows)
    )
    assert (explorer.interactive.start, explorer.interactive.layers, explorer.causal) == (
        layer_index,
        (0, 1),
        True,
    )
    assert (explorer.interactive.weights == result.weights).all()


def test_explorer_has_a_row_for_each_link_and_named_head(tiny) -> None:
    """A link opens at the head with its largest weight; links that the prompt lacks have no row."""
    links = ({"reader": "at", "source": " c"}, {"reader": "at", "source": "nowhere"})
    analysis = AttentionAll(prompt=TEXT, layers=(0, 1), links=links)
    result = run(tiny, analysis)
    explorer = analysis.figures(result)["explorer"]
    assert isinstance(explorer, Heatmap) and explorer.interactive is not None
    link, before, first, after = explorer.interactive.presets
    texts = [token.text for token in result.tokens]
    query = len(texts) - 1 - texts[::-1].index("at")
    key = query - 1 - texts[:query][::-1].index(" c")
    assert (link.name, link.query, link.key) == ("“at” finds “c”", query, key)
    shares = result.weights[:, :, query * (query + 1) // 2 + key]
    assert shares[link.layer, link.head] == shares.max()
    for preset, head in ((before, result.previous_token_head), (first, result.first_token_head)):
        assert (preset.layer, preset.head) == (result.layers.index(head.layer), head.head)
        assert preset.query == len(texts) - 1
    assert texts[after.query] in texts[: after.query]


def test_explorer_calls_a_single_head_the_only_one(tiny) -> None:
    """A mean of one head is no mean."""
    analysis = AttentionAll(prompt=TEXT, layers=(0,))
    result = run(tiny, analysis)
    lone = result.model_copy(
        update={"head_count": 1, "heads": result.heads[:1], "weights": result.weights[:, :1]}
    )
    explorer = analysis.figures(lone)["explorer"]
    assert isinstance(explorer, Heatmap) and explorer.title == "The only head, layer 0"
    assert explorer.alt.startswith("The only head, layer 0, The cat")
    usual = analysis.figures(result)["explorer"]
    assert isinstance(usual, Heatmap) and usual.title == "Mean of the 4 heads, layer 0"
