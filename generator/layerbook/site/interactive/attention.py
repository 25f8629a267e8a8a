"""Data that a page opens where scripts run: a classic script, since pages opened from disk may not fetch.

Shares of attention travel in 16 bits, as the nearest multiple of 1/65535. In the row of a query, those of all keys but
the first are multiplied by a power of two before: many rows give the first token nearly all, and what is left for the
others has digits of its own.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerbook.site.prose.filters import NARROW_SPACE, bytes_
from layerbook.site.tokens_html import token_facts
from layerbook.core.figures import AttentionData
from layerbook.core.tokens import visible

SCALE = 65535  # what stands for 1
MAX_EXPONENT = 35  # the largest exponent that one digit of base 36 holds


@dataclass(frozen=True)
class PackedPatterns:
    """Patterns as they travel: steps [layers, heads, T(T+1)/2], and a power of two for every row [layers, heads, T]."""

    steps: NDArray[np.uint16]
    exponents: NDArray[np.int64]


def pack(weights: NDArray[np.floating]) -> PackedPatterns:
    """The nearest that 16 bits can say to patterns [layers, heads, T(T+1)/2] of shares from 0 to 1."""
    shares = weights.astype(np.float64)
    rows, keys = _row_key_indices(shares.shape[-1])
    highest = np.zeros((*shares.shape[:-1], rows[-1] + 1))
    for row in range(1, rows[-1] + 1):
        highest[..., row] = shares[..., (rows == row) & (keys > 0)].max(axis=-1)
    exponents = np.clip(-np.frexp(highest)[1], 0, MAX_EXPONENT).astype(np.int64)
    scaled = shares * np.where(keys > 0, 2.0 ** exponents[..., rows], 1.0)
    return PackedPatterns(np.round(scaled * SCALE).astype("<u2"), exponents)


def unpack(packed: PackedPatterns) -> NDArray[np.float64]:
    """The shares [layers, heads, T(T+1)/2] that the page's script reads out of it."""
    rows, keys = _row_key_indices(packed.steps.shape[-1])
    finer = np.where(keys > 0, 2.0 ** packed.exponents[..., rows], 1.0)
    shares: NDArray[np.float64] = packed.steps.astype(np.float64) / SCALE / finer
    return shares


def largest_errors(weights: NDArray[np.floating]) -> tuple[float, float]:
    """How far what the page shows lies from the patterns at most: as they are, and with the first token left out.

    Over all cells of all heads and of each layer's mean.
    """
    there, here = weights.astype(np.float64), unpack(pack(weights))
    rows, keys = _row_key_indices(there.shape[-1])
    apart = [0.0]
    for row in range(1, rows[-1] + 1):
        some = (rows == row) & (keys > 0)
        apart.append(
            float(np.abs(_normalised(there[..., some]) - _normalised(here[..., some])).max())
        )
    return float(np.abs(there - here).max()), max(apart)


def _normalised(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares [layers, heads, keys] of a row and their mean over the heads, made to sum to one; zeros stay."""
    every = np.concatenate([shares, shares.mean(axis=1, keepdims=True)], axis=1)
    sums = every.sum(axis=-1, keepdims=True)
    return every / np.where(sums > 0, sums, 1.0)


def _row_key_indices(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and key of each place of a pattern with so many cells."""
    return np.tril_indices((math.isqrt(8 * count + 1) - 1) // 2)


def data_script(href: str, patterns: AttentionData, shades: NDArray[np.uint8]) -> bytes:
    """The patterns as `window.layerbookData[href]`, with the colours [n, RGBA] of shares from 0 to 1.

    The steps are little-endian in base64, the exponents one digit of base 36 each.
    """
    kept = pack(patterns.weights)
    data = {
        "tokens": [visible(token) for token in patterns.tokens],
        "facts": [token_facts(token, at) for at, token in enumerate(patterns.tokens)],
        "layers": list(patterns.layers),
        "heads": kept.steps.shape[1],
        "start": patterns.start,
        "shades": shades[:, :3].astype(np.uint8).tobytes().hex(),
        "finer": "".join(np.base_repr(int(e), 36) for e in kept.exponents.ravel()),
        "weights": base64.b64encode(np.ascontiguousarray(kept.steps, dtype="<u2").tobytes()).decode(
            "ascii"
        ),
    }
    literals = (json.dumps(one, ensure_ascii=True, separators=(",", ":")) for one in (href, data))
    return "(window.layerbookData = window.layerbookData || {{}})[{}] = {};\n".format(
        *literals
    ).encode()


def description(patterns: AttentionData, size: int) -> str:
    """What a reader should know before opening it: how many bytes it has, and how exact it is."""
    plain, left = largest_errors(patterns.weights)
    return (
        f"{bytes_(size)}, with shares in 16 bits: off by at most {_percent(plain)}, or by {_percent(left)} of the rest "
        "where the first token is left out"
    )


def _percent(error: float) -> str:
    """Two digits of it, rounded up."""
    if error == 0:
        return f"0{NARROW_SPACE}%"
    digits = 1 - math.floor(math.log10(100 * error))
    return f"{math.ceil(100 * error * 10**digits) / 10**digits:.{max(digits, 0)}f}{NARROW_SPACE}%"
