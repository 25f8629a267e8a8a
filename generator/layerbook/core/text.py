"""Wording that alt texts, messages and pages share."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layerbook.core.language import gettext, localized, translated

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
"""Between a number and its unit."""

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # all control characters but the tab and the line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]"  # writing direction, line ends
)
_SPACE_IN_SUM = re.compile(r"(?<=\d) (?=[-+=])|(?<=[-+]) (?=\d)")


def join_sums(text: str) -> str:
    """Replace the spaces in a sum such as `2 + 2` by no-break spaces."""
    return _SPACE_IN_SUM.sub("\N{NO-BREAK SPACE}", text)


def escape_controls(text: str) -> str:
    """Escape control characters, which a terminal would interpret, as `\\u001b`, like JSON."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def pluralize(count: int, noun: str) -> str:
    """Return a count with its noun: `1 page`, `2 pages`."""
    ending = "" if count == 1 else "s"
    return gettext(f"{{count}} {noun}{ending}", count=localized(f"{count:,}"))


def shorten(text: str, width: int = 60) -> str:
    """Cut a text that is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def first_few(items: Sequence[object], limit: int = 3) -> str:
    """Join the first items, and count the others: `a; b; c; and 2 more`."""
    more = len(items) - limit
    return "; ".join(map(str, items[:limit])) + (f"; and {more} more" if more > 0 else "")


def listed(items: Sequence[str], limit: int = 6) -> str:
    """Join items: `a, b and c`, or the first `limit` items `and 3 more`."""
    texts = list(map(translated, items[:limit]))
    if len(items) > limit:
        more = len(items) - limit
        return gettext("{items} and {count} more", items=", ".join(texts), count=more)
    if len(texts) < 2:
        return "".join(texts)
    return gettext("{items} and {last}", items=", ".join(texts[:-1]), last=texts[-1])
