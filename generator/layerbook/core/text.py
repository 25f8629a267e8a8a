"""Wording that alt texts, messages and pages share."""

from __future__ import annotations

from collections.abc import Sequence


def pluralize(count: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(items: Sequence[str], limit: int = 6) -> str:
    """`a, b and c`, or the first `limit` items `and 3 more`."""
    shown = list(items[:limit])
    if len(items) > limit:
        return f"{', '.join(shown)} and {len(items) - limit} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
