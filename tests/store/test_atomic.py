"""Files are written whole, and a published folder holds what was published."""

from __future__ import annotations

import json
import os
import random
import signal
import time
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
    """Every file below a folder but the marker."""
    found = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    found.pop(publish.MARKER_NAME, None)
    return found


def pages(folder: Path) -> dict[str, bytes]:
    """The files that are not temporary."""
    return {
        path: data
        for path, data in files(folder).items()
        if not path.endswith(atomic.TEMPORARY_SUFFIX)
    }


def test_write_says_whether_it_wrote(tmp_path: Path) -> None:
    """Equal bytes leave the file alone, down to its inode."""
    path = tmp_path / "deep" / "x.txt"
    assert atomic.write(path, b"one")
    before = path.stat()
    assert not atomic.write(path, b"one")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert atomic.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["x.txt"]


def test_written_files_are_as_readable_as_any(tmp_path: Path) -> None:
    """A page's permissions follow the umask, so a web server can read it."""
    (tmp_path / "plain").write_bytes(b"")
    atomic.write(tmp_path / "page", b"")
    assert (tmp_path / "page").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_refusing_disk_is_an_error_for_people(tmp_path: Path) -> None:
    """A folder in the way is a StoreError that names the path, and no temporary file stays."""
    (tmp_path / "x").mkdir()
    with pytest.raises(StoreError, match=r"x: cannot be written"):
        atomic.write(tmp_path / "x", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_publish_makes_the_folder_hold_the_tree(tmp_path: Path) -> None:
    """Changed files are written, ours that went are removed with their folders, foreign files stay."""
    site = tmp_path / "site"
    publish.publish(OLD, site)
    assert files(site) == OLD
    (site / "CNAME").write_bytes(b"example.org")
    done = publish.publish(NEW, site)
    assert files(site) == NEW | {"CNAME": b"example.org"}
    assert done.written[-1] == "index.html"
    assert done.removed == ("gone.html", "turns", "was/page.html")
    assert json.loads((site / publish.MARKER_NAME).read_bytes())["files"].keys() == NEW.keys()


def test_publishing_the_same_again_touches_nothing(tmp_path: Path) -> None:
    """A build without changes leaves every file's time alone."""
    publish.publish(NEW, tmp_path / "site")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")}
    assert publish.publish(NEW, tmp_path / "site") == publish.PublishReport()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")} == before


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    """A folder with content that we did not write is left as it is."""
    (tmp_path / "thesis.tex").write_bytes(b"years of work")
    with pytest.raises(StoreError, match="no build wrote"):
        publish.publish(NEW, tmp_path)
    assert files(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_file_changed_by_hand_is_not_removed(tmp_path: Path) -> None:
    """A page that leaves the site but was edited since stays, and is reported."""
    publish.publish(OLD, tmp_path / "site")
    (tmp_path / "site" / "gone.html").write_bytes(b"edited")
    assert publish.publish(NEW, tmp_path / "site").kept_modified == ("gone.html",)
    assert files(tmp_path / "site")["gone.html"] == b"edited"


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", "", "a//b", "C:x", "a\\b", publish.MARKER_NAME]
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    """Neither a tree nor a forged marker reaches outside the folder."""
    with pytest.raises(StoreError):
        publish.publish({path: b""}, tmp_path / "site")
    if path != publish.MARKER_NAME:
        (tmp_path / "site").mkdir(exist_ok=True)
        (tmp_path / "site" / publish.MARKER_NAME).write_text(
            json.dumps({"files": {path: "0" * 64}})
        )
        with pytest.raises(StoreError, match="not readable"):
            publish.publish(NEW, tmp_path / "site")


def test_a_link_that_leads_outside_is_not_written_through(tmp_path: Path) -> None:
    """A folder of the site that is a link to elsewhere stops the publication."""
    (tmp_path / "elsewhere").mkdir()
    publish.publish({"index.html": b""}, tmp_path / "site")
    (tmp_path / "site" / "css").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="through a link"):
        publish.publish(NEW, tmp_path / "site")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_page_inside_a_page_is_refused(tmp_path: Path) -> None:
    """`a` and `a/b` cannot both be files."""
    with pytest.raises(StoreError, match="inside another page"):
        publish.publish({"a": b"", "a/b": b""}, tmp_path / "site")


@pytest.mark.parametrize("first", [None, OLD])
def test_killed_at_any_step_publish_leaves_whole_files_and_is_mended(
    tmp_path: Path, killed_before_step: Kill, first: dict[str, bytes] | None
) -> None:
    """Before each step on the disk: files are old or new, the front page is last, the next publication mends all."""
    number = 0
    while True:
        number += 1
        site = tmp_path / str(number)
        if first:
            publish.publish(first, site)
        if not killed_before_step(lambda site=site: publish.publish(NEW, site), number):
            break
        found = pages(site) if site.exists() else {}
        assert all(data in ((first or {}).get(path), NEW.get(path)) for path, data in found.items())
        if found.get("index.html") == NEW["index.html"]:
            assert found.items() >= NEW.items()
        third = {"index.html": b"third", "a.html": NEW["a.html"]}
        publish.publish(third, site)
        assert files(site) == third
    assert number > 15


def test_killed_in_the_middle_of_a_file_publish_leaves_the_old_one(
    tmp_path: Path, killed_while_writing: Kill
) -> None:
    """A page cut off while it is written is never under its name."""
    long = {"index.html": b"x" * 5000, "a.html": b"y" * 9000}
    for size in range(1000, 9000, 1500):
        site = tmp_path / str(size)
        publish.publish(OLD, site)
        assert killed_while_writing(lambda site=site: publish.publish(long, site), size)
        assert all(data in (OLD.get(path), long.get(path)) for path, data in pages(site).items())
        publish.publish(long, site)
        assert files(site) == long


def test_killed_at_random_moments_publish_leaves_whole_files(tmp_path: Path) -> None:
    """Twenty kills at times of their own choosing while the site goes back and forth."""
    site, chance = tmp_path / "site", random.Random(7)
    publish.publish(OLD, site)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            while True:
                publish.publish(NEW, site)
                publish.publish(OLD, site)
        time.sleep(chance.uniform(0.001, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert all(data in (OLD.get(path), NEW.get(path)) for path, data in pages(site).items())
        publish.publish(OLD, site)
        assert files(site) == OLD
