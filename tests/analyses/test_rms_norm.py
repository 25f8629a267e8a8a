"""RMSNorm: the lengths before it, and the vectors after it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.rms_norm import RmsNorm, divide_by_rms
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table"


def test_parallel_vectors_are_normalized_to_the_same_vector() -> None:
    """Both are vectors of the chapter."""
    assert divide_by_rms(np.array([5.0, 1, 1])) == pytest.approx([5 / 3, 1 / 3, 1 / 3])
    assert divide_by_rms(np.array([50.0, 10, 10])) == pytest.approx([5 / 3, 1 / 3, 1 / 3])


def test_lengths_equal_those_of_the_models_norms(tiny: LoadedModel) -> None:
    """Hooks on the norms agree to 1e-5."""
    result = run(tiny, RmsNorm(prompt=TEXT, layers=(0, 1)))
    network, entered = tiny.network, []
    norms = [layer.post_attention_layernorm for layer in network.model.layers]
    handles = [
        norm.register_forward_pre_hook(lambda _, args: entered.append(args[0][0])) for norm in norms
    ]
    ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=TEXT)).ids])
    try:
        with torch.inference_mode():
            network(ids)
    finally:
        for handle in handles:
            handle.remove()
    lengths = [x.norm(dim=-1).numpy() for x in entered]
    assert result.length == pytest.approx(np.array(lengths), rel=1e-5)
    assert result.normed_length == pytest.approx(math.sqrt(result.d_model), rel=1e-5)
    assert result.final_difference < 1e-2  # tiny vectors, to which the norm's own epsilon matters
    assert result.longest == pytest.approx([max(x) for x in lengths], rel=1e-5)


def test_figure_has_a_line_for_each_token(tiny: LoadedModel) -> None:
    analysis = RmsNorm(prompt=TEXT, layers=(0, 1))
    result = run(tiny, analysis)
    lines = analysis.figures(result)["lengths"]
    assert len(lines.series) == len(result.tokens) + 1 and lines.y.log
    assert lines.series[-1].y == (result.normed_length,) * 2
