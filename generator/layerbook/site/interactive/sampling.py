"""The scores of every token as a script: what a page loads when a reader asks to turn the knobs of sampling."""

from __future__ import annotations

import base64
import json
from collections import Counter

from layerbook.site.prose.filters import bytes_
from layerbook.core.figures import SamplingData
from layerbook.core.tokens import visible


def data_script(href: str, scores: SamplingData) -> bytes:
    """The scores as `window.layerbookData[href]`; tokens that look alike are told apart by their ids.

    Logits are little-endian float32 in base64, by id: the very numbers of the result, which has them in float32.
    """
    looks = Counter(map(visible, scores.names))
    data = {
        "logits": [
            base64.b64encode(row.tobytes()).decode("ascii") for row in scores.logits.astype("<f4")
        ],
        "names": [
            [t.id, visible(t) if looks[visible(t)] == 1 else f"{visible(t)} #{t.id}"]
            for t in scores.names
        ],
    }
    literals = (json.dumps(one, ensure_ascii=True, separators=(",", ":")) for one in (href, data))
    return "(window.layerbookData = window.layerbookData || {{}})[{}] = {};\n".format(
        *literals
    ).encode()


def description(size: int) -> str:
    """What a reader should know before opening it: how many bytes it has, and how exact it is."""
    return f"{bytes_(size)}: every score as the model gave it, none rounded"
