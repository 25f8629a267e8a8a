"""The map of words, against scikit-learn and on hand-made vectors."""

import base64
import json

import numpy as np
import pytest
from fixtures.run_analysis import json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.vocabulary_map import VocabularyMap
from layerbook.core.figures import Scatter, Widget
from layerbook.core.requests import EMBED
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors


def by_hand(vectors, *pieces, **parameters):
    """Return the analysis and its result on a vocabulary with these rows."""
    vocabulary = ByteVocabulary(*pieces, special=0)
    analysis = VocabularyMap(examples=("cat",), **parameters)
    matrix = vocabulary.capture((), {EMBED: np.array(vectors, dtype=np.float32)})
    return analysis, json_round_trip(analysis, analysis.measure({"matrix": matrix}))


def test_map_agrees_with_scikit_learn(tiny):
    """Positions up to the sign of an axis, neighbors and cosines agree."""
    result = run(tiny, VocabularyMap(examples=("the",), words=200, top_k=3))
    E = tiny.network.model.embed_tokens.weight.numpy()[list(result.ids)].astype(np.float64)
    directions = E / np.linalg.norm(E, axis=1, keepdims=True)
    pca = PCA(2, svd_solver="full").fit(directions)
    expected = pca.transform(directions)
    for axis in range(2):
        coordinates = result.places[:, axis]
        sign = np.sign(coordinates @ expected[:, axis])
        np.testing.assert_allclose(coordinates, sign * expected[:, axis], atol=1e-6)
    assert result.explained == pytest.approx(tuple(pca.explained_variance_ratio_))
    search = NearestNeighbors(n_neighbors=4, metric="cosine", algorithm="brute").fit(directions)
    distances, order = search.kneighbors(directions)
    np.testing.assert_array_equal(result.neighbors, order[:, 1:])
    np.testing.assert_allclose(result.cosines, 1 - distances[:, 1:], atol=1e-6)


def test_only_words_of_three_letters_after_a_space_are_mapped():
    """Short tokens and digits are left out, and lengths of vectors are ignored."""
    pieces = (" cat", "cat", " it", " dog", " 1234", " bird")
    vectors = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [9, 1, 0], [1, 0, 0], [0, 0, 1]]
    _, result = by_hand(vectors, *pieces, top_k=1)
    assert result.ids == (0, 3, 5) and result.texts == ("cat", "dog", "bird")
    assert result.neighbors[:2].tolist() == [[1], [0]]
    assert result.cosines[0, 0] == pytest.approx(9 / 82**0.5)
    assert by_hand(vectors, *pieces, words=2)[1].texts == ("cat", "dog")


def test_share_of_neighbors_kept_by_the_map_is_reported():
    """Words that lie in a plane keep all neighbors."""
    vectors = [[1, 0.1], [1, 0], [-1, 0.1], [-1, 0]]
    _, result = by_hand(vectors, " cat", " dog", " one", " two", top_k=1)
    assert result.neighbors_kept == 1


def test_page_data_equal_the_result():
    """Numbers are rounded to hundredths and little-endian."""
    vectors = [[1, 0, 0], [9, 1, 0], [0, 0, 1]]
    analysis, result = by_hand(vectors, " cat", " dog", " bird", top_k=2)
    figure = analysis.figures(result)["map"]
    assert isinstance(figure, Scatter) and isinstance(figure.interactive, Widget)
    data = json.loads(figure.interactive.data)

    def decoded(name, form):
        return np.frombuffer(base64.b64decode(data[name]), dtype=form).tolist()

    steps = result.places / np.abs(result.places).max() * 2000
    np.testing.assert_allclose(decoded("places", "<i2"), steps.ravel(), atol=0.51)
    assert decoded("neighbors", "<u2") == result.neighbors.astype(int).ravel().tolist()
    assert decoded("cosines", "i1") == np.rint(100 * result.cosines).ravel().tolist()
    assert data["examples"] == [0] and data["texts"] == ["cat", "dog", "bird"]
    assert [point.label for point in figure.points] == ["cat", "dog", "bird"]
