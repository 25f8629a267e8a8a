"""Paths that must stay inside a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.core.errors import OutsideError
from layerbook.core.paths import resolve_within


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a folder with links that stay inside, and links that lead outside."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "root-2").mkdir()
    (root / "in").symlink_to("folder")
    (root / "out").symlink_to("/etc")
    (root / "sibling").symlink_to(tmp_path / "root-2")
    (root / "chain").symlink_to("folder/../out")
    (root / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to(root)
    return root


@pytest.mark.parametrize("path", [".", "folder/new", "in/new", "folder/../in", "loop"])
def test_paths_inside_are_resolved(root: Path, path: str) -> None:
    """Paths may exist or not, also below a root that is a link itself."""
    for folder in (root, root.parent / "link"):
        assert resolve_within(folder, folder / path).is_relative_to(root.resolve())


def test_relative_paths_start_at_the_working_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder and a path that begins with it are fine; a path in the folder is not."""
    monkeypatch.chdir(root.parent)
    expected = root.resolve() / "folder" / "new"
    assert resolve_within(Path("root"), Path("root/folder/new"), links=False) == expected
    with pytest.raises(OutsideError):
        resolve_within(Path("root"), Path("folder/new"))


@pytest.mark.parametrize(
    "path", ["..", "../root-2", "/etc/passwd", "out", "out/passwd", "sibling/x", "chain", "a\0b"]
)
def test_paths_outside_are_refused(root: Path, path: str) -> None:
    """`..`, absolute paths and chains of links are refused."""
    with pytest.raises(OutsideError):
        resolve_within(root, root / path)


def test_links_are_refused_on_request(root: Path) -> None:
    """With `links=False` even links inside are refused."""
    assert resolve_within(root, root / "folder/new", links=False) == root.resolve() / "folder/new"
    link = root.parent / "link"
    assert resolve_within(link, link / "folder", links=False) == root.resolve() / "folder"
    for path in ("in", "in/new"):
        with pytest.raises(OutsideError, match="link"):
            resolve_within(root, root / path, links=False)
