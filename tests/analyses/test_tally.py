"""Many draws from one distribution, against its probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.run_analysis import json_round_trip
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.tally import Tally
from layerbook.core.requests import NEXT_LOGITS

SHARES = np.array([0.5, 0.3, 0.15, 0.05])


def draw(**settings):
    analysis = Tally(prompt="x", show_top=2, **settings)
    capture = ByteVocabulary(*"abcd").capture([0], {NEXT_LOGITS: np.log(SHARES)})
    return analysis, json_round_trip(analysis, analysis.measure({"prompt": capture}))


def test_counts_follow_the_probabilities() -> None:
    """They are within four standard deviations of the binomial distribution, for five seeds."""
    for seed in range(5):
        _, result = draw(draws=10_000, seed=seed)
        for token, share in zip(result.top, SHARES, strict=False):
            assert token.draw_prob == pytest.approx(share)
            deviation = (10_000 * share * (1 - share)) ** 0.5
            assert abs(token.count - 10_000 * share) < 4 * deviation
        assert sum(token.count for token in result.top) + result.other_count == 10_000
        assert result.distinct_tokens == 4


def test_excluded_tokens_are_never_drawn() -> None:
    _, result = draw(draws=500, top_k=1)
    assert [token.count for token in result.top] == [500, 0]
    assert (result.other_count, result.distinct_tokens) == (0, 1)


def test_counts_depend_on_the_seed() -> None:
    counts = [tuple(token.count for token in draw(seed=seed)[1].top) for seed in (1, 1, 2)]
    assert counts[0] == counts[1] != counts[2]


def test_counts_and_shares_of_both_panels_add_up() -> None:
    analysis, result = draw(draws=300)
    chances, counts = analysis.figures(result)["tally"].panels
    assert sum(chances.values) + chances.rest == pytest.approx(1)
    assert sum(counts.values) + counts.rest == 300


@pytest.mark.parametrize(("draws", "words"), [(1, "was drawn 1 time."), (2, "was drawn 2 times.")])
def test_alt_text_counts_the_draws(draws: int, words: str) -> None:
    analysis, result = draw(draws=draws, top_k=1)
    assert analysis.figures(result)["tally"].panels[1].alt.endswith(words)
