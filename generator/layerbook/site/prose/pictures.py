"""Pictures of the book's own in prose: image files, and diagrams in the language `dot`.

An image is `![description](images/x.png "caption")`, alone in a paragraph. A diagram is a listing
that begins with the comments `// caption: ...`, `// alt: ...` and optionally `// name: ...`.

They are numbered together with the figures of results, in the order in which Jinja runs. So each
becomes a call of `picture` with its line. Captions are prose, with values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from layerbook.site.prose.addresses import site_address
from layerbook.site.prose.braces import FENCE_OR_JINJA

DECORATIVE = "decorative"
"""The description that marks a decorative image, which screen readers skip."""
IMAGE_USAGE = (
    'an image stands alone: ![description](images/NAME.png "caption"), with empty lines around'
)
DIAGRAM_LANGUAGE = "dot"
DIAGRAM_USAGE = (
    "a diagram starts at the margin and stands alone, with empty lines around it; "
    "to show its source instead, name the language `graphviz`"
)
MERMAID = (
    "diagrams in Mermaid are not drawn; write the diagram in `dot`, or save it as SVG in images/"
)

_VALUE_OR_ESCAPE = r"\{\{[^{}]*\}\}|\\.|\{(?!\{)"
# Lengths are limited and quantifiers possessive, so that matching takes linear time.
_IMAGE = (
    rf"^[ ]{{0,3}}!\[(?P<alt>(?:{_VALUE_OR_ESCAPE}|[^{{\\\[\]]){{0,600}}+)\]"
    rf"\((?P<path>[^\s()\"<>]{{0,300}}+)"
    rf"(?:\s{{1,20}}+\"(?P<caption>(?:{_VALUE_OR_ESCAPE}|[^{{\\\"]){{0,1500}}+)\")?[ \t]*\)[ \t]*$"
)
_DIAGRAM = (
    rf"^(?P<dot>`{{3,}}|~{{3,}})[ \t]*{DIAGRAM_LANGUAGE}[ \t]*\n"
    r"(?P<body>.*?)^(?P=dot)[`~]*[ \t]*$"
)
_PICTURE_OR_OTHER = re.compile(
    rf"(?P<image>{_IMAGE})|(?P<diagram>{_DIAGRAM})|{FENCE_OR_JINJA}", re.DOTALL | re.MULTILINE
)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_COMMENT = re.compile(r"//\s*(caption|alt|name):\s*(.*?)\s*")


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """A picture in the source of the prose, at `line`; its `caption` begins at `caption_line`."""

    alt: str
    caption: str
    line: int
    caption_line: int
    column: int = 1


@dataclass(frozen=True, kw_only=True)
class ProseImage(_Picture):
    """An image."""

    path: str

    kind: ClassVar = "an image"

    def problem(self) -> str:
        """Return the problem with its syntax, or ""."""
        is_decorative = self.alt.strip() == DECORATIVE
        if not self.alt.strip():
            return (
                "the image has no description for readers who cannot see it: "
                f"![description]({self.path}); for a decorative image write ![{DECORATIVE}](...)"
            )
        if "{{" in self.alt:
            return "the description of an image has no values; its caption can have them"
        if is_decorative and self.caption:
            return f"a {DECORATIVE} image has no caption; describe the image, or remove the caption"
        if not is_decorative and not self.caption.strip():
            return f'the image has no caption: ![{self.alt}]({self.path} "caption")'
        return ""


@dataclass(frozen=True, kw_only=True)
class ProseDiagram(_Picture):
    """A diagram; `name` is its name in references, or ""."""

    source: str
    name: str

    kind: ClassVar = "a diagram"

    def problem(self) -> str:
        """Return the problem with its comments, or ""."""
        if not self.alt:
            return (
                "the diagram has no description for readers who cannot see it; "
                "its first lines should have // alt: ..."
            )
        if not self.caption:
            return "the diagram has no caption; its first lines should have // caption: ..."
        if "{{" in self.alt:
            return "the description of a diagram has no values; its caption can have them"
        return ""


class ExtractedPictures(NamedTuple):
    """A source with calls of `picture` in place of its pictures, and the pictures by line."""

    source: str
    pictures: dict[int, ProseImage | ProseDiagram]


def extract_pictures(source: str) -> ExtractedPictures:
    """Replace the pictures in a source by calls; all other characters stay on their lines."""
    pictures: dict[int, ProseImage | ProseDiagram] = {}

    def replace(match: re.Match[str]) -> str:
        is_image = match["image"] is not None and not _EMPTY_LINE.search(match[0])
        if match["diagram"] is None and not is_image:
            return match[0]
        line = source.count("\n", 0, match.start()) + 1
        pictures[line] = (_parse_image if is_image else _parse_diagram)(match, line)
        breaks = "\n" * match[0].count("\n")
        return f"{{{{ picture({line}){breaks} }}}}"

    return ExtractedPictures(_PICTURE_OR_OTHER.sub(replace, source), pictures)


def _parse_image(match: re.Match[str], line: int) -> ProseImage:
    caption_start = match.start("caption") if match["caption"] else match.start()
    return ProseImage(
        path=site_address(match["path"]),
        alt=" ".join(_ESCAPE.sub(r"\1", match["alt"]).split()),
        caption=(match["caption"] or "").replace('\\"', '"'),
        line=line,
        column=match[0].index("!") + 1,
        caption_line=match.string.count("\n", 0, caption_start) + 1,
    )


def _parse_diagram(match: re.Match[str], line: int) -> ProseDiagram:
    comments, caption_line = {}, line
    for number, text in enumerate(match["body"].split("\n"), start=line + 1):
        if not text.startswith("//"):
            break
        if comment := _COMMENT.fullmatch(text):
            comments[comment[1]] = comment[2]
            caption_line = number if comment[1] == "caption" else caption_line
    return ProseDiagram(
        source=match["body"],
        alt=comments.get("alt", ""),
        caption=comments.get("caption", ""),
        name=comments.get("name", ""),
        line=line,
        caption_line=caption_line,
    )
