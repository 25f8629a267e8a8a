"""The best of many logits are selected without a full sort, with the same result."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.word_tokenizer import ByteVocabulary
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.distributions import ranked

VALUES = [-np.inf, -1.5, 0.0, 0.25, 3.0]  # so that many are equal


@given(st.integers(1, 600), st.integers(0, 2**32 - 1), st.data())
def test_matches_a_stable_sort(size: int, seed: int, data: st.DataObject) -> None:
    """The best come first, and of equal logits the lower id, for any count."""
    count = data.draw(st.integers(1, min(size, 8)) | st.integers(1, size))
    rng = np.random.default_rng(seed)
    logits = rng.choice(VALUES, size).astype(np.float32)
    logits[rng.integers(size)] = 4.0  # one at least is finite
    best = ranked(ByteVocabulary(*map(str, range(size))).capture([0], {}), logits, count)
    assert [token.id for token in best] == np.argsort(-logits, kind="stable")[:count].tolist()
    assert sum(token.prob for token in best) <= 1 + 1e-12


def test_ranks_a_large_vocabulary() -> None:
    """The twenty best of a real vocabulary's size, with their probabilities."""
    logits = np.random.default_rng(0).permutation(49_152).astype(np.float32) / 2000
    best = ranked(ByteVocabulary(*map(str, range(len(logits)))).capture([0], {}), logits, 20)
    order = np.argsort(-logits)[:20]
    assert [token.id for token in best] == order.tolist()
    shares = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum()
    assert [token.prob for token in best] == pytest.approx(shares[order].tolist())


def test_more_tokens_than_the_vocabulary_is_an_error() -> None:
    """A shorter list would differ from the count in the spec."""
    with pytest.raises(ValueError, match="there are 3 logits, not 4"):
        ranked(ByteVocabulary(*"abc").capture([0], {}), np.zeros(3, dtype=np.float32), 4)
