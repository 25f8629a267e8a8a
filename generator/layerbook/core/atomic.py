"""Write files whole: a reader sees the old bytes or the new ones, also after a crash."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from layerbook.core.errors import StoreError
from layerbook.core.paths import paths_below

TEMPORARY_SUFFIX = ".layerbook-tmp"


def write(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o666) -> bool:
    """Write `data` to `path` through a temporary file in the same folder.

    Return False, and leave the file untouched, if it has these bytes already. `durable=False`
    omits the fsync, for files that can be recreated. `mode`: the permissions of a new file, less
    the user's mask. Raises StoreError if the disk refuses.
    """
    try:
        if has_content(path, data):
            return False
        try:
            _replace(path, data, durable=durable, mode=mode)
        except FileNotFoundError:  # rare: creating the folder first would slow down every write
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, data, durable=durable, mode=mode)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from error
    return True


def write_output(path: Path, data: bytes) -> None:
    """Write a file that the user named, which may also be a device or a pipe.

    Raises StoreError if the disk refuses.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        write(Path(os.path.realpath(path)), data, durable=False)


def remove_temporary_files(folder: Path, *, recursive: bool = False) -> None:
    """Remove the temporary files of killed writes. Call it only under the build's lock.

    Raises DeepFolderError if `recursive`.
    """
    pattern = f".*{TEMPORARY_SUFFIX}"
    for path in paths_below(folder) if recursive else folder.glob(pattern):
        if path.match(pattern):
            with suppress(OSError):
                path.unlink()


def has_content(path: Path, data: bytes) -> bool:
    """Return whether the file, not a link to one, has exactly these bytes."""
    is_file = path.is_file() and not path.is_symlink()
    return is_file and path.stat().st_size == len(data) and path.read_bytes() == data


def _replace(path: Path, data: bytes, *, durable: bool, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    # tempfile would make files that only their owner can read; web servers must read pages.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(temporary, flags, mode), "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, on systems that can open a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
