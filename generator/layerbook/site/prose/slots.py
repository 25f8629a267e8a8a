"""Slots: placeholders in Markdown for values that it must never read.

A value leaves a placeholder of private-use characters, which mean nothing to Markdown. Its escaped
HTML is filled in last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from layerbook.site.prose.formulas import escape_tex
from layerbook.site.prose.markup import Block, Inline, clean_text, escape_text

SLOT_OPEN, SLOT_CLOSE = "\ue000", "\ue001"
SLOT = re.compile(f"{SLOT_OPEN}([0-9]+){SLOT_CLOSE}")


@dataclass
class Slots:
    """The values in a piece of prose, in order, each with its line in the source."""

    values: list[Inline | Block] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, value: object, line: int) -> str:
        """Add a value and return its placeholder."""
        if not isinstance(value, Inline | Block):
            value = Inline(escape_text(str(value)), clean_text(str(value)))
        self.values.append(value)
        self.lines.append(line)
        return f"{SLOT_OPEN}{len(self.values) - 1}{SLOT_CLOSE}"

    def numbers_in(self, text: str) -> list[int]:
        """Return the numbers of the slots in a text."""
        return [int(number) for number in SLOT.findall(text)]

    def fill_html(self, markup: str) -> str:
        """Replace placeholders by markup."""
        return SLOT.sub(lambda match: self.values[int(match[1])].html, markup)

    def fill_text(self, text: str, *, blocks: bool = True) -> str:
        """Replace placeholders by plain text; without `blocks`, drop the placeholders of blocks."""

        def plain(match: re.Match[str]) -> str:
            value = self.values[int(match[1])]
            return value.text if blocks or isinstance(value, Inline) else ""

        return SLOT.sub(plain, text)

    def fill_tex(self, tex: str) -> str:
        """Replace placeholders by TeX that shows their plain text."""
        return SLOT.sub(lambda match: escape_tex(self.values[int(match[1])].text), tex)
