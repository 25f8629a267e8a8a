"""The working cache remembers, checks itself, can be thrown away, and lets one build in."""

from __future__ import annotations

import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from layerbook.core.errors import StoreError
from layerbook.store import cache
from layerbook.store.cache import WorkingCache
from layerbook.store.secret import _load_or_create


def test_it_knows_what_it_was_told_and_nothing_else(tmp_path: Path) -> None:
    """Another key, another result, another experiment: each is unknown."""
    known = WorkingCache(tmp_path)
    assert not known.was_computed("m", "c", "i", "key", "result")
    known.record_computed("m", "c", "i", "key", "result")
    assert WorkingCache(tmp_path).was_computed("m", "c", "i", "key", "result")
    others = [
        ("x", "c", "i", "key", "result"),
        ("m", "c", "x", "key", "result"),
        ("m", "c", "i", "x", "result"),
    ]
    assert not any(known.was_computed(*other) for other in [*others, ("m", "c", "i", "key", "x")])


def test_it_remembers_the_latest_keys(tmp_path: Path) -> None:
    """Going back to an older branch is known; what was long ago is forgotten."""
    known = WorkingCache(tmp_path)
    for number in range(cache.MAX_KEYS_PER_EXPERIMENT + 1):
        known.record_computed("m", "c", "i", f"key {number}", "result")
    assert known.was_computed("m", "c", "i", "key 1", "result")
    assert not known.was_computed("m", "c", "i", "key 0", "result")


def test_a_damaged_record_is_not_there(tmp_path: Path) -> None:
    """A record that cannot be read makes the experiment run again, and is replaced."""
    known = WorkingCache(tmp_path)
    known.record_computed("m", "c", "i", "key", "result")
    (record,) = files_of(known, "computed")
    record.write_bytes(record.read_bytes().replace(b"key", b"yek"))
    assert not known.was_computed("m", "c", "i", "key", "result")
    assert not known.was_computed("m", "c", "i", "yek", "result")
    known.record_computed("m", "c", "i", "key", "result")
    assert known.was_computed("m", "c", "i", "key", "result")


def files_of(known: WorkingCache, kind: str) -> list[Path]:
    """The files of a kind of entries."""
    return [path for path in known.folder.glob(f"{kind}/**/*") if path.is_file()]


def test_entries_of_another_user_are_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book may come with a cache, whose digests anybody can compute."""
    known = WorkingCache(tmp_path)
    known.put_blob("pages", "key", b"<script>")
    known.record_computed("m", "c", "i", "key", "result")
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "other user"))
    assert known.get_blob("pages", "key") is None
    assert not known.was_computed("m", "c", "i", "key", "result")
    known.put_blob("pages", "key", b"<p>")
    assert known.get_blob("pages", "key") == b"<p>"


def test_the_secret_is_private_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made once, and nobody else can read it."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "user"))
    WorkingCache(tmp_path).put_blob("pages", "key", b"<p>")
    secret = tmp_path / "user" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    _load_or_create.cache_clear()  # as in another process
    assert WorkingCache(tmp_path).get_blob("pages", "key") == b"<p>"


def test_without_a_place_for_the_secret_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a read-only home: everything works, and nothing is believed."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "file" / "user"))
    known = WorkingCache(tmp_path)
    known.put_blob("pages", "key", b"<p>")
    known.record_computed("m", "c", "i", "key", "result")
    assert known.get_blob("pages", "key") is None
    assert not known.was_computed("m", "c", "i", "key", "result")


@pytest.mark.parametrize("name", ["", "/pages", "/lock", "/.gitignore"])
@pytest.mark.parametrize("place", ["elsewhere", "book/experiments"])
def test_a_linked_cache_is_not_used(name: str, place: str, tmp_path: Path) -> None:
    """Wherever the link leads, nothing is written, read or removed there."""
    book, other = tmp_path / "book", tmp_path / place
    other.mkdir(parents=True)
    (other / "kept").write_text("kept")
    link = book / f"{cache.CACHE_FOLDER}{name}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(other if "." in name or name in ("", "/pages") else other / "kept")
    known = WorkingCache(book)
    known.put_blob("pages", "key", b"<p>")
    with suppress(StoreError):
        cache.clean(book, everything=True)
    assert {path.name: path.read_text() for path in other.iterdir()} == {"kept": "kept"}


def test_blobs_come_back_by_kind_and_key(tmp_path: Path) -> None:
    """Any key will do; kinds do not mix; an empty blob is a blob."""
    known = WorkingCache(tmp_path)
    known.put_blob("figures", "../a key/with anything\0", b"<svg/>")
    known.put_blob("figures", "empty", b"")
    assert known.get_blob("figures", "../a key/with anything\0") == b"<svg/>"
    assert known.get_blob("figures", "empty") == b""
    assert known.get_blob("math", "empty") is None
    assert known.get_blob("figures", "other") is None
    assert {p.name for p in tmp_path.iterdir()} == {cache.CACHE_FOLDER}


@pytest.mark.parametrize("length", [0, 10, 32, 37])
def test_a_torn_blob_is_a_miss(tmp_path: Path, length: int) -> None:
    """A blob cut at any place is drawn again."""
    known = WorkingCache(tmp_path)
    known.put_blob("figures", "key", b"<svg/>")
    (blob,) = [p for p in known.folder.glob("figures/**/*") if p.is_file()]
    blob.write_bytes(blob.read_bytes()[:length])
    assert known.get_blob("figures", "key") is None


def test_it_keeps_itself_out_of_version_control(tmp_path: Path) -> None:
    """Wherever the project lies, the cache is ignored."""
    WorkingCache(tmp_path).put_blob("figures", "key", b"")
    assert (tmp_path / cache.CACHE_FOLDER / ".gitignore").read_text() == "*\n"


def test_two_builds_do_not_meet(tmp_path: Path) -> None:
    """While one process holds the lock another is told so at once; a killed one frees it."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with cache.lock(tmp_path):
                os.write(tell, b"x")
                signal.pause()
        finally:
            os._exit(70)
    try:
        assert os.read(ready, 1) == b"x"
        asked = time.perf_counter()
        with pytest.raises(StoreError, match="another build is running in"), cache.lock(tmp_path):
            pass
        assert time.perf_counter() - asked < 0.5
        with pytest.raises(StoreError, match="another build is running in"):
            cache.clean(tmp_path)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(tell)
    with cache.lock(tmp_path):
        pass
    with cache.lock(tmp_path):
        pass


def test_an_error_frees_the_lock(tmp_path: Path) -> None:
    """What goes wrong in a build passes through, and the next build can start."""
    with pytest.raises(ZeroDivisionError), cache.lock(tmp_path):
        _ = 1 / 0
    with cache.lock(tmp_path):
        pass


def test_a_place_that_cannot_be_locked_is_an_error_for_people(tmp_path: Path) -> None:
    """A file where the cache should be is told, not thrown."""
    (tmp_path / cache.CACHE_FOLDER).write_text("")
    with pytest.raises(StoreError, match=cache.CACHE_FOLDER), cache.lock(tmp_path):
        pass


def test_clean_takes_the_cache_and_nothing_else(tmp_path: Path) -> None:
    """Results and links' targets are spared; a clean cache works on."""
    known = WorkingCache(tmp_path)
    known.record_computed("m", "c", "i", "key", "result")
    known.put_blob("figures", "key", b"<svg/>")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "r.json").write_text("{}")
    (known.folder / "link").symlink_to(tmp_path / "experiments")
    report = cache.clean(tmp_path)
    assert report == cache.CleanReport({"figures": 1, "link": 0}, kept_notes=1)
    assert (known.folder / cache.LOCK_NAME).exists(), (
        "another build may be waiting for this very file"
    )
    assert known.was_computed("m", "c", "i", "key", "result")
    report = cache.clean(tmp_path, everything=True)
    assert report == cache.CleanReport({"computed": 1}, kept_notes=0)
    assert not known.was_computed("m", "c", "i", "key", "result")
    assert known.get_blob("figures", "key") is None
    assert (tmp_path / "experiments" / "r.json").exists()
    known.put_blob("figures", "key", b"<svg/>")
    assert known.get_blob("figures", "key") == b"<svg/>"
    cache.clean(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
