"""Pictures and videos that the prose of a chapter shows, with the files that its page needs."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePosixPath

from layerbook.book.media import ImageFile, MediaError, MediaFolders
from layerbook.book.subtitles import language_of
from layerbook.core import language
from layerbook.plotting.graphviz import DiagramError, Drawing, draw_dot
from layerbook.site.blocks import ImageView, SubtitlesView, VideoView
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markdown import heading_slug
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.pictures import ProseDiagram, ProseImage
from layerbook.store.cache import WorkingCache
from layerbook.store.code_digest import source_digest
from layerbook.store.json_format import json_digest

SECONDS_OF_DIAGRAMS = 30.0
"""The time for the diagrams of a page that are not in the cache."""


class ChapterMedia:
    """Provides the images, diagrams and videos of one chapter as views.

    next_number: returns the number of the next figure. ids: the ids of the page.
    cache: where drawn diagrams are kept.
    files: the pictures that the page shows, by path in the site.
    """

    def __init__(
        self,
        folders: MediaFolders,
        next_number: Callable[[], str],
        ids: PageIds,
        cache: WorkingCache,
    ) -> None:
        self._cache = cache
        self._seconds = SECONDS_OF_DIAGRAMS
        self._folders, self._next_number, self._ids = folders, next_number, ids
        self.files: dict[str, bytes] = {}

    def picture(self, picture: ProseImage | ProseDiagram, caption: Inline | None) -> ImageView:
        """Return an image, or a diagram drawn for light pages and for dark ones.

        caption: None of an image that is only decorative. Raises MediaError or DiagramError.
        """
        if isinstance(picture, ProseImage):
            image, name = self._folders.image(picture.path), PurePosixPath(picture.path).stem
            paths = filter(None, (image.path, image.dark))
            self.files |= {path: self._folders.read(path) for path in paths}
        else:
            image, name = self._diagram(picture.source), picture.name or "diagram"
        return ImageView(
            id=self._ids.add(heading_slug(name)),
            number="" if caption is None else self._next_number(),
            href=image.path,
            dark_href=image.dark,
            width=image.width,
            height=image.height,
            alt="" if caption is None else picture.alt,
            caption_html="" if caption is None else caption.html,
        )

    def _diagram(self, source: str) -> ImageFile:
        """Add the files of a diagram."""
        light, dark = self._draw(source, dark=False), self._draw(source, dark=True)
        path = f"data/diagrams/{hashlib.sha256(source.encode()).hexdigest()[:12]}"
        self.files |= {f"{path}.svg": light.svg.encode(), f"{path}.dark.svg": dark.svg.encode()}
        return ImageFile(f"{path}.svg", light.width, light.height, f"{path}.dark.svg")

    def _draw(self, source: str, *, dark: bool) -> Drawing:
        key = json_digest([source_digest("plotting/graphviz"), source, dark])
        cached = self._cache.get_blob("diagrams", key)
        if cached:
            return Drawing(**json.loads(cached))
        if self._seconds <= 0:
            seconds = f"{SECONDS_OF_DIAGRAMS:g} seconds"
            raise DiagramError(f"the diagrams of this page take longer than {seconds} together")
        start = time.monotonic()
        drawing = draw_dot(source, dark=dark)
        self._seconds -= time.monotonic() - start
        self._cache.put_blob("diagrams", key, json.dumps(asdict(drawing)).encode())
        return drawing

    def video(self, path: str, poster: str, caption: str, track: str = "") -> VideoView:
        """Return a video; `track` is the path of its subtitles, if it has some.

        Raises MediaError for a file that is not there or cannot be used, or no caption.
        """
        if not caption.strip():
            raise MediaError('a video needs a caption that says what it shows: caption="..."')
        picture = self._folders.image(poster)
        self.files[picture.path] = self._folders.read(picture.path)
        href = self._folders.video(path)
        self.files[href] = self._folders.read(href)
        return VideoView(
            id=self._ids.add(heading_slug(PurePosixPath(path).stem)),
            number=self._next_number(),
            href=href,
            poster_href=picture.path,
            width=picture.width,
            height=picture.height,
            caption=caption,
            subtitles=self._subtitles(track) if track else None,
        )

    def _subtitles(self, path: str) -> SubtitlesView:
        """Return subtitles as part of the page: a page on disk may not load them as a file."""
        content = base64.b64encode(self._folders.subtitles(path)).decode()
        code = language_of(path, language.current().code)
        return SubtitlesView(f"data:text/vtt;base64,{content}", code)
