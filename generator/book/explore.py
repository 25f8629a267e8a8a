"""Data that a page opens where scripts run: a classic script, since pages opened from disk may not fetch."""

from __future__ import annotations

import base64
import json

import numpy as np
from numpy.typing import NDArray

from generator.book.tokens_html import facts
from generator.labels import Patterns
from generator.tokens import visible


def script(href: str, patterns: Patterns, shades: NDArray[np.uint8]) -> bytes:
    """The patterns as `window.layerbookData[href]`, with the colours [n, RGBA] of shares from 0 to 1.

    Weights are little-endian float32 in base64: the very numbers of the result, which has them in float32.
    """
    weights = np.ascontiguousarray(patterns.weights, dtype="<f4")
    data = {
        "tokens": [visible(token) for token in patterns.tokens],
        "facts": [facts(token, at) for at, token in enumerate(patterns.tokens)],
        "layers": list(patterns.layers),
        "heads": weights.shape[1],
        "start": patterns.start,
        "shades": shades[:, :3].astype(np.uint8).tobytes().hex(),
        "weights": base64.b64encode(weights.tobytes()).decode("ascii"),
    }
    literals = (json.dumps(one, ensure_ascii=True, separators=(",", ":")) for one in (href, data))
    return "(window.layerbookData = window.layerbookData || {{}})[{}] = {};\n".format(*literals).encode()
