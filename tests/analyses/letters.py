"""A vocabulary of letters for captures made by hand, and requests without an analysis."""

from __future__ import annotations

from collections.abc import Mapping

from generator.capture import Request
from generator.tokens import Token


class Letters:
    """Ten tokens: a, b, c, ..., with ids from 0."""

    size = 10

    def token(self, id: int) -> Token:
        return Token(id, chr(97 + id), f"{97 + id:02x}")

    def find(self, piece: str) -> Token | None:
        return self.token(ord(piece) - 97) if len(piece) == 1 and "a" <= piece <= "j" else None


class Asking:
    """Requests on their own, as something that `running.captured` can run."""

    def __init__(self, requests: Mapping[str, Request]) -> None:
        self.requests = dict(requests)

    def runs(self) -> dict[str, Request]:
        return self.requests
