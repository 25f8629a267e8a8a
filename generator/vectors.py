"""What several analyses do to rows of vectors: pool them, project them, correlate them, add sinusoids, shuffle words.

Shapes are written N rows, D dimensions, P positions. Everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.floating]


def pooled(rows: Vectors, pad: Vectors | None = None, length: int = 0) -> NDArray[np.float64]:
    """The mean of rows [N, D] -> [D]; with `pad` [D], of the rows filled up with it to `length` rows."""
    total = rows.sum(axis=0, dtype=np.float64)
    missing = max(0, length - len(rows)) if pad is not None else 0
    return (total + missing * np.asarray(0.0 if pad is None else pad, dtype=np.float64)) / (len(rows) + missing)


@dataclass(frozen=True)
class Basis:
    """The flat sheet of a PCA: its centre [D], its axes [2, D], and the share of the variance along each."""

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: tuple[float, ...]

    def project(self, rows: Vectors) -> NDArray[np.float64]:
        """Coordinates [N, 2] of rows [N, D]."""
        return (rows - self.centre) @ self.axes.T


def principal_components(rows: Vectors, count: int = 2) -> Basis:
    """PCA of rows [N, D] by singular values; an axis without variance is zero.

    The sign is fixed: each axis' largest loading is positive. Source: Pearson 1901, doi:10.1080/14786440109462720.
    """
    centre = rows.mean(axis=0, dtype=np.float64)
    _, spread, directions = np.linalg.svd(rows - centre, full_matrices=False)
    real = (spread > 1e-12 * max(spread[0], np.abs(centre).max())).nonzero()[0][:count]
    axes, explained = np.zeros((count, len(centre))), np.zeros(count)
    largest = np.abs(directions[real]).argmax(axis=1)
    axes[real] = directions[real] * np.sign(directions[real, largest])[:, None]
    explained[real] = spread[real] ** 2 / (spread**2).sum()
    return Basis(centre, axes, tuple(explained.tolist()))


def correlation(x: ArrayLike, y: ArrayLike) -> float | None:
    """Pearson's r of two equally long series, or None where one of them does not vary."""
    a, b = (np.asarray(v, dtype=np.float64).ravel() for v in (x, y))
    if not (np.ptp(a) and np.ptp(b)):
        return None
    return float(np.corrcoef(a, b)[0, 1])


def sinusoids(positions: int, width: int, C: float) -> NDArray[np.float64]:
    """PE [P, D]: sin(pos / C^(2k/D)) in the even dimensions 2k, the cosine in the odd 2k + 1.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, there with C = 10000.
    """
    pair = np.arange(width) // 2
    angle = np.arange(positions)[:, None] / C ** (2 * pair / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))


def shuffled_words(texts: Sequence[str], seed: int) -> tuple[str, ...]:
    """Each text split at whitespace, its words in a random order, joined by single spaces; one stream for all."""
    rng = np.random.default_rng(seed)
    split = [text.split() for text in texts]
    return tuple(" ".join(words[i] for i in rng.permutation(len(words))) for words in split)
