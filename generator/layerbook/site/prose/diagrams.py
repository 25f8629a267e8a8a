"""Diagrams in prose: a listing in the language `dot`, alone and at the margin.

Its first lines are comments: `// caption: ...`, `// alt: ...`, and optionally `// name: ...`. Like
pictures, diagrams become calls with the number of their line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from layerbook.site.prose.braces import FENCE_OR_JINJA

LANGUAGE = "dot"
USAGE = (
    "a diagram stands at the margin, alone, with empty lines around it; "
    "to show its source, call the language `graphviz`"
)
MERMAID = (
    "diagrams in Mermaid are not drawn; write the diagram in `dot`, or save it as SVG in images/"
)
_DIAGRAM = rf"^(?P<dot>`{{3,}}|~{{3,}})[ \t]*{LANGUAGE}[ \t]*\n(?P<body>.*?)^(?P=dot)[`~]*[ \t]*$"
_DIAGRAM_OR_OTHER = re.compile(
    rf"(?P<diagram>{_DIAGRAM})|{FENCE_OR_JINJA}", re.DOTALL | re.MULTILINE
)
_COMMENT = re.compile(r"//\s*(caption|alt|name):\s*(.*?)\s*")


@dataclass(frozen=True)
class ProseDiagram:
    """A diagram in the source of the prose; its fence is in `line`.

    caption: prose in the line `caption_line`. name: its name in references, or "".
    """

    source: str
    alt: str
    caption: str
    name: str
    line: int
    caption_line: int

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


class ExtractedDiagrams(NamedTuple):
    """A source with calls of `diagram` in place of its diagrams, and the diagrams by line."""

    source: str
    diagrams: dict[int, ProseDiagram]


def extract_diagrams(source: str) -> ExtractedDiagrams:
    """Replace the diagrams in a source by calls; all other characters stay on their lines."""
    diagrams: dict[int, ProseDiagram] = {}

    def replace(match: re.Match[str]) -> str:
        if match["diagram"] is None:
            return match[0]
        line = source.count("\n", 0, match.start()) + 1
        diagrams[line] = _parse(match["body"], line)
        breaks = "\n" * match[0].count("\n")
        return f"{{{{ diagram({line}){breaks} }}}}"

    return ExtractedDiagrams(_DIAGRAM_OR_OTHER.sub(replace, source), diagrams)


def _parse(body: str, line: int) -> ProseDiagram:
    comments: dict[str, str] = {}
    places: dict[str, int] = {}
    for number, text in enumerate(body.split("\n"), start=line + 1):
        if not text.startswith("//"):
            break
        if comment := _COMMENT.fullmatch(text):
            comments[comment[1]] = comment[2]
            places[comment[1]] = number
    return ProseDiagram(
        source=body,
        alt=comments.get("alt", ""),
        caption=comments.get("caption", ""),
        name=comments.get("name", ""),
        line=line,
        caption_line=places.get("caption", line),
    )
