"""Reject a `tokenizer.json` that would blow up a short text.

The library applies every configured step; forty steps that double a text would make it a trillion
times as long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tokenizers import Tokenizer

from layerbook.core.errors import ModelError, one_line

MAX_BYTES = 100_000_000
MAX_IDS = 2_000_000
MAX_STEPS_BYTES = 4_000_000  # SentencePiece's table of characters takes up to 1 MB
MAX_GROWTH = 100  # times
STEPS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


@contextmanager
def library_errors_as_model_errors(action: str) -> Iterator[None]:
    """Turn the library's errors into ModelError: bare Exceptions, and panics of its Rust code.

    It panics, for example, if a pattern takes too many steps.
    """
    try:
        yield
    except ModelError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ModelError(f"{action}: {one_line(error)}") from error
        raise


def check_steps(backend: Tokenizer) -> None:
    """Raise ValueError if the steps before or after the model make a text very much longer."""
    for name in STEPS:
        step = getattr(backend, name)
        state = b"null" if step is None else step.__getstate__()
        if len(state) > MAX_STEPS_BYTES:
            raise ValueError(f"its {name} is larger than {MAX_STEPS_BYTES:,} bytes")
        growth = 1.0
        for part in _parts(json.loads(state)):
            growth *= _growth(part)
            if growth > MAX_GROWTH:
                raise ValueError(f"its {name} makes a text more than {MAX_GROWTH} times as long")


def _parts(step: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a step, or those of a sequence, also of one inside another."""
    if isinstance(step, dict) and step.get("type") == "Sequence":
        for parts in step.values():
            for part in parts if isinstance(parts, list) else ():
                yield from _parts(part)
    elif isinstance(step, dict):
        yield step


def _growth(step: Mapping[str, Any]) -> float:
    """Return how many times longer a step can make a short text."""
    match step.get("type"):
        case "Replace":
            removed = len(step["pattern"].get("String", ""))  # a pattern can find nothing
            return max(1.0, len(step["content"]) / removed if removed else len(step["content"]) + 1)
        case "Prepend":
            return 1.0 + len(step["prepend"]) / 10
        case "TemplateProcessing":
            return float(max(1, sum("Sequence" in piece for piece in step["single"])))
    return 1.0
