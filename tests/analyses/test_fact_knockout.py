"""Heads replaced in several prompts, against plain transformers with hooks."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from fixtures.run_analysis import WordTokenizer, run
from layerbook.analyses.fact_knockout import FactKnockout
from layerbook.core.direct_path import W_U
from layerbook.core.requests import LN_FINAL, ActivationCache, Prompt
from layerbook.model.loaded_model import LoadedModel

TEMPLATE, SUBJECTS = "The {} sat on the table", ("cat", "dog", "big table")  # 8, 8 and more tokens
HEADS, WIDTH = 4, 8


def encode(model: LoadedModel, subject: str) -> torch.Tensor:
    """Return the ids [1, T] of a prompt."""
    text = TEMPLATE.replace("{}", subject)
    return torch.tensor([model.tokenizer.encode(Prompt(text=text)).ids])


def bits(
    model: LoadedModel, subject: str, replaced: tuple[int, int, torch.Tensor] | None = None
) -> torch.Tensor:
    """Return log2 p of each next token, with one head's output at the last token replaced."""
    handles = []
    if replaced is not None:
        layer, head, value = replaced

        def replace(_: object, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            changed = args[0].clone()
            changed[0, -1, head * WIDTH : (head + 1) * WIDTH] = value
            return (changed,)

        projection = model.network.model.layers[layer].self_attn.o_proj
        handles.append(projection.register_forward_pre_hook(replace))
    with torch.inference_mode():
        logits = model.network(encode(model, subject)).logits[0, -1]
    for handle in handles:
        handle.remove()
    return logits.double().log_softmax(-1) / np.log(2)


def head_outputs(model: LoadedModel, layer: int, head: int) -> list[torch.Tensor]:
    """Return the head's output at the last token of each prompt."""
    outputs: list[torch.Tensor] = []
    projection = model.network.model.layers[layer].self_attn.o_proj
    part = slice(head * WIDTH, (head + 1) * WIDTH)
    handle = projection.register_forward_pre_hook(
        lambda _, args: outputs.append(args[0][0, -1, part].clone())
    )
    for subject in SUBJECTS:
        bits(model, subject)
    handle.remove()
    return outputs


def analysis(from_layer: int = 0) -> FactKnockout:
    return FactKnockout(
        prompt=TEMPLATE,
        subjects=SUBJECTS,
        layer=1,
        head=2,
        layers=(0, 1),
        heads=tuple(range(HEADS)),
        from_layer=from_layer,
    )


def test_costs_are_those_of_replaced_outputs(tiny: LoadedModel) -> None:
    """Zeros, the mean over the other prompts and the next prompt's output; to 1e-5 bits."""
    result = run(tiny, analysis())
    plain = [bits(tiny, subject) for subject in SUBJECTS]
    best = [int(row.argmax()) for row in plain]
    assert [prompt.answer.id for prompt in result.prompts] == best
    assert [prompt.answer.prob for prompt in result.prompts] == pytest.approx(
        [float(2 ** row.max()) for row in plain], rel=1e-5
    )

    for layer in (0, 1):
        for head in range(HEADS):
            outputs = head_outputs(tiny, layer, head)
            for n, subject in enumerate(SUBJECTS):
                mean = torch.stack(outputs[:n] + outputs[n + 1 :]).mean(0)
                for costs, value in (
                    (result.with_zeros, torch.zeros(WIDTH)),
                    (result.with_mean, mean),
                ):
                    after = bits(tiny, subject, (layer, head, value))[best[n]]
                    assert costs.cost[layer][head][n] == pytest.approx(
                        float(plain[n][best[n]] - after), abs=1e-5
                    )

    outputs = head_outputs(tiny, 1, 2)
    for n, prompt in enumerate(result.prompts):
        after = bits(tiny, SUBJECTS[n], (1, 2, outputs[(n + 1) % 3]))
        other = best[(n + 1) % 3]
        assert prompt.other == SUBJECTS[(n + 1) % 3]
        assert prompt.swapped.id == int(after.argmax())
        assert prompt.other_after == pytest.approx(float(2 ** after[other]), abs=1e-6)
        assert prompt.other_before == pytest.approx(float(2 ** plain[n][other]), abs=1e-6)
        assert prompt.answer_after == pytest.approx(float(2 ** after[best[n]]), abs=1e-6)
    zeros, mean = result.with_zeros.cost, result.with_mean.cost
    assert np.abs(zeros).min(axis=-1).max() > 1e-3  # it does something
    assert np.abs(zeros - mean).max() > 1e-3  # and the two ways differ


def test_summary_compares_the_head_with_all_others(tiny: LoadedModel) -> None:
    result = run(tiny, analysis())
    average = np.array(result.with_mean.cost).mean(-1)
    assert result.with_mean.head_cost == pytest.approx(average[1, 2])
    assert list(result.with_mean.head_costs) == list(result.with_mean.cost[1][2])
    average[1, 2] = -np.inf
    assert result.with_mean.largest_other_cost == average.max()
    costs = np.array(result.with_zeros.cost).reshape(2 * HEADS, -1)
    assert result.with_zeros.times_largest == int((costs.argmax(0) == HEADS + 2).sum())
    assert len(result.answers_swapped) == HEADS
    assert result.swapped_by_head == result.answers_swapped[2]


def test_layers_can_be_left_out(tiny: LoadedModel) -> None:
    """The costs in the remaining layers stay the same, to 1e-9."""
    whole, part = run(tiny, analysis()), run(tiny, analysis(from_layer=1))
    assert part.layers == (1,)
    assert np.abs(np.array(whole.with_mean.cost)[1:] - part.with_mean.cost).max() < 1e-9


def test_memory_does_not_grow_with_prompts_and_layers() -> None:
    """At most the distributions of the heads of one layer are in memory, with their copies."""
    size, words = 20_000, WordTokenizer()
    words.pieces += [f" {number}" for number in range(1, size)]
    rng = np.random.default_rng(1)
    knockout = FactKnockout(
        prompt="The {} is",
        subjects=tuple(f"number {number}" for number in range(40)),
        layer=1,
        head=2,
        layers=tuple(range(20)),
        heads=tuple(range(HEADS)),
    )
    captures = {
        name: ActivationCache((), "", words, {LN_FINAL: rng.normal(size=(3, WIDTH))})
        for name in knockout.runs()
    }
    weights = {W_U: rng.normal(size=(WIDTH, size))}
    captures["weights"] = ActivationCache((), "", words, weights)
    tracemalloc.start()
    result = knockout.measure(captures)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.with_mean.cost.shape == (20, HEADS, 40)
    assert peak < 8 * HEADS * size * 8  # a distribution of the vocabulary has `size` float64
