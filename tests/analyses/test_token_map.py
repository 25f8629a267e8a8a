"""Tokens on a map: equal tokens coincide, and shuffling changes how words are split."""

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.token_map import TokenMap
from layerbook.core.figures import Scatter
from layerbook.core.requests import EMBED
from sklearn.decomposition import PCA

TEXTS = ("The cat sat on the mat .", "Birds fly", "The cat sat high in the sky today", "cool")


@pytest.fixture(scope="module")
def measured():
    """Return the analysis on random embedding rows, the fake model and the result."""
    model, analysis = FakeModel(width=20), TokenMap(prompts=TEXTS, shuffle_seed=1)
    return model, analysis, json_round_trip(analysis, analysis.measure(model.captures(analysis)))


def by_hand(*texts):
    """Return the analysis on two texts and their shuffles, each given as rows of (piece,
    vector).
    """
    vocabulary = ByteVocabulary(*dict.fromkeys(piece for text in texts for piece, _ in text))
    captures = {}
    for name, text in zip(("text-0", "text-1", "words-0", "words-1"), texts, strict=True):
        ids = [vocabulary.find(piece).id for piece, _ in text]
        captures[name] = vocabulary.capture(
            ids, {EMBED: np.array([v for _, v in text], dtype=np.float32)}
        )
    analysis = TokenMap(prompts=("one", "two"), shuffle_seed=0)
    return analysis, json_round_trip(analysis, analysis.measure(captures))


def test_axes_are_the_pca_of_distinct_tokens(measured):
    """scikit-learn's PCA of the distinct rows agrees to 1e-9, up to sign."""
    model, _, result = measured
    first = [s for s in result.points if not s.shuffled]
    ids = list(dict.fromkeys(s.token.id for s in first))
    pca = PCA(2, svd_solver="full").fit(model.matrix[ids].astype(np.float64))

    assert result.fitted == len(ids) and [t.id for t in result.distinct[: len(ids)]] == ids
    assert result.explained == pytest.approx(tuple(pca.explained_variance_ratio_), abs=1e-9)
    expected = pca.transform(model.matrix[[s.token.id for s in result.points]].astype(np.float64))
    assert np.abs(np.abs([(s.x, s.y) for s in result.points]) - np.abs(expected)).max() < 1e-9


def test_equal_tokens_share_a_point_at_every_position(measured):
    """Tokens that occur in several texts are named."""
    _, _, result = measured
    places = {(s.token.id, s.x, s.y) for s in result.points}
    assert (
        len(places)
        == len({s.token.id for s in result.points})
        == len(result.distinct)
        < len(result.points)
    )
    assert result.equal_token_difference == 0
    assert {t.text for t in result.repeated} == {"The", " cat", " sat", " the"}


def test_detects_vectors_that_depend_on_the_text():
    """Changing one number of one repetition is reported as the difference."""
    a, b = ("a", [1, 0]), (" b", [0, 1])
    assert by_hand([a, b], [b], [a, b], [b])[1].equal_token_difference == 0
    assert by_hand([a, b], [b], [a, b], [(" b", [0.25, 1])])[1].equal_token_difference == 0.25


def test_closest_different_token_is_reported(measured):
    """It agrees with a loop over all pairs."""
    model, _, result = measured
    for n, token in enumerate(result.distinct):
        distances = {
            m: float(np.linalg.norm(model.matrix[token.id].astype(float) - model.matrix[other.id]))
            for m, other in enumerate(result.distinct) if m != n
        }  # fmt: skip
        assert result.closest[n] == min(distances, key=distances.__getitem__)
        assert result.distance[n] == pytest.approx(min(distances.values()), abs=1e-5)


def test_arrows_lead_to_retokenized_words():
    """An arrow leads to the same word with or without its space, in the same text."""
    row = {
        name: (name, [float(i), 1.0])
        for i, name in enumerate(("The", " cat", "cat", " The", " x", "y"))
    }
    first, second = [row["The"], row[" cat"]], [row[" x"], row[" x"]]
    _, result = by_hand(first, second, [row["cat"], row[" The"]], [row[" x"], row["y"]])

    points = result.points
    assert [p.retokenized_as and points[p.retokenized_as].token.text for p in points] == [
        *(" The", "cat", None, None), *(None, None, None, None)
    ]  # fmt: skip
    assert result.tokens_lost == 3  # The, ·cat, and one of the two ·x


def test_every_distinct_token_has_one_named_point(measured):
    """It has the color of its text, and its note lists its positions."""
    _, analysis, result = measured
    chart = analysis.figures(result)["map"]
    assert isinstance(chart, Scatter) and chart.equal and len(chart.points) == len(result.points)
    assert sum(p.show_label for p in chart.points) == len(result.distinct)
    assert [p.arrow_to for p in chart.points] == [s.retokenized_as for s in result.points]
    assert {p.group for p in chart.points} == set(TEXTS)
    assert chart.points[0].tooltip.startswith("Token 0 of the text as written.")
    assert f"{result.distance[0]:.3g} away" in chart.points[0].tooltip


def test_tiny_model_and_single_token_are_mapped(tiny):
    """Texts of a single token give a map without extent or neighbors."""
    assert (
        run(
            tiny, TokenMap(prompts=("The cat sat", "the cat"), shuffle_seed=0)
        ).equal_token_difference
        == 0
    )
    lone = run(tiny, TokenMap(prompts=("a", "a"), shuffle_seed=0))
    assert lone.distance == (0,) and {(s.x, s.y) for s in lone.points} == {(0, 0)}
