"""Read the files of a site, which may be a stranger's: no links, no pipes, nothing huge."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from layerbook.core.errors import StoreError
from layerbook.core.paths import MAX_BYTES, read_file, resolve_within

MAX_TOTAL_BYTES = 500_000_000


def read_site_file(file: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file. Raises StoreError if it is missing or too large."""
    try:
        return read_file(file, max_bytes)
    except OSError as error:
        message = f"{file}: cannot be read ({error.strerror or error}); run `layerbook build`"
        raise StoreError(message) from error


class SiteFiles:
    """The files of a site for one document, which gets at most 500 MB of them."""

    def __init__(self, site: Path) -> None:
        self._site, self._bytes = site, 0

    def read(self, path: str) -> bytes:
        """Read a file by its path in the site.

        Raises StoreError for one that is not there, or if there are too many, and OutsideError for
        a path that leads out of the site.
        """
        data = read_site_file(resolve_within(self._site, self._site / path, links=False))
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL_BYTES:
            megabytes = MAX_TOTAL_BYTES // 1_000_000
            raise StoreError(f"{self._site}: its files are larger than {megabytes} MB together")
        return data

    def exists(self, path: str) -> bool:
        """Return whether the site has the file. Raises OutsideError."""
        return resolve_within(self._site, self._site / path, links=False).is_file()


def is_plain_path(path: str) -> bool:
    """Return whether a path leads down only, so that it can name a file in an archive."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not {"..", "\\"} & {*parts, *path}
