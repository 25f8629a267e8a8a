"""What status says before anything runs: which component moved, from what to what, and how long a run would take."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fixtures.small_book import layerbook
from hypothesis import given
from hypothesis import strategies as st
from layerbook.store.changes import ABSENT, Change, diff_values, summary

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
    """No places for equal data and some for different; swapped, the same places with old and new swapped."""
    there, back = list(diff_values(old, new)), list(diff_values(new, old))
    assert bool(there) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))
    assert sorted(map(repr, there)) == sorted(
        repr((path, theirs, mine)) for path, mine, theirs in back
    )


def test_a_change_is_told_in_short() -> None:
    """Parameters with both values, digests by their beginning, long texts cut, and only the first few."""
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
    assert summary(changes) == f"{first}; {second}; {third}; and 1 more"


def test_status_names_the_parameters_that_moved(book: Path) -> None:
    """Each with its old and its new value, in the table and in JSON; what did not move is not named."""
    replace(book / "experiments" / "next.yaml", "top_k: 5", "top_k: 20")
    replace(book / "experiments" / "words.yaml", '"2 + 2"]', "]")
    lines = layerbook("status", cwd=book).stdout
    assert re.search(r"^next/sum +stale \(spec: top_k 5 -> 20\); ", lines, re.MULTILINE)
    assert re.search(
        r'^words/cut +stale \(spec: prompts\[1\] "2 \+ 2" -> absent\); ', lines, re.MULTILINE
    )
    assert re.search(r"^words/cat +fresh$", lines, re.MULTILINE)
    found = asked(book)["experiments"]
    assert found["next/sum"]["changes"] == [
        {"component": "spec", "name": "top_k", "old": 5, "new": 20}
    ]
    assert found["words/cut"]["changes"][0]["new"] is None
    assert found["words/cat"]["changes"] == [] and found["words/cat"]["estimate"] is None


def test_status_names_the_modules_that_changed(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine ran the old code; where it did not, the digests alone."""
    from layerbook.store import keys

    def edited(start: list[str], package: Path) -> dict[str, str]:
        found = whole(start, package)
        return found | (
            {"layerbook.analyses.generate": "0" * 64}
            if "layerbook.analyses.generate" in found
            else {}
        )

    whole = keys._closure
    monkeypatch.setattr(keys, "_closure", edited)
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
    assert re.search(r"words/cat +stale \(code: [0-9a-f]{8} -> [0-9a-f]{8}\);", text)


def test_a_library_is_named_with_both_versions(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results stand, are not computed here, and say why."""
    from layerbook.store import keys

    monkeypatch.setattr(
        keys, "versions", lambda: {**keys.library_versions(keys.LIBRARIES), "numpy": "99"}
    )
    import numpy

    found = asked(book)["experiments"]["next/sum"]
    assert (found["state"], found["current"]) == ("uncomputed", True)
    versions = [(one["component"], one["name"], one["old"], one["new"]) for one in found["changes"]]
    assert versions == [("versions", "numpy", numpy.__version__, "99")]


def test_the_estimate_is_what_the_same_run_took_before(book: Path) -> None:
    """Forgotten as computed, but not how long it took: an experiment's passes and measuring, the model loaded once."""
    times = json.loads(layerbook("timings", "--json", cwd=book).stdout)
    shutil.rmtree(book / ".layerbook" / "computed")
    found = asked(book)
    assert {one["estimate"]["basis"] for one in found["experiments"].values()} == {"timed"}
    parts = [
        sum(share[kind] for share in times["experiments"].values())
        for kind in ("generating", "passes", "measuring")
    ]
    assert found["estimate"]["seconds"] == pytest.approx(sum(parts) + times["loading"])
    assert (found["estimate"]["timed"], found["estimate"]["unknown"]) == (4, 0)
    last = layerbook("status", cwd=book).stdout.splitlines()[-1]
    assert re.fullmatch(
        r"A run would run 4 experiments: (about|less).*\(4 timed here before\)", last
    )


def test_a_prompt_that_never_ran_is_counted_at_the_pace_of_those_that_did(book: Path) -> None:
    """One pass of new ids and one that is known: seconds by token, no more than a few times the batch it was in."""
    times = json.loads(layerbook("timings", "--json", cwd=book).stdout)
    replace(book / "experiments" / "next.yaml", '"The cat"]', '"A dog barks"]')
    found = asked(book)["experiments"]["next/sum"]["estimate"]
    from layerbook.model.tokenizer import ModelTokenizer

    model = re.search(r"model: (.*)", (book / "experiments" / "book.yaml").read_text())[1]  # type: ignore[index]
    tokens = len(ModelTokenizer.load(Path(model)).backend.encode("A dog barks").ids)
    share = times["experiments"]["next/sum"]
    known = found["seconds"] - share["measuring"] - tokens * times["pace"]["passes"]
    assert found["basis"] == "counted" and found["counts"] == "2 passes"
    assert 0 < known < times["steps"][-1]["seconds"]


def test_where_nothing_was_timed_the_estimate_is_unknown_and_says_the_counts(book: Path) -> None:
    """After a fresh checkout: no number is invented."""
    shutil.rmtree(book / ".layerbook")
    found = asked(book)
    assert found["estimate"]["seconds"] is None and found["estimate"]["unknown"] == 4
    assert (
        found["experiments"]["words/cat"]["estimate"]["counts"]
        == "1 text of at most 8 tokens together"
    )
    text = layerbook("status", cwd=book).stdout
    assert re.search(r"^next/sum +uncomputed; time unknown here \(2 passes\)$", text, re.MULTILINE)
    assert "how long that takes is unknown here" in text.splitlines()[-1]


def test_status_of_stale_results_imports_neither_the_model_nor_the_figures(book: Path) -> None:
    """Also where lengths must be counted with the tokenizer."""
    replace(book / "experiments" / "next.yaml", '"The cat"]', '"A dog barks"]')
    script = (
        "import sys\nfrom layerbook.cli.main import main\ntry:\n    main(['status'])\nfinally:\n"
        "    print(sorted({'torch', 'transformers', 'matplotlib', 'jinja2'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=book, capture_output=True, text=True, check=True
    )
    assert "prompts[1]" in done.stdout and done.stderr == "[]\n"
