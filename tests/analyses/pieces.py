"""A vocabulary made by hand from bytes, and captures over it: no tokenizer, no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generator.capture import Capture, Site
from generator.tokens import Token


class Pieces:
    """A vocabulary of the given byte strings, ids in their order; the last `special` of them are special tokens."""

    def __init__(self, *pieces: bytes | str, special: int = 0) -> None:
        data = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
        ordinary = len(data) - special
        self.tokens = [Token(i, d.decode("utf-8", "replace"), d.hex(), i >= ordinary) for i, d in enumerate(data)]

    @property
    def size(self) -> int:
        return len(self.tokens)

    def token(self, id: int) -> Token:
        return self.tokens[id]

    def find(self, piece: str) -> Token | None:
        return next((token for token in self.tokens if token.text == piece), None)

    def capture(self, ids: Sequence[int], sites: Mapping[Site, Any] | None = None, **more: Any) -> Capture:
        """A capture of these ids; the text is what their bytes say, unless it is given."""
        tokens = tuple(self.tokens[id] for id in ids)
        text = b"".join(bytes.fromhex(token.hex) for token in tokens).decode("utf-8", "replace")
        return Capture(**{"tokens": tokens, "text": text, "vocabulary": self, "sites": sites or {}} | more)
