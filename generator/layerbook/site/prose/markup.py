"""Plain text and trusted markup, which differ by type.

Whatever comes from a prompt, a token or a result is plain text and is cleaned and escaped.
Only markup that this package wrote itself is `Inline` or `Block`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_CONTROLS[0x7F] = 0x2421
_NON_CHARACTERS = (
    *range(0x80, 0xA0),
    *range(0xD800, 0xE000),
    *range(0xFDD0, 0xFDF0),
    *(plane + end for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)),
)
# These change the direction of all following text, including the page's own.
_BIDI = {code: f"<U+{code:04X}>" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_REPLACEMENTS: dict[int, int | str] = {
    **_CONTROLS,
    **dict.fromkeys(_NON_CHARACTERS, 0xFFFD),
    **_BIDI,
}


def clean_text(text: str) -> str:
    """Replace what HTML cannot hold: controls by pictures (`\\x00` -> `␀`), others by U+FFFD."""
    return text.translate(_REPLACEMENTS)


def escape_text(text: str) -> str:
    """Clean and escape text, for element content and quoted attributes alike."""
    return str(escape(clean_text(text)))


@dataclass(frozen=True)
class Anchor:
    """An element with a name: a claim, a citation of `source`, a use of a term, a code cell,
    a box for a text of the reader's own."""

    kind: Literal["claim", "citation", "term", "cell", "own-text"]
    id: str
    source: str = ""


@dataclass(frozen=True)
class Inline:
    """Markup for the middle of a sentence, its plain text, and the anchors in it."""

    html: str
    text: str
    anchors: tuple[Anchor, ...] = ()

    def __html__(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Block:
    """Markup that stands alone, like a figure; error messages call it `name`.

    label: the text of references to a numbered one, such as `Figure 2.1`. id: its HTML id.
    figure: the full name, `chapter/id figure`, of a figure of a result.
    """

    html: str
    text: str
    name: str
    anchors: tuple[Anchor, ...] = ()
    label: str = ""
    id: str = ""
    figure: str = ""

    def __html__(self) -> str:
        return self.html


@dataclass(frozen=True)
class Fold:
    """Prose between two blocks; like the prose around it, it is Markdown."""

    opening: Block
    body: str
    closing: Block


@dataclass(frozen=True)
class Heading:
    """A heading of a chapter: `html` may hold chips and math, `text` is plain."""

    level: int
    id: str
    html: str
    text: str


@dataclass(frozen=True)
class Section:
    """The text and the anchors under a heading; id and title are empty before the first one."""

    id: str
    title: str
    text: str
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True)
class Target:
    """A place on a page that references can lead to, such as `@fig-name`.

    label: the text of a link to it, as HTML.
    figure: the full name, `chapter/id figure`, of a figure of a result.
    """

    kind: Literal["fig", "sec", "eq"]
    name: str
    id: str
    label: str
    figure: str = ""


def finalize(value: object) -> object:
    """Clean every plain string of a page template before it is escaped."""
    return clean_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
