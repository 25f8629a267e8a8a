"""`status` shows which components of a key changed, from what to what."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fixtures.small_book import layerbook
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.text import first_few
from layerbook.store.key_changes import ABSENT, Change, diff_values

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def replace(path: Path, old: str, new: str) -> None:
    """Replace text in a file, which must contain it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def read_status(book: Path) -> dict[str, Any]:
    """Return the status as JSON, with experiments by address."""
    status = json.loads(layerbook("status", "--json", cwd=book).stdout)
    return status | {
        "experiments": {
            experiment["experiment"]: experiment for experiment in status["experiments"]
        }
    }


@given(json_values, json_values)
def test_changed_values_have_paths(old: Any, new: Any) -> None:
    """Equal data has no differences; swapped data has swapped differences."""
    differences, reversed_differences = (
        [(each.path, each.old, each.new) for each in diff_values(*pair)]
        for pair in ((old, new), (new, old))
    )
    assert bool(differences) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))
    assert sorted(map(repr, differences)) == sorted(
        repr((path, old_value, new_value)) for path, new_value, old_value in reversed_differences
    )


def test_changes_are_shortened_and_limited() -> None:
    """Digests and long texts are shortened, and only the first changes are listed."""
    changes = [
        Change("spec", "top_k", 5, 20),
        Change("spec", "prompts[1]", "x" * 90, ABSENT),
        Change("code", "", "a" * 64, "b" * 64, ("layerbook.core.vectors",)),
        Change("weights", "", f"gguf:{'c' * 64}/1", f"gguf:{'d' * 64}/1"),
    ]
    first, second, third, fourth = map(str, changes)
    assert first == "spec: top_k 5 -> 20"
    assert (
        second.startswith('spec: prompts[1] "xxx')
        and second.endswith("x… -> absent")
        and len(second) < 90
    )
    assert third == "code: aaaaaaaa -> bbbbbbbb in layerbook.core.vectors"
    assert fourth == "weights: gguf:cccccccc/1 -> gguf:dddddddd/1"
    assert first_few(changes) == f"{first}; {second}; {third}; and 1 more"


def test_status_shows_changed_parameters(book: Path) -> None:
    """The table and the JSON have both values of each parameter."""
    replace(book / "experiments" / "next.yaml", "top_k: 5", "top_k: 20")
    replace(book / "experiments" / "words.yaml", '"2 + 2"]', "]")
    table = layerbook("status", cwd=book).stdout
    assert re.search(r"^next/sum +stale \(spec: top_k 5 -> 20\)$", table, re.MULTILINE)
    assert re.search(
        r'^words/cut +stale \(spec: prompts\[1\] "2 \+ 2" -> absent\)$', table, re.MULTILINE
    )
    assert re.search(r"^words/cat +fresh$", table, re.MULTILINE)
    experiments = read_status(book)["experiments"]
    assert experiments["next/sum"]["changes"] == [
        {"component": "spec", "name": "top_k", "old": 5, "new": 20}
    ]
    assert experiments["words/cut"]["changes"][0]["new"] is None
    assert experiments["words/cat"]["changes"] == []


def test_status_shows_changed_precision(book: Path) -> None:
    """Another precision makes every result stale."""
    replace(book / "experiments" / "book.yaml", "model:", "precision: float32\nmodel:")
    table = layerbook("status", cwd=book).stdout
    stale = r"^next/sum +stale \(precision: \"?float64\"? -> \"?float32\"?\)$"
    assert re.search(stale, table, re.MULTILINE)
    assert not re.search(r" fresh$", table, re.MULTILINE)


def test_status_shows_changed_modules(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules are named if this machine ran the old code, digests otherwise."""
    from layerbook.store import code_digest

    def edited_digests(names: list[str], packages: list[Path]) -> dict[str, str]:
        digests = module_digests(names, packages)
        return digests | (
            {"layerbook.analyses.generate": "0" * 64}
            if "layerbook.analyses.generate" in digests
            else {}
        )

    module_digests = code_digest.module_digests
    monkeypatch.setattr(code_digest, "module_digests", edited_digests)
    shutil.rmtree(book / ".layerbook" / "code")
    experiments = read_status(book)["experiments"]
    stale_experiments = [
        name for name, experiment in experiments.items() if experiment["changed"] == ["code"]
    ]
    assert "words/cat" in stale_experiments and "words/cut" not in stale_experiments
    assert experiments["words/cat"]["changes"][0]["modules"] == ["layerbook.analyses.generate"]
    text = layerbook("status", cwd=book).stdout
    assert re.search(
        r"words/cat +stale \(code: [0-9a-f]{8} -> [0-9a-f]{8} in layerbook\.analyses\.generate\)",
        text,
    )
    shutil.rmtree(book / ".layerbook")
    text = layerbook("status", cwd=book).stdout
    assert re.search(r"words/cat +stale \(code: [0-9a-f]{8} -> [0-9a-f]{8}\)", text)


def test_status_shows_changed_libraries(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results stay usable but are uncomputed, with both versions."""
    from layerbook.store import keys

    monkeypatch.setattr(
        keys,
        "numeric_library_versions",
        lambda: {**keys.library_versions(keys.LIBRARIES), "numpy": "99"},
    )
    import numpy

    experiment = read_status(book)["experiments"]["next/sum"]
    assert (experiment["state"], experiment["current"]) == ("uncomputed", True)
    versions = [
        (change["component"], change["name"], change["old"], change["new"])
        for change in experiment["changes"]
    ]
    assert versions == [("versions", "numpy", numpy.__version__, "99")]


def test_digests_of_modules_do_not_pile_up(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working cache keeps those of the latest states of the code."""
    from layerbook.store import code_digest, keys

    monkeypatch.setattr(keys, "MAX_CODE_ENTRIES", 3)
    monkeypatch.setattr(keys, "MAX_MODULES_ENTRIES", 5)
    module_digests = code_digest.module_digests
    for version in range(6):
        edited = {"layerbook.analyses.generate": f"{version:064}"}
        monkeypatch.setattr(
            code_digest, "module_digests", lambda *places, new=edited: module_digests(*places) | new
        )
        monkeypatch.setattr(
            code_digest, "packages_digest", lambda names, state=f"{version:064}": state
        )
        read_status(book)
    files = [path for path in (book / ".layerbook").rglob("*") if path.is_file()]
    kinds = [path.parent.parent.name for path in files]
    assert kinds.count("code") == 3 and kinds.count("modules") == 5
