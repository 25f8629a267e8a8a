"""The logits of every token as a script, for readers who turn the knobs of sampling."""

from __future__ import annotations

import base64
from collections import Counter

from layerbook.core.figures import SamplingData
from layerbook.core.language import gettext
from layerbook.site.interactive import assign_data, compact_json
from layerbook.site.prose.filters import bytes_


def data_script(href: str, scores: SamplingData) -> bytes:
    """Return the script; ids follow the texts of tokens that look alike.

    Logits are little-endian float32 in base64, by id, unrounded.
    """
    counts = Counter(scores.texts)
    texts = [
        text if counts[text] == 1 else f"{text}\N{NO-BREAK SPACE}#{id}"
        for id, text in enumerate(scores.texts)
    ]
    logits = scores.logits.astype("<f4")
    encoded = [base64.b64encode(row.tobytes()).decode("ascii") for row in logits]
    # The mark of a space would take six characters each time; the page puts it back.
    lines = "\n".join(texts).replace("·", " ")
    return assign_data(href, compact_json({"logits": encoded, "texts": lines}))


def description(size: int) -> str:
    """Describe the script: its size in bytes and its precision."""
    return gettext("{size}: every score as the model gave it, none rounded", size=bytes_(size))
