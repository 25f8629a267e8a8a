"""Means, PCA, correlation and sinusoids against computations written another way; all tolerances
are absolute.
"""

import math
import subprocess
import sys

import numpy as np
import pytest
from layerbook.core.vectors import (
    apply_rope,
    causal_mask,
    closest_pair,
    correlation,
    mean_pool,
    pool_texts,
    principal_components,
    shuffle_words,
    sinusoidal_encoding,
)


def points(rows: int, width: int, seed: int = 0) -> np.ndarray:
    """Random points of which some directions vary much more than others."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)) * np.linspace(3, 0.1, width) + rng.normal(size=width)


def test_the_axes_are_the_leading_eigenvectors_of_the_covariance():
    """Explained shares and coordinates against numpy's eigenvectors of the covariance, to 1e-9, up
    to sign.
    """
    rows = points(40, 9)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    basis = principal_components(rows)

    assert basis.explained == pytest.approx(tuple(values[::-1][:2] / values.sum()), abs=1e-9)
    expected = (rows - rows.mean(axis=0)) @ vectors[:, ::-1][:, :2]
    assert np.abs(np.abs(basis.project(rows)) - np.abs(expected)).max() < 1e-9


def test_few_points_in_many_dimensions_agree_with_singular_values_and_do_not_depend_on_chance():
    """Five points of 576 numbers, where scikit-learn by itself draws random numbers: exact, and the
    same every time.
    """
    rows = points(5, 576).astype(np.float32)
    _, spread, directions = np.linalg.svd(
        rows - rows.mean(axis=0, dtype=np.float64), full_matrices=False
    )
    first = principal_components(rows)

    assert first.explained == pytest.approx(tuple(spread[:2] ** 2 / (spread**2).sum()), abs=1e-6)
    assert np.abs(np.abs(first.axes) - np.abs(directions[:2])).max() < 1e-6
    again = principal_components(rows)
    assert np.array_equal(first.axes, again.axes) and first.explained == again.explained


def test_the_sign_is_fixed_by_the_largest_loading():
    """Turning all points upside down leaves the axes as they are: each axis' largest loading is
    positive.
    """
    rows = points(12, 7)
    basis, mirrored = principal_components(rows), principal_components(-rows)

    assert np.abs(basis.axes - mirrored.axes).max() < 1e-9
    assert (basis.axes[np.arange(2), np.abs(basis.axes).argmax(axis=1)] > 0).all()


def test_axes_without_variance_are_zero_and_not_noise():
    """Points on a line have one axis, equal points none, and nothing becomes NaN."""
    line = principal_components(np.outer(np.arange(4.0), [3.0, 4.0, 0.0]) + 1)
    assert line.explained == pytest.approx((1.0, 0.0), abs=1e-12)
    assert line.axes[0] == pytest.approx([0.6, 0.8, 0.0], abs=1e-12) and not line.axes[1].any()

    for rows in (np.full((3, 4), 7.1), np.ones((1, 4)), np.zeros((2, 4))):
        still = principal_components(rows)
        assert (
            still.explained == (0.0, 0.0) and not still.axes.any() and not still.project(rows).any()
        )


def test_a_projection_never_lengthens_a_distance():
    """What lies on the map is no further apart than in all dimensions, also for points that the
    axes never saw.
    """
    basis, others = principal_components(points(8, 30)), points(8, 30, seed=1)
    flat = basis.project(others)
    for i in range(8):
        for j in range(8):
            assert np.linalg.norm(flat[i] - flat[j]) <= np.linalg.norm(others[i] - others[j]) + 1e-9


def test_importing_the_vectors_does_not_import_scikit_learn():
    """Rendering a book reads this module and must not pay for PCA."""
    code = "import sys, layerbook.core.vectors; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pooling_is_the_mean_and_padding_counts_as_rows():
    """Against the padded matrix written out, to 1e-12; texts that are long enough are not
    padded.
    """
    rows, pad = points(3, 5).astype(np.float32), np.arange(5, dtype=np.float32)
    assert mean_pool(rows) == pytest.approx(rows.astype(np.float64).mean(axis=0), abs=1e-12)
    filled = np.vstack([rows, pad, pad]).astype(np.float64)
    assert mean_pool(rows, pad, 5) == pytest.approx(filled.mean(axis=0), abs=1e-12)
    assert np.array_equal(mean_pool(rows, pad, 3), mean_pool(rows)) and np.array_equal(
        mean_pool(rows, pad, 1), mean_pool(rows)
    )


def test_means_are_of_each_text_filled_up_to_the_longest_where_there_is_padding():
    """Three texts of 2, 4 and 1 rows against the padded batch as one array, to 1e-12."""
    texts, pad = [points(n, 5, seed=n) for n in (2, 4, 1)], np.full(5, 7.0)
    batch = np.array([np.vstack([rows, *[pad[None]] * (4 - len(rows))]) for rows in texts])
    assert np.abs(pool_texts(texts, pad) - batch.mean(axis=1)).max() < 1e-12
    assert np.abs(pool_texts(texts) - np.array([rows.mean(axis=0) for rows in texts])).max() < 1e-12


def test_correlation_is_pearsons_r_and_nothing_for_a_constant():
    """Against the sum over standardised values, to 1e-12."""
    x, y = [1.0, 2.0, 4.0, 8.0], [3.0, 1.0, 0.5, 0.0]
    r = sum((a - np.mean(x)) * (b - np.mean(y)) for a, b in zip(x, y, strict=True)) / (
        4 * np.std(x) * np.std(y)
    )
    assert correlation(x, y) == pytest.approx(r, abs=1e-12)
    assert correlation(x, [5, 5, 5, 5]) is None and correlation([0, 0, 0, 0], y) is None


@pytest.mark.parametrize("C", [1, 10, 10000])
@pytest.mark.parametrize("width", [6, 7])
def test_sinusoids_follow_the_formula(C, width):
    """Number by number, to 1e-12, for an even and an odd width."""
    encoding = sinusoidal_encoding(9, width, C)
    for position in range(9):
        for i in range(width):
            angle = position / C ** (2 * (i // 2) / width)
            assert encoding[position, i] == pytest.approx(
                math.cos(angle) if i % 2 else math.sin(angle), abs=1e-12
            )


def test_shuffled_words_are_the_same_words_in_an_order_that_the_seed_fixes():
    """Same seed, same order; another seed, another; each text its own; whitespace becomes single
    spaces.
    """
    texts = ["a b  c d e f g", "a b c d e f g", "one"]
    once = shuffle_words(texts, 3)
    assert once == shuffle_words(texts, 3) != shuffle_words(texts, 4)
    assert [sorted(t.split()) for t in once] == [sorted(t.split()) for t in texts]
    assert once[0] != once[1] and once[2] == "one" and "  " not in once[0]


def test_the_nearest_two_are_found_among_all_pairs():
    """Against a loop over all pairs; one point alone is an error."""
    rows = points(10, 4, seed=3)
    pairs = [(i, j) for i in range(10) for j in range(i + 1, 10)]
    assert closest_pair(rows) == min(
        pairs, key=lambda p: float(np.linalg.norm(rows[p[0]] - rows[p[1]]))
    )
    with pytest.raises(ValueError, match="neighbour"):
        closest_pair(rows[:1])


def test_only_the_dimensions_with_speeds_turn():
    """They are multiplied by the scale too; the others stay as they are."""
    rows = points(3, 6)
    found = apply_rope(rows, np.array([0, 1, 2]), [0.5, 0.25], scale=2.0)
    assert (found[:, 4:] == rows[:, 4:]).all()
    assert (found[0, :4] == 2 * rows[0, :4]).all()
    assert (
        np.abs(np.linalg.norm(found[:, :4], axis=1) / np.linalg.norm(rows[:, :4], axis=1) - 2).max()
        < 1e-12
    )


def test_a_window_hides_distant_keys():
    """A query sees itself and the keys before it, at most as many as the window."""
    assert (causal_mask(3) == np.tri(3, dtype=bool)).all()
    assert causal_mask(4, 2).astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]


def test_turning_goes_pair_by_pair():
    """Dimensions i and i + D/2 by at * theta^(-2i/D), with sines and cosines in plain loops, to
    1e-12; lengths stay.
    """
    rows, at = points(5, 8), np.array([0, 3, 1, 1000, 7])
    found = apply_rope(
        np.stack([rows, 2 * rows]).astype(np.float32), at, 10000.0 ** (-np.arange(0, 8, 2) / 8)
    )

    for row, position, new in zip(
        rows.astype(np.float32).astype(np.float64), at, found[0], strict=True
    ):
        for i in range(4):
            angle = position * 10000.0 ** (-2 * i / 8)
            a, b = row[i], row[i + 4]
            assert new[i] == pytest.approx(a * math.cos(angle) - b * math.sin(angle), abs=1e-12)
            assert new[i + 4] == pytest.approx(a * math.sin(angle) + b * math.cos(angle), abs=1e-12)
    assert np.abs(found[1] - 2 * found[0]).max() < 1e-12
    assert (
        np.abs(
            np.linalg.norm(found[0], axis=1) - np.linalg.norm(rows.astype(np.float32), axis=1)
        ).max()
        < 1e-6
    )
