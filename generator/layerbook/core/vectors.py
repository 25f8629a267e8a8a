"""Arithmetic on rows of vectors, in float64. Shapes: N rows, D dimensions, P positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layerbook.core.rounding import snap

Vectors = NDArray[np.floating]


def closest_pair(points: Vectors) -> tuple[int, int]:
    """Return the two of N points [N, D] that are closest together, the lower index first."""
    if len(points) < 2:
        raise ValueError("one point alone has no neighbor")
    distances = np.array([np.linalg.norm(points - point, axis=1) for point in points])  # [N, N]
    np.fill_diagonal(distances, np.inf)
    first, second = divmod(int(snap(distances).argmin()), len(points))
    return first, second


def cosines(rows: Vectors, vector: Vectors) -> NDArray[np.float64]:
    """Return each row's cosine with a vector [N, D], [D] -> [N]; 0 where one has no length."""
    lengths = np.linalg.norm(rows, axis=-1) * np.linalg.norm(vector)  # [N]
    return rows @ vector / np.maximum(lengths, np.finfo(float).tiny)


def mean_pool(rows: Vectors, pad: Vectors | None = None, length: int = 0) -> NDArray[np.float64]:
    """Average rows [N, D] -> [D]; a `pad` [D] first fills them up to `length` rows."""
    total = rows.sum(axis=0, dtype=np.float64)
    if pad is None or length <= len(rows):
        return total / len(rows)
    return (total + (length - len(rows)) * pad.astype(np.float64)) / length


def pool_texts(texts: Sequence[Vectors], pad: Vectors | None = None) -> NDArray[np.float64]:
    """Average each of N texts [T, D] -> [N, D]; a `pad` [D] fills all up to the longest text."""
    longest = max(map(len, texts))
    return np.array([mean_pool(rows, pad, longest) for rows in texts])


@dataclass(frozen=True)
class PrincipalAxes:
    """The plane of a PCA: its center [D], its axes [2, D], and their shares of the variance."""

    center: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: tuple[float, ...]

    def project(self, rows: Vectors) -> NDArray[np.float64]:
        """Project rows [N, D] to coordinates [N, 2]."""
        return (rows - self.center) @ self.axes.T


def principal_components(rows: Vectors) -> PrincipalAxes:
    """Fit a PCA of two axes to rows [N, D] with scikit-learn; an axis without variance is zero.

    Each axis' largest loading is positive, which fixes the signs. The solver is the exact one:
    scikit-learn's choice for large D is randomized. Source: Pearson 1901,
    doi:10.1080/14786440109462720.
    """
    from sklearn.decomposition import PCA  # imported here: it takes a second

    center = rows.mean(axis=0, dtype=np.float64)  # [D]
    centered = rows - center  # [N, D]
    axes, explained = np.zeros((2, rows.shape[1])), np.zeros(2)
    scale = np.abs(rows).max()
    if np.abs(centered).max() > 1e-12 * scale:
        pca = PCA(n_components=min(2, *rows.shape), svd_solver="full").fit(centered)
        threshold = 1e-12 * max(pca.singular_values_[0], scale)
        nonzero = np.flatnonzero(pca.singular_values_ > threshold)
        components = pca.components_[nonzero]
        largest = snap(np.abs(components)).argmax(axis=1, keepdims=True)
        axes[nonzero] = components * np.sign(np.take_along_axis(components, largest, axis=1))
        explained[nonzero] = pca.explained_variance_ratio_[nonzero]
    return PrincipalAxes(center, axes, tuple(explained.tolist()))


def correlation(x: ArrayLike, y: ArrayLike) -> float | None:
    """Return Pearson's r of two equally long series, or None if one of them is constant."""
    a = np.asarray(x, dtype=np.float64).ravel()
    b = np.asarray(y, dtype=np.float64).ravel()
    if not (a.size and np.ptp(a) and np.ptp(b)):
        return None
    return float(np.corrcoef(a, b)[0, 1])


def sinusoidal_encoding(positions: int, width: int, C: float) -> NDArray[np.float64]:
    """Return PE [P, D]: sin(pos / C^(2k/D)) in even dimensions 2k, the cosine in odd 2k + 1.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, with C = 10000.
    """
    pair = np.arange(width) // 2
    angle = np.arange(positions)[:, None] / C ** (2 * pair / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))


def apply_rope(
    rows: Vectors, positions: NDArray[np.integer], speeds: Sequence[float], scale: float = 1.0
) -> NDArray[np.float64]:
    """Rotate vectors [..., P, D] by their `positions` [P], as the Llama family does.

    Of S speeds, in radians per position, number i turns the dimensions i and i + S, which are a
    pair; dimensions from 2 S on stay. The turned ones are multiplied by `scale`.
    Source: Su et al. 2021 (arXiv:2104.09864), equation 34; the scale: Peng et al. 2023
    (arXiv:2309.00071), section 3.4.
    """
    half = len(speeds)
    x = rows.astype(np.float64)
    pairs = x[..., :half] + 1j * x[..., half : 2 * half]  # [..., P, S]
    rotation = np.exp(1j * np.outer(positions, speeds))  # [P, S]
    pairs = pairs * scale * rotation
    return np.concatenate([pairs.real, pairs.imag, x[..., 2 * half :]], axis=-1)


def causal_mask(T: int, window: int | None = None) -> NDArray[np.bool_]:
    """Return which keys each query may see [T, T]: itself and the window - 1 keys before it."""
    query, key = np.arange(T)[:, None], np.arange(T)
    return (key <= query) & (key > query - (window or T))


def shuffle_words(texts: Sequence[str], seed: int) -> tuple[str, ...]:
    """Shuffle the words of each text with one random stream, joined by single spaces."""
    rng = np.random.default_rng(seed)
    words_of_texts = [text.split() for text in texts]
    return tuple(
        " ".join(words[i] for i in rng.permutation(len(words))) for words in words_of_texts
    )
