"""Mutated results and cache entries are read as they were written, or refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
from fixtures.fuzzing import cases, make_monitor, mutate_bytes, mutate_json_text
from fixtures.save_result import save_result
from layerbook.core.analysis import Array, BigArray, Record, Result
from layerbook.core.errors import LayerbookError
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.keys import Key

KEY = Key("5" * 64, "c" * 64, "w" * 64, "t" * 64, "float64", {"torch": "2.13.0"})
DIGEST = re.compile(rb'^ "digest": "[0-9a-f]{64}",?\n', re.MULTILINE)


class Row(Record):
    """One prompt's numbers."""

    prompt: str
    weights: Array


class Measured(Result):
    """A result with arrays inside its JSON and beside it."""

    rows: tuple[Row, ...]
    maps: BigArray
    entropy: float
    counts: dict[str, int]


def signed(text: bytes) -> bytes:
    """Return a result with a valid digest, as a forger would write it."""
    body = DIGEST.sub(b"", text, count=1)
    digest = hashlib.sha256(body).hexdigest().encode()
    return DIGEST.sub(b' "digest": "' + digest + b'",\n', text, count=1)


def test_mutated_results_are_refused_or_read(tmp_path: Path) -> None:
    monitor = make_monitor(tmp_path)
    rows = tuple(Row(prompt=f"a{i}", weights=np.eye(2)) for i in range(2))
    stored = results.StoredResult(
        id="one",
        chapter="next",
        analysis="next-token",
        model="tiny",
        spec={"prompts": ["a"]},
        key=KEY,
        result=Measured(rows=rows, maps=np.ones((3, 3)), entropy=0.5, counts={"a": 1}),
    )
    path = save_result(monitor.folder, stored)
    (sidecar,) = path.parent.glob("*.safetensors")
    text, arrays = path.read_bytes(), sidecar.read_bytes()
    for number, rng in cases("results"):
        if rng.random() < 0.3:
            data = mutate_bytes(rng, arrays)
            name = f"one.{hashlib.sha256(data).hexdigest()[:8]}.safetensors"
            (path.parent / name).write_bytes(data)
            old, new = (hashlib.sha256(part).hexdigest().encode() for part in (arrays, data))
            changed = text.replace(sidecar.name.encode(), name.encode()).replace(old, new)
        else:
            changed = mutate_json_text(rng, text.decode(), monitor.secret).encode(
                "utf-8", "surrogatepass"
            )
            if rng.random() < 0.5:  # keep the layout, so that it can be signed
                changed = mutate_bytes(rng, text)
        path.write_bytes(signed(changed) if rng.random() < 0.8 else changed)
        with monitor.case(f"results {number}", changed):
            for read in (results.read_header, results.read_numbers):
                try:
                    read(path)
                except LayerbookError:
                    continue
            results.load(path, Measured)
        for other in path.parent.glob("*.safetensors"):
            if other != sidecar:
                other.unlink()
    monitor.report("results")


def test_mutated_cache_entries_are_ignored_or_read(tmp_path: Path) -> None:
    """A changed entry counts as missing; so does one that was moved to another key."""
    monitor = make_monitor(tmp_path)
    cache = WorkingCache(monitor.folder)
    cache.put_blob("pages", "key", b"page")
    cache.record_computed("tiny/next/one", "k", "r")
    paths = [p for p in cache.folder.rglob("*") if p.is_file() and p.name != ".gitignore"]
    whole = {path: path.read_bytes() for path in paths}
    for number, rng in cases("cache"):
        path = rng.choice(paths)
        changed = mutate_bytes(rng, rng.choice(list(whole.values())))
        path.write_bytes(changed)
        with monitor.case(f"cache {number}", changed):
            is_whole = changed == whole[path]
            page = cache.get_blob("pages", "key")
            computed = cache.was_computed("tiny/next/one", "k", "r")
            assert page == b"page" if is_whole or "pages" not in path.parts else page is None
            assert computed == (is_whole or "pages" in path.parts)
        path.write_bytes(whole[path])
    monitor.report("cache entries")
