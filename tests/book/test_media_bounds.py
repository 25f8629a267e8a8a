"""Broken and malicious pictures are refused in one line, quickly."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest
from layerbook.book.media import MediaError, MediaFolders

SECONDS = 5  # generous, for busy machines; each takes less than one alone


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(kind: int, data: bytes) -> bytes:
    """Return a segment of a JPEG file."""
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(data) + 2) + data


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
GIF = b"GIF89a\x09\0\x09\0\0\0\0"
LONG = {
    "text.png": PNG + chunk(b"tEXt", b"a\0b") * 3_000_000,
    "private.png": PNG + chunk(b"prVt", b"") * 4_000_000,
    "comments.gif": GIF + b"\x21\xfe\x01a\0" * 9_000_000,
    "control.gif": GIF + b"\x21\xf9\x04\0\0\0\0\0" * 6_000_000,
    "zeros.gif": GIF + bytes(50_000_000),
    "comments.jpg": b"\xff\xd8" + segment(0xFE, b"a") * 9_000_000,
    "exif.jpg": b"\xff\xd8" + segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0") * 2_000_000,
    "marks.jpg": b"\xff\xd8" + b"\xff" * 50_000_000,
    "attribute.svg": b'<svg a="' + b"x" * 50_000_000 + b'"/>',
    "comments.svg": b"<!---->" * 7_000_000,
    "digits.svg": b'<svg width="' + b"0" * 90_000 + b'x" height="1"/>',
    "space.svg": b'<svg width="1' + b" " * 90_000 + b'x" height="1"/>',
    "box.svg": b'<svg viewBox="' + b"1 " * 90_000 + b'"/>',
}


@pytest.mark.parametrize("name", LONG)
def test_slow_pictures_are_refused(name: str, tmp_path: Path) -> None:
    """Only the header of a file is read."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).write_bytes(LONG[name])
    start = time.process_time()
    with pytest.raises(MediaError):
        MediaFolders(tmp_path).image(f"images/{name}")
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="x" viewBox="0 0 1e999 1"/>',
        '<svg xmlns="x" viewBox="0 0 nan 1"/>',
        f'<svg xmlns="x" width="{"1" * 400}" height="1"/>',
        '<?xml version="1.0" encoding="zlib"?><svg xmlns="x" width="1" height="1"/>',
        '<!DOCTYPE svg [<!ENTITY a "1">]><svg xmlns="x" width="&a;" height="1"/>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "/etc/hostname">]><svg width="&a;" height="1"/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_drawings_without_a_size_are_refused(text: str, encoding: str, tmp_path: Path) -> None:
    """They are refused in every encoding, although entities look different in some."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.svg").write_bytes(text.encode(encoding))
    with pytest.raises(MediaError, match=r"images/x\.svg"):
        MediaFolders(tmp_path).image("images/x.svg")
