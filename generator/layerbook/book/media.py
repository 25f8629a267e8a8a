"""A book's own pictures (`images/`) and files (`static/`), and the sizes of pictures.

Only the headers of pictures are read, never their pixels.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NoReturn
from xml.parsers import expat

from layerbook.book import subtitles
from layerbook.core.errors import LayerbookError, OutsideError, did_you_mean
from layerbook.core.paths import paths_below, resolve_within

IMAGES_FOLDER, STATIC_FOLDER = "images", "static"
MEDIA_FOLDERS = (IMAGES_FOLDER, STATIC_FOLDER)
MAX_BYTES = 100_000_000

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".webp": "WEBP"}
IMAGE_SUFFIXES = (*_FORMATS, ".svg")
VIDEO_SUFFIXES = (".mp4", ".webm")
_SUFFIXES = {
    "image": IMAGE_SUFFIXES,
    "video": VIDEO_SUFFIXES,
    "file of subtitles": (".vtt",),
    "font": (".woff2", ".woff", ".ttf", ".otf"),
    "style sheet": (".css",),
}
_DARK = ".dark"
_EXIF_ORIENTATION, _ROTATED_ORIENTATIONS = 274, (5, 6, 7, 8)
_LENGTH = re.compile(r"\s*+([0-9]{1,9}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\s*+(?:px)?\s*+")
_MAX_SIDE = 30_000
_HEAD, _SVG_HEAD = 1_000_000, 200_000
"""The first bytes of a picture, which must state its size; reading more takes time."""


_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    Warning,
    ArithmeticError,
    LookupError,
    expat.ExpatError,
)


class MediaError(LayerbookError):
    """A picture or file that cannot be shown. The message names it."""


@dataclass(frozen=True)
class ImageFile:
    """A picture: its path in the book and in the site, its size in pixels, and its dark variant."""

    path: str
    width: int
    height: int
    dark: str | None = None


class MediaFolders:
    """The folders `images/` and `static/` of a book, which need not exist."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def image(self, path: str) -> ImageFile:
        """Return a picture with its size. Raises MediaError."""
        file = self._find(path, "image")
        width, height = self._size(file, path)
        clean = PurePosixPath(path)
        dark = str(clean.with_name(f"{clean.stem}{_DARK}{clean.suffix}"))
        if not (self._root / dark).is_file():
            return ImageFile(str(clean), width, height)
        self._size(self._find(dark, "image"), dark)
        return ImageFile(str(clean), width, height, dark)

    def video(self, path: str) -> str:
        """Return the path of a video. Raises MediaError."""
        self._find(path, "video")
        return str(PurePosixPath(path))

    def subtitles(self, path: str) -> bytes:
        """Return the content of a file of subtitles. Raises MediaError."""
        self._find(path, "file of subtitles")
        content = self.read(path)
        try:
            subtitles.check_webvtt(content)
        except ValueError as error:
            raise MediaError(f"{path!r} {error}") from error
        return content

    def check_static(self, path: str, kind: str) -> None:
        """Raise MediaError unless the path is a `font` or a `style sheet` in `static/`."""
        self._find(path, kind)
        if PurePosixPath(path).parts[0] != STATIC_FOLDER:
            raise MediaError(f"{path!r} is not in static/, where each {kind} must be")

    def read(self, path: str) -> bytes:
        """Read a file. Raises MediaError."""
        try:
            return resolve_within(self._root, self._root / path).read_bytes()
        except OSError as error:
            raise MediaError(f"{path} cannot be read ({error.strerror or error})") from error

    def static_paths(self) -> Iterator[str]:
        """Yield the files in `static/` that are published, in order; hidden files are skipped."""
        yield from self._paths(STATIC_FOLDER)

    def static_files(self) -> dict[str, bytes]:
        """Return the files of `static/` by path. Raises MediaError."""
        return {path: self.read(path) for path in self.static_paths()}

    def clashing_names(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of paths that Windows and macOS take for the same file."""
        paths: dict[str, str] = {}
        for folder in MEDIA_FOLDERS:
            for path in self._paths(folder):
                other = paths.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
                if other != path:
                    yield other, path

    def _paths(self, folder: str) -> Iterator[str]:
        root = self._root / folder
        for path in paths_below(root):
            parts = path.relative_to(self._root).parts
            if path.is_file() and not any(part.startswith(".") for part in parts):
                yield "/".join(parts)

    def _find(self, path: str, kind: str) -> Path:
        clean = PurePosixPath(path)
        if re.match(r"[a-z][a-z0-9+.-]*:|//", path, re.IGNORECASE):
            raise MediaError(
                f"{path!r} is a URL; a book can only show its own files, from images/ or static/"
            )
        if clean.is_absolute() or "\\" in path or ".." in clean.parts:
            raise MediaError(f"{path!r} leads out of the book; begin with images/ or static/")
        if not clean.parts or clean.parts[0] not in MEDIA_FOLDERS or len(clean.parts) < 2:
            raise MediaError(f"{path!r} is not in images/ or static/, where a book's files must be")
        if clean.suffix.lower() not in _SUFFIXES[kind]:
            endings = ", ".join(_SUFFIXES[kind])
            raise MediaError(f"{path!r} is not a supported {kind}; its name must end in {endings}")
        try:
            file = resolve_within(self._root, self._root / path)
        except OutsideError as error:
            raise MediaError(f"{path!r} leads out of the book") from error
        if not file.is_file():
            hint = did_you_mean(path, self._paths(clean.parts[0]))
            raise MediaError(f"there is no file {path!r}{hint}")
        if file.stat().st_size > MAX_BYTES:
            raise MediaError(f"{path!r} is larger than {MAX_BYTES // 1_000_000} MB")
        return file

    def _size(self, file: Path, path: str) -> tuple[int, int]:
        """Return the width and the height in pixels."""
        try:
            is_svg = file.suffix.lower() == ".svg"
            width, height = _svg_size(file) if is_svg else _pixel_size(file)
        except _UNREADABLE as error:
            raise MediaError(f"{path!r} cannot be read: {error}") from error
        if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
            raise MediaError(
                f"{path!r} has {width} by {height} pixels, which is not a displayable size"
            )
        return width, height


def _pixel_size(file: Path) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError

    expected = _FORMATS[file.suffix.lower()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(_head(file), formats=sorted(set(_FORMATS.values()))) as image:
                if image.format != expected:
                    raise ValueError(f"it is {image.format}, not {expected} as its name says")
                width, height = image.size
                is_rotated = (
                    expected == "JPEG"
                    and image.getexif().get(_EXIF_ORIENTATION) in _ROTATED_ORIENTATIONS
                )
    except UnidentifiedImageError as error:
        raise ValueError(f"it is not a {expected} file") from error
    except Image.DecompressionBombError as error:
        raise ValueError("it has too many pixels") from error
    return (height, width) if is_rotated else (width, height)


def _head(file: Path) -> BytesIO:
    """Return the start of a picture; all of a WebP, because Pillow needs it."""
    with file.open("rb") as stream:
        return BytesIO(stream.read(-1 if file.suffix.lower() == ".webp" else _HEAD))


def _svg_size(file: Path) -> tuple[int, int]:
    """Return the size that an SVG states, or else the size of its viewBox."""
    with file.open("rb") as stream:
        root, attributes = _root_element(stream.read(_SVG_HEAD))
    if root.rpartition(":")[2] != "svg":
        raise ValueError("it is not an SVG")
    sides = [_LENGTH.fullmatch(attributes.get(name, "")) for name in ("width", "height")]
    if all(sides):
        width, height = (round(float(side[1])) for side in sides if side)
        return width, height
    numbers = re.split(r"[\s,]+", attributes.get("viewBox", "").strip(), maxsplit=4)
    box = [float(number) for number in numbers if number]
    if len(box) != 4:
        raise ValueError("it states neither width and height nor a viewBox")
    return round(box[2]), round(box[3])


def _root_element(head: bytes) -> tuple[str, dict[str, str]]:
    """Return the name and the attributes of the root element of an XML file."""
    elements: list[tuple[str, dict[str, str]]] = []

    def refuse(*_: object) -> NoReturn:
        raise ValueError("it defines XML entities, which are not supported; save it as plain SVG")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: elements.append((name, attributes))
    stream = BytesIO(head)
    while not elements and (part := stream.read(4096)):
        parser.Parse(part)
    if not elements:
        raise ValueError(f"no element begins in its first {_SVG_HEAD:,} bytes")
    return elements[0]
