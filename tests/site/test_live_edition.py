"""The live edition: the model's bytes beside the site, which does not depend on them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from fixtures.gguf_file import write_gguf
from fixtures.small_book import layerbook, read_tree, write_small_book
from layerbook.site.live_edition import PART_SIZE, model_scripts

PART = re.compile(rb"layerbookWeights\((\d+), function \(\) \{/\*([A-Za-z0-9+/=]*)\*/\}\);\n")


def joined(scripts: dict[str, bytes]) -> bytes:
    """Return the bytes that a page joins, which must match the manifest."""
    text = scripts["manifest.js"].decode()
    manifest = json.loads(text.removeprefix("window.layerbookManifest = ").removesuffix(";\n"))
    data = bytearray(manifest["size"])
    for name in manifest["parts"]:
        match = PART.fullmatch(scripts[name])
        assert match, name
        part = base64.b64decode(match[2])
        data[int(match[1]) : int(match[1]) + len(part)] = part
    assert set(scripts) == {"manifest.js", *manifest["parts"]}
    assert hashlib.sha256(data).hexdigest() == manifest["sha256"]
    return bytes(data)


def test_scripts_contain_every_byte_of_the_model() -> None:
    """In two full parts and a rest, without other content."""
    data = bytes(range(256)) * (2 * PART_SIZE // 256) + b"end"
    scripts = model_scripts(data)
    assert len(scripts) == 4
    assert joined(scripts) == data


@pytest.fixture
def live_book(tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book with results whose model is a GGUF file."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=True)
    book = write_small_book(tmp_path / "book", gguf)
    layerbook("build", "--quiet", cwd=book, check=True)
    return book


def test_site_is_current_with_and_without_the_live_edition(live_book: Path) -> None:
    """`status --check` and builds ignore the scripts that `--live` writes."""
    before = read_tree(live_book / "site")
    process = layerbook("build", "--live", cwd=live_book, check=True)
    assert "site/live: the model in 1 script," in process.stdout
    live = read_tree(live_book / "site" / "live")
    scripts = {name: data for name, data in live.items() if name.endswith(".js")}
    assert joined(scripts) == (live_book.parent / "tiny.gguf").read_bytes()
    layerbook("status", "--check", cwd=live_book, check=True)
    layerbook("build", "--force", "--no-run", cwd=live_book, check=True)
    assert read_tree(live_book / "site" / "live") == live
    shutil.rmtree(live_book / "site" / "live")
    layerbook("status", "--check", cwd=live_book, check=True)
    assert read_tree(live_book / "site") == before


def test_removed_live_edition_is_restored(live_book: Path) -> None:
    """Even if nothing else has changed."""
    layerbook("build", "--live", cwd=live_book, check=True)
    shutil.rmtree(live_book / "site" / "live")
    layerbook("build", "--live", cwd=live_book, check=True)
    assert (live_book / "site" / "live" / "manifest.js").is_file()


def test_model_other_than_gguf_is_refused(book: Path) -> None:
    """Before anything runs; the message names its kind."""
    process = layerbook("build", "--live", cwd=book)
    assert process.returncode == 2
    assert "--live needs a model that is a GGUF file" in process.stderr


def test_live_edition_is_not_written_through_a_link(live_book: Path, tmp_path: Path) -> None:
    """An empty folder elsewhere would look like a new one."""
    (tmp_path / "outside").mkdir()
    (live_book / "site" / "live").symlink_to(tmp_path / "outside")
    completed = layerbook("build", "--live", cwd=live_book)
    assert completed.returncode == 1
    assert "leads outside" in completed.stderr
    assert not list((tmp_path / "outside").iterdir())
