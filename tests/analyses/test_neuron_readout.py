"""One neuron, against the model's weights and a model without it."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.neuron_readout import NeuronReadout
from layerbook.core.limits import Limits
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

PROMPTS = ("The cat sat on the table", "The dog bites the man")
TEXTS = ("The bird sings", "2 + 2 = 4")
LAYER, NEURON = 1, 5


def analysis(**changes) -> NeuronReadout:
    """Return the analysis of one neuron."""
    fields = {"prompts": PROMPTS, "texts": TEXTS, "layer": LAYER, "neuron": NEURON}
    return NeuronReadout(**(fields | {"layers": (0, 1), "top_k": 5} | changes))


def activations(model: LoadedModel, text: str, layer: int = LAYER) -> torch.Tensor:
    """Return the input of a layer's down projection [T, d_mlp]."""
    inputs: list[torch.Tensor] = []
    down = model.network.model.layers[layer].mlp.down_proj
    handle = down.register_forward_pre_hook(lambda _, args: inputs.append(args[0][0]))
    ids = torch.tensor([model.tokenizer.encode(Prompt(text=text)).ids])
    try:
        with torch.inference_mode():
            model.network(ids)
    finally:
        handle.remove()
    return inputs[0]


def distribution(model: LoadedModel, network, text: str) -> torch.Tensor:
    """Return the next-token distribution of a network."""
    ids = torch.tensor([model.tokenizer.encode(Prompt(text=text)).ids])
    with torch.inference_mode():
        return network(ids).logits[0, -1].softmax(-1)


def test_neuron_is_listed_where_its_activation_is_largest(tiny: LoadedModel) -> None:
    """It has the largest absolute activation over all texts, to 1e-5."""
    result = run(tiny, analysis())
    own = [activations(tiny, text)[:, NEURON].numpy() for text in TEXTS]
    loudness = np.abs(np.concatenate(own))
    assert result.tokens == len(loudness)
    best = np.sort(loudness)[::-1][: len(result.top_activations)]
    assert np.abs(
        [activation.activation for activation in result.top_activations]
    ) == pytest.approx(best, abs=1e-5)
    for activation in result.top_activations:
        assert activation.activation == pytest.approx(
            own[activation.text][activation.position], abs=1e-5
        )
        assert len(activation.context) == min(activation.position, 4)
    assert result.strong_count == int((loudness >= loudness.max() / 4).sum())


def test_neuron_adds_its_row_of_the_down_projection(tiny: LoadedModel) -> None:
    """Through the final norm, to 1e-5; the largest effect of all neurons is reported."""
    result = run(tiny, analysis())
    network = tiny.network
    entered: list[torch.Tensor] = []
    handle = network.model.norm.register_forward_pre_hook(lambda _, a: entered.append(a[0][0, -1]))
    act = activations(tiny, PROMPTS[0])[-1]
    handle.remove()
    rms = entered[0].pow(2).mean().add(network.config.rms_norm_eps).sqrt()

    def direct(layer: int, activation: torch.Tensor) -> torch.Tensor:
        rows = network.model.layers[layer].mlp.down_proj.weight.T * activation[:, None]
        logits = (rows / rms * network.model.norm.weight) @ network.lm_head.weight.T
        return logits - logits.mean(-1, keepdim=True)  # [d_mlp, V]

    logits = direct(LAYER, act)[NEURON]
    assert result.activation == pytest.approx(float(act[NEURON]), abs=1e-5)
    assert [entry.token.id for entry in result.promoted] == logits.argsort(descending=True)[
        :5
    ].tolist()
    assert result.promoted[0].logit == pytest.approx(float(logits.max()), abs=1e-5)
    for entry in result.ablations:
        assert entry.added_logit == pytest.approx(float(logits[entry.answer.id]), abs=1e-5)

    answer = result.ablations[0].answer.id
    total = torch.stack(
        [direct(n, activations(tiny, PROMPTS[0], n)[-1])[:, answer] for n in (0, 1)]
    )
    layer, neuron = divmod(int(total.argmax()), total.shape[1])
    assert (result.top_neurons[0].layer, result.top_neurons[0].neuron) == (layer, neuron)
    assert result.top_neurons[0].logit == pytest.approx(float(total.max()), abs=1e-5)
    assert result.count == total.numel()


def test_silencing_a_neuron_equals_zeroing_its_row(tiny: LoadedModel) -> None:
    """They agree to 1e-6; without the patch the prediction differs."""
    result = run(tiny, analysis())
    network = deepcopy(tiny.network)
    network.model.layers[LAYER].mlp.down_proj.weight[:, NEURON] = 0
    changed = 0.0
    for prediction, text in zip(result.ablations, PROMPTS, strict=True):
        plain = distribution(tiny, tiny.network, text)
        without = distribution(tiny, network, text)
        assert prediction.prompt == text and prediction.answer.id == int(plain.argmax())
        assert prediction.prob_without == pytest.approx(
            float(without[prediction.answer.id]), abs=1e-6
        )
        assert prediction.predicted.id == int(without.argmax())
        changed = max(changed, float((plain - without).abs().max()))
    assert changed > 1e-5


def test_missing_neuron_is_reported() -> None:
    """`at most` follows the model; a larger number is refused."""
    sizes = {"layers": 2, "heads": 4, "d_vocab": 100, "context": 64}
    spec = analysis().model_dump() | {"layers": "all", "neuron": "at most 1005"}
    for d_mlp, neuron in ((64, 63), (2000, 1005), (0, 1005)):
        limits = Limits(**sizes, d_mlp=d_mlp)
        assert NeuronReadout.model_validate(spec, context={"limits": limits}).neuron == neuron
    with pytest.raises(ValueError, match="the model has neurons 0 to 63"):
        limits = Limits(**sizes, d_mlp=64)
        NeuronReadout.model_validate(spec | {"neuron": 64}, context={"limits": limits})
