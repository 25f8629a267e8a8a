"""Tables and pairs of texts, fitted to the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], right: Sequence[int] | None = None) -> list[str]:
    """Rows as aligned lines: the columns `right` to the right, by default all but the first; the first row heads."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = range(1, len(widths)) if right is None else right

    def cell(row: Sequence[str], i: int) -> str:
        return row[i].rjust(widths[i]) if i in aligned else row[i].ljust(widths[i])

    return ["  ".join(cell(row, i) for i in range(len(widths))).rstrip() for row in rows]


def cut_around_difference(old: str, new: str, width: int) -> tuple[str, str]:
    """Two texts from a little before where they part, no longer than `width` each."""
    same = next(
        (i for i, (mine, theirs) in enumerate(zip(old, new, strict=False)) if mine != theirs),
        len(old),
    )
    start = max(0, same - width // 3)
    return _excerpt(old, start, width), _excerpt(new, start, width)


def _excerpt(text: str, start: int, width: int) -> str:
    shown = text[start : start + width]
    return ("…" if start else "") + shown + ("…" if start + width < len(text) else "")
