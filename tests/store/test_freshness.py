"""A result is fresh, uncomputed, stale, missing or unreadable, with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fixtures.save_result import save_result
from layerbook.core.analysis import Array, Result
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.freshness import Freshness, check_freshness
from layerbook.store.json_format import json_digest
from layerbook.store.keys import Key

SPEC = {"analysis": "numbers"}
KEY = Key(json_digest(SPEC), "c" * 64, "w" * 64, "t" * 64, "float64", {"torch": "2.13.0"})


class Numbers(Result):
    """A table of numbers."""

    rows: Array


def save(root: Path, id: str = "noise", rows: int = 3) -> Path:
    """Save a result with the key KEY."""
    table = Numbers(rows=[[column / 7 for column in range(10)]] * rows)
    stored = results.StoredResult(
        id=id,
        chapter="attention",
        analysis="numbers",
        model="tiny",
        spec=SPEC,
        key=KEY,
        result=table,
    )
    return save_result(root, stored)


def record_computed(cache: WorkingCache, path: Path, key: Key) -> None:
    """Record that this machine computed the result."""
    header = results.read_header(path)
    cache.record_computed(header.name, key.digest, header.digest)


def test_committed_result_is_uncomputed_until_computed_here(tmp_path: Path) -> None:
    """A committed result is uncomputed until this machine has computed it."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    assert check_freshness(path, SPEC, KEY, cache) == Freshness("uncomputed")
    record_computed(cache, path, KEY)
    assert check_freshness(path, SPEC, KEY, cache) == Freshness("fresh")


def test_other_versions_are_not_stale(tmp_path: Path) -> None:
    """A result from another torch is usable, with the difference, and fresh once computed."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    newer = replace(KEY, versions={"torch": "2.14.0"})
    record_computed(cache, path, KEY)
    freshness = check_freshness(path, SPEC, newer, cache)
    assert freshness.state == "uncomputed"
    assert freshness.changed == ("versions: torch 2.13.0 -> 2.14.0",)
    assert freshness.usable
    record_computed(cache, path, newer)
    assert check_freshness(path, SPEC, newer, cache) == Freshness("fresh")


@pytest.mark.parametrize("component", ["spec", "code", "weights", "tokenizer", "precision"])
def test_changed_component_makes_a_result_stale(tmp_path: Path, component: str) -> None:
    """The changed component is named, also where this machine computed the result before."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    record_computed(cache, path, KEY)
    freshness = check_freshness(path, SPEC, replace(KEY, **{component: "0" * 64}), cache)
    assert (freshness.state, freshness.changed) == ("stale", (component,))
    assert str(freshness) == f"stale ({component})"
    assert not freshness.usable


def test_replaced_entry_is_uncomputed(tmp_path: Path) -> None:
    """This machine computed another file."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    record_computed(cache, path, KEY)
    save(tmp_path, rows=4)
    assert check_freshness(path, SPEC, KEY, cache).state == "uncomputed"


def test_missing_and_unreadable_results_are_reported(tmp_path: Path) -> None:
    """A damaged result is unreadable, with the reason."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    assert check_freshness(path.with_name("other.json"), SPEC, KEY, cache) == Freshness("missing")
    path.write_bytes(path.read_bytes()[:-9])
    freshness = check_freshness(path, SPEC, KEY, cache)
    assert freshness.state == "unreadable"
    assert "cut short" in str(freshness)
    path.unlink()
    path.mkdir()
    assert check_freshness(path, SPEC, KEY, cache).state == "unreadable"


@pytest.mark.parametrize(
    "forged",
    [
        {"model": "another-model"},
        {"model": "../tiny"},
        {"chapter": "tokens"},
        {"analysis": "next-token"},
        {"spec": SPEC | {"seed": 1}},
        {"spec": SPEC | {"seed": float("nan")}},
    ],
    ids=str,
)
def test_forged_header_is_unreadable(tmp_path: Path, forged: dict[str, Any]) -> None:
    """The site publishes the file with its header, so it must be that of the experiment."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    results.write(path, replace(results.load(path, Numbers), **forged))
    freshness = check_freshness(path, SPEC, KEY, cache)
    assert freshness.state == "unreadable"
    assert "its header was edited" in str(freshness)


def test_only_the_header_of_a_large_result_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, path = WorkingCache(tmp_path), save(tmp_path, rows=600)
    assert path.stat().st_size > 90_000
    parsed: list[int] = []
    loads = json.loads

    def count_and_load(text: bytes) -> object:
        parsed.append(len(text))
        return loads(text)

    monkeypatch.setattr(json, "loads", count_and_load)
    assert check_freshness(path, SPEC, KEY, cache).state == "uncomputed"
    assert parsed and max(parsed) < 2_000
