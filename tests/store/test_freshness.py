"""An entry is fresh, uncomputed, stale, missing or unreadable, and it is said why."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.save_result import save_result
from layerbook.core.analysis import Array, Result
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.freshness import Freshness, check_freshness
from layerbook.store.keys import Key

KEY = Key("5" * 64, "c" * 64, "w" * 64, "t" * 64, "float64", {"torch": "2.13.0"})


class Numbers(Result):
    """A table of numbers."""

    rows: Array


def save(root: Path, id: str = "noise", rows: int = 3) -> Path:
    """An entry made under KEY."""
    table = Numbers(rows=[[column / 7 for column in range(10)]] * rows)
    stored = results.StoredResult(
        id=id,
        chapter="attention",
        analysis="numbers",
        model="tiny",
        spec={},
        key=KEY,
        result=table,
    )
    return save_result(root, stored)


def remember(cache: WorkingCache, path: Path, key: Key) -> None:
    """This machine agreed with the entry as it is."""
    cache.record_computed(
        "tiny", "attention", path.stem, key.digest, results.read_header(path).digest
    )


def test_a_new_machine_has_computed_nothing(tmp_path: Path) -> None:
    """A committed entry is current but uncomputed, until this machine agrees with it."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    assert check_freshness(path, KEY, cache) == Freshness("uncomputed")
    remember(cache, path, KEY)
    assert check_freshness(path, KEY, cache) == Freshness("fresh")


def test_other_libraries_alone_do_not_make_an_entry_stale(tmp_path: Path) -> None:
    """On a machine with another torch it is current, its difference told, and fresh once agreed."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    here = replace(KEY, versions={"torch": "2.14.0"})
    remember(cache, path, KEY)
    told = check_freshness(path, here, cache)
    assert told == Freshness("uncomputed", ("versions: torch 2.13.0 -> 2.14.0",))
    assert told.usable
    remember(cache, path, here)
    assert check_freshness(path, here, cache) == Freshness("fresh")


@pytest.mark.parametrize("component", ["spec", "code", "weights", "tokenizer", "precision"])
def test_a_changed_component_makes_it_stale_and_is_named(tmp_path: Path, component: str) -> None:
    """Even where this machine once computed it."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    remember(cache, path, KEY)
    told = check_freshness(path, replace(KEY, **{component: "0" * 64}), cache)
    assert told == Freshness("stale", (component,))
    assert str(told) == f"stale ({component})"
    assert not told.usable


def test_an_entry_that_others_replaced_is_computed_again(tmp_path: Path) -> None:
    """What this machine agreed with was another file."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    remember(cache, path, KEY)
    save(tmp_path, rows=4)
    assert check_freshness(path, KEY, cache).state == "uncomputed"


def test_missing_and_unreadable_are_told_apart(tmp_path: Path) -> None:
    """No entry is missing; a bad one is unreadable, with the reason."""
    cache, path = WorkingCache(tmp_path), save(tmp_path)
    assert check_freshness(path.with_name("other.json"), KEY, cache) == Freshness("missing")
    path.write_bytes(path.read_bytes()[:-9])
    told = check_freshness(path, KEY, cache)
    assert told.state == "unreadable"
    assert "cut short" in str(told)
    path.unlink()
    path.mkdir()
    assert check_freshness(path, KEY, cache).state == "unreadable"


def test_hundreds_of_entries_are_surveyed_in_a_moment(tmp_path: Path) -> None:
    """Two hundred entries of a hundred kilobytes each take well under a second."""
    cache, first = WorkingCache(tmp_path), save(tmp_path, rows=600)
    text = first.read_bytes()
    assert len(text) > 90_000
    started = time.perf_counter()
    assert all(check_freshness(first, KEY, cache).state == "uncomputed" for _ in range(200))
    assert time.perf_counter() - started < 1
