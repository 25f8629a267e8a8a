"""Silenced MLPs, against models with zeroed weights or outputs."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.mlp_knockout import MlpKnockout
from layerbook.core.errors import ModelError
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table"


def distribution(model: LoadedModel, network) -> torch.Tensor:
    """Return the next-token distribution of a network."""
    ids = torch.tensor([model.tokenizer.encode(Prompt(text=TEXT)).ids])
    with torch.inference_mode():
        return network(ids).logits[0, -1].softmax(-1)


def test_silencing_an_mlp_equals_zeroing_its_down_projection(tiny: LoadedModel) -> None:
    """At one position it equals zeroing its output; to 1e-6."""
    result = run(tiny, MlpKnockout(prompt=TEXT, layers=(0, 1), positions=(0, 2)))
    plain = distribution(tiny, tiny.network)
    assert result.answer.id == int(plain.argmax())
    assert result.prob.shape == (2, 2)

    for i, layer in enumerate((0, 1)):
        network = deepcopy(tiny.network)
        network.model.layers[layer].mlp.down_proj.weight.zero_()
        without = distribution(tiny, network)
        change = result.everywhere[i]
        assert change.layer == layer and change.predicted.id == int(without.argmax())
        assert change.answer == pytest.approx(float(without[result.answer.id]), abs=1e-6)
        for j, position in enumerate((0, 2)):
            handle = tiny.network.model.layers[layer].mlp.register_forward_hook(
                lambda _, args, out, at=position: out.index_fill(1, torch.tensor([at]), 0)
            )
            try:
                cut = distribution(tiny, tiny.network)
            finally:
                handle.remove()
            assert result.prob[i][j] == pytest.approx(float(cut[result.answer.id]), abs=1e-6)
    survivors = [change for change in result.everywhere if change.predicted.id == result.answer.id]
    assert result.survived == len(survivors)


def test_grid_has_a_row_for_every_token_and_one_for_each_position(tiny: LoadedModel) -> None:
    analysis = MlpKnockout(prompt=TEXT, layers=(1,), positions=(1,))
    result = run(tiny, analysis)
    grid = analysis.figures(result)["grid"]
    assert grid.values.tolist() == [[result.prob_without[0]], [result.prob[0][0]]]
    assert grid.percent and grid.rows.labels[0] == "every token"


def test_missing_position_is_refused(tiny: LoadedModel) -> None:
    with pytest.raises(ModelError, match="there is no position 99"):
        run(tiny, MlpKnockout(prompt=TEXT, layers=(0,), positions=(99,)))
