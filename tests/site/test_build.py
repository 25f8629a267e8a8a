"""From specs to a site on the tiny random Llama, through the command line: results, pages, and what
a change redoes.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from fixtures.save_result import save_result
from fixtures.small_book import layerbook, read_tree, write_small_book


@pytest.fixture(scope="module")
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book, built once; tests that change it take a copy."""
    folder = write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir)
    done = layerbook("build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """A copy of the built book, its working cache included."""
    shutil.copytree(built, tmp_path / "book")
    return tmp_path / "book"


def results(folder: Path) -> dict[str, bytes]:
    """The results of a book."""
    return read_tree(folder / "experiments" / "results")


def replace(path: Path, old: str, new: str) -> None:
    """Edit a file; the old text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_experiment_has_a_result_and_every_chapter_a_page(built: Path) -> None:
    """Four results, five pages, and beside them the data of each figure."""
    model = next((built / "experiments" / "results").iterdir()).name
    found = {name for name in results(built) if name.endswith(".json")}
    assert found == {f"{model}/next/{i}.json" for i in ("sum", "pattern")} | {
        f"{model}/words/{i}.json" for i in ("cut", "cat")
    }
    site = read_tree(built / "site")
    pages = {p for p in site if p.endswith(".html")}
    assert pages == {"index.html", "next.html", "words.html", "claims.html", "colophon.html"}
    assert site["data/next/sum.json"] == results(built)[f"{model}/next/sum.json"]
    assert site["data/next/sum-prompt-0.csv"].startswith(b"next token")


def test_the_numbers_on_the_page_are_those_of_the_result(built: Path) -> None:
    """The percentage in the prose is the result's probability, and the token its token."""
    data = json.loads((built / "site" / "data" / "next" / "sum.json").read_bytes())
    page = (built / "site" / "next.html").read_text(encoding="utf-8")
    best = data["prompts"][0]["top"][0]
    assert f"with {100 * best['prob']:.1f}" in page
    assert f'title="token {best["id"]}\n' in page
    assert page.count("Holds here") == page.count("Does not hold here") == 1


def test_a_figure_shows_caption_code_spec_and_table(built: Path) -> None:
    """Each figure is numbered, described, and carries what made it."""
    page = (built / "site" / "next.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)
    assert [re.search(r"Figure (\d\.\d)\.", figure)[1] for figure in figures] == ["1.1", "1.2"]
    for figure in figures:
        assert "<svg" in figure and "<figcaption>" in figure and "<table>" in figure
        assert '<span class="nf">measure</span>' in figure
        assert "analysis" in figure and "layerbook run --only next/" in figure
    assert "in layer 1" in figures[1]


def test_a_figure_says_where_it_comes_from(built: Path) -> None:
    """The lines of its spec, the digests of spec, code and result as the result has them, the
    versions, the command.
    """
    page = (built / "site" / "next.html").read_text(encoding="utf-8")
    data = json.loads((built / "site" / "data" / "next" / "pattern.json").read_bytes())
    figure = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)[1]
    told = dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", figure))
    spec = (built / "experiments" / "next.yaml").read_text(encoding="utf-8").splitlines()
    first, last = map(int, re.fullmatch(r"experiments/next\.yaml, lines (\d+) to (\d+)", told["Written in"]).groups())
    assert spec[first - 1] == "  - id: pattern"
    assert spec[last - 1].startswith("      prompt: A row looks") and last == len(spec)
    assert told["Spec"] == data["key"]["spec"][:12]
    assert told["Code"].startswith(data["key"]["code"][:12])
    assert told["Result"] == data["digest"][:12]
    assert told["Computed with"] == ", ".join(f"{name} {version}" for name, version in data["key"]["versions"].items())
    assert told["Run it again"] == "layerbook run --only next/pattern --force"


def test_a_second_build_changes_nothing(book: Path) -> None:
    """Nothing runs, nothing is written."""
    before = read_tree(book)
    done = layerbook("build", cwd=book)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Every result is current.\nsite is current\n" or done.stdout == "site is current\n"
    assert read_tree(book) == before


def test_a_fresh_checkout_runs_compares_and_keeps_the_bytes(book: Path) -> None:
    """Without the working cache everything runs again, agrees, and leaves results and site as they
    were.
    """
    before, site = results(book), read_tree(book / "site")
    shutil.rmtree(book / ".layerbook")
    done = layerbook("build", cwd=book)
    assert done.returncode == 0
    assert "4 experiments ran: 4 agree with what was there, whose bytes stay" in done.stdout
    assert results(book) == before
    assert read_tree(book / "site") == site


def test_a_number_that_no_longer_holds_is_replaced_and_told(book: Path) -> None:
    """A committed number that this machine does not get is said to differ, and the page shows the
    new one.
    """
    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0]
    wrong = first.model_copy(update={"entropy": first.entropy + 0.5})
    result = entry.result.model_copy(update={"prompts": (wrong, *entry.result.prompts[1:])})
    store.write(path, store.StoredResult(**{**entry.__dict__, "result": result}))
    done = layerbook("build", cwd=book)
    assert done.returncode == 0
    assert "next/sum: differs" in done.stdout and "prompts[0].entropy" in done.stdout
    # Alone in its batch, the pass may differ in the last digit from the one that it shared.
    assert store.load(path, NextToken.result_type).result.prompts[0].entropy == pytest.approx(first.entropy, abs=1e-4)


def test_the_colophon_names_model_digest_versions_and_the_seeds_that_were_used(book: Path) -> None:
    """What it takes to compute the book again; a text without randomness has no seed to tell."""
    page = (book / "site" / "colophon.html").read_text(encoding="utf-8")
    entry = json.loads(next((book / "experiments" / "results").glob("*/next/sum.json")).read_bytes())
    assert entry["key"]["weights"].removeprefix("sha256:") in page
    assert all(version in page for version in entry["key"]["versions"].values())
    assert "words/cat" in page and "seed 3" in page
    replace(book / "experiments" / "words.yaml", "temperature: 0.8", "temperature: 0")
    assert layerbook("build", cwd=book).returncode == 0
    assert "words/cat" not in (book / "site" / "colophon.html").read_text(encoding="utf-8")


def test_only_the_figures_that_are_named_are_the_lecture_s_originals(book: Path) -> None:
    """One experiment draws the original and what is held against it; the badge stands at the first
    alone.
    """
    replace(book / "experiments" / "next.yaml", "    top_k: 5\n", "    top_k: 5\n    original: [logits]\n")
    prose = '{{ figure("sum", "prompt-0") }}\n\n{{ figure("sum", "logits-0") }}'
    replace(book / "templates" / "chapters" / "next.md", '{{ figure("sum", "prompt-0") }}', prose)
    assert layerbook("build", cwd=book).returncode == 0

    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)
    assert ['class="badge original"' in figure for figure in figures] == [False, True, False]


def test_prose_captions_and_titles_run_nothing(book: Path) -> None:
    """They change pages, and no result."""
    before = results(book)
    replace(book / "templates" / "chapters" / "words.md", "## Tokens", "## Pieces")
    replace(book / "experiments" / "next.yaml", "Their scores.", "Their scores, unscaled.")
    replace(book / "experiments" / "next.yaml", "title: A sum", "title: An easy sum")
    done = layerbook("build", cwd=book)
    assert done.returncode == 0
    assert "ran" not in done.stdout
    assert results(book) == before
    assert "Pieces" in (book / "site" / "words.html").read_text(encoding="utf-8")


def test_a_changed_prompt_runs_its_experiment_alone(book: Path) -> None:
    """One of four runs; status names the component before."""
    replace(book / "experiments" / "next.yaml", '"The cat"]', '"The dog"]')
    asked = layerbook("status", cwd=book)
    assert re.search(r'next/sum +stale \(spec: prompts\[1\] "The cat" -> "The dog"\)', asked.stdout)
    done = layerbook("build", cwd=book)
    assert "1 experiment ran: 1 new" in done.stdout
    assert layerbook("status", "--check", cwd=book).returncode == 0


def test_an_edited_page_is_found_and_mended(book: Path) -> None:
    """A page that is not what the sources give fails the check; a build brings it back."""
    page = book / "site" / "words.html"
    good = page.read_bytes()
    page.write_bytes(good.replace(b"Tokens", b"Tokins"))
    asked = layerbook("status", "--check", cwd=book)
    assert asked.returncode == 1 and "site/words.html: not what the sources give" in asked.stdout
    assert layerbook("build", cwd=book).returncode == 0
    assert page.read_bytes() == good


def test_without_the_model_a_missing_result_is_a_visible_placeholder(book: Path) -> None:
    """--no-run never runs: the page says what is missing, the exit code is 1, other chapters stand.
    """
    next((book / "experiments" / "results").glob("*/words/cat.json")).unlink()
    done = layerbook("build", "--no-run", cwd=book)
    assert done.returncode == 1
    assert "words/cat: not shown: its result is missing" in done.stderr
    page = (book / "site" / "words.html").read_text(encoding="utf-8")
    assert "A figure is missing here." in page and "words/cat" in page
    assert "Each chip is a token." in page
    assert layerbook("build", "--no-run", cwd=book).returncode == 1  # and again, though nothing changed


def test_a_chapter_whose_prose_needs_a_missing_number_says_so(book: Path) -> None:
    """A value in a sentence cannot be left out: the chapter's page names the experiment instead."""
    next((book / "experiments" / "results").glob("*/next/sum.json")).unlink()
    assert layerbook("build", "--no-run", cwd=book).returncode == 1
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    listed = (book / "site" / "claims.html").read_text(encoding="utf-8")
    assert listed.count('<span class="claim-margin">its result is missing</span>') == 2
    assert (
        "next/sum: its result is missing" in page
        and "with" not in re.sub(r"<[^>]+>", "", page).split("missing here")[1][:5]
    )


def test_one_failing_experiment_does_not_stop_the_others(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an analysis raises is its own failure: told with its place, a placeholder on the page,
    the rest is new.
    """
    from layerbook.analyses.generate import Generate

    def broken(self: Generate, captures: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Generate, "measure", broken)
    folder = write_small_book(tmp_path / "book", tiny_model_dir)
    done = layerbook("build", cwd=folder)
    assert done.returncode == 1
    assert re.search(r"words/cat: failed: .*words\.yaml:\d+: cat: ZeroDivisionError: division by zero", done.stdout)
    assert "3 new, 1 failed" in done.stdout
    page = (folder / "site" / "words.html").read_text(encoding="utf-8")
    assert "A figure is missing here." in page and "Each chip is a token." in page


def test_strict_makes_a_refuted_claim_a_failure(book: Path) -> None:
    """The claim about `xyzzy` does not hold: shown either way, an error only when asked."""
    assert layerbook("build", cwd=book).returncode == 0
    done = layerbook("build", "--strict", cwd=book)
    assert done.returncode == 1
    assert "1 claim not true" in done.stderr


def test_every_claim_is_listed_with_its_verdict_and_leads_to_its_place(book: Path) -> None:
    """Also one that no page shows; the boxes lead to the list, and the list to the boxes."""
    replace(book / "templates" / "chapters" / "next.md", '{{ claim("sum", 1) }}\n', "")
    assert layerbook("build", cwd=book).returncode == 0
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr id="claim-next-sum-(\d)">(.*?)</tr>', page, re.DOTALL)
    assert [index for index, _ in rows] == ["0", "1"]
    assert 'href="next.html#claim-sum-0"' in rows[0][1] and 'id="claim-sum-0"' in chapter
    assert "claim-sum-1" not in chapter and "next.html#" not in rows[1][1]
    assert 'href="claims.html#claim-next-sum-0"' in chapter and 'href="claims.html"' in chapter
    assert '<td class="holds"><b class="verdict">Holds</b>' in rows[0][1]
    assert '<td class="fails"><b class="verdict">Does not hold</b><span class="claim-margin">exact' in rows[1][1]
    prob = json.loads((book / "site" / "data" / "next" / "sum.json").read_bytes())["prompts"][0]["top"][0]["prob"]
    assert f"holds by {prob:.2g}" in rows[0][1] and f"Margin: holds by {prob:.2g}" in chapter
    assert "xyzzy" in (book / "site" / "assets" / "search-index.js").read_text(encoding="utf-8")


def test_another_model_has_its_own_column(book: Path) -> None:
    """Its results for the same specs are judged; those for other specs are no use, and without any
    it has none.
    """
    from dataclasses import replace as changed

    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    before = read_tree(book / "site")
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0]
    top = (first.top[0].model_copy(update={"text": "xyzzy"}), *first.top[1:])
    result = entry.result.model_copy(update={"prompts": (first.model_copy(update={"top": top}),)})
    other = changed(entry, model="other", key=changed(entry.key, weights="gguf:abcd/1"), result=result)
    place = save_result(path.parents[2], other)
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    assert re.findall(r'<td class="(\w+)">', page) == ["holds", "holds", "fails", "holds"]
    assert '<th scope="col">other</th>' in page and "<code>abcd</code>" in page

    save_result(path.parents[2], changed(other, key=changed(other.key, spec="0" * 64)))
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert '<th scope="col">other</th>' not in (book / "site" / "claims.html").read_text(encoding="utf-8")

    shutil.rmtree(place.parents[1])
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert read_tree(book / "site") == before


def test_another_model_that_was_measured_in_part_is_undecided_for_the_rest(book: Path) -> None:
    """A stale result and a missing one say so in their cells."""
    from dataclasses import replace as changed

    from layerbook.analyses.attention_pattern import AttentionPattern
    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    pattern = store.load(path.with_name("pattern.json"), AttentionPattern.result_type)
    save_result(path.parents[2], changed(pattern, model="other"))
    for made in (False, True):
        if made:
            entry = store.load(path, NextToken.result_type)
            save_result(path.parents[2], changed(entry, model="other", key=changed(entry.key, code="0" * 64)))
        assert layerbook("build", "--no-run", cwd=book).returncode == 0
        page = (book / "site" / "claims.html").read_text(encoding="utf-8")
        shown = '<td class="open"><b class="verdict">Not decided</b><span class="claim-margin">'
        assert page.count(f"{shown}{'stale (code)' if made else 'no result'}</span>") == 2


def test_check_warns_of_numbers_typed_into_the_prose(book: Path) -> None:
    """A warning at its place; with --strict a failure; with a reason on its line, neither."""
    assert layerbook("check", "--strict", cwd=book).returncode == 0
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(before + "\nIt knows 320 of them.\n", encoding="utf-8")
    done = layerbook("check", cwd=book)
    line = before.count("\n") + 2
    assert done.returncode == 0 and "no problems, 1 warning" in done.stdout
    assert f"words.md:{line}:10: warning: the number 320 is typed" in done.stderr
    assert layerbook("check", "--strict", cwd=book).returncode == 1
    replace(prose, "them.", "them. {# numeral: the tests' own vocabulary #}")
    assert layerbook("check", "--strict", cwd=book).returncode == 0


def test_a_field_that_no_result_has_is_told_before_anything_runs(book: Path) -> None:
    """By check, for the book and for a spec alone, and by build, whose results and site stay."""
    spec = book / "experiments" / "next.yaml"
    replace(spec, "check: result.prompts[0].top[0].prob > 0", "check: result.promts[0].top[0].prob > 0")
    replace(spec, '"The cat"]', '"The dog"]')
    before, site = results(book), read_tree(book / "site")
    for command in (("check",), ("check", "experiments/next.yaml"), ("build",)):
        done = layerbook(*command, cwd=book)
        assert done.returncode == 2, command
        assert re.search(r"next\.yaml:15:23: there is no field 'promts' \(did you mean 'prompts'\?\)", done.stderr)
    assert (results(book), read_tree(book / "site")) == (before, site)


def test_run_tells_a_misspelt_field_before_the_model_is_loaded(book: Path, tmp_path: Path) -> None:
    """In the book and outside of it: what cannot be checked is not worth a run."""
    spec = book / "experiments" / "next.yaml"
    replace(spec, "result.prompts[0].top[0].prob > 0", "result.prompts[0].top[0].probb > 0")
    shutil.rmtree(book / "experiments" / "results")
    for done in (layerbook("run", cwd=book), layerbook("run", spec, "--out", tmp_path / "out", cwd=book)):
        assert done.returncode == 2
        assert "there is no field 'probb' (did you mean 'prob'?)" in done.stderr
        assert "Loading" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_prose_is_told_at_its_line_and_leaves_the_site_alone(book: Path) -> None:
    """A missing field of a result, found while rendering: file and line, exit 2, old pages whole.
    """
    before = read_tree(book / "site")
    with (book / "templates" / "chapters" / "next.md").open("a", encoding="utf-8") as file:
        file.write('\nAnd {{ r("sum").promts[0].prompt }}.\n')
    done = layerbook("build", cwd=book)
    assert done.returncode == 2
    assert re.search(r"next\.md:13:\d+: .*'promts'.*did you mean 'prompts'", done.stderr)
    assert read_tree(book / "site") == before


def test_the_other_build_is_told_to_wait(book: Path) -> None:
    """Two builds at once: the second ends at once with a clear line."""
    from layerbook.store import cache

    with cache.lock(book):
        done = layerbook("build", cwd=book)
    assert done.returncode == 1
    assert "another build is running" in done.stderr


def test_words_for_a_figure_that_there_is_none_of_are_told(book: Path) -> None:
    """A misspelt caption, badge or original: at their file and line, with the nearest name, all at
    once, exit 2.
    """
    spec = book / "experiments" / "next.yaml"
    text = spec.read_text()
    text = text.replace("      logits: Their scores.", "      logits: Their scores.\n      txt: What it reads.", 1)
    text = text.replace(
        "    title: A sum\n", "    title: A sum\n    badges: {logit-1: definition}\n    original: [promt]\n", 1
    )
    spec.write_text(text)
    before = read_tree(book / "site")
    done = layerbook("build", cwd=book)
    assert done.returncode == 2
    for line, what in (
        (15, "captions: there is no figure 'txt' (did you mean 'text'?)"),
        (5, "badges: there is no figure 'logit-1' (did you mean 'logits-1'?)"),
        (5, "original: there is no figure 'promt' (did you mean 'prompt'?)"),
    ):
        assert re.search(rf"next\.yaml:{line}:1: sum: {re.escape(what)}", done.stderr), done.stderr
    assert read_tree(book / "site") == before
