"""Limits on the work and the numbers of a check, and errors at a part of it."""

from __future__ import annotations

import ast
from typing import NoReturn

from layerbook.book.claims.values import CheckError

MAX_STEPS = 200_000
MAX_BITS = 4096  # of a whole number, about 1200 digits


class StepCounter:
    """Count the steps of a check, so that every check ends soon."""

    def __init__(self) -> None:
        self.steps = 0

    def add(self, node: ast.AST, count: int = 1) -> None:
        """Add steps. Raises CheckError if there are too many."""
        self.steps += count
        if self.steps > MAX_STEPS:
            fail(node, f"the check takes more than {MAX_STEPS:,} steps")


def check_digits(node: ast.AST, bits: int) -> None:
    """Raise CheckError for a whole number with too many digits."""
    if bits > MAX_BITS:
        fail(node, "the number is too large")


def fail(node: ast.AST, message: str) -> NoReturn:
    """Raise an error at a part of the check."""
    raise CheckError(message, getattr(node, "col_offset", 0))
