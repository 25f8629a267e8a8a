"""What status says before anything runs: which component moved, from what to what."""

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
from layerbook.store.key_changes import ABSENT, Change, diff_values, summarize

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def replace(path: Path, old: str, new: str) -> None:
    """Edit a file; the old text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def asked(book: Path) -> dict[str, Any]:
    """The status as JSON, its experiments by address."""
    found = json.loads(layerbook("status", "--json", cwd=book).stdout)
    return found | {"experiments": {one["experiment"]: one for one in found["experiments"]}}


@given(plain, plain)
def test_two_specs_part_somewhere_or_are_one(old: Any, new: Any) -> None:
    """Equal data has no differences; swapping the data swaps old and new."""
    there, back = (list(map(tuple, diff_values(*pair))) for pair in ((old, new), (new, old)))
    assert bool(there) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))
    assert sorted(map(repr, there)) == sorted(
        repr((path, theirs, mine)) for path, mine, theirs in back
    )


def test_a_change_is_told_in_short() -> None:
    """Digests and long texts are shortened, and only the first few changes listed."""
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
    assert summarize(changes) == f"{first}; {second}; {third}; and 1 more"


def test_status_names_the_parameters_that_moved(book: Path) -> None:
    """Each with both values, in the table and in JSON."""
    replace(book / "experiments" / "next.yaml", "top_k: 5", "top_k: 20")
    replace(book / "experiments" / "words.yaml", '"2 + 2"]', "]")
    lines = layerbook("status", cwd=book).stdout
    assert re.search(r"^next/sum +stale \(spec: top_k 5 -> 20\)$", lines, re.MULTILINE)
    assert re.search(
        r'^words/cut +stale \(spec: prompts\[1\] "2 \+ 2" -> absent\)$', lines, re.MULTILINE
    )
    assert re.search(r"^words/cat +fresh$", lines, re.MULTILINE)
    found = asked(book)["experiments"]
    assert found["next/sum"]["changes"] == [
        {"component": "spec", "name": "top_k", "old": 5, "new": 20}
    ]
    assert found["words/cut"]["changes"][0]["new"] is None
    assert found["words/cat"]["changes"] == []


def test_status_names_the_precision(book: Path) -> None:
    """Another precision makes every result stale."""
    replace(book / "experiments" / "book.yaml", "model:", "precision: float32\nmodel:")
    lines = layerbook("status", cwd=book).stdout
    stale = r"^next/sum +stale \(precision: \"?float64\"? -> \"?float32\"?\)$"
    assert re.search(stale, lines, re.MULTILINE)
    assert not re.search(r" fresh$", lines, re.MULTILINE)


def test_status_names_the_modules_that_changed(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine ran the old code; where it did not, the digests alone."""
    from layerbook.store import code_digest

    def edited(start: list[str], package: Path) -> dict[str, str]:
        found = whole(start, package)
        return found | (
            {"layerbook.analyses.generate": "0" * 64}
            if "layerbook.analyses.generate" in found
            else {}
        )

    whole = code_digest._module_digests
    monkeypatch.setattr(code_digest, "_module_digests", edited)
    shutil.rmtree(book / ".layerbook" / "code")
    found = asked(book)["experiments"]
    moved = [name for name, one in found.items() if one["changed"] == ["code"]]
    assert "words/cat" in moved and "words/cut" not in moved
    assert found["words/cat"]["changes"][0]["modules"] == ["layerbook.analyses.generate"]
    text = layerbook("status", cwd=book).stdout
    assert re.search(
        r"words/cat +stale \(code: [0-9a-f]{8} -> [0-9a-f]{8} in layerbook\.analyses\.generate\)",
        text,
    )
    shutil.rmtree(book / ".layerbook")
    text = layerbook("status", cwd=book).stdout
    assert re.search(r"words/cat +stale \(code: [0-9a-f]{8} -> [0-9a-f]{8}\)", text)


def test_a_library_is_named_with_both_versions(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results stand, are not computed here, and say why."""
    from layerbook.store import keys

    monkeypatch.setattr(
        keys,
        "numeric_library_versions",
        lambda: {**keys.library_versions(keys.LIBRARIES), "numpy": "99"},
    )
    import numpy

    found = asked(book)["experiments"]["next/sum"]
    assert (found["state"], found["current"]) == ("uncomputed", True)
    versions = [(one["component"], one["name"], one["old"], one["new"]) for one in found["changes"]]
    assert versions == [("versions", "numpy", numpy.__version__, "99")]
