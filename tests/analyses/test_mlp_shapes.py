"""The MLP's shapes and neurons, against the weights and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fixtures.letters import LetterVocabulary
from fixtures.run_analysis import capture_requests, facts, json_round_trip
from layerbook.analyses.mlp_shapes import MlpShapes
from layerbook.core.figures import Lines, MatrixChain
from layerbook.core.requests import ActivationCache, Describe, ModuleInfo, Site

TEXT = "The cat sat on the table. 2 + 2 = 4"


def modules(layers: int, d_model: int, d_mlp: int) -> tuple[ModuleInfo, ...]:
    """Return the projections of every layer, and an embedding."""
    shapes = {
        "gate_proj": (d_mlp, d_model),
        "up_proj": (d_mlp, d_model),
        "down_proj": (d_model, d_mlp),
    }
    inner = [
        ModuleInfo(f"model.layers.{i}.mlp.{name}", "Linear", "mlp", shape, shape[0] * shape[1])
        for i in range(layers)
        for name, shape in shapes.items()
    ]
    return (
        ModuleInfo("model.embed_tokens", "Embedding", "embedding", (100, d_model), 100 * d_model),
        *inner,
    )


def by_hand(neurons: np.ndarray) -> dict[str, ActivationCache]:
    """Return a model of 11 layers with these neurons [T, d_mlp] in layer 1."""
    vocabulary = LetterVocabulary()
    tokens = tuple(vocabulary.token(i) for i in range(len(neurons)))
    model_facts = facts(
        d_model=6, d_mlp=neurons.shape[1], layers=11, modules=modules(11, 6, neurons.shape[1])
    )
    model_facts = replace(model_facts, parameters=sum(m.parameters for m in model_facts.modules))
    return {
        "facts": ActivationCache((), "", vocabulary, model_facts=model_facts),
        "prompt": ActivationCache(
            tokens,
            "text",
            vocabulary,
            {Site("mlp_act", 1): neurons.astype(np.float32)},
            len(tokens),
        ),
    }


def test_half_count_starts_with_the_largest_activations():
    """3² is more than half of 3² + 2² + 1² + ..., 2² is not."""
    neurons = np.array([[3, -1, 2, 0, 1], [-2, 2, 2, 0, 2], [0, 0, 0, 0, -5]])
    analysis = MlpShapes(prompt="x", layer=1)
    result = json_round_trip(analysis, analysis.measure(by_hand(neurons)))

    assert result.half_count == (1, 2, 1)
    assert result.counts == (1, 2, 4, 5)
    assert result.squared_share[0] == pytest.approx([9 / 15, 13 / 15, 1, 1])
    assert result.squared_share[1] == pytest.approx([1 / 4, 1 / 2, 1, 1])
    assert result.parameters == 11 * 3 * 30
    assert result.share == pytest.approx(990 / 1590)


def test_numbers_follow_from_the_weights(tiny):
    """Neurons are recomputed with torch's SiLU, to 1e-5; shapes and counts come from the
    network.
    """
    analysis = MlpShapes(prompt=TEXT, layer=1)
    captures = capture_requests(tiny, analysis)
    result = analysis.measure(captures)
    layer = tiny.network.model.layers[1]
    inputs = []
    handle = layer.post_attention_layernorm.register_forward_hook(
        lambda m, a, out: inputs.append(out[0])
    )
    tiny.network(torch.tensor([[token.id for token in result.tokens]]))
    handle.remove()
    (x,) = inputs
    neurons = torch.nn.functional.silu(x @ layer.mlp.gate_proj.weight.T) * (
        x @ layer.mlp.up_proj.weight.T
    )  # [T, M]

    assert np.abs(neurons.numpy() - captures["prompt"][Site("mlp_act", 1)]).max() < 1e-5
    for token, squares in enumerate((neurons.double() ** 2).tolist()):
        remaining, count = sum(squares) / 2, 0
        for square in sorted(squares, reverse=True):
            if remaining <= 0:
                break
            remaining, count = remaining - square, count + 1
        assert result.half_count[token] == count
    chain = analysis.figures(result)["shapes"]
    assert isinstance(chain, MatrixChain)
    for step in chain.steps:
        if step.kind == "matrix":
            weight = getattr(layer.mlp, f"{step.name}_proj").weight
            assert tuple(weight.shape) == (step.columns, step.rows)
    in_mlps = sum(p.numel() for name, p in tiny.network.named_parameters() if ".mlp." in name)
    assert result.parameters == in_mlps
    assert result.share == pytest.approx(
        in_mlps / sum(p.numel() for p in tiny.network.parameters())
    )


def test_curve_is_silu():
    """It equals torch's SiLU to 1e-6, with ReLU beside it."""
    analysis = MlpShapes(prompt="x", layer=1)
    curve = analysis.figures(analysis.measure(by_hand(np.eye(3))))["silu"]
    assert isinstance(curve, Lines)
    silu, relu = curve.series

    x = torch.tensor(silu.x, dtype=torch.float64)
    assert silu.y == pytest.approx(torch.nn.functional.silu(x).tolist(), abs=1e-6)
    assert relu.y == pytest.approx(torch.relu(x).tolist())


def test_diagram_has_the_shapes_of_the_model():
    """Gate and up are side by side, the other matrices in order, each with its size."""
    analysis = MlpShapes(prompt="x", layer=1)
    figure = analysis.figures(analysis.measure(by_hand(np.eye(5))))["shapes"]
    assert isinstance(figure, MatrixChain)

    assert [(step.name, step.lane, step.shape()) for step in figure.steps] == [
        ("x", None, "6"),
        ("gate", 0, "6 × 5"),
        ("SiLU", 0, ""),
        ("up", 1, "6 × 5"),
        ("×", None, ""),
        ("neurons", None, "5"),
        ("down", None, "5 × 6"),
        ("output", None, "6"),
    ]


def test_only_the_facts_and_one_site_are_requested():
    facts_wanted, prompt = MlpShapes(prompt="x", layer=1).runs().values()

    assert facts_wanted == Describe()
    assert prompt.keep == {Site("mlp_act", 1)}
