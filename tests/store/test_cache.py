"""The working cache remembers, checks itself, can be deleted, and has a lock for builds."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from layerbook.core.errors import StoreError
from layerbook.store import cache
from layerbook.store.cache import WorkingCache


def test_computed_results_are_recorded(tmp_path: Path) -> None:
    """Another key, result or experiment is not recorded."""
    working_cache = WorkingCache(tmp_path)
    assert not working_cache.was_computed("m/c/i", "key", "result")
    working_cache.record_computed("m/c/i", "key", "result")
    assert WorkingCache(tmp_path).was_computed("m/c/i", "key", "result")
    unknown_records = [
        ("x/c/i", "key", "result"),
        ("m/c/x", "key", "result"),
        ("m/c/i", "x", "result"),
        ("m/c/i", "key", "x"),
    ]
    assert not any(working_cache.was_computed(*record) for record in unknown_records)


def test_keeps_the_latest_keys(tmp_path: Path) -> None:
    """Recent keys stay, for a switch between branches; the oldest is forgotten."""
    working_cache = WorkingCache(tmp_path)
    for number in range(cache.MAX_KEYS_PER_EXPERIMENT + 1):
        working_cache.record_computed("m/c/i", f"key {number}", "result")
    assert working_cache.was_computed("m/c/i", "key 1", "result")
    assert not working_cache.was_computed("m/c/i", "key 0", "result")


def test_ignores_damaged_records(tmp_path: Path) -> None:
    """An experiment with a damaged record runs again, and the record is replaced."""
    working_cache = WorkingCache(tmp_path)
    working_cache.record_computed("m/c/i", "key", "result")
    (record,) = entry_files(working_cache, "computed")
    record.write_bytes(record.read_bytes().replace(b"key", b"yek"))
    assert not working_cache.was_computed("m/c/i", "key", "result")
    assert not working_cache.was_computed("m/c/i", "yek", "result")
    working_cache.record_computed("m/c/i", "key", "result")
    assert working_cache.was_computed("m/c/i", "key", "result")


def entry_files(working_cache: WorkingCache, kind: str) -> list[Path]:
    """Return the files of a kind of entries."""
    return [path for path in working_cache.folder.glob(f"{kind}/**/*") if path.is_file()]


def test_ignores_entries_of_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A downloaded book may contain a cache, whose digests anybody can compute."""
    working_cache = WorkingCache(tmp_path)
    working_cache.put_blob("pages", "key", b"<script>")
    working_cache.record_computed("m/c/i", "key", "result")
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "other user"))
    assert working_cache.get_blob("pages", "key") is None
    assert not working_cache.was_computed("m/c/i", "key", "result")
    working_cache.put_blob("pages", "key", b"<p>")
    assert working_cache.get_blob("pages", "key") == b"<p>"


def test_secret_is_private_and_permanent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is created once, and only its user can read it."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "user"))
    WorkingCache(tmp_path).put_blob("pages", "key", b"<p>")
    secret = tmp_path / "user" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    cache._load_or_create.cache_clear()  # as in another process
    assert WorkingCache(tmp_path).get_blob("pages", "key") == b"<p>"


def test_no_cache_without_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a read-only home, everything works, and no entry is trusted."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "file" / "user"))
    working_cache = WorkingCache(tmp_path)
    working_cache.put_blob("pages", "key", b"<p>")
    working_cache.record_computed("m/c/i", "key", "result")
    assert working_cache.get_blob("pages", "key") is None
    assert not working_cache.was_computed("m/c/i", "key", "result")


@pytest.mark.parametrize("name", ["", "/pages", "/lock", "/.gitignore"])
@pytest.mark.parametrize("target_folder", ["elsewhere", "book/experiments"])
def test_ignores_linked_folders(name: str, target_folder: str, tmp_path: Path) -> None:
    """Nothing is written, read or removed behind a link."""
    book, target = tmp_path / "book", tmp_path / target_folder
    target.mkdir(parents=True)
    (target / "kept").write_text("kept")
    link = book / f"{cache.CACHE_FOLDER}{name}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if "." in name or name in ("", "/pages") else target / "kept")
    working_cache = WorkingCache(book)
    working_cache.put_blob("pages", "key", b"<p>")
    working_cache.keep_newest("pages", 0)
    with suppress(StoreError):
        cache.clean(book, everything=True)
    assert {path.name: path.read_text() for path in target.iterdir()} == {"kept": "kept"}


def test_blobs_are_stored_by_kind_and_key(tmp_path: Path) -> None:
    """A key is any text, kinds are separate, and a blob may be empty."""
    working_cache = WorkingCache(tmp_path)
    working_cache.put_blob("figures", "../a key/with anything\0", b"<svg/>")
    working_cache.put_blob("figures", "empty", b"")
    assert working_cache.get_blob("figures", "../a key/with anything\0") == b"<svg/>"
    assert working_cache.get_blob("figures", "empty") == b""
    assert working_cache.get_blob("math", "empty") is None
    assert working_cache.get_blob("figures", "other") is None
    assert {p.name for p in tmp_path.iterdir()} == {cache.CACHE_FOLDER}


def test_old_blobs_of_a_kind_are_removed(tmp_path: Path) -> None:
    """The newest stay, those that were written again included; so do blobs of other kinds."""
    working_cache = WorkingCache(tmp_path)
    working_cache.put_blob("figures", "old", b"<svg/>")
    for number in range(5):
        working_cache.put_blob("modules", f"key {number}", b"{}")
        for path in entry_files(working_cache, "modules"):
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))  # a second earlier
    working_cache.put_blob("modules", "key 0", b"[]")
    working_cache.keep_newest("modules", 2)
    kept = [number for number in range(5) if working_cache.get_blob("modules", f"key {number}")]
    assert kept == [0, 4]
    assert working_cache.get_blob("figures", "old") == b"<svg/>"
    working_cache.keep_newest("diagrams", 2)


@pytest.mark.parametrize("length", [0, 10, 32, 37])
def test_ignores_truncated_blobs(tmp_path: Path, length: int) -> None:
    """A blob that is cut short at any length counts as missing."""
    working_cache = WorkingCache(tmp_path)
    working_cache.put_blob("figures", "key", b"<svg/>")
    (blob,) = [p for p in working_cache.folder.glob("figures/**/*") if p.is_file()]
    blob.write_bytes(blob.read_bytes()[:length])
    assert working_cache.get_blob("figures", "key") is None


def test_cache_is_ignored_by_git(tmp_path: Path) -> None:
    """The cache folder has a .gitignore of its own."""
    WorkingCache(tmp_path).put_blob("figures", "key", b"")
    assert (tmp_path / cache.CACHE_FOLDER / ".gitignore").read_text() == "*\n"


def test_lock_excludes_other_builds(tmp_path: Path) -> None:
    """A second process fails at once; a killed one frees the lock."""
    ready, signal_ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with cache.lock(tmp_path):
                os.write(signal_ready, b"x")
                signal.pause()
        finally:
            os._exit(70)
    try:
        assert os.read(ready, 1) == b"x"
        with pytest.raises(StoreError, match="another build is running in"), cache.lock(tmp_path):
            pass
        with pytest.raises(StoreError, match="another build is running in"):
            cache.clean(tmp_path)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(signal_ready)
    with cache.lock(tmp_path):
        pass
    with cache.lock(tmp_path):
        pass


def test_error_releases_the_lock(tmp_path: Path) -> None:
    """An exception in a build propagates, and the next build can start."""
    with pytest.raises(ZeroDivisionError), cache.lock(tmp_path):
        _ = 1 / 0
    with cache.lock(tmp_path):
        pass


def test_unusable_lock_file_is_reported(tmp_path: Path) -> None:
    """A file in place of the cache folder raises a StoreError."""
    (tmp_path / cache.CACHE_FOLDER).write_text("")
    with pytest.raises(StoreError, match=cache.CACHE_FOLDER), cache.lock(tmp_path):
        pass


def test_clean_keeps_results_and_link_targets(tmp_path: Path) -> None:
    """Results and the targets of links stay; a cleaned cache can be used again."""
    working_cache = WorkingCache(tmp_path)
    working_cache.record_computed("m/c/i", "key", "result")
    working_cache.put_blob("figures", "key", b"<svg/>")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "r.json").write_text("{}")
    (working_cache.folder / "link").symlink_to(tmp_path / "experiments")
    report = cache.clean(tmp_path)
    assert report == cache.CleanReport({"figures": 1, "link": 0}, kept_notes=1)
    assert (working_cache.folder / cache.LOCK_NAME).exists(), (
        "another build may be waiting for this very file"
    )
    assert working_cache.was_computed("m/c/i", "key", "result")
    report = cache.clean(tmp_path, everything=True)
    assert report == cache.CleanReport({"computed": 1}, kept_notes=0)
    assert not working_cache.was_computed("m/c/i", "key", "result")
    assert working_cache.get_blob("figures", "key") is None
    assert (tmp_path / "experiments" / "r.json").exists()
    working_cache.put_blob("figures", "key", b"<svg/>")
    assert working_cache.get_blob("figures", "key") == b"<svg/>"
    cache.clean(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
