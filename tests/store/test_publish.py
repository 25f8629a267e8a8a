"""A published folder has the site, and every file in it is complete at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.store import publish

Kill = Callable[[Callable[[], object], int], bool]

OLD = {
    "index.html": b"old front",
    "a.html": b"old a",
    "gone.html": b"gone",
    "was/page.html": b"p",
    "turns": b"file",
}
NEW = {
    "index.html": b"new front",
    "a.html": b"new a",
    "css/x.css": b"css",
    "was": b"now a file",
    "turns/in.html": b"q",
}


def files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder but the marker."""
    files_by_path = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    files_by_path.pop(publish.MARKER_NAME, None)
    return files_by_path


def pages(folder: Path) -> dict[str, bytes]:
    """Read the files that are not temporary."""
    return {
        path: data
        for path, data in files(folder).items()
        if not path.endswith(atomic.TEMPORARY_SUFFIX)
    }


def test_flushes_only_the_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site of many pages waits for the disk no more often than a small one."""
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    counts = []
    for size in (1, 20):
        flushed.clear()
        tree = {f"{number}.html": b"page" for number in range(size)}
        publish.publish(tree, tmp_path / str(size))
        counts.append(len(flushed))
    assert counts[0] == counts[1] > 0


def test_replaces_a_site(tmp_path: Path) -> None:
    """Removed pages go with their folders; files that no build wrote stay."""
    site = tmp_path / "site"
    publish.publish(OLD, site)
    assert files(site) == OLD
    (site / "CNAME").write_bytes(b"example.org")
    completed = publish.publish(NEW, site)
    assert files(site) == NEW | {"CNAME": b"example.org"}
    assert completed.written[-1] == "index.html"
    assert completed.removed == ("gone.html", "turns", "was/page.html")
    assert json.loads((site / publish.MARKER_NAME).read_bytes())["files"].keys() == NEW.keys()


def test_same_site_changes_no_file(tmp_path: Path) -> None:
    """Every modification time stays."""
    publish.publish(NEW, tmp_path / "site")
    modification_times = {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")}
    assert publish.publish(NEW, tmp_path / "site") == publish.PublishReport()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")} == modification_times


def test_refuses_a_folder_with_files_of_others(tmp_path: Path) -> None:
    """The folder is left as it is."""
    (tmp_path / "thesis.tex").write_bytes(b"years of work")
    with pytest.raises(StoreError, match="no build wrote"):
        publish.publish(NEW, tmp_path)
    assert files(tmp_path) == {"thesis.tex": b"years of work"}


def test_keeps_files_that_were_edited(tmp_path: Path) -> None:
    """A page that is no longer in the site, but was edited, is kept and reported."""
    publish.publish(OLD, tmp_path / "site")
    (tmp_path / "site" / "gone.html").write_bytes(b"edited")
    assert publish.publish(NEW, tmp_path / "site").kept_modified == ("gone.html",)
    assert files(tmp_path / "site")["gone.html"] == b"edited"


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", "", "a//b", "C:x", "a\\b", publish.MARKER_NAME]
)
def test_refuses_paths_that_leave_the_folder(tmp_path: Path, path: str) -> None:
    """Such paths are refused in the site and in a forged marker."""
    with pytest.raises(StoreError):
        publish.publish({path: b""}, tmp_path / "site")
    if path != publish.MARKER_NAME:
        (tmp_path / "site").mkdir(exist_ok=True)
        (tmp_path / "site" / publish.MARKER_NAME).write_text(
            json.dumps({"files": {path: "0" * 64}})
        )
        with pytest.raises(StoreError, match="cannot be read"):
            publish.publish(NEW, tmp_path / "site")


def test_refuses_to_write_through_a_link(tmp_path: Path) -> None:
    """A folder of the site may be a link that leads out of it."""
    (tmp_path / "elsewhere").mkdir()
    publish.publish({"index.html": b""}, tmp_path / "site")
    (tmp_path / "site" / "css").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="through a link"):
        publish.publish(NEW, tmp_path / "site")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_refuses_a_page_inside_a_page(tmp_path: Path) -> None:
    """`a` and `a/b` cannot both be files."""
    with pytest.raises(StoreError, match="inside another page"):
        publish.publish({"a": b"", "a/b": b""}, tmp_path / "site")


@pytest.mark.parametrize("old_files", [None, OLD])
def test_publication_killed_at_any_step_is_resumed(
    tmp_path: Path, killed_before_step: Kill, old_files: dict[str, bytes] | None
) -> None:
    """Files are old or new, the front page is last, and the next publication completes."""
    number = 0
    while True:
        number += 1
        site = tmp_path / str(number)
        if old_files:
            publish.publish(old_files, site)
        if not killed_before_step(lambda site=site: publish.publish(NEW, site), number):
            break
        published = pages(site) if site.exists() else {}
        assert all(
            data in ((old_files or {}).get(path), NEW.get(path)) for path, data in published.items()
        )
        if published.get("index.html") == NEW["index.html"]:
            assert published.items() >= NEW.items()
        third_site = {"index.html": b"third", "a.html": NEW["a.html"]}
        publish.publish(third_site, site)
        assert files(site) == third_site
    assert number > 15


def test_publication_killed_while_writing_is_resumed(
    tmp_path: Path, killed_while_writing: Kill
) -> None:
    """An incomplete page never has its final name."""
    long_pages = {"index.html": b"x" * 5000, "a.html": b"y" * 9000}
    for size in range(1000, 9000, 1500):
        site = tmp_path / str(size)
        publish.publish(OLD, site)
        assert killed_while_writing(lambda site=site: publish.publish(long_pages, site), size)
        assert all(
            data in (OLD.get(path), long_pages.get(path)) for path, data in pages(site).items()
        )
        publish.publish(long_pages, site)
        assert files(site) == long_pages
