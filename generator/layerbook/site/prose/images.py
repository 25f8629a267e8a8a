"""Pictures in prose: `![description](images/x.png "caption")`, alone in a paragraph.

They are numbered together with the figures of results, in the order in which Jinja runs. So each
becomes a call of `image`, with the line where it stands; captions are prose, with values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.braces import FENCE_OR_JINJA

DECORATIVE = "decorative"
"""The description that marks a decorative picture, which screen readers skip."""
USAGE = 'an image stands alone: ![description](images/NAME.png "caption"), with empty lines around'

_VALUE_OR_ESCAPE = r"\{\{[^{}]*\}\}|\\.|\{(?!\{)"
# Lengths are limited and quantifiers possessive, so that matching takes linear time.
_IMAGE = (
    rf"^[ ]{{0,3}}!\[(?P<alt>(?:{_VALUE_OR_ESCAPE}|[^{{\\\[\]]){{0,600}}+)\]"
    rf"\((?P<path>[^\s()\"<>]{{0,300}}+)"
    rf"(?:\s{{1,20}}+\"(?P<caption>(?:{_VALUE_OR_ESCAPE}|[^{{\\\"]){{0,1500}}+)\")?[ \t]*\)[ \t]*$"
)
_IMAGE_OR_OTHER = re.compile(rf"(?P<image>{_IMAGE})|{FENCE_OR_JINJA}", re.DOTALL | re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True)
class ProseImage:
    """A picture in the source of the prose; its `caption` begins at `caption_line`."""

    path: str
    alt: str
    caption: str
    line: int
    column: int
    caption_line: int

    @property
    def is_decorative(self) -> bool:
        """Return whether the picture is only decorative."""
        return self.alt.strip() == DECORATIVE

    def problem(self) -> str:
        """Return the problem with its syntax, or ""."""
        if not self.alt.strip():
            return (
                "the image has no description for readers who cannot see it: "
                f"![description]({self.path}); for a decorative image write ![{DECORATIVE}](...)"
            )
        if "{{" in self.alt:
            return "the description of an image has no values; its caption can have them"
        if self.is_decorative and self.caption:
            return f"a {DECORATIVE} image has no caption; describe the image, or remove the caption"
        if not self.is_decorative and not self.caption.strip():
            return f'the image has no caption: ![{self.alt}]({self.path} "caption")'
        return ""


class ExtractedImages(NamedTuple):
    """A source with calls of `image` in place of its pictures, and the pictures by line."""

    source: str
    images: dict[int, ProseImage]


def extract_images(source: str) -> ExtractedImages:
    """Replace the pictures in a source by calls; all other characters stay on their lines."""
    images: dict[int, ProseImage] = {}

    def replace(match: re.Match[str]) -> str:
        if match["image"] is None or _EMPTY_LINE.search(match[0]):
            return match[0]
        line = source.count("\n", 0, match.start()) + 1
        caption_start = match.start("caption") if match["caption"] else match.start()
        images[line] = ProseImage(
            site_address(match["path"]),
            " ".join(_ESCAPE.sub(r"\1", match["alt"]).split()),
            (match["caption"] or "").replace('\\"', '"'),
            line,
            match[0].index("!") + 1,
            source.count("\n", 0, caption_start) + 1,
        )
        breaks = "\n" * match[0].count("\n")
        return f"{{{{ image({line}){breaks} }}}}"

    return ExtractedImages(_IMAGE_OR_OTHER.sub(replace, source), images)
