"""Mutated pictures have a size or are refused in one line."""

from __future__ import annotations

import io
from pathlib import Path

from fixtures.fuzzing import cases
from layerbook.book.media import MediaError, MediaFolders
from PIL import Image


def picture(kind: str) -> bytes:
    """Return a small picture."""
    if kind == "svg":
        return b'<svg xmlns="http://www.w3.org/2000/svg" width="6px" height="9"/>'
    stream = io.BytesIO()
    Image.new("RGB", (6, 9)).save(stream, "JPEG" if kind == "jpg" else kind.upper())
    return stream.getvalue()


def test_mutated_pictures_are_refused_or_measured(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number, rng in cases("pictures"):
        kind = rng.choice(("png", "jpg", "gif", "webp", "svg"))
        data = bytearray(picture(kind))
        for _ in range(rng.randint(1, 8)):
            offset = rng.randrange(min(len(data), 60))
            data[offset : offset + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 3))
        (tmp_path / "images" / f"{number}.{kind}").write_bytes(data)
        try:
            image = MediaFolders(tmp_path).image(f"images/{number}.{kind}")
            assert 0 < image.width <= 30_000 and 0 < image.height <= 30_000
        except MediaError as error:
            assert "\n" not in str(error)
