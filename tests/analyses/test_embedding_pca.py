"""Texts on a map: means, padding, shuffles, and distances that the map hides."""

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, json_round_trip, run
from layerbook.analyses.embedding_pca import EmbeddingPca
from layerbook.core.figures import Heatmap, Scatter
from pydantic import ValidationError

TEXTS = ("The cat sat on the mat .", "Birds fly", "The cat sat high in the sky today", "cool")


def measured(**parameters):
    """Return the analysis on random embedding rows, the fake model and the result."""
    model, analysis = FakeModel(width=20), EmbeddingPca(prompts=TEXTS, **parameters)
    return model, analysis, json_round_trip(analysis, analysis.measure(model.captures(analysis)))


def rows(model, points):
    """Return the token vectors [T, D] of each text, float64."""
    return [
        model.matrix[[token.id for token in point.tokens]].astype(np.float64) for point in points
    ]


def flat(points):
    return np.array([(point.x, point.y) for point in points])


def by_singular_values(means):
    """Return explained shares and coordinates up to sign, with numpy alone."""
    centered = means - means.mean(axis=0)
    u, singular_values, _ = np.linalg.svd(centered, full_matrices=False)
    shares = singular_values[:2] ** 2 / (singular_values**2).sum()
    return shares, np.abs(u[:, :2] * singular_values[:2])


def test_map_is_the_pca_of_the_means():
    """Shares and points agree with singular values to 1e-9, up to sign."""
    model, _, result = measured()
    explained, coordinates = by_singular_values(
        np.array([r.mean(axis=0) for r in rows(model, result.points)])
    )

    assert result.explained == pytest.approx(tuple(explained), abs=1e-9)
    assert np.abs(np.abs(flat(result.points)) - coordinates).max() < 1e-9
    assert result.explained_if_equal == pytest.approx(2 / 3)
    assert result.shuffled is None


def test_cosines_equal_products_of_unit_vectors():
    """They agree to 1e-6, and the heatmap shows the same numbers."""
    model, analysis, result = measured()
    means = np.array([r.mean(axis=0) for r in rows(model, result.points)])
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)

    np.testing.assert_allclose(result.cosines, unit @ unit.T, atol=1e-6)
    heatmap = analysis.figures(result)["cosines"]
    assert isinstance(heatmap, Heatmap) and (heatmap.values == result.cosines).all()


def test_padded_means_equal_those_of_a_padded_batch():
    """The batch is written out as one array; r agrees with numpy."""
    model, _, result = measured(pooling="mean-with-padding")
    texts = rows(model, result.points)
    longest = max(map(len, texts))
    pad = model.matrix[0].astype(np.float64)
    batch = np.array(
        [np.vstack([r, *[pad[None]] * (longest - len(r))]) for r in texts]
    )  # [N, T, D]
    explained, coordinates = by_singular_values(batch.mean(axis=1))

    assert result.explained == pytest.approx(tuple(explained), abs=1e-9)
    assert np.abs(np.abs(flat(result.points)) - coordinates).max() < 1e-9
    pads = [longest - len(r) for r in texts]
    assert [point.padding for point in result.points] == pads
    r = np.corrcoef([point.x for point in result.points], pads)[0, 1]
    assert result.padding_correlation == pytest.approx(r, abs=1e-9)
    assert result.padding_alignment > measured()[2].padding_alignment
    assert result.pad.special


def test_correlation_is_absent_without_padding():
    """It is None rather than NaN."""
    analysis = EmbeddingPca(prompts=("a b", "c d", "e f"))
    assert (
        json_round_trip(
            analysis, analysis.measure(FakeModel().captures(analysis))
        ).padding_correlation
        is None
    )


def test_shuffled_texts_are_projected_on_the_axes_of_the_originals():
    """`basis: first` uses the eigenvectors of the originals, to 1e-9, with their signs."""
    model, _, result = measured(shuffle_seed=1)
    means, others = (
        np.array([r.mean(axis=0) for r in rows(model, p)])
        for p in (result.points, result.shuffled.points)
    )
    _, vectors = np.linalg.eigh(np.cov(means.T))
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(((means - means.mean(axis=0)) @ axes * flat(result.points)).sum(axis=0))

    assert np.abs((others - means.mean(axis=0)) @ axes - flat(result.shuffled.points)).max() < 1e-9
    assert result.shuffled.axes_cosines == pytest.approx((1, 1))
    assert result.shuffled.displacements == pytest.approx(
        np.linalg.norm(others - means, axis=1), abs=1e-9
    )
    assert max(result.shuffled.displacements) > 0.1


def test_each_basis_has_its_own_axes():
    """`basis: each` fits the shuffled set separately."""
    model, _, result = measured(shuffle_seed=1, basis="each")
    explained, coordinates = by_singular_values(
        np.array([r.mean(axis=0) for r in rows(model, result.shuffled.points)])
    )

    assert result.shuffled.explained == pytest.approx(tuple(explained), abs=1e-9)
    assert np.abs(np.abs(flat(result.shuffled.points)) - coordinates).max() < 1e-9
    assert min(result.shuffled.axes_cosines) < 0.999
    assert result.points == measured(shuffle_seed=1)[2].points


def test_shuffled_words_change_means_and_permuted_ids_do_not():
    """Changed tokens are counted by hand; means of permuted ids agree to 1e-12."""
    _, _, result = measured(shuffle_seed=1)
    changed = [
        sorted(t.id for t in a.tokens) != sorted(t.id for t in b.tokens)
        for a, b in zip(result.points, result.shuffled.points, strict=True)
    ]
    assert result.shuffled.changed_tokens == sum(changed)
    assert 0 < result.shuffled.changed_tokens < len(TEXTS)  # "cool" cannot change
    assert result.shuffled.permuted_difference < 1e-12


def test_nearest_pair_can_differ_between_map_and_space():
    """Both pairs agree with loops over all pairs."""
    model, _, result = measured()
    means = np.array([r.mean(axis=0) for r in rows(model, result.points)])
    for pair, where in ((result.nearest, means), (result.nearest_on_map, flat(result.points))):
        pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
        assert pair == min(pairs, key=lambda p: float(np.linalg.norm(where[p[0]] - where[p[1]])))


def test_closest_texts_match_loops_over_all_pairs():
    """Distances agree to 1e-9; notes name the closest text and how far the shuffle moved it."""
    model, analysis, result = measured(shuffle_seed=1)
    means = np.array([r.mean(axis=0) for r in rows(model, result.points)])
    points = analysis.figures(result)["pca"].points
    for i, point in enumerate(result.points):
        distances = [float(np.linalg.norm(means[i] - other)) for other in means]
        assert result.distances[i].tolist() == pytest.approx(distances, abs=1e-9)
        nearest = min((j for j in range(4) if j != i), key=distances.__getitem__)
        assert points[i].label == point.text
        assert (
            f"all 20 dimensions: {result.points[nearest].text} ({distances[nearest]:.3g} away)"
            in points[i].tooltip
        )
        moved = (result.shuffled.displacements[i], result.shuffled.displacements_on_map[i])
        assert points[
            4 + i
        ].tooltip == "Moved by {:.3g} in all dimensions, by {:.3g} on the map.".format(*moved)


def test_equal_texts_give_a_map_without_extent():
    """Without variance the shares are zero, and nothing is NaN."""
    analysis = EmbeddingPca(prompts=("same", "same"))
    result = json_round_trip(analysis, analysis.measure(FakeModel().captures(analysis)))
    assert result.explained == (0, 0) and flat(result.points).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValidationError):
        EmbeddingPca(prompts=("one",))


def test_arrows_need_shared_axes():
    """One map has arrows to the shuffled texts, two maps have none."""
    for basis, arrows in (("first", [4, 5, 6, 7]), ("each", [None] * 4)):
        _, analysis, result = measured(shuffle_seed=1, basis=basis, pooling="mean-with-padding")
        charts = analysis.figures(result)
        chart = charts["pca"]
        assert isinstance(chart, Scatter) and chart.equal
        assert [point.arrow_to for point in chart.points[:4]] == arrows
        assert f"{result.explained[0]:.0%}" in chart.x.title() and "cool" in chart.alt
        assert "padding" in charts and f"{result.padding_correlation:.2f}" in charts["padding"].alt
    _, analysis, result = measured()
    assert (
        set(analysis.figures(result)) == {"pca", "cosines"}
        and len(analysis.figures(result)["pca"].points) == 4
    )


def test_padding_is_the_tokenizers_own_token(tiny):
    """The pad is `<|im_end|>`, and permuted ids change no mean, to 1e-12."""
    texts = ("The cat sat on the table.", "The dog", "noise noise")
    result = run(tiny, EmbeddingPca(prompts=texts, pooling="mean-with-padding", shuffle_seed=0))
    assert result.pad.text == "<|im_end|>" and result.pad.special
    assert (
        min(point.padding for point in result.points)
        == 0
        < max(point.padding for point in result.points)
    )
    assert result.shuffled.permuted_difference < 1e-12
