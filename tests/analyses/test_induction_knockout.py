"""Silenced induction heads, against models with changed weights and losses counted by hand."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import chain

import numpy as np
import pytest
import torch
from fixtures.run_analysis import run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.induction_knockout import InductionKnockout, LayerHead, find_repeated
from layerbook.core.figures import Bars, Panels
from layerbook.core.requests import LOSS, Prompt
from layerbook.model.loaded_model import LoadedModel

TEXTS = (" cat sat mat", " dog ran far off")
WIDTH = 8  # numbers of each of the tiny model's heads


def heads(*pairs: tuple[int, int]) -> tuple[LayerHead, ...]:
    """Return heads by layer and number."""
    return tuple(LayerHead(layer=layer, head=head) for layer, head in pairs)


def bits(model: LoadedModel, silenced: tuple[LayerHead, ...]) -> tuple[float, float]:
    """Return the mean loss of repeated and of new tokens, with output weights set to zero."""
    network = deepcopy(model.network)
    for head in silenced:
        weight = network.model.layers[head.layer].self_attn.o_proj.weight
        weight[:, head.head * WIDTH : (head.head + 1) * WIDTH] = 0
    repeated, new = [], []
    for text in TEXTS:
        ids = model.tokenizer.encode(Prompt(text=text + text)).ids
        with torch.inference_mode():
            logs = network(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        for t in range(1, len(ids)):
            pairs_before = [ids[n - 1 : n + 1] for n in range(1, t)]
            group = repeated if ids[t - 1 : t + 1] in pairs_before else new
            group.append(-float(logs[t - 1, ids[t]]) / math.log(2))
    return sum(repeated) / len(repeated), sum(new) / len(new)


def test_losses_equal_those_of_a_model_with_zeroed_output_weights(tiny: LoadedModel) -> None:
    """Clean, silenced and in each control; to 1e-5 bits."""
    silence = heads((1, 2), (0, 3), (1, 0))
    result = run(tiny, InductionKnockout(texts=TEXTS, silence=silence, draws=2, heads=(0, 1, 2, 3)))

    assert result.clean.heads == () and result.silenced.heads == silence
    for measured in (result.clean, result.silenced, *result.controls):
        expected = bits(tiny, measured.heads)
        assert (measured.repeated, measured.new) == pytest.approx(expected, abs=1e-5)
    assert abs(result.cost) > 1e-3  # it does something
    assert result.cost == result.silenced.repeated - result.clean.repeated
    controls = [control.repeated for control in result.controls]
    assert result.largest_control_cost == max(controls) - result.clean.repeated


def test_controls_are_other_heads_of_the_same_layers() -> None:
    """As many of each layer, the same in every run; another seed draws others."""
    silence = heads((5, 1), (2, 0), (5, 3))
    analysis = InductionKnockout(texts=("x",), silence=silence, draws=8, heads=tuple(range(9)))
    controls = analysis.controls()

    assert len(controls) == 8 and controls == analysis.controls()
    for control in controls:
        assert [head.layer for head in control] == [2, 5, 5]
        assert len(set(control)) == 3 and not set(control) & set(silence)
    assert len(set(controls)) > 4
    assert analysis.model_copy(update={"seed": 4}).controls()[:4] == controls[4:]


def test_head_that_is_named_twice_is_silenced_once() -> None:
    """On a small model, `at most` can turn several numbers into the same one."""
    analysis = InductionKnockout(
        texts=("x",), silence=heads((1, 2), (1, 2)), draws=1, heads=(0, 1, 2)
    )
    (patch,) = analysis.runs()["silenced: 0"].patches

    assert analysis.silenced_heads() == heads((1, 2)) and patch.heads == (2,)
    assert [len(control) for control in analysis.controls()] == [1]


def test_layer_with_too_few_heads_has_no_control(tiny: LoadedModel) -> None:
    """Three of four heads are silenced, so three others do not exist."""
    analysis = InductionKnockout(
        texts=TEXTS, silence=heads((1, 0), (1, 1), (1, 2)), heads=(0, 1, 2, 3)
    )
    result = run(tiny, analysis)

    assert result.controls == () and result.largest_control_cost == 0
    (second, _) = analysis.figures(result)["loss"].panels
    assert second.labels == ("nothing", "these heads") and "others silenced" not in second.alt


def test_repeated_tokens_stood_after_the_same_token_before() -> None:
    """The first token of the second round has another one before it; counts and means by hand."""
    words = ByteVocabulary("a", " b", " c")
    ids = (0, 1, 2, 0, 1, 2)
    assert find_repeated(words.capture(ids).tokens).tolist() == [False, False, False, True, True]

    analysis = InductionKnockout(texts=("x",), silence=heads((0, 1)), draws=1, heads=(0, 1))
    losses = {"clean": [1, 2, 3, 4, 6], "silenced": [1, 2, 3, 8, 10], "control 0": [4, 2, 3, 4, 7]}
    captures = {
        f"{name}: 0": words.capture(ids, {LOSS: np.array([np.nan, *loss]) * math.log(2)})
        for name, loss in losses.items()
    }
    result = analysis.measure(captures)
    runs = (result.clean, result.silenced, *result.controls)
    means = chain.from_iterable((loss.repeated, loss.new) for loss in runs)
    assert list(means) == pytest.approx([5, 2, 9, 2, 5.5, 3])
    assert (result.cost, result.largest_control_cost) == pytest.approx((4, 0.5))
    assert result.largest_new_change == pytest.approx(1)

    figure = analysis.figures(result)["loss"]
    assert isinstance(figure, Panels)
    second, first = figure.panels
    assert isinstance(second, Bars) and isinstance(first, Bars)
    assert second.values == pytest.approx((5, 9, 5.5)) and first.values == pytest.approx((2, 2, 3))
    assert [second.labels[i] for i in second.highlight] == ["these heads"]


def test_texts_without_a_repeated_token_are_refused() -> None:
    """A mean over no tokens is an error."""
    words = ByteVocabulary("a", " b")
    analysis = InductionKnockout(texts=("x",), silence=heads((0, 0)), draws=1, heads=(0, 1))
    captures = {
        name: words.capture((0, 1), {LOSS: np.array([np.nan, 1])}) for name in analysis.runs()
    }
    with pytest.raises(ValueError, match="no token follows the same token twice"):
        analysis.measure(captures)
