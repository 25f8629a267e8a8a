"""Sums of token vectors against numpy, and the rule that leaves out their words."""

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.embedding_arithmetic import EmbeddingArithmetic
from layerbook.core.figures import Bars, Frames, label_text
from layerbook.core.requests import EMBED

KING = ("king", "man", "woman")
PIECES = ("king", "man", "woman", "queen", " King", "apple")
PLANE = [[2, 2], [2, 0], [0, 3], [0.1, 5], [2, 2.1], [5, -5]]  # a second axis for women


def by_hand(vectors=PLANE, sums=(KING,), ids=((0,), (1,), (2,)), top_k=3):
    """Return the analysis on a vocabulary with these rows; `ids` are the tokens of the sum's
    words.
    """
    vocabulary = ByteVocabulary(*PIECES)
    analysis = EmbeddingArithmetic(sums=sums, top_k=top_k)
    matrix = vocabulary.capture((), {EMBED: np.array(vectors, dtype=np.float32)})
    names = ("start-0", "minus-0", "plus-0")
    words = {name: vocabulary.capture(tokens) for name, tokens in zip(names, ids, strict=True)}
    return analysis, json_round_trip(analysis, analysis.measure({**words, "matrix": matrix}))


def test_nearest_tokens_of_a_sum_match_a_hand_computation():
    """King - man + woman is (0, 5), and the queen is nearest."""
    _, result = by_hand()
    (word_sum,) = result.sums
    assert (word_sum.start, word_sum.minus, word_sum.plus) == KING
    assert [entry.token.text for entry in word_sum.nearest] == ["woman", "queen", " King"]
    assert [entry.is_summand for entry in word_sum.nearest] == [True, False, True]
    assert word_sum.answer.token.text == "queen"
    assert word_sum.answer.cosine == pytest.approx(25 / (5 * np.hypot(0.1, 5)), abs=1e-7)


def test_words_of_the_sum_are_excluded_in_every_spelling():
    """Only the apple is no word of the sum, so it is the answer, however far away."""
    vectors = [*PLANE[:3], [5, -4], *PLANE[4:]]
    _, result = by_hand(vectors, top_k=2)
    assert result.sums[0].answer.token.text == "queen"
    _, result = by_hand([*PLANE[:3], [0, -5], *PLANE[4:]], top_k=2)
    assert result.sums[0].answer.token.text == "apple"


def test_sum_without_the_subtraction_is_reported():
    """King + woman is (2, 5), and the queen is the nearest other word."""
    _, result = by_hand()
    plain = result.sums[0].without_minus
    cosine = (0.1 * 2 + 5 * 5) / (np.hypot(2, 5) * np.hypot(0.1, 5))
    assert plain.token.text == "queen" and plain.cosine == pytest.approx(cosine, abs=1e-7)


def test_word_of_several_tokens_is_their_mean():
    """The first word has tokens (2, 2) and (2, 0), so its vector is (2, 1)."""
    _, result = by_hand(ids=((0, 1), (1,), (2,)))
    total = np.array([2, 1]) - [2, 0] + [0, 3]
    first = result.sums[0].nearest[0]
    row = np.array(PLANE[first.token.id])
    assert first.cosine == pytest.approx(
        row @ total / np.linalg.norm(row) / np.linalg.norm(total), abs=1e-7
    )


def test_figures_mark_the_words_of_the_sum():
    """Other words are highlighted; each sum is a frame with its label."""
    analysis, result = by_hand()
    charts = analysis.figures(result)
    bars, pick = charts["sum-0"], charts["pick"]
    assert isinstance(bars, Bars) and bars.highlight == (1,)
    assert isinstance(pick, Frames)
    assert [label_text(frame.label) for frame in pick.frames] == ["king − man + woman"]


def check_against_numpy(model, sums):
    """Compare every cosine with a product of unit vectors, to 1e-7."""
    analysis = EmbeddingArithmetic(sums=sums)
    captures = capture_requests(model, analysis)
    result = run(model, analysis)
    E = captures["matrix"][EMBED].astype(np.float64)
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    for n, word_sum in enumerate(result.sums):
        start, minus, plus = (
            np.mean([E[token.id] for token in captures[f"{name}-{n}"].tokens], axis=0)
            for name in ("start", "minus", "plus")
        )
        total = start - minus + plus
        cosines = unit @ (total / np.linalg.norm(total))
        np.testing.assert_allclose(
            [entry.cosine for entry in word_sum.nearest],
            np.sort(cosines)[::-1][: len(word_sum.nearest)],
            atol=1e-7,
        )
        assert word_sum.answer.cosine == pytest.approx(cosines[word_sum.answer.token.id], abs=1e-7)
    return result


def test_cosines_agree_with_numpy_on_the_tiny_model(tiny):
    check_against_numpy(tiny, (("The cat", "sat", "on"), ("a", "b", "c")))


@pytest.mark.model
def test_cosines_agree_with_numpy_on_the_real_model(real):
    sums = ((" Paris", " France", " Germany"), (" Paris", " France", " Italy"))
    result = check_against_numpy(real, sums)
    assert [word_sum.answer.token.text for word_sum in result.sums] == [" Berlin", " Italians"]
