"""The stages of attention, on hand-made captures and recomputed with the model's own modules."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fixtures.run_analysis import (
    FakeModel,
    capture_requests,
    facts,
    json_round_trip,
    plain_rope,
    run,
)
from layerbook.analyses.attention_stages import AttentionStages
from layerbook.core.figures import Frames, Heatmap, Lines
from layerbook.core.requests import Site
from layerbook.model.precision import arithmetic

TEXT = "The cat sat on the table and the dog"


def in_torch(model: Any, ids: list[int], layer: int) -> Any:
    """Return q·k [H, T, T] of a layer, from the model's modules and transformers' RoPE."""
    import torch
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb, repeat_kv

    network = model.network
    with torch.inference_mode(), arithmetic(model.precision):
        states = network.model(
            input_ids=torch.tensor([ids]), output_hidden_states=True
        ).hidden_states[layer]
        block = network.model.layers[layer]
        normed = block.input_layernorm(states)
        q, k = (
            project(normed).view(1, len(ids), -1, block.self_attn.head_dim).transpose(1, 2)
            for project in (block.self_attn.q_proj, block.self_attn.k_proj)
        )
        q, k = apply_rotary_pos_emb(
            q, k, *network.model.rotary_emb(states, torch.arange(len(ids))[None])
        )
        return (q @ repeat_kv(k, q.shape[1] // k.shape[1]).transpose(2, 3))[0]


def compare(model: Any, result: Any, tolerance: float) -> None:
    """Compare every stage and number of a result with torch."""
    import torch

    ids = [token.id for token in result.tokens]
    later = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
    for index, layer in enumerate(result.layers):
        raw = in_torch(model, ids, layer).double()
        masked = (raw / math.sqrt(result.d_head)).masked_fill(later, -math.inf)
        for stages in (shown for shown in result.heads if shown.layer == layer):
            assert np.abs(stages.products - raw[stages.head].numpy()).max() < tolerance
            assert (
                np.abs(stages.pattern - masked[stages.head].softmax(-1).numpy()).max() < tolerance
            )
            assert stages.future_share == result.future_share[index][stages.head]
        ahead = ((raw / math.sqrt(result.d_head)).softmax(-1) * later).sum(-1)[:, :-1].mean(-1)
        assert np.abs(result.future_share[index] - ahead.numpy()).max() < tolerance
        for measured, scores in (
            (result.entropy, masked),
            (result.unscaled_entropy, raw.masked_fill(later, -math.inf)),
        ):
            rows = torch.special.entr(scores.softmax(-1)).sum(-1)[:, 1:].mean(-1) / math.log(2)
            assert np.abs(measured[index] - rows.numpy()).max() < tolerance


@pytest.mark.parametrize(("layer", "head"), [(0, 0), (0, 3), (1, 1), (1, 2)])
def test_tiny_model_matches_torch(tiny: Any, layer: int, head: int) -> None:
    """All heads of both layers agree to 1e-5."""
    result = run(tiny, AttentionStages(prompt=TEXT, layers=(0, 1), layer=layer, head=head))

    compare(tiny, result, 1e-5)
    assert result.score_difference < 1e-5 and result.pattern_difference < 1e-5
    assert (result.heads[0].layer, result.heads[0].head, result.heads[0].kv_head) == (
        layer,
        head,
        head // 2,
    )
    assert result.d_head == 8 and result.queries_per_key == 2
    assert np.ptp(result.entropy) > 0.01  # heads differ: agreement means something


@pytest.mark.model
@pytest.mark.parametrize(("layer", "head", "key"), [(0, 0, 0), (1, 2, 0), (17, 4, 1), (29, 8, 2)])
def test_real_model_matches_torch(real: Any, layer: int, head: int, key: int) -> None:
    """Four layers, and two heads cell by cell, agree to 5e-4; products reach 100."""
    layers = (0, 1, 17, 29)
    result = run(
        real,
        AttentionStages(prompt="She sat on the river bank", layers=layers, layer=layer, head=head),
    )

    compare(real, result, 5e-4)
    assert (
        result.score_difference < 1e-4
        and result.pattern_difference < 1e-5
        and result.reordered_rows == 0
    )
    stages, most = result.heads
    assert (stages.layer, stages.head, stages.kv_head, result.queries_per_key) == (
        layer,
        head,
        key,
        3,
    )
    assert (most.layer, most.head, most.kv_head, most.masked_maxima) == (17, 5, 1, 3)
    assert most.future_share == pytest.approx(0.609, abs=0.005)
    assert result.future_share[1][2] == pytest.approx(0.021, abs=0.002)


def measure_arrays(q: np.ndarray, k: np.ndarray, head: int = 0) -> Any:
    """Return the result for queries and keys [heads, T, d] of one layer."""
    zeros = np.zeros((len(q), q.shape[1], q.shape[1]))
    arrays = {"q": q, "k": k, "scores": zeros, "pattern": zeros}
    sites = {Site(name, 0): (lambda _, array=array: array) for name, array in arrays.items()}
    analysis = AttentionStages(
        prompt=" ".join("abcdefgh"[: q.shape[1]]), layers=(0,), layer=0, head=head
    )
    small = facts(heads=len(q), kv_heads=len(k), d_head=q.shape[-1])
    return json_round_trip(
        analysis, analysis.measure(FakeModel(sites=sites, facts=small).captures(analysis))
    )


def test_stages_match_a_hand_computed_pattern() -> None:
    """The key at position 2 stands out: earlier queries cannot see it, later ones attend mostly
    to it.
    """
    q, k = np.zeros((1, 4, 2)), np.zeros((1, 4, 2))
    angles = np.arange(
        4.0
    )  # the only pair turns by one radian a position: turned back here, it stands still
    q[0, :, 0], q[0, :, 1] = np.cos(angles), -np.sin(angles)
    k[0] = 4 * math.sqrt(2) * q[0] * np.array([0, 0, 1, 0])[:, None]
    result = measure_arrays(q, k)
    (stages,) = result.heads

    assert np.abs(stages.products - 4 * math.sqrt(2) * np.array([0, 0, 1, 0])).max() < 1e-12
    top = math.exp(4)
    assert stages.pattern[1].tolist() == pytest.approx([0.5, 0.5, 0, 0])
    assert stages.pattern[3].tolist() == pytest.approx(
        [1 / (top + 3), 1 / (top + 3), top / (top + 3), 1 / (top + 3)]
    )
    assert stages.masked_maxima == 2
    assert stages.future_share == pytest.approx(((top + 2) + (top + 1) + 1) / (top + 3) / 3)
    assert result.uniform_future_share == pytest.approx((3 / 4 + 2 / 4 + 1 / 4) / 3)
    assert result.unscaled_entropy[0][0] < result.entropy[0][0]


def test_different_rotation_raises_the_deviation(tiny: Any) -> None:
    """With another theta the deviation is a thousand times the tolerance of the claim."""
    analysis = AttentionStages(prompt=TEXT, layers=(0,), layer=0, head=0)
    captures = dict(capture_requests(tiny, analysis))
    model_facts = captures["model"].facts
    assert model_facts is not None
    captures["model"] = replace(
        captures["model"], model_facts=replace(model_facts, rope=(plain_rope(8, 2.0),) * 2)
    )
    result = analysis.measure(captures)
    assert result.pattern_difference > 0.01 and result.score_difference > 0.1


def test_layer_of_the_requested_head_is_measured() -> None:
    """`layers` may name it, but need not."""
    assert AttentionStages(prompt="x", layers=(3, 1), layer=2, head=0).measured_layers() == (
        1,
        2,
        3,
    )
    assert AttentionStages(prompt="x", layers=(3, 1), layer=1, head=0).measured_layers() == (1, 3)


def test_figures_show_four_stages_over_the_same_cells(tiny: Any) -> None:
    """All four have their scales, absent and masked cells, and all numbers in the table."""
    analysis = AttentionStages(prompt="The cat sat", layers=(0, 1), layer=1, head=3)
    result = run(tiny, analysis)
    charts = analysis.figures(result)
    largest = [
        int(n) for n in np.unravel_index(result.future_share.argmax(), result.future_share.shape)
    ]
    assert [(stages.layer, stages.head) for stages in result.heads] == [(1, 3), tuple(largest)]
    assert set(charts) == {
        "layer-1-head-3",
        "layer-{}-head-{}".format(*largest),
        "entropy",
        "future",
    }
    frames, count = charts["layer-1-head-3"], len(result.tokens)
    assert isinstance(frames, Frames) and frames.step == "stage"
    assert [frame.label for frame in frames.frames] == ["products", "scaled", "masked", "shares"]
    raw, scaled, masked, shares = (frame.picture for frame in frames.frames)
    assert all(isinstance(stage, Heatmap) for stage in (raw, scaled, masked, shares))
    assert raw.diverging and scaled.diverging and masked.diverging and not shares.diverging
    assert np.array_equal(raw.values, result.heads[0].products) and np.isfinite(scaled.values).all()
    assert np.abs(scaled.values * math.sqrt(8) - raw.values).max() < 1e-12
    assert scaled.scale == masked.scale and scaled.scale[1] == pytest.approx(
        np.abs(raw.values).max() / math.sqrt(8)
    )
    assert masked.masked and np.array_equal(np.isneginf(masked.values), ~np.tri(count, dtype=bool))
    assert (
        shares.causal
        and shares.scale == (0, 1)
        and not (raw.causal or scaled.causal or masked.causal)
    )
    table = frames.table()
    assert len(table.rows) == 4 * count and table.rows[2 * count][2:] == (
        scaled.values[0, 0],
        *[-math.inf] * (count - 1),
    )
    assert (
        isinstance(charts["future"], Lines)
        and charts["future"].series[1].y == result.future_by_layer
    )

    alone = AttentionStages(prompt="a", layers=(0,), layer=0, head=0)
    single = run(tiny, alone)
    assert single.future_share.max() == single.uniform_future_share == 0
    assert set(alone.figures(single)) == {"layer-0-head-0", "entropy", "future"}
