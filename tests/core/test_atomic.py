"""Files are written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.core import atomic
from layerbook.core.errors import StoreError


def test_write_returns_whether_the_file_changed(tmp_path: Path) -> None:
    """Equal bytes leave the file alone, down to its inode."""
    path = tmp_path / "deep" / "x.txt"
    assert atomic.write(path, b"one")
    status = path.stat()
    assert not atomic.write(path, b"one")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    assert atomic.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["x.txt"]


def test_written_files_follow_the_umask(tmp_path: Path) -> None:
    """A page's permissions follow the umask, so a web server can read it."""
    (tmp_path / "plain").write_bytes(b"")
    atomic.write(tmp_path / "page", b"")
    assert (tmp_path / "page").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_disk_errors_are_store_errors(tmp_path: Path) -> None:
    """A folder in the way is a StoreError that names the path, and no temporary file stays."""
    (tmp_path / "x").mkdir()
    with pytest.raises(StoreError, match=r"x: cannot be written"):
        atomic.write(tmp_path / "x", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
