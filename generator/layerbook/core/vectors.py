"""What several analyses do to rows of vectors: pool, project, correlate, turn them, add sinusoids, shuffle words.

Shapes are written N rows, D dimensions, P positions. Everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.floating]


def closest_pair(points: Vectors) -> tuple[int, int]:
    """The two of N points [N, D] that lie closest together, the lower index first; ValueError for fewer than two."""
    if len(points) < 2:
        raise ValueError("one point alone has no neighbour")
    apart = np.array([np.linalg.norm(points - point, axis=1) for point in points])  # [N, N]
    np.fill_diagonal(apart, np.inf)
    first, second = divmod(int(apart.argmin()), len(points))
    return first, second


def mean_pool(rows: Vectors, pad: Vectors | None = None, length: int = 0) -> NDArray[np.float64]:
    """The mean of rows [N, D] -> [D]; with `pad` [D], of the rows filled up with it to `length` rows."""
    total: NDArray[np.float64] = rows.sum(axis=0, dtype=np.float64)
    if pad is None or length <= len(rows):
        return total / len(rows)
    return (total + (length - len(rows)) * pad.astype(np.float64)) / length


def pool_texts(texts: Sequence[Vectors], pad: Vectors | None = None) -> NDArray[np.float64]:
    """The mean of each of N texts' rows [T, D] -> [N, D]; with `pad` [D], all filled up with it to the longest text."""
    longest = max(map(len, texts))
    return np.array([mean_pool(rows, pad, longest) for rows in texts])


@dataclass(frozen=True)
class PrincipalAxes:
    """The flat sheet of a PCA: its centre [D], its axes [2, D], and the share of the variance along each."""

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: tuple[float, ...]

    def project(self, rows: Vectors) -> NDArray[np.float64]:
        """Coordinates [N, 2] of rows [N, D]."""
        return (rows - self.centre) @ self.axes.T


def principal_components(rows: Vectors, count: int = 2) -> PrincipalAxes:
    """PCA of rows [N, D] by scikit-learn, which centres them; an axis without variance is zero.

    The sign is fixed: each axis' largest loading is positive. The solver is the exact one: scikit-learn chooses a
    randomised one by itself where D is large. Source: Pearson 1901, doi:10.1080/14786440109462720.
    """
    from sklearn.decomposition import PCA  # a second of start-up that drawing a figure need not pay

    centred = rows - rows.mean(axis=0, dtype=np.float64)
    axes, explained = np.zeros((count, rows.shape[1])), np.zeros(count)
    size = np.abs(rows).max()
    if np.abs(centred).max() > 1e-12 * size:
        pca = PCA(n_components=min(count, *rows.shape), svd_solver="full").fit(centred)
        real = np.flatnonzero(pca.singular_values_ > 1e-12 * max(pca.singular_values_[0], size))
        found = pca.components_[real]
        axes[real] = (
            found * np.sign(found[np.arange(len(real)), np.abs(found).argmax(axis=1)])[:, None]
        )
        explained[real] = pca.explained_variance_ratio_[real]
    return PrincipalAxes(rows.mean(axis=0, dtype=np.float64), axes, tuple(explained.tolist()))


def correlation(x: ArrayLike, y: ArrayLike) -> float | None:
    """Pearson's r of two equally long series, or None where one of them does not vary."""
    a, b = (np.asarray(v, dtype=np.float64).ravel() for v in (x, y))
    if not (a.size and np.ptp(a) and np.ptp(b)):
        return None
    return float(np.corrcoef(a, b)[0, 1])


def sinusoidal_encoding(positions: int, width: int, C: float) -> NDArray[np.float64]:
    """PE [P, D]: sin(pos / C^(2k/D)) in the even dimensions 2k, the cosine in the odd 2k + 1.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, there with C = 10000.
    """
    pair = np.arange(width) // 2
    angle = np.arange(positions)[:, None] / C ** (2 * pair / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))


def apply_rope(rows: Vectors, at: NDArray[np.integer], theta: float) -> NDArray[np.float64]:
    """RoPE: vectors [..., P, D] turned by their positions `at` [P], as the models of the Llama family turn them.

    Dimensions i and i + D/2 are a pair, and pair i turns by at * theta^(-2i/D) radians.
    Source: Su et al. 2021 (arXiv:2104.09864), equation 34.
    """
    half = rows.shape[-1] // 2
    speed = theta ** (-2 * np.arange(half) / rows.shape[-1])  # [D/2], radians per position
    pairs = rows[..., :half].astype(np.float64) + 1j * rows[..., half:].astype(
        np.float64
    )  # [..., P, D/2]
    pairs = pairs * np.exp(1j * np.outer(at, speed))  # a turn is one multiplication
    return np.concatenate([pairs.real, pairs.imag], axis=-1)


def shuffle_words(texts: Sequence[str], seed: int) -> tuple[str, ...]:
    """Each text split at whitespace, its words in a random order, joined by single spaces; one stream for all."""
    rng = np.random.default_rng(seed)
    split = [text.split() for text in texts]
    return tuple(" ".join(words[i] for i in rng.permutation(len(words))) for words in split)
