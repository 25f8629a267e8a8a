"""Walk through the header of a GGUF file, and reject counts and lengths that exceed the file.

The `gguf` package trusts the header and would loop up to 2**60 times.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Literal

MAX_SETTINGS = 10_000
MAX_TENSORS = 100_000
MAX_ELEMENTS = 3_000_000  # of all lists; a vocabulary of 262,144 has 1,300,000 in four lists
MAX_DIMENSIONS = 4
STRING, ARRAY = 8, 9
SCALAR_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def check_bounds(path: Path) -> None:
    """Raise ValueError if a header is longer than its file or too large, OSError as `open` does."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        is_big_endian = data[4:8] == (3).to_bytes(4, "big")
        _Walker(data, "big" if is_big_endian else "little").check_header()


class _Walker:
    """A position in a header; each step forward is checked against the end of the file."""

    def __init__(self, data: mmap.mmap, order: Literal["big", "little"]) -> None:
        self._data, self._order, self._end = data, order, len(data)
        self._offset = 8  # after the magic number and the version
        self._elements = 0

    def check_header(self) -> None:
        """Walk through all settings and all descriptions of tensors."""
        tensors, settings = self._integer(8), self._integer(8)
        _check_count("settings", settings, MAX_SETTINGS)
        _check_count("tensors", tensors, MAX_TENSORS)
        for _ in range(settings):
            self._skip_text()
            self._skip_value()
        for _ in range(tensors):
            self._skip_text()
            dimensions = self._integer(4)
            _check_count("dimensions of a tensor", dimensions, MAX_DIMENSIONS)
            self._skip(8 * dimensions + 4 + 8)  # their sizes, the type, and the offset of the data

    def _skip_value(self) -> None:
        kind, count = self._integer(4), 1
        if kind == ARRAY:
            kind, count = self._integer(4), self._integer(8)
            self._elements += count
            _check_count("elements of lists", self._elements, MAX_ELEMENTS)
        if kind == STRING:
            for _ in range(count):
                self._skip_text()
        elif kind in SCALAR_SIZES:
            self._skip(SCALAR_SIZES[kind] * count)
        else:
            raise ValueError(f"a setting is of the unknown type {kind}, or a list of lists")

    def _skip_text(self) -> None:
        self._skip(self._integer(8))

    def _integer(self, size: int) -> int:
        self._skip(size)
        return int.from_bytes(self._data[self._offset - size : self._offset], self._order)

    def _skip(self, size: int) -> None:
        self._offset += size
        if self._offset > self._end:
            raise ValueError("the header declares more data than the file contains")


def _check_count(name: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(f"it has {count:,} {name}, more than {limit:,}")
