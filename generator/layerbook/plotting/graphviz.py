"""Diagrams in Graphviz's language DOT, drawn by its program `dot` where that is installed.

The source may be a stranger's. So the program runs in an empty folder, for a few seconds, with
little memory, and may open no files; of its output, only plain shapes and texts are kept. A source
that names files or links, or joins texts with `+`, is refused before.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from layerbook.core.errors import LayerbookError
from layerbook.core.paths import find_program

MAX_SOURCE = 20_000
FILE_ATTRIBUTES = frozenset(
    {"image", "imagepath", "shapefile", "fontpath", "stylesheet", "_background"}
)
"""The attributes whose value Graphviz, or a program that opens the drawing, reads as a file."""
LINK_ENDINGS = ("url", "href")
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?(?:\*/|\Z)|^#[^\n]*)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*+"?)|(?P<word>[^\W]+)|(?P<sign>.)',
    re.DOTALL | re.MULTILINE,
)
_HTML_FILE = re.compile(r"<\s*img\b|\b(?:href|src)\s*=", re.IGNORECASE)

SECONDS = 10
MAX_MEMORY = 1_000_000_000
MAX_OUTPUT = 2_000_000
LIGHT_INK, DARK_INK = "#28231d", "#e9e1d4"
FONT = "Helvetica,Arial,sans-serif"
# Where this is set, Graphviz opens no files.
_SERVER = {"SERVER_NAME": "layerbook"}
_KEPT_VARIABLES = ("PATH", "HOME", "XDG_CACHE_HOME", "SYSTEMROOT", "LD_LIBRARY_PATH")
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = frozenset(
    "svg g path polygon polyline ellipse circle rect line text tspan title desc defs "
    "linearGradient radialGradient stop".split()
)
_ATTRIBUTES = frozenset(
    "id class d points x y cx cy r rx ry fx fy x1 y1 x2 y2 width height viewBox transform fill "
    "fill-opacity stroke stroke-width stroke-opacity stroke-dasharray opacity text-anchor "
    "font-family font-size font-weight font-style text-decoration baseline-shift offset "
    "gradientUnits stop-color stop-opacity".split()
)
_REFERENCE = re.compile(r"url\((?!#[\w.-]+\))", re.IGNORECASE)
_STOP = re.compile(r"stop-color:([#\w]+);stop-opacity:([\d.]+);?")


class DiagramError(LayerbookError):
    """A diagram that cannot be drawn; `line` counts in its source, 0 stands for all of it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Drawing:
    """A diagram as SVG, and its size in pixels."""

    svg: str
    width: int
    height: int


def draw_dot(source: str, *, dark: bool) -> Drawing:
    """Draw a diagram. Whatever its source leaves uncolored is dark, or light if `dark` is set.

    Raises DiagramError if the source is refused or wrong, or if there is no Graphviz.
    """
    check_source(source)
    ink = DARK_INK if dark else LIGHT_INK
    defaults = (f"color={ink}", f"fontcolor={ink}", f"fontname={FONT}")
    options = [scope + default for scope in ("-G", "-N", "-E") for default in defaults]
    return clean(_run_dot(source, ["-Tsvg", "-Gbgcolor=transparent", *options]))


def find_dot() -> str:
    """Return the path of the program `dot`. Raises DiagramError if it is not installed."""
    path = find_program("dot")
    if path is None:
        raise DiagramError(
            "`dot` is not on the PATH, and this diagram needs it: install Graphviz, or save the "
            "diagram as SVG in images/"
        )
    return path


def _run_dot(source: str, options: list[str]) -> str:
    """Run `dot` and return its output. Raises DiagramError if it fails or reaches a limit."""
    variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="layerbook-dot-") as folder:
        written, errors = Path(folder, "drawing"), Path(folder, "errors")
        with written.open("wb") as output, errors.open("wb") as messages:
            process = subprocess.Popen(
                [find_dot(), *options],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=messages,
                cwd=folder,
                env={**variables, **_SERVER},
            )
            _limit(process.pid)
            try:
                process.communicate(source.encode(), timeout=SECONDS)
            except subprocess.TimeoutExpired as error:
                raise DiagramError(f"the diagram takes longer than {SECONDS} seconds") from error
            finally:
                process.kill()
                process.wait()
        if written.stat().st_size >= MAX_OUTPUT:
            raise DiagramError(f"the drawing has more than {MAX_OUTPUT // 1_000_000} MB")
        message = errors.read_text(encoding="utf-8", errors="replace")
        if process.returncode:
            raise _error(message)
        return written.read_text(encoding="utf-8", errors="replace")


def _limit(process: int) -> None:
    """Limit the memory and the output of a process, where the system can."""
    if sys.platform == "linux":
        import resource

        resource.prlimit(process, resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.prlimit(process, resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))


def _error(message: str) -> DiagramError:
    """Return the first error that `dot` reports, at its line."""
    lines = [line.removeprefix("Error: ") for line in message.splitlines() if "rror" in line]
    first = lines[0] if lines else "it gave no reason"
    match = re.search(r"in line (\d+)", first)
    reason = re.sub(r"^<stdin>: |in line \d+ ", "", first).strip()
    line = int(match[1]) if match else 0
    return DiagramError(f"Graphviz cannot draw the diagram: {reason}", line)


def clean(svg: str) -> Drawing:
    """Return a drawing with nothing but plain shapes, gradients and texts.

    Raises DiagramError for pictures and other elements.
    """
    try:
        # What is before the drawing names its DTD, which nothing here should read.
        root = ElementTree.fromstring(svg[max(svg.find("<svg"), 0) :])
    except ElementTree.ParseError as error:
        raise DiagramError(f"the drawing is not SVG: {error}") from error
    for element in root.iter():
        name = element.tag.removeprefix(_SVG)
        if name == "a":  # Graphviz also writes this for words that appear on hover
            name = "g"
        if name not in _SHAPES:
            raise DiagramError(f"the drawing has a <{name}>, which is not allowed in a diagram")
        element.tag = name
        stop = _STOP.fullmatch(element.attrib.pop("style", ""))
        if stop:
            element.attrib |= {"stop-color": stop[1], "stop-opacity": stop[2]}
        for key, value in list(element.attrib.items()):
            if key not in _ATTRIBUTES or _REFERENCE.search(value):
                del element.attrib[key]
    _, _, width, height = map(float, root.get("viewBox", "0 0 0 0").split())
    if not 0 < width <= 10_000 or not 0 < height <= 10_000:
        raise DiagramError(f"the drawing is {width:g} by {height:g}, a size that no page can show")
    root.attrib |= {"xmlns": _SVG[1:-1], "width": f"{width:g}", "height": f"{height:g}"}
    text = ElementTree.tostring(root, encoding="unicode")
    return Drawing(f"{text}\n", round(width), round(height))


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def check_source(source: str) -> None:
    """Raise DiagramError for a source that is too long, or that names a file or a link."""
    if len(source) > MAX_SOURCE:
        raise DiagramError(f"the diagram is longer than {MAX_SOURCE:,} characters")
    previous = _Token("sign", "", 1)
    for token in _tokens(source):
        if token.kind == "html" and _HTML_FILE.search(token.text):
            raise DiagramError("a diagram cannot contain pictures or links", token.line)
        if token.kind == "html" and "<!--" in token.text:  # a comment could hide the text's end
            raise DiagramError("a text in a diagram cannot contain comments", token.line)
        if token.text == "+":
            raise DiagramError("texts in a diagram cannot be joined with +", token.line)
        if token.text == "=":
            _check_attribute(previous)
        previous = token


def _check_attribute(token: _Token) -> None:
    # Graphviz reads `[width=5image=x]` as two attributes, and takes an HTML text for a name.
    name = re.sub(r"\\\r?\n", "", token.text).strip('"<>').lstrip("0123456789")
    if name.casefold() in FILE_ATTRIBUTES:
        raise DiagramError(f"a diagram cannot read files, so {name!r} is not allowed", token.line)
    if name.casefold().endswith(LINK_ENDINGS):
        raise DiagramError(f"a diagram cannot have links, so {name!r} is not allowed", token.line)


def _tokens(source: str) -> Iterator[_Token]:
    """Yield words, quoted texts, HTML texts and signs; leave out spaces and comments."""
    position, line = 0, 1
    while match := _TOKEN.match(source, position):  # any character matches, so this reads it all
        kind, text = match.lastgroup or "sign", match[0]
        if text == "<":
            kind, text = "html", _html_text(source, position)
        if kind != "space":
            yield _Token(kind, text, line)
        position += len(text)
        line += text.count("\n")


def _html_text(source: str, start: int) -> str:
    """Return the text from `<` to the `>` that closes it, or to the end."""
    depth = 0
    for match in re.compile("[<>]").finditer(source, start):
        depth += 1 if match[0] == "<" else -1
        if depth == 0:
            return source[start : match.end()]
    return source[start:]
