"""Group neighboring ticks, so that they stay side by side and never begin a line."""

from __future__ import annotations

import re

# Matches only from the start of whitespace, since a listing can contain long runs of it.
_TICKS = re.compile(r'(?<!\s)\s*((?:<button class="tick [^>]*>.*?</button>\s*)+)', re.DOTALL)
_BETWEEN = re.compile(r"(?<=</button>)\s+")


def group_ticks(html: str) -> str:
    """Put neighboring ticks of a page into one element, right behind the word before them."""
    return _TICKS.sub(_group, html)


def _group(match: re.Match[str]) -> str:
    ticks = match[1]
    space = " " if ticks[-1].isspace() else ""
    return f'<span class="ticks">&nbsp;{_BETWEEN.sub("", ticks)}</span>{space}'
