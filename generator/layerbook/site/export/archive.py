"""A site as a zip file, with equal bytes for equal files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from layerbook.core import atomic
from layerbook.site.export.site_files import SiteFiles
from layerbook.store.publish import published_files

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can state; all files have it."""
FILE_MODE = 0o100644 << 16
UNIX = 3


def write_zip(site: Path, path: Path) -> None:
    """Write only the published files of a site."""
    files = SiteFiles(site)
    names = sorted(published_files(site))
    write_archive(path, ((name, files.read(name)) for name in names))


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive of files in their order; a `mimetype` is not compressed, as in an EPUB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files:
            # Nothing depends on the clock, the user or the system.
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.external_attr, entry.create_system = FILE_MODE, UNIX
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=9)
    atomic.write_output(path, content.getvalue())
