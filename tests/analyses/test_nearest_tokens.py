"""Nearest neighbors against scikit-learn, and the pitfalls of each measure on hand-made
vectors.
"""

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.nearest_tokens import NearestTokens
from layerbook.core.figures import Bars, Frames, Panels, label_text
from layerbook.core.requests import EMBED, EmbeddingMatrix, Encode
from sklearn.neighbors import NearestNeighbors

TOLERANCE = 1e-9


def by_hand(vectors, *pieces, ids=(0,), top_k=3, special=0):
    """Return the analysis on a vocabulary with these rows; `ids` are the tokens of its only
    text.
    """
    vocabulary = ByteVocabulary(*pieces, special=special)
    analysis = NearestTokens(prompts=("text",), top_k=top_k)
    matrix = vocabulary.capture((), {EMBED: np.array(vectors, dtype=np.float32)})
    return analysis, json_round_trip(
        analysis, analysis.measure({"text-0": vocabulary.capture(ids), "matrix": matrix})
    )


def check_against_scikit_learn(model, texts, top_k):
    """Compare with NearestNeighbors to 1e-7, since it normalizes first; dot products to 1e-9."""
    analysis = NearestTokens(prompts=texts, top_k=top_k)
    result = run(model, analysis)
    E = model.network.model.embed_tokens.weight.numpy()[: model.tokenizer.size].astype(np.float64)
    rows = [token_result.token.id for token_result in result.tokens]
    search = NearestNeighbors(n_neighbors=top_k + 1, metric="cosine", algorithm="brute").fit(E)
    distances, ids = search.kneighbors(E[rows])  # [Q, top_k + 1], the token itself among them
    for token_result, costs, order in zip(result.tokens, distances, ids, strict=True):
        near = token_result.cosine
        keep = order != token_result.token.id
        np.testing.assert_allclose([n.value for n in near], 1 - costs[keep][:top_k], atol=1e-7)
        assert {n.token.id for n in near} == set(order[keep][:top_k].tolist())
    for token_result in result.tokens:
        products = np.delete(E @ E[token_result.token.id], token_result.token.id)
        np.testing.assert_allclose(
            [n.value for n in token_result.dot], np.sort(products)[::-1][:top_k], atol=TOLERANCE
        )
        values = [E[n.token.id] @ E[token_result.token.id] for n in token_result.dot]
        assert [n.value for n in token_result.dot] == pytest.approx(values, abs=TOLERANCE)
        assert (
            token_result.larger_dot_products
            == (products > E[token_result.token.id] @ E[token_result.token.id]).sum()
        )
        assert token_result.norm == pytest.approx(
            np.linalg.norm(E[token_result.token.id]), abs=TOLERANCE
        )
    norms = np.linalg.norm(E, axis=1)
    assert result.norm_median == pytest.approx(np.median(norms), abs=TOLERANCE)
    assert [n.norm for n in result.longest] == pytest.approx(
        sorted(norms, reverse=True)[:top_k], abs=TOLERANCE
    )
    assert [n.norm for n in result.shortest] == pytest.approx(sorted(norms)[:top_k], abs=TOLERANCE)
    assert (result.size, result.d_model) == E.shape
    return result


def test_neighbors_agree_with_scikit_learn_on_the_tiny_model(tiny):
    """Every token of each text is listed once."""
    result = check_against_scikit_learn(tiny, ("The cat sat", "The cat"), 12)
    assert len(result.tokens) == len({token_result.token.id for token_result in result.tokens})


@pytest.mark.model
def test_neighbors_agree_with_scikit_learn_on_the_real_model(real):
    """By cosine, the nearest token to a cat is a cat."""
    result = check_against_scikit_learn(real, (" cat", " kitten", "!"), 8)
    assert [n.token.text for n in result.tokens[0].cosine[:4]] == [" Cat", "Cat", "cat", " cats"]
    assert result.tokens[1].larger_dot_products > 0


def test_neighbors_differ_between_measures():
    """A short vector by angle, a long one by dot product."""
    vectors = [[2, 0], [0.5, 0], [5, 5], [2, 1], [-9, 0]]
    _, result = by_hand(vectors, "a", "angle", "long", "close", "away", top_k=1)
    (token_result,) = result.tokens

    (by_angle,), (by_product,) = token_result.cosine, token_result.dot
    assert (by_angle.token.text, by_product.token.text) == ("angle", "long")
    assert (by_angle.value, by_product.value) == pytest.approx((1, 10))
    assert token_result.larger_dot_products == 1  # 10 is more than 2 * 2
    assert result.longest[0].token.text == "away" and result.shortest[0].token.text == "angle"


def test_word_is_matched_in_any_spelling():
    """Case and spaces are ignored; plurals, signs and fragments are other words."""
    pieces = ("cat", " Cat", " CAT", "cats", "!", " !", b"\xf0", b"\xf1")
    vectors = np.ones((len(pieces), 2)) + np.eye(len(pieces), 2)
    for id, same in ((0, {1, 2}), (4, set()), (6, set())):
        _, result = by_hand(vectors, *pieces, ids=(id,), top_k=7)
        assert {n.token.id for n in result.tokens[0].cosine if n.same_word} == same


def test_zero_rows_have_no_cosine_and_ties_sort_by_id():
    """Nothing is divided by zero or NaN."""
    _, result = by_hand([[0, 0], [1, 0], [1, 0], [0, 1]], "a", "b", "c", "d", ids=(0, 1))
    zero, other = result.tokens
    assert [n.value for n in zero.cosine] == [0, 0, 0] and [n.token.id for n in zero.cosine] == [
        1,
        2,
        3,
    ]
    assert [n.token.id for n in other.cosine] == [2, 0, 3]


def test_figures_distinguish_tokens_that_look_alike():
    """Entries with equal text have separate bars; each token is a frame."""
    analysis, result = by_hand(
        [[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], "a", b"\xf0", b"\xf1", " A", ids=(0, 3)
    )
    charts = analysis.figures(result)
    bars = charts["cosine-0"]
    assert isinstance(bars, Bars) and [label.hex for label in bars.labels] == ["f0", "f1", "2041"]
    assert bars.highlight == (2,) and bars.values == tuple(n.value for n in result.tokens[0].cosine)
    assert "dot-1" in charts
    pick = charts["pick"]
    assert isinstance(pick, Frames)
    assert [label_text(frame.label) for frame in pick.frames] == ["a", "·A"]
    panels = pick.frames[1].picture
    assert isinstance(panels, Panels) and [p.title for p in panels.panels] == [
        "by cosine",
        "by dot product",
    ]


def test_shortest_and_longest_vectors_are_listed():
    """Two panels, the shortest and the longest vectors, with their lengths."""
    analysis, result = by_hand([[3, 4], [0, 1], [6, 8]], "a", "b", "c", top_k=2)
    lengths = analysis.figures(result)["lengths"]
    assert isinstance(lengths, Panels)
    shortest, longest = (panel for panel in lengths.panels if isinstance(panel, Bars))
    assert [label_text(label) for label in shortest.labels] == ["b", "a"]
    assert shortest.values == (1, 5) and longest.values == (10, 5)


def test_only_the_matrix_and_the_tokenizer_are_requested(tiny):
    """The matrix is the network's own, with a row for every token."""
    analysis = NearestTokens(prompts=("a",))
    assert [type(request) for request in analysis.runs().values()] == [Encode, EmbeddingMatrix]
    matrix = capture_requests(tiny, analysis)["matrix"]
    assert len(matrix[EMBED]) == matrix.vocabulary.size
    assert (
        matrix[EMBED] == tiny.network.model.embed_tokens.weight.numpy()[: matrix.vocabulary.size]
    ).all()
    assert not matrix[EMBED].flags.writeable
