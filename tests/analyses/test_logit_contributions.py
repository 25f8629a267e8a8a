"""Contributions to the answer's logit sum to it and agree with the parts of the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.logit_contributions import LogitContributions
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table"


def test_parts_add_up_to_the_logit(tiny: LoadedModel) -> None:
    """They sum to the logit to 1e-4, and not without the parts of a layer."""
    result = run(tiny, LogitContributions(prompt=TEXT, layers=(0, 1)))
    ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=TEXT)).ids])
    with torch.inference_mode():
        logits = tiny.network(ids).logits[0, -1].double()
    assert result.answer.id == int(logits.argmax())
    assert result.logit == pytest.approx(float(logits.max() - logits.mean()), abs=1e-4)
    total = result.embedding + result.attention.sum() + result.mlp.sum()
    assert total == pytest.approx(result.logit, abs=1e-4)
    assert result.sum_difference < 1e-4
    assert run(tiny, LogitContributions(prompt=TEXT, layers=(0,))).sum_difference > 1e-4


def test_contributions_equal_gradient_times_part(tiny: LoadedModel) -> None:
    """Hooks and the final norm with a fixed divisor agree to 1e-4."""
    result = run(tiny, LogitContributions(prompt=TEXT, layers=(0, 1)))
    network, outputs, entered = tiny.network, {}, []
    handles = [
        layer.mlp.register_forward_hook(
            lambda _, args, out, n=n: outputs.__setitem__(n, out[0, -1])
        )
        for n, layer in enumerate(network.model.layers)
    ]
    handles.append(network.model.norm.register_forward_pre_hook(lambda _, a: entered.append(a[0])))
    ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=TEXT)).ids])
    try:
        with torch.inference_mode():
            network(ids)
            rms = entered[0][0, -1].pow(2).mean().add(network.config.rms_norm_eps).sqrt()
            for n in (0, 1):
                logits = network.lm_head(outputs[n] / rms * network.model.norm.weight)
                expected = float(logits[result.answer.id] - logits.mean())
                assert result.mlp[n] == pytest.approx(expected, abs=1e-4)
    finally:
        for handle in handles:
            handle.remove()
    assert result.largest_mlp == int(np.argmax(result.mlp))
    assert result.largest_attention == int(np.argmax(result.attention))
