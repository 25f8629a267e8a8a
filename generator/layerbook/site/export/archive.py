"""A site as a zip file, with equal bytes for equal files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from layerbook.core.paths import resolve_inside
from layerbook.store.publish import published_files

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can state; all files have it."""
FILE_MODE = 0o100644 << 16


def write_zip(site: Path, path: Path) -> None:
    """Write only the published files of a site."""
    names = sorted(published_files(site))
    with zipfile.ZipFile(path, "w") as archive:
        add_files(
            archive,
            ((name, resolve_inside(site, name, links=False).read_bytes()) for name in names),
        )


def add_files(archive: zipfile.ZipFile, files: Iterable[tuple[str, bytes]]) -> None:
    """Add files to an archive in their order, compressed."""
    for name, data in files:
        archive.writestr(entry(name, zipfile.ZIP_DEFLATED), data, compresslevel=9)


def entry(name: str, method: int) -> zipfile.ZipInfo:
    """Return an entry that does not depend on the clock, the user or the system."""
    info = zipfile.ZipInfo(name, FIRST_DAY)
    info.compress_type, info.external_attr, info.create_system = method, FILE_MODE, 3
    return info
