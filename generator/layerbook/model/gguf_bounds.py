"""Walk through the header of a GGUF file, and reject counts and lengths that exceed the file.

The `gguf` package trusts the header and would loop up to 2**60 times.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

MAX_SETTINGS = 10_000
MAX_TENSORS = 100_000
MAX_ELEMENTS = 3_000_000  # of all lists; a vocabulary of 262,144 has 1,300,000 in four lists
MAX_DIMENSIONS = 4
STRING, ARRAY = 8, 9
SCALAR_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
BYTE_ORDERS = {"<": struct.pack("<I", 3), ">": struct.pack(">I", 3)}


def check_bounds(path: Path) -> None:
    """Raise ValueError if a header is longer than its file or too large, OSError as `open` does."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        order = ">" if data[4:8] == BYTE_ORDERS[">"] else "<"
        _Walker(data, order).check_header()


class _Walker:
    """A position in a header; each step forward is checked against the end of the file."""

    def __init__(self, data: mmap.mmap, order: str) -> None:
        self._data, self._end = data, len(data)
        self._integers = {4: struct.Struct(f"{order}I"), 8: struct.Struct(f"{order}Q")}
        self._offset = 8  # after the magic number and the version
        self._elements = 0

    def check_header(self) -> None:
        """Walk through all settings and all descriptions of tensors."""
        tensors, settings = self._integer(8), self._integer(8)
        _check_count("settings", settings, MAX_SETTINGS)
        _check_count("tensors", tensors, MAX_TENSORS)
        for _ in range(settings):
            self._skip_text()
            self._skip_value(self._integer(4))
        for _ in range(tensors):
            self._skip_text()
            dimensions = self._integer(4)
            _check_count("dimensions of a tensor", dimensions, MAX_DIMENSIONS)
            self._skip(8 * dimensions + 4 + 8)  # their sizes, the type, and the offset of the data

    def _skip_value(self, kind: int) -> None:
        if kind == STRING:
            self._skip_text()
        elif kind == ARRAY:
            self._skip_list(self._integer(4), self._integer(8))
        else:
            self._skip(_size(kind))

    def _skip_list(self, kind: int, count: int) -> None:
        self._elements += count
        _check_count("elements of lists", self._elements, MAX_ELEMENTS)
        if kind == STRING:
            for _ in range(count):
                self._skip_text()
        else:
            self._skip(_size(kind) * count)

    def _skip_text(self) -> None:
        self._skip(self._integer(8))

    def _integer(self, size: int) -> int:
        start = self._offset
        self._skip(size)
        number: int = self._integers[size].unpack_from(self._data, start)[0]
        return number

    def _skip(self, size: int) -> None:
        self._offset += size
        if self._offset > self._end:
            raise ValueError("the header declares more data than the file contains")


def _size(kind: int) -> int:
    if kind not in SCALAR_SIZES:
        raise ValueError(f"a setting is of the unknown type {kind}, or a list of lists")
    return SCALAR_SIZES[kind]


def _check_count(name: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(f"it has {count:,} {name}, more than {limit:,}")
