"""Find mistakes in a chapter's Markdown that would silently drop text or stop the rendering."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from jinja2 import nodes
from markdown_it.token import Token as Node

from layerbook.book.contents import Chapter
from layerbook.book.media import MediaError, MediaFolders
from layerbook.book.node import Position, display_path
from layerbook.core.errors import Problem
from layerbook.plotting.graphviz import DiagramError, check_source
from layerbook.site.prose.chapter_text import TextPiece, chapter_texts
from layerbook.site.prose.formulas import MathError, MathRenderer
from layerbook.site.prose.highlight import ListingError, check_language
from layerbook.site.prose.markdown_renderer import MISPLACED_REFERENCE
from layerbook.site.prose.outline import BLOCK, Outline
from layerbook.site.prose.pictures import IMAGE_USAGE, ProseImage, extract_pictures

_STRAY = (
    (re.compile(r"\$\$"), "$$ opens a formula that does not end before the next empty line"),
    (re.compile(r"\[\^[^\]\s]+\]"), "no footnote has the mark {0}"),
    (
        re.compile(r"^:{3,}.*"),
        "{0} opens or closes nothing; write :::: tabs, in it ::: tab TITLE and :::, then ::::",
    ),
    (
        re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>|<!--"),
        "prose cannot contain HTML, and {0} looks like it; write it as `code`, or write \\< for <",
    ),
    (
        re.compile(r"(?<![\w\])])\[[^\[\]]+\]\[[^\[\]^]+\]"),
        "no address is defined for the link {0}",
    ),
)
_REVERSING = re.compile(r"[\u202d\u202e]|&#(?:x0*202[de]|0*823[78]);", re.IGNORECASE)
"""Characters that print the text after them in another order, numbers too."""
_ONLY_BLOCKS = re.compile(rf"\s*+(?:{BLOCK}[^{BLOCK}]*{BLOCK}\s*+)+")


def find_markdown_problems(
    piece: TextPiece, image_lines: Collection[int] = ()
) -> Iterator[Problem]:
    """Yield HTML, images and figures inside a sentence, and marks without a footnote or an end.

    image_lines: the lines of images that stand alone.
    """
    outline = piece.outline
    yield from _listing_problems(piece)
    yield from _reversed_texts(piece)
    for excess in outline.excesses:
        yield piece.problem(Position(excess.line, 1), excess.message)
    for opening, node in outline.inline_nodes():
        text, offset = outline.text(node), 0
        only_images = all(c.type in ("image", "softbreak") for c in node.children or ())
        for child in node.children or ():
            if child.type == "image" and only_images:
                offset = text.find("![", offset)
                if outline.position(node, offset).line in image_lines:
                    offset += 1
                    continue
            for written, message in _wrong_texts(child):
                start = text.find(written, offset)
                offset = offset if start < 0 else start
                yield piece.problem(outline.position(node, offset), message)
        # A statement may split what is one line here into several paragraphs.
        has_statement = "{%" in outline.original_text(node)
        if BLOCK in node.content and not has_statement and not _stands_alone(opening, node):
            position = outline.position(node, text.index(BLOCK))
            message = "a figure, claim or source must stand alone in its paragraph"
            yield piece.problem(position, f"{message}, with empty lines around it")


def find_text_problems(chapter: Chapter, prose: TextPiece) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of a chapter's prose, captions and claims."""
    pictures = extract_pictures(prose.text).pictures
    for piece in chapter_texts(chapter, prose):
        is_caption = piece is not prose
        yield from find_markdown_problems(piece, () if is_caption else pictures)
        if is_caption:
            yield from find_misplaced_references(piece)


def find_formula_problems(
    chapter: Chapter, prose: TextPiece, math: MathRenderer
) -> Iterator[Problem]:
    """Yield invalid formulas; a formula with values can only be checked when it is rendered."""
    for piece in chapter_texts(chapter, prose):
        outline = piece.outline
        for node, formula in _formulas(outline):
            if "{{" in outline.original_text(node):
                continue
            try:
                math.render(formula.content.strip(), display=formula.type != "math_inline")
            except MathError as error:
                source = outline.text(node)
                offset = max(source.find(formula.content.strip().partition("\n")[0]), 0)
                position = Position(outline.position(node, offset).line, 1)
                yield piece.problem(position, f"in the formula: {error}")


def _formulas(outline: Outline) -> Iterator[tuple[Node, Node]]:
    """Yield the formulas, each with the node that has its place."""
    for node in outline.nodes:
        for child in node.children or (node,):
            if child.type.startswith("math"):
                yield node, child


def find_misplaced_references(piece: TextPiece) -> Iterator[Problem]:
    """Yield the references such as `@fig-name` in a caption, a claim or a definition."""
    for written, position in piece.outline.references():
        yield piece.problem(position, MISPLACED_REFERENCE.format(written))


def _reversed_texts(piece: TextPiece) -> Iterator[Problem]:
    for number, line in enumerate(piece.lines, start=1):
        for match in _REVERSING.finditer(line):
            name = match[0] if len(match[0]) > 1 else f"U+{ord(match[0]):04X}"
            message = f"the invisible character {name} reverses the text after it; remove it"
            yield piece.problem(Position(number, match.start() + 1), message)


def _listing_problems(piece: TextPiece) -> Iterator[Problem]:
    outline = piece.outline
    for node in outline.nodes:
        words = node.info.split()
        if node.type != "fence" or not words:
            continue
        try:
            check_language(words[0])
        except ListingError as error:
            position = outline.position(node, outline.text(node).find(words[0]))
            yield piece.problem(position, str(error))


def _wrong_texts(child: Node) -> Iterator[tuple[str, str]]:
    """Yield texts as they are written, with what is wrong with them."""
    if child.type == "image":
        yield "![", IMAGE_USAGE
    elif child.type == "text":
        for pattern, message in _STRAY:
            for match in pattern.finditer(child.content):
                yield match[0], message.format(match[0])


def _stands_alone(opening: Node, node: Node) -> bool:
    return opening.type == "paragraph_open" and _ONLY_BLOCKS.fullmatch(node.content) is not None


def find_media_problems(folders: MediaFolders, prose: TextPiece) -> Iterator[Problem]:
    """Yield a problem for each picture, diagram or video that cannot be shown, at its place."""
    for picture in extract_pictures(prose.text).pictures.values():
        position = Position(picture.line, picture.column)
        message = picture.problem()
        try:
            if isinstance(picture, ProseImage):
                folders.image(picture.path)
            else:
                check_source(picture.source)
        except MediaError as error:
            message = message or str(error)
        except DiagramError as error:
            yield prose.problem(Position(picture.line + error.line, 1), str(error))
        if message:
            yield prose.problem(position, message)
    for call in prose.calls("video"):
        for message in _video_messages(folders, call):
            yield prose.problem_at(call.lineno, "video", f"video(): {message}")


def find_clashing_files(root: Path) -> Iterator[Problem]:
    """Yield a problem for each picture or file that would replace another on some disks."""
    for other, path in MediaFolders(root).clashing_names():
        message = f"Windows and macOS take {path!r} and {other!r} for the same file; rename one"
        yield Problem(display_path(root / path), 1, 1, message)


def _video_messages(folders: MediaFolders, call: nodes.Call) -> Iterator[str]:
    named = {pair.key: pair.value for pair in call.kwargs}
    video = call.args[0] if len(call.args) == 1 else None
    files = (
        (video, folders.video),
        (named.get("poster"), folders.image),
        (named.get("track"), folders.subtitles),
    )
    try:
        for node, find in files:
            if isinstance(node, nodes.Const) and isinstance(node.value, str):
                find(node.value)
    except MediaError as error:
        yield str(error)
    missing = [name for name in ("poster", "caption") if name not in named]
    if missing and call.dyn_kwargs is None:
        usage = 'video("static/x.mp4", poster="images/x.png", caption="...")'
        yield f"needs {' and '.join(missing)}: {usage}"
