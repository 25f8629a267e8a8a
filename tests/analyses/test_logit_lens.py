"""The logit lens, against hidden states normed and scored by plain transformers."""

from __future__ import annotations

import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.logit_lens import LogitLens, LogitLensResult
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table"


@pytest.fixture(scope="module")
def result(tiny: LoadedModel) -> LogitLensResult:
    layers = tuple(range(tiny.config.num_hidden_layers))
    return run(tiny, LogitLens(prompt=TEXT, layers=layers))


def test_every_layer_uses_the_final_norm_and_the_unembedding(tiny, result) -> None:
    """Best token, probability and rank of the answer agree to 1e-6."""
    ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=TEXT)).ids])
    streams: list[torch.Tensor] = []
    network = tiny.network
    handles = [
        layer.register_forward_hook(
            lambda module, args, output: streams.append(
                output[0] if isinstance(output, tuple) else output
            )
        )
        for layer in network.model.layers
    ]
    with torch.inference_mode():
        answer = int(network(ids).logits[0, -1].argmax())
        for handle in handles:
            handle.remove()
        assert len(streams) == len(result.layers)
        for reading, stream in zip(result.layers, streams, strict=True):
            logits = network.lm_head(network.model.norm(stream))[0, -1].double()
            prob = torch.softmax(logits, -1)
            assert reading.best.id == int(logits.argmax())
            assert reading.best.prob == pytest.approx(prob.max().item(), abs=1e-6)
            assert reading.answer_prob == pytest.approx(prob[answer].item(), abs=1e-6)
            assert reading.answer_rank == 1 + int((logits > logits[answer]).sum())
    assert result.answer.id == answer


def test_last_layer_gives_the_answer(result) -> None:
    last = result.layers[-1]
    assert last.best.id == result.answer.id and last.answer_rank == 1
    assert last.answer_prob == pytest.approx(result.answer.prob, abs=1e-9)


@pytest.mark.parametrize(
    ("best", "settled"),
    [([5, 7, 7], 1), ([7, 5, 7], 2), ([7, 7, 7], 0), ([7, 7, 5], None)],
)
def test_settled_layer_is_the_first_of_the_final_run(result, best, settled) -> None:
    """An earlier layer with the answer does not count if another token wins again."""
    answer = result.answer.model_copy(update={"id": 7})
    layers = tuple(
        result.layers[0].model_copy(
            update={"layer": i, "best": result.answer.model_copy(update={"id": id})}
        )
        for i, id in enumerate(best)
    )
    changed = result.model_copy(update={"answer": answer, "layers": layers})
    assert changed.settled_layer == settled


def test_figures_mark_the_layers_that_name_the_answer(result) -> None:
    figures = LogitLens(prompt=TEXT).figures(result)
    marked = {i for i, layer in enumerate(result.layers) if layer.best.id == result.answer.id}
    assert set(figures["best"].highlight) == marked
    assert figures["rank"].series[0].y == tuple(float(layer.answer_rank) for layer in result.layers)
