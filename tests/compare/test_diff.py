"""diff: two sets of results by numbers, verdicts, figures and sentences, wherever they lie."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from fixtures.edit_result import edit_result
from fixtures.small_book import layerbook
from hypothesis import given
from hypothesis import strategies as st
from layerbook.analyses.next_token import NextToken
from layerbook.compare.prose import pair_changes
from layerbook.site.prose.render import Sentence
from layerbook.store import results as store

sentences = st.lists(st.builds(Sentence, st.integers(1, 9), st.sampled_from("abc")), max_size=6)


@pytest.fixture
def committed(book: Path) -> Path:
    """The book in a repository of git, with its results as one revision."""
    git(book, "init", "--quiet")
    git(book, "add", "experiments", "templates")
    git(
        book,
        "-c",
        "user.name=Nobody",
        "-c",
        "user.email=nobody@example.org",
        "commit",
        "--quiet",
        "-m",
        "One",
    )
    return book


def git(folder: Path, *arguments: str) -> None:
    """Run git, which must succeed."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def sum_of(book: Path) -> Path:
    """The entry of next/sum."""
    return next((book / "experiments" / "results").glob("*/next/sum.json"))


def raise_first(book: Path, prob: float) -> Any:
    """Give the likeliest token of next/sum another probability; the prompt's result as it was."""
    first = store.load(sum_of(book), NextToken.result_type).result.prompts[0]
    top = (first.top[0].model_copy(update={"prob": prob}), *first.top[1:])
    return edit_result(book, top=top)


def found(*arguments: str | Path, cwd: Path) -> dict[str, Any]:
    """The difference as JSON; the exit code says the same."""
    done = layerbook("diff", *arguments, "--json", cwd=cwd)
    data: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if data["same"] else 1)
    return data


@given(sentences, sentences)
def test_pairs_the_sentences_that_differ(old: list[Sentence], new: list[Sentence]) -> None:
    """Equal ones cancel; the rest of each side comes in order, and tells the sides apart."""
    changes = list(pair_changes("x.md", old, new))
    texts = [[sentence.text for sentence in side] for side in (old, new)]
    assert bool(changes) == (texts[0] != texts[1])
    equal_counts = []
    for side, name in zip(texts, ("old", "new"), strict=True):
        changed = [getattr(change, name) for change in changes if getattr(change, name)]
        remaining = iter(side)
        assert all(text in remaining for text in changed)
        equal_counts.append(len(side) - len(changed))
    assert equal_counts[0] == equal_counts[1]


def test_results_do_not_differ_from_themselves(committed: Path) -> None:
    """By name, by folder, by revision: exit 0 and one line."""
    folder = sum_of(committed).parents[1]
    for sides in (
        (folder.name,),
        ("HEAD",),
        ("HEAD", folder.relative_to(committed)),
        (folder, "HEAD~0"),
    ):
        done = layerbook("diff", *sides, cwd=committed)
        assert done.returncode == 0 and re.fullmatch(
            r"4 experiments: \S+ and \S+ say the same\n", done.stdout
        )


def test_a_changed_number_is_told_with_all_that_hangs_on_it(committed: Path) -> None:
    """Path, both values and the gap; the claim that turns; the figures; the sentence of the prose,
    and its line.
    """
    first = raise_first(committed, 0.0)
    data = found("HEAD", cwd=committed)
    (one,) = [entry for entry in data["experiments"] if entry["state"] != "same"]
    assert one["address"] == "next/sum" and one["sources"] == []
    (moved,) = one["numbers"]
    assert (moved["path"], moved["old"], moved["new"]) == (
        "prompts[0].top[0].prob",
        first.top[0].prob,
        0.0,
    )
    assert moved["gap"] == pytest.approx(first.top[0].prob) and moved["beyond"]
    (claim,) = data["claims"]
    assert (claim["old"], claim["new"], claim["line"]) == ("holds", "fails", 14)
    assert claim["says"] == "The most likely token has more than nothing"
    assert [figure["figure"] for figure in data["figures"]] == ["prompt-0"]
    (sentence,) = data["sentences"]
    assert (sentence["file"], sentence["line"]) == ("templates/chapters/next.md", 1)
    assert f"with {100 * first.top[0].prob:.1f}" in sentence["old"] and "with 0" in sentence["new"]
    assert {(use["file"], use["line"]) for use in data["uses"]} >= {
        ("templates/chapters/next.md", n) for n in (1, 3, 5, 7)
    }
    text = layerbook("diff", "HEAD", cwd=committed).stdout
    assert re.search(r"^next/sum: 1 value changed, 1 beyond the tolerance$", text, re.MULTILINE)
    assert "sentence: templates/chapters/next.md:1:\n  - The likeliest token is" in text
    assert text.endswith("1 verdict turned, 1 figure and 1 sentence differ\n")


def test_a_gap_within_the_tolerance_is_told_as_such(committed: Path) -> None:
    """It differs, and is not beyond what another machine may give."""
    first = store.load(sum_of(committed), NextToken.result_type).result.prompts[0].top[0].prob
    raise_first(committed, first + 1e-6)
    (moved,) = next(e for e in found("HEAD", cwd=committed)["experiments"] if e["numbers"])[
        "numbers"
    ]
    assert moved["gap"] == pytest.approx(1e-6, rel=1e-6) and not moved["beyond"]


def test_another_prompt_changes_captions_and_names_the_parameter(committed: Path) -> None:
    """A caption is told once, with its line in the spec; the key says which parameter moved."""
    spec = committed / "experiments" / "next.yaml"
    spec.write_text(spec.read_text().replace('"The cat"]', '"The dog"]'))
    assert layerbook("run", "--quiet", cwd=committed).returncode == 0
    data = found("HEAD", cwd=committed)
    one = next(entry for entry in data["experiments"] if entry["state"] == "changed")
    assert one["sources"] == ['spec: prompts[1] "The cat" -> "The dog"']
    captions = [(s["file"], s["line"], s["old"], s["new"]) for s in data["sentences"]]
    old, new = (f"The likeliest tokens after The·{animal}." for animal in ("cat", "dog"))
    assert captions == [("experiments/next.yaml", 11, old, new)]


def test_two_models_of_one_book_are_compared_by_name(book: Path) -> None:
    """What one has and the other lacks is added or removed; prose that cannot be told without it
    says so.
    """
    folder = sum_of(book).parents[1]
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    (other / "next" / "sum.json").unlink()
    data = found("other", cwd=book)
    assert [e["state"] for e in data["experiments"]] == ["added", "same", "same", "same"]
    assert {claim["old"] for claim in data["claims"]} == {"undecided: no result"}
    assert len(data["notes"]) == 1 and "next/sum: no result" in data["notes"][0]
    back = found(folder.name, "other", cwd=book)
    assert back["experiments"][0]["state"] == "removed" and {
        f["state"] for f in back["figures"]
    } == {"removed"}


def test_the_same_numbers_from_other_code_are_the_same(book: Path) -> None:
    """Exit 0, and said what they were made from."""
    shutil.copytree(folder := sum_of(book).parents[1], book / "before")
    entry = store.load(sum_of(book), NextToken.result_type)
    store.write(sum_of(book), changed(entry, key=changed(entry.key, code="0" * 64)))
    done = layerbook("diff", "before", folder.name, cwd=book)
    assert done.returncode == 0
    assert "the same numbers, made from something else (code): next/sum" in done.stdout


def test_an_entry_of_an_older_form_is_compared_as_plain_data(book: Path) -> None:
    """A field that was called otherwise then: both are named, and nothing breaks."""
    shutil.copytree(sum_of(book).parents[1], book / "before")
    path = book / "before" / "next" / "sum.json"
    lines = path.read_bytes().replace(b'"entropy":', b'"surprise":')
    assert lines != path.read_bytes()
    import hashlib

    line = store.DIGEST_LINE.search(lines)
    assert line is not None
    digest = hashlib.sha256(lines[: line.start()] + lines[line.end() :]).hexdigest()
    path.write_bytes(lines[: line.start(1)] + digest.encode() + lines[line.end(1) :])
    one = found("before", cwd=book)["experiments"][0]
    paths = {
        moved["path"]: (moved["old"] is None, moved["new"] is None) for moved in one["numbers"]
    }
    assert paths["prompts[0].surprise"] == (False, True) and paths["prompts[0].entropy"] == (
        True,
        False,
    )


def test_a_damaged_entry_is_told_and_is_a_difference(book: Path) -> None:
    """One side edited by hand: unreadable, with the reason."""
    shutil.copytree(sum_of(book).parents[1], book / "before")
    path = book / "before" / "next" / "sum.json"
    path.write_bytes(path.read_bytes().replace(b"2 + 2", b"2 + 3", 1))
    one = found("before", cwd=book)["experiments"][0]
    assert one["state"] == "unreadable" and "does not agree with its own digest" in one["note"]


def test_the_page_stands_by_itself_with_both_sides(committed: Path) -> None:
    """No script, nothing loaded from elsewhere, data escaped, both texts."""
    top = store.load(sum_of(committed), NextToken.result_type).result.prompts[0].top
    token = top[0].model_copy(update={"text": "<script>alert(1)</script>"})
    edit_result(committed, top=(token, *top[1:]))
    done = layerbook("diff", "HEAD", "--html", "diff.html", cwd=committed)
    assert done.returncode == 1
    page = (committed / "diff.html").read_text(encoding="utf-8")
    assert (
        "<script" not in page
        and not re.search(r'(?:src|href)="', page)
        and "default-src 'none'" in page
    )
    cells = re.findall(r'<td class="value (?:old|new)">(.*?)</td>', page)
    assert [html.unescape(cell) for cell in cells] == [
        repr(top[0].text),
        repr("<script>alert(1)</script>"),
    ]
    assert re.search(
        r'<td class="pair old">The likeliest token is .*?</td><td class="pair new">', page
    )


@pytest.mark.parametrize("name", ["nowhere", "templates", "--output=x", "HEAD~99", "../../etc"])
def test_what_holds_no_results_is_a_usage_error(committed: Path, name: str) -> None:
    """A name that is nothing, a folder of other things, an option in disguise, a revision that is
    not there.
    """
    done = layerbook("diff", "--", name, cwd=committed)
    assert done.returncode == 2 and name in done.stderr and "\n" not in done.stderr.strip()
    assert not (committed / "x").exists()


def test_a_revision_before_the_first_results_is_a_usage_error(committed: Path) -> None:
    """It holds none of this model."""
    git(committed, "rm", "-r", "--quiet", "--cached", "experiments/results")
    git(
        committed,
        "-c",
        "user.name=Nobody",
        "-c",
        "user.email=nobody@example.org",
        "commit",
        "--quiet",
        "-m",
        "None",
    )
    done = layerbook("diff", "HEAD", cwd=committed)
    assert done.returncode == 2 and "HEAD: holds no results of" in done.stderr
