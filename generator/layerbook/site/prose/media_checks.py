"""Find pictures, diagrams and videos that are missing or that no page can show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes

from layerbook.book.media import MediaError, MediaFolders
from layerbook.book.node import display_path
from layerbook.core.errors import Problem
from layerbook.plotting.dot_syntax import DiagramError, check_source
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import parse_prose
from layerbook.site.prose.pictures import extract_pictures


def find_media_problems(folders: MediaFolders, prose: TextPiece) -> Iterator[Problem]:
    """Yield a problem for each picture, diagram or video that cannot be shown, at its place."""
    pictures = extract_pictures(prose.text)
    for image in pictures.images:
        message = image.problem()
        try:
            folders.image(image.path)
        except MediaError as error:
            message = message or str(error)
        if message:
            yield Problem(prose.file, image.line, image.column, message)
    for diagram in pictures.diagrams:
        if message := diagram.problem():
            yield Problem(prose.file, diagram.line, 1, message)
        try:
            check_source(diagram.source)
        except DiagramError as error:
            yield Problem(prose.file, diagram.line + error.line, 1, str(error))
    yield from _video_problems(folders, prose)


def find_clashing_files(root: Path) -> Iterator[Problem]:
    """Yield a problem for each picture or file that would replace another on some disks."""
    for other, path in MediaFolders(root).clashing_names():
        message = f"Windows and macOS take {path!r} and {other!r} for the same file; rename one"
        yield Problem(display_path(root / path), 1, 1, message)


def _video_problems(folders: MediaFolders, prose: TextPiece) -> Iterator[Problem]:
    try:
        tree = parse_prose(prose.text)
    except TemplateSyntaxError:  # reported by the checks of templates
        return
    lines = prose.text.split("\n")
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "video":
            column = lines[call.lineno - 1].find("video") + 1
            for message in _video_messages(folders, call):
                yield Problem(prose.file, call.lineno, max(column, 1), f"video(): {message}")


def _video_messages(folders: MediaFolders, call: nodes.Call) -> Iterator[str]:
    named = {pair.key: pair.value for pair in call.kwargs}
    try:
        match call.args:
            case [nodes.Const(value=str(path))]:
                folders.video(path)
        match named.get("poster"):
            case nodes.Const(value=str(path)):
                folders.image(path)
        match named.get("track"):
            case nodes.Const(value=str(path)):
                folders.subtitles(path)
    except MediaError as error:
        yield str(error)
    missing = [name for name in ("poster", "caption") if name not in named]
    if missing and call.dyn_kwargs is None:
        usage = 'video("static/x.mp4", poster="images/x.png", caption="...")'
        yield f"needs {' and '.join(missing)}: {usage}"
