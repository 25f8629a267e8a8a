"""Limit what a stranger's tokenizer may do: how much a text grows, and how long it takes.

The library applies every step that `tokenizer.json` names. Forty steps that double a text would
make it a trillion times as long, and a pattern can take hours on a short text.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from tokenizers import Tokenizer

from layerbook.core.errors import ModelError, one_line

MAX_BYTES = 100_000_000
MAX_IDS = 2_000_000
MAX_STEPS_BYTES = 4_000_000  # SentencePiece's table of characters takes up to 1 MB
MAX_STEPS = 100
MAX_GROWTH = 100  # times
SECONDS = 10
SHORT_TEXT = 10  # tokens or characters, against which added ones are counted
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


Value = TypeVar("Value")


class TimeLimit:
    """Limits the time of each call of the library.

    A call that takes too long cannot be stopped and goes on in its thread. Later calls are refused,
    so that there is only one such thread.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._is_over = seconds, False

    def call(self, function: Callable[[], Value]) -> Value:
        """Return what a function returns, which must release Python's lock, or raise its error.

        Raises ValueError if it takes too long, and at once after that.
        """
        values: list[Value] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                values.append(function())
            except BaseException as error:  # a panic is not an Exception
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        if not self._is_over:
            thread.start()
            thread.join(self._seconds)
            self._is_over = thread.is_alive()
        if self._is_over:
            raise ValueError(f"a text takes longer than {self._seconds:g} seconds")
        if errors:
            raise errors[0]
        return values[0]


def check_steps(backend: Tokenizer) -> None:
    """Raise ValueError if the steps before or after the model make a text very much longer."""
    for name in STEPS:
        step = getattr(backend, name)
        if step is not None and len(step.__getstate__()) > MAX_STEPS_BYTES:
            raise ValueError(f"its {name} is larger than {MAX_STEPS_BYTES:,} bytes")
        growth = 1.0
        for count, part in enumerate(read_steps(step), start=1):
            if count > MAX_STEPS:
                raise ValueError(f"its {name} has more than {MAX_STEPS} steps")
            growth *= _growth(part)
            if growth > MAX_GROWTH:
                raise ValueError(f"its {name} makes a text more than {MAX_GROWTH} times as long")


def read_steps(component: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of a component such as the decoder, or of each step in its sequence."""
    if component is not None:
        yield from _flatten(json.loads(component.__getstate__()))


def _flatten(step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of a step, or of those in a sequence, also of one inside another."""
    if step.get("type") == "Sequence":
        for parts in step.values():
            for part in parts if isinstance(parts, list) else ():
                yield from _flatten(part)
    else:
        yield step


def _growth(step: Mapping[str, Any]) -> float:
    """Return how many times longer a step can make a short text."""
    match step.get("type"):
        case "Replace":
            removed = len(step["pattern"].get("String", ""))  # a pattern can find nothing
            return max(1.0, len(step["content"]) / removed if removed else len(step["content"]) + 1)
        case "Prepend":
            return 1.0 + len(step["prepend"]) / SHORT_TEXT
        case "Precompiled":
            return _longest_replacement(step["precompiled_charsmap"])
        case "ByteLevel":
            return 2.0  # a character for each byte; in UTF-8, all but the first 128 have two
        case "BertNormalizer":
            return 3.0  # spaces around each character of Chinese
        case "TemplateProcessing":
            copies = sum("Sequence" in piece for piece in step["single"])
            names = [
                piece["SpecialToken"]["id"] for piece in step["single"] if "Sequence" not in piece
            ]
            added = sum(len(step["special_tokens"][name]["ids"]) for name in names)
            return max(1.0, copies + added / SHORT_TEXT)
        case "BertProcessing" | "RobertaProcessing":
            return 1.0 + 2 / SHORT_TEXT
    return 1.0


def _longest_replacement(charsmap: str) -> float:
    """Return the most characters that take the place of one in SentencePiece's table.

    The table has the size of an index in four bytes, then the index, then the replacements with a
    zero after each.
    """
    data = base64.b64decode(charsmap)
    replacements = data[4 + int.from_bytes(data[:4], "little") :].split(b"\0")
    return float(max(1, *(len(text.decode("utf-8", "replace")) for text in replacements)))
