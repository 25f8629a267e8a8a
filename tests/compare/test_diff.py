"""Compare two sets of results: numbers, verdicts, figures and sentences."""

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
from fixtures.sweep_book import write_sweep_book
from hypothesis import given
from hypothesis import strategies as st
from layerbook.analyses.next_token import NextToken
from layerbook.cli.format_diff import cut_around_difference
from layerbook.compare.prose import pair_changes
from layerbook.site.prose.render import Sentence
from layerbook.store import results as store

sentences = st.lists(st.builds(Sentence, st.integers(1, 9), st.sampled_from("abc")), max_size=6)


@pytest.fixture
def committed(book: Path) -> Path:
    """The book in a git repository, with its results in one commit."""
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
    """Run git and check that it succeeds."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def sum_path(book: Path) -> Path:
    """Return the path of the result of next/sum."""
    return next((book / "experiments" / "results").glob("*/next/sum.json"))


def change_first_probability(book: Path, prob: float) -> Any:
    """Change the probability of the likeliest token; return the prompt's result before."""
    first = store.load(sum_path(book), NextToken.result_type).result.prompts[0]
    top = (first.top[0].model_copy(update={"prob": prob}), *first.top[1:])
    return edit_result(book, top=top)


def diff_data(*arguments: str | Path, cwd: Path) -> dict[str, Any]:
    """Return the difference as JSON, and check the exit code."""
    process = layerbook("diff", *arguments, "--json", cwd=cwd)
    data: dict[str, Any] = json.loads(process.stdout)
    assert process.returncode == (0 if data["same"] else 1)
    return data


@given(sentences, sentences)
def test_pairs_the_sentences_that_differ(old: list[Sentence], new: list[Sentence]) -> None:
    """Equal sentences cancel; the others come in order with their side."""
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


def test_shows_the_end_of_a_sentence_that_became_shorter() -> None:
    """A long text is cut near its first difference, also if the rest of it is missing."""
    kept, removed = "x" * 150, " and much more" * 10
    for texts in ((kept + removed, kept), (kept, kept + removed)):
        shorter, longer = sorted(cut_around_difference(*texts, 60), key=len)
        assert shorter == "…" + "x" * 20
        assert longer.startswith(shorter + " and much more")


def test_equal_results_do_not_differ(committed: Path) -> None:
    """Given by name, folder or revision: exit code 0 and one line."""
    folder = sum_path(committed).parents[1]
    for sides in (
        (folder.name,),
        ("HEAD",),
        ("HEAD", folder.relative_to(committed)),
        (folder, "HEAD~0"),
    ):
        process = layerbook("diff", *sides, cwd=committed)
        assert process.returncode == 0 and re.fullmatch(
            r"4 experiments: \S+ and \S+ are the same\n", process.stdout
        )


def test_reads_what_run_wrote_for_one_spec(book: Path) -> None:
    """A folder of `run --out` is compared with the chapter's results, cells included."""
    write_sweep_book(book)
    shutil.rmtree(book / "experiments" / "results")
    layerbook("run", cwd=book, check=True)
    for chapter in ("next", "words"):
        spec = book / "experiments" / f"{chapter}.yaml"
        layerbook("run", spec, "--out", chapter, cwd=book, check=True)
        process = layerbook("diff", chapter, cwd=book, check=True)
        assert re.fullmatch(rf"2 experiments: {chapter} and \S+ are the same\n", process.stdout)
    spec = book / "experiments" / "words.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("top_k: [2, 3]", "top_k: [2, 4]"))
    layerbook("run", spec, "--out", "other", cwd=book, check=True)
    spec.write_text(text)
    data = diff_data("other", cwd=book)
    assert {e["address"]: e["state"] for e in data["experiments"]} == {
        "words/plain": "same",
        "words/grid": "changed",
    }
    assert data["notes"] == []
    for sides in (("other", "words"), ("words", "other")):
        assert [e["state"] for e in diff_data(*sides, cwd=book)["experiments"]] == [
            "same",
            "changed",
        ]
    process = layerbook("diff", "next", "words", cwd=book)
    assert process.returncode == 2
    assert "next and words hold results of different chapters" in process.stderr
    (book / "next" / "sum.json").write_text('{"id": "sum"')
    assert "sum.json" in layerbook("diff", "next", cwd=book).stderr


def test_reports_a_changed_number_and_its_effects(committed: Path) -> None:
    """Path, values and gap; the claim, the figure, and the sentence with its line."""
    first = change_first_probability(committed, 0.0)
    data = diff_data("HEAD", cwd=committed)
    (experiment,) = [entry for entry in data["experiments"] if entry["state"] != "same"]
    assert experiment["address"] == "next/sum" and experiment["sources"] == []
    (change,) = experiment["numbers"]
    assert (change["path"], change["old"], change["new"]) == (
        "prompts[0].top[0].prob",
        first.top[0].prob,
        0.0,
    )
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
    assert re.search(r"^next/sum: 1 value changed$", text, re.MULTILINE)
    assert "sentence: templates/chapters/next.md:1:\n  - The likeliest token is" in text
    assert text.endswith("1 verdict changed, 1 figure and 1 sentence differ\n")


@pytest.mark.parametrize(
    ("name", "mistake", "problem"),
    [
        (
            "experiments/book.yaml",
            "theme:\n  logo: images/none.svg\n",
            "experiments/book.yaml:8:9: there is no file 'images/none.svg'",
        ),
        ("templates/references.bib", "@book{", "templates/references.bib:1:1: is not BibTeX"),
        ("templates/glossary.yaml", "a: 1", "templates/glossary.yaml:1:1: the file is a list"),
    ],
)
def test_compares_numbers_where_the_book_has_mistakes(
    committed: Path, name: str, mistake: str, problem: str
) -> None:
    """Mistakes in the theme, the bibliography or the glossary concern only the sentences."""
    change_first_probability(committed, 0.0)
    with (committed / name).open("a") as file:
        file.write(mistake)
    data = diff_data("HEAD", cwd=committed)
    assert [entry["address"] for entry in data["experiments"] if entry["numbers"]] == ["next/sum"]
    assert len(data["claims"]) == len(data["figures"]) == 1 and data["sentences"] == []
    (note,) = data["notes"]
    assert note.startswith(f"the sentences cannot be compared: {problem}")
    completed = layerbook("diff", "HEAD", "--html", "diff.html", cwd=committed)
    assert completed.returncode == 1 and note in completed.stdout
    assert problem in (committed / "diff.html").read_text().replace("&#39;", "'")


def test_reports_a_gap_in_the_last_digit(committed: Path) -> None:
    """Two machines should give equal digits."""
    first = store.load(sum_path(committed), NextToken.result_type).result.prompts[0].top[0].prob
    change_first_probability(committed, first * (1 + 1e-6))
    (change,) = next(e for e in diff_data("HEAD", cwd=committed)["experiments"] if e["numbers"])[
        "numbers"
    ]
    assert change["quanta"] == pytest.approx(first * 10, rel=1)


def test_reports_captions_and_the_changed_parameter(committed: Path) -> None:
    """A caption is reported once, with its line in the spec."""
    spec = committed / "experiments" / "next.yaml"
    spec.write_text(spec.read_text().replace('"The cat"]', '"The dog"]'))
    layerbook("run", "--quiet", cwd=committed, check=True)
    data = diff_data("HEAD", cwd=committed)
    experiment = next(entry for entry in data["experiments"] if entry["state"] == "changed")
    assert experiment["sources"] == ['spec: prompts[1] "The cat" -> "The dog"']
    captions = [(s["file"], s["line"], s["old"], s["new"]) for s in data["sentences"]]
    old, new = (f"The likeliest tokens after The·{animal}." for animal in ("cat", "dog"))
    assert captions == [("experiments/next.yaml", 11, old, new)]


def test_compares_two_models_by_name(book: Path) -> None:
    """Missing results count as added or removed, and prose that needs them is noted."""
    folder = sum_path(book).parents[1]
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    (other / "next" / "sum.json").unlink()
    data = diff_data("other", cwd=book)
    assert [e["state"] for e in data["experiments"]] == ["added", "same", "same", "same"]
    assert {claim["old"] for claim in data["claims"]} == {"undecided: no result"}
    assert len(data["notes"]) == 1 and "next/sum: no result" in data["notes"][0]
    back = diff_data(folder.name, "other", cwd=book)
    assert back["experiments"][0]["state"] == "removed" and {
        f["state"] for f in back["figures"]
    } == {"removed"}


def test_equal_numbers_from_changed_code_do_not_differ(book: Path) -> None:
    """Exit code 0, with a line about the inputs."""
    shutil.copytree(folder := sum_path(book).parents[1], book / "before")
    entry = store.load(sum_path(book), NextToken.result_type)
    store.write(sum_path(book), changed(entry, key=changed(entry.key, code="0" * 64)))
    process = layerbook("diff", "before", folder.name, cwd=book, check=True)
    assert "same numbers from changed sources (code): next/sum" in process.stdout


def test_compares_results_of_older_versions_as_data(book: Path) -> None:
    """A renamed field is reported under both names, and claims on it are undecided."""
    shutil.copytree(sum_path(book).parents[1], book / "before")
    path = book / "before" / "next" / "sum.json"
    lines = path.read_bytes().replace(b'"entropy":', b'"surprise":')
    assert lines != path.read_bytes()
    import hashlib

    line = store.DIGEST_LINE.search(lines)
    assert line is not None
    digest = hashlib.sha256(lines[: line.start()] + lines[line.end() :]).hexdigest()
    path.write_bytes(lines[: line.start(1)] + digest.encode() + lines[line.end(1) :])
    data = diff_data("before", cwd=book)
    reason = "undecided: its result is from another version of the analysis"
    assert {claim["old"] for claim in data["claims"]} == {reason}
    experiment = data["experiments"][0]
    paths = {
        change["path"]: (change["old"] is None, change["new"] is None)
        for change in experiment["numbers"]
    }
    assert paths["prompts[0].surprise"] == (False, True) and paths["prompts[0].entropy"] == (
        True,
        False,
    )


def test_reports_a_damaged_result(book: Path) -> None:
    shutil.copytree(sum_path(book).parents[1], book / "before")
    path = book / "before" / "next" / "sum.json"
    path.write_bytes(path.read_bytes().replace(b"2 + 2", b"2 + 3", 1))
    experiment = diff_data("before", cwd=book)["experiments"][0]
    assert (
        experiment["state"] == "unreadable"
        and "its result was edited or damaged" in experiment["note"]
    )


def test_writes_a_page_of_its_own(committed: Path) -> None:
    """It has no script or other files, escapes data, and shows both texts."""
    top = store.load(sum_path(committed), NextToken.result_type).result.prompts[0].top
    token = top[0].model_copy(update={"text": "<script>alert(1)</script>"})
    edit_result(committed, top=(token, *top[1:]))
    process = layerbook("diff", "HEAD", "--html", "diff.html", cwd=committed)
    assert process.returncode == 1
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


def set_german(book: Path) -> None:
    """Set the language of the book to German."""
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: en", "language: de"), encoding="utf-8")


def test_page_speaks_the_language_of_the_book(committed: Path) -> None:
    """Headings, states, verdicts and counts; the author's sentences and names stay as they are."""
    set_german(committed)
    top = store.load(sum_path(committed), NextToken.result_type).result.prompts[0].top
    edit_result(committed, top=(top[0].model_copy(update={"text": "xyzzy"}), *top[1:]))
    layerbook("diff", "HEAD", "--html", "diff.html", cwd=committed)
    page = (committed / "diff.html").read_text(encoding="utf-8")
    assert '<html lang="de">' in page and "<h2>Zahlen</h2>" in page
    assert "<code>next/sum</code> geändert" in page
    assert "Experimente, die sich unterscheiden: 1 von 4" in page
    assert '<td class="old">gilt nicht</td><td class="new">gilt</td>' in page


def test_page_gives_reasons_in_the_language_of_the_book(book: Path) -> None:
    """Notes, reasons, gaps, and numbers in sentences. The terminal and the JSON are English."""
    set_german(book)
    other = sum_path(book).parents[1].with_name("other")
    shutil.copytree(sum_path(book).parents[1], other)
    first, second, *rest = store.load(sum_path(book), NextToken.result_type).result.prompts[0].top
    prob = first.prob
    changed = [
        token.model_copy(update={"prob": token.prob * factor})
        for token, factor in ((first, 1.05), (second, 1 + 1e-6))
    ]
    edit_result(book, top=(*changed, *rest))
    process = layerbook("diff", "other", "--html", "diff.html", cwd=book)
    assert "in the last digit)" in process.stdout
    page = (book / "diff.html").read_text(encoding="utf-8")
    assert "in der letzten Stelle</td>" in page
    before = f"{100 * prob:.1f}"
    assert before in process.stdout and before not in page and before.replace(".", ",") in page

    (other / "next" / "sum.json").unlink()
    process = layerbook("diff", "other", "--html", "diff.html", cwd=book)
    assert "undecided: no result -> holds" in process.stdout
    page = (book / "diff.html").read_text(encoding="utf-8")
    assert '<td class="old">unentschieden: kein Ergebnis</td>' in page
    assert "<p>Der Text von next passt nicht zu beiden Seiten: " in page
    assert "next/sum: kein Ergebnis</p>" in page
    assert "no result" not in page and "undecided" not in page


@pytest.mark.parametrize("name", ["nowhere", "templates", "--output=x", "HEAD~99", "../../etc"])
def test_rejects_names_without_results(committed: Path, name: str) -> None:
    """Unknown names, other folders, options, and missing revisions."""
    process = layerbook("diff", "--", name, cwd=committed)
    assert process.returncode == 2 and name in process.stderr and "\n" not in process.stderr.strip()
    assert not (committed / "x").exists()


def test_rejects_a_revision_without_results(committed: Path) -> None:
    """The results were committed later."""
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
    process = layerbook("diff", "HEAD", cwd=committed)
    assert process.returncode == 2 and "HEAD: holds no results of" in process.stderr
