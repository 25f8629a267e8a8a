"""Attention patterns as a script, for readers who browse layers and heads.

Shares of attention are stored in 16 bits, as the nearest multiple of 1/65535. In each row, the
shares of all keys but the first are multiplied by a power of two before: many rows give nearly all
attention to the first token, and the small remainders need digits of their own.
"""

from __future__ import annotations

import base64
import math
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layerbook.core.figures import AttentionData
from layerbook.core.language import gettext, localized
from layerbook.core.text import NARROW_SPACE
from layerbook.core.tokens import visible
from layerbook.site.interactive import assign_data, compact_json
from layerbook.site.prose.filters import bytes_
from layerbook.site.tokens_html import token_facts

SCALE = 65535
"""The integer that stands for a share of 1."""
MAX_EXPONENT = 35
"""The largest exponent in one digit of base 36."""


class PackedPatterns(NamedTuple):
    """Patterns as stored.

    steps: shares in 1/SCALE, scaled by row [layers, heads, T(T+1)/2].
    exponents: the power of two of each row [layers, heads, T].
    """

    steps: NDArray[np.uint16]
    exponents: NDArray[np.int64]


def pack(weights: NDArray[np.floating]) -> PackedPatterns:
    """Round patterns [layers, heads, T(T+1)/2] to 16 bits."""
    shares = weights.astype(np.float64)
    rows, keys = _row_key_indices(shares.shape[-1])
    rest = np.where(keys > 0, shares, 0.0)
    largest = np.maximum.reduceat(rest, np.flatnonzero(keys == 0), axis=-1)
    exponents = np.clip(-np.frexp(largest)[1], 0, MAX_EXPONENT).astype(np.int64)
    scaled = shares * np.where(keys > 0, 2.0 ** exponents[..., rows], 1.0)
    return PackedPatterns(np.round(scaled * SCALE).astype("<u2"), exponents)


def unpack(packed: PackedPatterns) -> NDArray[np.float64]:
    """Return the shares [layers, heads, T(T+1)/2] that the page shows."""
    rows, keys = _row_key_indices(packed.steps.shape[-1])
    factors = np.where(keys > 0, 2.0 ** packed.exponents[..., rows], 1.0)
    shares: NDArray[np.float64] = packed.steps.astype(np.float64) / SCALE / factors
    return shares


class RoundingErrors(NamedTuple):
    """The largest error of a share, and of one renormalized without the first token."""

    share: float
    without_first: float


def largest_errors(weights: NDArray[np.floating]) -> RoundingErrors:
    """Return the largest errors of packed patterns over all heads and each layer's mean."""
    exact, packed = weights.astype(np.float64), unpack(pack(weights))
    differences = _without_first(exact) - _without_first(packed)
    return RoundingErrors(float(np.abs(exact - packed).max()), float(np.abs(differences).max()))


def _without_first(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares [layers, heads + 1, T(T+1)/2] without those of the first token.

    Each row is scaled to sum to one, unless it is zero. The last head is the mean of all.
    """
    rows, keys = _row_key_indices(shares.shape[-1])
    with_mean = np.concatenate([shares, shares.mean(axis=1, keepdims=True)], axis=1)
    rest = np.where(keys > 0, with_mean, 0.0)
    sums = np.add.reduceat(rest, np.flatnonzero(keys == 0), axis=-1)[..., rows]
    return rest / np.where(sums > 0, sums, 1.0)


def _row_key_indices(cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and key of each cell of a flattened lower triangle."""
    return np.tril_indices((math.isqrt(8 * cells + 1) - 1) // 2)


def data_script(href: str, patterns: AttentionData, shades: NDArray[np.uint8]) -> bytes:
    """Return the script; `shades` [n, RGBA] are the colors of shares from 0 to 1.

    Steps are little-endian in base64, exponents one digit of base 36 each.
    """
    packed = pack(patterns.weights)
    steps = np.ascontiguousarray(packed.steps, dtype="<u2").tobytes()
    data = {
        "tokens": [visible(token) for token in patterns.tokens],
        "facts": [token_facts(token, i) for i, token in enumerate(patterns.tokens)],
        "layers": list(patterns.layers),
        "heads": packed.steps.shape[1],
        "start": patterns.start,
        "presets": [asdict(preset) for preset in patterns.presets],
        "shades": shades[:, :3].astype(np.uint8).tobytes().hex(),
        "finer": "".join(np.base_repr(int(exponent), 36) for exponent in packed.exponents.flat),
        "weights": base64.b64encode(steps).decode("ascii"),
    }
    return assign_data(href, compact_json(data))


def description(patterns: AttentionData, size: int) -> str:
    """Describe the script: its size in bytes and its precision."""
    errors = largest_errors(patterns.weights)
    return gettext(
        "{size}, with shares in 16 bits: off by at most {error}, or by {error_of_rest} of the rest "
        "where the first token is left out",
        size=bytes_(size),
        error=_percent(errors.share),
        error_of_rest=_percent(errors.without_first),
    )


def _percent(error: float) -> str:
    """Format an error with two digits, rounded up."""
    if error == 0:
        return f"0{NARROW_SPACE}%"
    digits = 1 - math.floor(math.log10(100 * error))
    percent = math.ceil(100 * error * 10**digits) / 10**digits
    return f"{localized(f'{percent:.{max(digits, 0)}f}')}{NARROW_SPACE}%"
