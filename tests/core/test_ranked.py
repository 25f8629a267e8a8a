"""The best of many logits, found without sorting them all: what sorting them all finds."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.word_tokenizer import ByteVocabulary
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.distributions import CHUNK_SIZE, ranked

VALUES = [-np.inf, -1.5, 0.0, 0.25, 3.0]  # so that many are equal


@given(st.integers(1, 6 * CHUNK_SIZE), st.integers(0, 2**32 - 1), st.data())
def test_the_best_are_those_of_a_stable_sort(size: int, seed: int, data: st.DataObject) -> None:
    """Best first, of equal ones the lower id, however many are asked for."""
    count = data.draw(st.integers(1, min(size, 8)) | st.integers(1, size))
    rng = np.random.default_rng(seed)
    logits = rng.choice(VALUES, size).astype(np.float32)
    logits[rng.integers(size)] = 4.0  # one at least is finite
    found = ranked(ByteVocabulary(*map(str, range(size))).capture([0], {}), logits, count)
    assert [one.id for one in found] == np.argsort(-logits, kind="stable")[:count].tolist()
    assert sum(one.prob for one in found) <= 1 + 1e-12


def test_a_whole_vocabulary() -> None:
    """As many as the model has, no two equal: the twenty best and their shares."""
    logits = np.random.default_rng(0).permutation(49_152).astype(np.float32) / 2000
    found = ranked(ByteVocabulary(*map(str, range(len(logits)))).capture([0], {}), logits, 20)
    order = np.argsort(-logits)[:20]
    assert [one.id for one in found] == order.tolist()
    shares = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum()
    assert [one.prob for one in found] == pytest.approx(shares[order].tolist())


def test_more_than_there_are_is_an_error() -> None:
    """Rather than a list that is shorter than its result says."""
    with pytest.raises(ValueError, match="there are 3 logits, not 4"):
        ranked(ByteVocabulary(*"abc").capture([0], {}), np.zeros(3, dtype=np.float32), 4)
