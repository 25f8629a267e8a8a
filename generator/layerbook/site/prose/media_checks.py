"""Find pictures, diagrams and videos that are missing or that no page can show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

from layerbook.book.media import MediaError, MediaFolders
from layerbook.book.node import Position, display_path
from layerbook.core.errors import Problem
from layerbook.plotting.graphviz import DiagramError, check_source
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.pictures import ProseImage, extract_pictures


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
