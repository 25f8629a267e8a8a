"""Aligned tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], right: Sequence[int] | None = None) -> list[str]:
    """Rows as aligned lines: the columns `right` to the right, by default all but the first; the first row heads."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = range(1, len(widths)) if right is None else right

    def cell(row: Sequence[str], i: int) -> str:
        return row[i].rjust(widths[i]) if i in aligned else row[i].ljust(widths[i])

    return ["  ".join(cell(row, i) for i in range(len(widths))).rstrip() for row in rows]
