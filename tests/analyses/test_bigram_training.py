"""The trained table, against torch's gradients and against counting."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from fixtures.run_analysis import json_round_trip, run
from layerbook.analyses.bigram_training import BigramTraining, BigramTrainingResult
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table. The dog sat on the floor. The cat sat on the floor."
STEPS, RATE = 25, 0.1


@pytest.fixture(scope="module")
def result(tiny: LoadedModel) -> BigramTrainingResult:
    return run(tiny, BigramTraining(text=TEXT, steps=STEPS, rate=RATE, after=("on the", "zz")))


def test_each_step_equals_a_torch_sgd_step(result) -> None:
    """Automatic gradients of the summed cross-entropy give the same losses, to 1e-9."""
    ids = torch.tensor([token.id for token in result.tokens])
    table = torch.zeros(result.d_vocab, result.d_vocab, dtype=torch.float64, requires_grad=True)
    losses = []
    for _ in range(STEPS + 1):
        loss = torch.nn.functional.cross_entropy(table[ids[:-1]], ids[1:], reduction="sum")
        losses.append(loss.item() / (len(ids) - 1) / np.log(2))
        (gradient,) = torch.autograd.grad(loss, table)
        with torch.no_grad():
            table -= RATE * gradient
    assert result.loss == pytest.approx(losses, abs=1e-9)
    assert result.loss[0] == pytest.approx(np.log2(result.d_vocab)) == result.uniform_loss


def test_lowest_possible_loss_is_that_of_counting(tiny: LoadedModel, result) -> None:
    """It is the entropy of the counted pairs, and long training approaches it."""
    ids = [token.id for token in result.tokens]
    first, pairs = Counter(ids[:-1]), Counter(pairwise(ids))
    bits = [-count * np.log2(count / first[a]) for (a, _), count in pairs.items()]
    assert result.lowest_loss == pytest.approx(sum(bits) / (len(ids) - 1), abs=1e-12)
    assert result.rows == len(first)

    longer = run(tiny, BigramTraining(text=TEXT, steps=1000, rate=RATE))
    assert 0 < longer.excess_loss < 0.02 < result.excess_loss
    assert longer.always_falls and result.always_falls


def test_falling_is_false_if_the_loss_rises_once(result) -> None:
    rising = result.model_copy(update={"loss": np.array([3.0, 2.0, 2.5, 1.0])})
    assert not rising.always_falls


def test_table_is_looked_up_by_the_last_token(result) -> None:
    """The most frequent follower is most probable; a token without followers has a uniform row."""
    ids = [token.id for token in result.tokens]
    frequent, unknown = result.after
    followers = Counter(b for a, b in pairwise(ids) if a == frequent.token.id)
    if followers:
        assert followers[frequent.top[0].id] == max(followers.values())
    if unknown.token.id not in ids[:-1]:
        assert [entry.prob for entry in unknown.top] == pytest.approx([1 / result.d_vocab] * 4)


def test_curve_ends_above_its_floor(result) -> None:
    analysis = BigramTraining(text=TEXT, steps=STEPS, rate=RATE)
    training, floor = analysis.figures(json_round_trip(analysis, result))["loss"].series
    assert len(training.y) == STEPS + 1 and training.y[-1] > floor.y[-1] == result.lowest_loss
