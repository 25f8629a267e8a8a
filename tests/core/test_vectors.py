"""Means, PCA, correlation and encodings agree with independent computations.

All tolerances are absolute.
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


def random_points(rows: int, width: int, seed: int = 0) -> np.ndarray:
    """Return random points that vary much more in some directions than in others."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)) * np.linspace(3, 0.1, width) + rng.normal(size=width)


def test_components_are_eigenvectors():
    """Shares and coordinates match numpy's eigenvectors of the covariance to 1e-9, up to sign."""
    rows = random_points(40, 9)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    basis = principal_components(rows)

    assert basis.explained == pytest.approx(tuple(values[::-1][:2] / values.sum()), abs=1e-9)
    expected = (rows - rows.mean(axis=0)) @ vectors[:, ::-1][:, :2]
    assert np.abs(np.abs(basis.project(rows)) - np.abs(expected)).max() < 1e-9


def test_components_of_few_points():
    """Five points in 576 dimensions match an exact SVD.

    The axes are the same each time, where scikit-learn by default draws random numbers.
    """
    rows = random_points(5, 576).astype(np.float32)
    _, singular_values, directions = np.linalg.svd(
        rows - rows.mean(axis=0, dtype=np.float64), full_matrices=False
    )
    first = principal_components(rows)

    assert first.explained == pytest.approx(
        tuple(singular_values[:2] ** 2 / (singular_values**2).sum()), abs=1e-6
    )
    assert np.abs(np.abs(first.axes) - np.abs(directions[:2])).max() < 1e-6
    second = principal_components(rows)
    assert np.array_equal(first.axes, second.axes) and first.explained == second.explained


def test_sign_of_components():
    """The largest loading of each axis is positive, also for mirrored points."""
    rows = random_points(12, 7)
    basis, mirrored = principal_components(rows), principal_components(-rows)

    assert np.abs(basis.axes - mirrored.axes).max() < 1e-9
    assert (basis.axes[np.arange(2), np.abs(basis.axes).argmax(axis=1)] > 0).all()


def test_components_without_variance():
    """Points on a line have one axis, equal points none, and nothing becomes NaN."""
    line = principal_components(np.outer(np.arange(4.0), [3.0, 4.0, 0.0]) + 1)
    assert line.explained == pytest.approx((1.0, 0.0), abs=1e-12)
    assert line.axes[0] == pytest.approx([0.6, 0.8, 0.0], abs=1e-12) and not line.axes[1].any()

    for rows in (np.full((3, 4), 7.1), np.ones((1, 4)), np.zeros((2, 4))):
        still = principal_components(rows)
        assert (
            still.explained == (0.0, 0.0) and not still.axes.any() and not still.project(rows).any()
        )


def test_projections_shorten_distances():
    """Projected points are never further apart, also points that the axes were not fitted to."""
    basis, projected_points = (
        principal_components(random_points(8, 30)),
        random_points(8, 30, seed=1),
    )
    projections = basis.project(projected_points)
    for i in range(8):
        for j in range(8):
            assert (
                np.linalg.norm(projections[i] - projections[j])
                <= np.linalg.norm(projected_points[i] - projected_points[j]) + 1e-9
            )


def test_imports_no_scikit_learn():
    """Rendering a book imports this module and must not load scikit-learn."""
    code = "import sys, layerbook.core.vectors; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mean_pool_counts_padding():
    """Padding counts as rows of the mean, to 1e-12; longer texts are not padded."""
    rows, pad = random_points(3, 5).astype(np.float32), np.arange(5, dtype=np.float32)
    assert mean_pool(rows) == pytest.approx(rows.astype(np.float64).mean(axis=0), abs=1e-12)
    filled = np.vstack([rows, pad, pad]).astype(np.float64)
    assert mean_pool(rows, pad, 5) == pytest.approx(filled.mean(axis=0), abs=1e-12)
    assert np.array_equal(mean_pool(rows, pad, 3), mean_pool(rows)) and np.array_equal(
        mean_pool(rows, pad, 1), mean_pool(rows)
    )


def test_pool_texts_pads_to_the_longest():
    """Three texts of 2, 4 and 1 rows match the padded batch as one array, to 1e-12."""
    texts, pad = [random_points(n, 5, seed=n) for n in (2, 4, 1)], np.full(5, 7.0)
    batch = np.array([np.vstack([rows, *[pad[None]] * (4 - len(rows))]) for rows in texts])
    assert np.abs(pool_texts(texts, pad) - batch.mean(axis=1)).max() < 1e-12
    assert np.abs(pool_texts(texts) - np.array([rows.mean(axis=0) for rows in texts])).max() < 1e-12


def test_correlation_agrees_with_numpy():
    """Pearson's r matches the sum over standardised values, to 1e-12; a constant has none."""
    x, y = [1.0, 2.0, 4.0, 8.0], [3.0, 1.0, 0.5, 0.0]
    r = sum((a - np.mean(x)) * (b - np.mean(y)) for a, b in zip(x, y, strict=True)) / (
        4 * np.std(x) * np.std(y)
    )
    assert correlation(x, y) == pytest.approx(r, abs=1e-12)
    assert correlation(x, [5, 5, 5, 5]) is None and correlation([0, 0, 0, 0], y) is None


@pytest.mark.parametrize("C", [1, 10, 10000])
@pytest.mark.parametrize("width", [6, 7])
def test_sinusoidal_encoding_follows_the_formula(C, width):
    """Each number matches the formula to 1e-12, for even and odd widths."""
    encoding = sinusoidal_encoding(9, width, C)
    for position in range(9):
        for i in range(width):
            angle = position / C ** (2 * (i // 2) / width)
            assert encoding[position, i] == pytest.approx(
                math.cos(angle) if i % 2 else math.sin(angle), abs=1e-12
            )


def test_shuffle_words_keeps_the_words():
    """The seed fixes the order, each text has its own, and whitespace becomes single spaces."""
    texts = ["a b  c d e f g", "a b c d e f g", "one"]
    once = shuffle_words(texts, 3)
    assert once == shuffle_words(texts, 3) != shuffle_words(texts, 4)
    assert [sorted(t.split()) for t in once] == [sorted(t.split()) for t in texts]
    assert once[0] != once[1] and once[2] == "one" and "  " not in once[0]


def test_closest_pair_has_the_least_distance():
    """The pair matches a loop over all pairs; a single point is an error."""
    rows = random_points(10, 4, seed=3)
    pairs = [(i, j) for i in range(10) for j in range(i + 1, 10)]
    assert closest_pair(rows) == min(
        pairs, key=lambda p: float(np.linalg.norm(rows[p[0]] - rows[p[1]]))
    )
    with pytest.raises(ValueError, match="neighbor"):
        closest_pair(rows[:1])


def test_partial_rope_leaves_the_other_dimensions():
    """Dimensions without a frequency are neither rotated nor scaled."""
    rows = random_points(3, 6)
    rotated = apply_rope(rows, np.array([0, 1, 2]), [0.5, 0.25], scale=2.0)
    assert (rotated[:, 4:] == rows[:, 4:]).all()
    assert (rotated[0, :4] == 2 * rows[0, :4]).all()
    assert (
        np.abs(
            np.linalg.norm(rotated[:, :4], axis=1) / np.linalg.norm(rows[:, :4], axis=1) - 2
        ).max()
        < 1e-12
    )


def test_causal_mask_hides_later_keys():
    """A query sees itself and the keys before it, at most as many as the window."""
    assert (causal_mask(3) == np.tri(3, dtype=bool)).all()
    assert causal_mask(4, 2).astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]


def test_apply_rope_rotates_pairs():
    """Dimensions i and i + D/2 rotate by position * theta^(-2i/D), to 1e-12; lengths stay."""
    rows, positions = random_points(5, 8), np.array([0, 3, 1, 1000, 7])
    rotated = apply_rope(
        np.stack([rows, 2 * rows]).astype(np.float32),
        positions,
        10000.0 ** (-np.arange(0, 8, 2) / 8),
    )

    for row, position, rotated_row in zip(
        rows.astype(np.float32).astype(np.float64), positions, rotated[0], strict=True
    ):
        for i in range(4):
            angle = position * 10000.0 ** (-2 * i / 8)
            a, b = row[i], row[i + 4]
            assert rotated_row[i] == pytest.approx(
                a * math.cos(angle) - b * math.sin(angle), abs=1e-12
            )
            assert rotated_row[i + 4] == pytest.approx(
                a * math.sin(angle) + b * math.cos(angle), abs=1e-12
            )
    assert np.abs(rotated[1] - 2 * rotated[0]).max() < 1e-12
    assert (
        np.abs(
            np.linalg.norm(rotated[0], axis=1) - np.linalg.norm(rows.astype(np.float32), axis=1)
        ).max()
        < 1e-6
    )
