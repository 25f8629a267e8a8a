"""Silenced and swapped heads, against models with changed weights or activations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.head_knockout import HeadKnockout
from layerbook.core.errors import ModelError
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel

TEXT, OTHER = "The cat sat on the table", "The dog sat on the table"
HEADS, WIDTH = 4, 8


def probabilities(model: LoadedModel, network, text: str = TEXT) -> torch.Tensor:
    """Return the next-token distribution of a network."""
    ids = torch.tensor([model.tokenizer.encode(Prompt(text=text)).ids])
    with torch.inference_mode():
        return network(ids).logits[0, -1].softmax(-1)


def test_silencing_a_head_equals_zeroing_its_output_weights(tiny: LoadedModel) -> None:
    """The columns of the output projection are zeroed; to 1e-6."""
    result = run(tiny, HeadKnockout(prompt=TEXT, layers=(0, 1), heads=(0, 1, 2, 3)))
    plain = probabilities(tiny, tiny.network)
    assert result.answer.id == int(plain.argmax())

    for layer in (0, 1):
        for head in range(HEADS):
            network = deepcopy(tiny.network)
            weight = network.model.layers[layer].self_attn.o_proj.weight
            weight[:, head * WIDTH : (head + 1) * WIDTH] = 0
            prob = probabilities(tiny, network)
            assert result.prob[layer][head] == pytest.approx(
                float(prob[result.answer.id]), abs=1e-6
            )
    worst = result.most_needed[0]
    assert worst.answer_prob == result.prob[worst.layer][worst.head] == result.prob.min()
    assert result.count == 8 and result.by_other_prob == ()


def test_swapped_head_has_its_output_on_the_other_prompt(tiny: LoadedModel) -> None:
    """Hooks replace its part of the output projection's input; to 1e-6."""
    lengths = [len(tiny.tokenizer.encode(Prompt(text=text)).ids) for text in (TEXT, OTHER)]
    assert lengths[0] == lengths[1]
    last = lengths[0] - 1
    analysis = HeadKnockout(prompt=TEXT, other=OTHER, position=last, layers=(1,), heads=(2, 0))
    result = run(tiny, analysis)
    other = probabilities(tiny, tiny.network, OTHER)
    assert result.other_answer.id == int(other.argmax())
    plain = probabilities(tiny, tiny.network)
    assert result.other_prob_before == pytest.approx(float(plain[result.other_answer.id]), abs=1e-6)

    for i, head in enumerate((2, 0)):
        with replaced_head(tiny, 1, head, position=last):
            prob = probabilities(tiny, tiny.network)
        assert result.prob[0][i] == pytest.approx(float(prob[result.answer.id]), abs=1e-6)
        assert result.other_prob[0][i] == pytest.approx(
            float(prob[result.other_answer.id]), abs=1e-6
        )
    assert [(h.layer, h.prob) for h in result.by_other_prob] == [
        (1, prob) for prob in sorted(result.other_prob.ravel(), reverse=True)
    ]
    assert all(h.prob == result.other_prob[0][(2, 0).index(h.head)] for h in result.by_other_prob)
    from_end = run(tiny, analysis.model_copy(update={"position": -1}))
    assert from_end.position == last and (from_end.prob == result.prob).all()
    assert abs(result.prob - float(plain[result.answer.id])).max() > 1e-4  # it does something


@contextmanager
def replaced_head(model: LoadedModel, layer: int, head: int, position: int) -> Iterator[None]:
    """Replace a head's output at one position by its output on the other prompt."""
    projection = model.network.model.layers[layer].self_attn.o_proj
    part = slice(head * WIDTH, (head + 1) * WIDTH)
    inputs: list[torch.Tensor] = []
    handle = projection.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    probabilities(model, model.network, OTHER)
    handle.remove()

    def replace(_, args):
        changed = args[0].clone()
        changed[0, position, part] = inputs[0][0, position, part]
        return (changed,)

    handle = projection.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def test_prompts_of_unequal_length_and_missing_positions_are_refused(tiny: LoadedModel) -> None:
    with pytest.raises(ValueError, match="the other prompt has 2 tokens"):
        run(tiny, HeadKnockout(prompt="2 + 2", other="22", layers=(0,), heads=(0,)))
    with pytest.raises(ModelError, match="there is no position 9 in a text of"):
        run(tiny, HeadKnockout(prompt=TEXT, position=9, layers=(0,), heads=(0,)))
    with pytest.raises(ValueError, match="no position 3"):
        run(tiny, HeadKnockout(prompt=TEXT, other="22", position=3, layers=(0,), heads=(0,)))
