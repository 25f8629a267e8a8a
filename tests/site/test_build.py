"""Builds of the small book through the command line, and the effects of changes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from fixtures.save_result import save_result
from fixtures.small_book import layerbook, read_tree, write_small_book


@pytest.fixture
def book(built_book: Path, tmp_path: Path) -> Path:
    """A copy of the built book with its working cache."""
    return shutil.copytree(built_book, tmp_path / "book")


def read_results(folder: Path) -> dict[str, bytes]:
    """Return the files of a book's results."""
    return read_tree(folder / "experiments" / "results")


def replace_text(path: Path, old: str, new: str) -> None:
    """Edit a file that contains the old text."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_writes_a_result_for_each_experiment_and_a_page_for_each_chapter(built_book: Path) -> None:
    model = next((built_book / "experiments" / "results").iterdir()).name
    paths = {name for name in read_results(built_book) if name.endswith(".json")}
    assert paths == {f"{model}/next/{i}.json" for i in ("sum", "pattern")} | {
        f"{model}/words/{i}.json" for i in ("cut", "cat")
    }
    site = read_tree(built_book / "site")
    pages = {p for p in site if p.endswith(".html")}
    assert pages == {"index.html", "next.html", "words.html", "claims.html", "colophon.html"}
    assert site["data/next/sum.json"] == read_results(built_book)[f"{model}/next/sum.json"]
    assert site["data/next/sum-prompt-0.csv"].startswith(b"next token")


def test_pages_show_the_numbers_of_results(built_book: Path) -> None:
    data = json.loads((built_book / "site" / "data" / "next" / "sum.json").read_bytes())
    page = (built_book / "site" / "next.html").read_text(encoding="utf-8")
    best = data["prompts"][0]["top"][0]
    assert f"with {100 * best['prob']:.1f}" in page
    assert f'title="token {best["id"]}\n' in page
    assert page.count("Holds here") == page.count("Does not hold here") == 1


def test_figures_have_number_caption_code_spec_and_table(built_book: Path) -> None:
    page = (built_book / "site" / "next.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)
    assert [re.search(r"Figure (\d\.\d)\.", figure)[1] for figure in figures] == ["1.1", "1.2"]
    for figure in figures:
        assert "<svg" in figure and "<figcaption>" in figure and "<table>" in figure
        assert '<span class="nf">measure</span>' in figure
        assert "analysis" in figure and "layerbook run --only next/" in figure
    assert "in layer 1" in figures[1]


def test_figures_state_their_provenance(built_book: Path) -> None:
    page = (built_book / "site" / "next.html").read_text(encoding="utf-8")
    data = json.loads((built_book / "site" / "data" / "next" / "pattern.json").read_bytes())
    figure = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)[1]
    facts = dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", figure))
    spec = (built_book / "experiments" / "next.yaml").read_text(encoding="utf-8").splitlines()
    first, last = map(
        int,
        re.fullmatch(r"experiments/next\.yaml, lines (\d+) to (\d+)", facts["Written in"]).groups(),
    )
    assert spec[first - 1] == "  - id: pattern"
    assert spec[last - 1].startswith("      prompt: A row looks") and last == len(spec)
    assert facts["Spec"] == data["key"]["spec"][:12]
    assert facts["Code"].startswith(data["key"]["code"][:12])
    assert facts["Result"] == data["digest"][:12]
    assert facts["Computed with"] == ", ".join(
        f"{name} {version}" for name, version in data["key"]["versions"].items()
    )
    assert facts["Run it again"] == "layerbook run --only next/pattern --force"


def read_tree_without_stamps(book: Path) -> dict[str, bytes]:
    """Return the files of a book by path, but for the stamps of builds."""
    files = read_tree(book).items()
    return {path: data for path, data in files if not path.startswith(".layerbook/stamps/")}


def test_an_older_site_put_back_is_built_anew(book: Path) -> None:
    """As git does when it restores a committed site: its files agree with its own marker."""
    shutil.copytree(book / "site", book / "older")
    replace_text(book / "templates" / "chapters" / "next.md", "with", "now with")
    layerbook("build", cwd=book, check=True)
    newer = read_tree(book / "site")
    shutil.rmtree(book / "site")
    (book / "older").rename(book / "site")
    assert read_tree(book / "site") != newer

    result = layerbook("build", cwd=book)
    assert result.returncode == 0 and "site is current" not in result.stdout
    assert read_tree(book / "site") == newer


def test_second_build_changes_nothing(book: Path) -> None:
    """Not even in the cache, but for its stamp."""
    before = read_tree_without_stamps(book)
    result = layerbook("build", cwd=book, check=True)
    assert result.stdout in ("Every result is current.\nsite is current\n", "site is current\n")
    assert read_tree_without_stamps(book) == before


def test_fresh_checkout_reproduces_results_and_site(book: Path) -> None:
    before, site = read_results(book), read_tree(book / "site")
    shutil.rmtree(book / ".layerbook")
    result = layerbook("build", cwd=book, check=True)
    assert "4 experiments ran: 4 unchanged" in result.stdout
    assert read_results(book) == before
    assert read_tree(book / "site") == site


def test_replaces_and_reports_a_committed_number_that_differs(book: Path) -> None:
    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0]
    edited = first.model_copy(update={"entropy": first.entropy + 0.5})
    result = entry.result.model_copy(update={"prompts": (edited, *entry.result.prompts[1:])})
    store.write(path, store.StoredResult(**{**entry.__dict__, "result": result}))
    result = layerbook("build", cwd=book, check=True)
    assert "next/sum: differs" in result.stdout and "prompts[0].entropy" in result.stdout
    # Alone in its batch, the pass may differ in the last digit from the one that it shared.
    assert store.load(path, NextToken.result_type).result.prompts[0].entropy == pytest.approx(
        first.entropy, abs=1e-4
    )


def test_colophon_lists_weights_versions_and_seeds(book: Path) -> None:
    """A text without randomness has no seed."""
    page = (book / "site" / "colophon.html").read_text(encoding="utf-8")
    entry = json.loads(
        next((book / "experiments" / "results").glob("*/next/sum.json")).read_bytes()
    )
    assert entry["key"]["weights"].removeprefix("sha256:") in page
    assert all(version in page for version in entry["key"]["versions"].values())
    assert "words/cat" in page and "seed 3" in page
    replace_text(book / "experiments" / "words.yaml", "temperature: 0.8", "temperature: 0")
    layerbook("build", cwd=book, check=True)
    assert "words/cat" not in (book / "site" / "colophon.html").read_text(encoding="utf-8")


def test_marks_only_the_named_figures_as_originals(book: Path) -> None:
    replace_text(
        book / "experiments" / "next.yaml",
        "    top_k: 5\n",
        "    top_k: 5\n    original: [logits]\n",
    )
    prose = '{{ figure("sum", "prompt-0") }}\n\n{{ figure("sum", "logits-0") }}'
    replace_text(
        book / "templates" / "chapters" / "next.md", '{{ figure("sum", "prompt-0") }}', prose
    )
    layerbook("build", cwd=book, check=True)

    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure\b.*?</figure>", page, re.DOTALL)
    assert ['class="badge original"' in figure for figure in figures] == [False, True, False]


def test_edited_prose_captions_and_titles_run_nothing(book: Path) -> None:
    before = read_results(book)
    replace_text(book / "templates" / "chapters" / "words.md", "## Tokens", "## Pieces")
    replace_text(book / "experiments" / "next.yaml", "Their scores.", "Their scores, unscaled.")
    replace_text(book / "experiments" / "next.yaml", "title: A sum", "title: An easy sum")
    result = layerbook("build", cwd=book, check=True)
    assert "ran" not in result.stdout
    assert read_results(book) == before
    assert "Pieces" in (book / "site" / "words.html").read_text(encoding="utf-8")


def test_changed_prompt_runs_its_experiment_alone(book: Path) -> None:
    """`status` names the changed prompt."""
    replace_text(book / "experiments" / "next.yaml", '"The cat"]', '"The dog"]')
    status = layerbook("status", cwd=book)
    assert re.search(
        r'next/sum +stale \(spec: prompts\[1\] "The cat" -> "The dog"\)', status.stdout
    )
    result = layerbook("build", cwd=book)
    assert "1 experiment ran: 1 new" in result.stdout
    layerbook("status", "--check", cwd=book, check=True)


def test_status_finds_an_edited_page_and_build_restores_it(book: Path) -> None:
    page = book / "site" / "words.html"
    original = page.read_bytes()
    page.write_bytes(original.replace(b"Tokens", b"Tokins"))
    status = layerbook("status", "--check", cwd=book)
    assert status.returncode == 1 and "site/words.html: out of date" in status.stdout
    layerbook("build", cwd=book, check=True)
    assert page.read_bytes() == original


def test_no_run_shows_a_placeholder_for_a_missing_result(book: Path) -> None:
    """The exit code is 1, also if nothing changed since; other figures are shown."""
    next((book / "experiments" / "results").glob("*/words/cat.json")).unlink()
    result = layerbook("build", "--no-run", cwd=book)
    assert result.returncode == 1
    assert "words/cat: not shown: its result is missing" in result.stderr
    page = (book / "site" / "words.html").read_text(encoding="utf-8")
    assert "A figure is missing here." in page and "words/cat" in page
    assert "Each chip is a token." in page
    assert (
        layerbook("build", "--no-run", cwd=book).returncode == 1
    )  # and again, though nothing changed


def test_chapter_that_needs_a_missing_number_names_the_experiment(book: Path) -> None:
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
    """Its error is reported with its place, and its figure is a placeholder."""
    from layerbook.analyses.generate import Generate

    def broken(self: Generate, captures: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Generate, "measure", broken)
    folder = write_small_book(tmp_path / "book", tiny_model_dir)
    result = layerbook("build", cwd=folder)
    assert result.returncode == 1
    assert re.search(
        r"words/cat: failed: .*words\.yaml:\d+: cat: ZeroDivisionError: division by zero",
        result.stdout,
    )
    assert "3 new, 1 failed" in result.stdout
    page = (folder / "site" / "words.html").read_text(encoding="utf-8")
    assert "A figure is missing here." in page and "Each chip is a token." in page


def test_strict_fails_on_a_refuted_claim(book: Path) -> None:
    layerbook("build", cwd=book, check=True)
    result = layerbook("build", "--strict", cwd=book)
    assert result.returncode == 1
    assert "1 claim not true" in result.stderr


def test_lists_every_claim_with_its_verdict_and_place(book: Path) -> None:
    """The list includes claims that no page shows. Boxes and list link to each other."""
    replace_text(book / "templates" / "chapters" / "next.md", '{{ claim("sum", 1) }}\n', "")
    layerbook("build", cwd=book, check=True)
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr id="claim-next-sum-(\d)">(.*?)</tr>', page, re.DOTALL)
    assert [index for index, _ in rows] == ["0", "1"]
    assert "<p>The most likely token has more than nothing</p>" in rows[0][1]
    assert (
        'href="next.html#claim-sum-0">where in the book</a>' in rows[0][1]
        and 'id="claim-sum-0"' in chapter
    )
    assert "claim-sum-1" not in chapter and "next.html#" not in rows[1][1]
    assert 'href="claims.html#claim-next-sum-0"' in chapter and 'href="claims.html"' in chapter
    assert '<td class="holds"><b class="verdict">Holds</b>' in rows[0][1]
    assert (
        '<td class="fails"><b class="verdict">Does not hold</b><span class="claim-margin">exact'
        in rows[1][1]
    )
    prob = json.loads((book / "site" / "data" / "next" / "sum.json").read_bytes())["prompts"][0][
        "top"
    ][0]["prob"]
    assert f"holds by {prob:.2g}" in rows[0][1] and f"Margin: holds by {prob:.2g}" in chapter
    assert "xyzzy" in (book / "site" / "assets" / "search-index.js").read_text(encoding="utf-8")


def test_claims_that_hold_by_definition_are_counted_apart(book: Path) -> None:
    """A claim has the badge of its experiment unless it has its own."""
    spec = book / "experiments" / "next.yaml"
    check = "        check: result.prompts[0].top[0].prob > 0\n"
    replace_text(spec, check, f"{check}        evidence: definition\n")
    replace_text(spec, "    title: A sum\n", "    title: A sum\n    evidence: correlation\n")
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr id="claim-next-sum-\d">(.*?)</tr>', page, re.DOTALL)
    assert [re.search(r'class="badge (\w+)"', row)[1] for row in rows] == [
        "definition",
        "correlation",
    ]
    counts = dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", page))
    assert counts["Claims"] == "2" and counts["Hold by definition"] == "1"
    assert counts["Hold"] == "0" and counts["Do not hold"] == "1"
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert "Holds by definition" in chapter and "Holds here" not in chapter


def test_claims_that_fail_or_hold_only_just_are_listed_first(book: Path) -> None:
    """They are not listed if there are none."""
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    before = (book / "site" / "claims.html").read_text(encoding="utf-8")
    spec = book / "experiments" / "next.yaml"
    best = "result.prompts[0].top[0].prob"
    replace_text(spec, f"{best} > 0\n", f"{best} > 0.98 * {best}\n")
    replace_text(spec, '== "xyzzy"', '!= "xyzzy"')
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    after = (book / "site" / "claims.html").read_text(encoding="utf-8")

    def first_links(page: str) -> list[str]:
        return re.findall(r'href="#([^"]+)">How it was checked', page.partition("<table")[0])

    assert "What does not hold" in before and "What holds only just" not in before
    assert first_links(before) == ["claim-next-sum-1"]
    assert "What does not hold" not in after and "What holds only just" in after
    assert first_links(after) == ["claim-next-sum-0"]


def test_no_claim_holds_only_just_by_definition(book: Path) -> None:
    """Neither in the list of claims nor in the box of a chapter."""
    spec = book / "experiments" / "next.yaml"
    best = "result.prompts[0].top[0].prob"
    replace_text(spec, f"{best} > 0\n", f"{best} > 0.98 * {best}\n        evidence: definition\n")
    layerbook("build", "--no-run", cwd=book, check=True)
    claims = (book / "site" / "claims.html").read_text(encoding="utf-8")
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert "What holds only just" not in claims and "Hold or fail only just" not in claims
    assert "Holds by definition" in chapter and "Only just" not in chapter


def test_other_model_has_its_own_column(book: Path) -> None:
    """Results for other specs do not count."""
    from dataclasses import replace as changed

    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    before = read_tree(book / "site")
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0]
    top = (first.top[0].model_copy(update={"text": "xyzzy"}), *first.top[1:])
    result = entry.result.model_copy(update={"prompts": (first.model_copy(update={"top": top}),)})
    other = changed(
        entry, model="other", key=changed(entry.key, weights="gguf:abcd/1"), result=result
    )
    result_path = save_result(path.parents[2], other)
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    assert re.findall(r'<td class="(\w+)">', page) == ["holds", "holds", "fails", "holds"]
    assert '<th scope="col">other</th>' in page and "<code>abcd</code>" in page

    save_result(path.parents[2], changed(other, key=changed(other.key, spec="0" * 64)))
    layerbook("build", "--no-run", cwd=book, check=True)
    assert '<th scope="col">other</th>' not in (book / "site" / "claims.html").read_text(
        encoding="utf-8"
    )

    shutil.rmtree(result_path.parents[1])
    layerbook("build", "--no-run", cwd=book, check=True)
    assert read_tree(book / "site") == before


def test_other_model_is_undecided_where_results_are_missing_or_stale(book: Path) -> None:
    from dataclasses import replace as changed

    from layerbook.analyses.attention_pattern import AttentionPattern
    from layerbook.analyses.next_token import NextToken
    from layerbook.store import results as store

    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    pattern = store.load(path.with_name("pattern.json"), AttentionPattern.result_type)
    save_result(path.parents[2], changed(pattern, model="other"))
    for has_stale_result in (False, True):
        if has_stale_result:
            entry = store.load(path, NextToken.result_type)
            save_result(
                path.parents[2],
                changed(entry, model="other", key=changed(entry.key, code="0" * 64)),
            )
        layerbook("build", "--no-run", cwd=book, check=True)
        page = (book / "site" / "claims.html").read_text(encoding="utf-8")
        shown = '<td class="open"><b class="verdict">Not decided</b><span class="claim-margin">'
        assert (
            page.count(f"{shown}{'stale (code)' if has_stale_result else 'no result'}</span>") == 2
        )


def test_check_warns_of_numbers_typed_into_prose(book: Path) -> None:
    """An error with --strict; not reported if the line gives a reason."""
    layerbook("check", "--strict", cwd=book, check=True)
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(before + "\nIt knows 320 of them.\n", encoding="utf-8")
    result = layerbook("check", cwd=book)
    line = before.count("\n") + 2
    assert result.returncode == 0 and "no problems, 1 warning" in result.stdout
    assert f"words.md:{line}:10: warning: the number 320 is typed" in result.stderr
    assert layerbook("check", "--strict", cwd=book).returncode == 1
    replace_text(prose, "them.", "them. {# numeral: the tests' own vocabulary #}")
    layerbook("check", "--strict", cwd=book, check=True)


def test_reports_unknown_fields_in_claims_before_anything_runs(book: Path) -> None:
    spec = book / "experiments" / "next.yaml"
    replace_text(
        spec, "check: result.prompts[0].top[0].prob > 0", "check: result.promts[0].top[0].prob > 0"
    )
    replace_text(spec, '"The cat"]', '"The dog"]')
    before, site = read_results(book), read_tree(book / "site")
    for command in (("check",), ("check", "experiments/next.yaml"), ("build",)):
        result = layerbook(*command, cwd=book)
        assert result.returncode == 2, command
        assert re.search(
            r"next\.yaml:15:23: there is no field 'promts' \(did you mean 'prompts'\?\)",
            result.stderr,
        )
    assert (read_results(book), read_tree(book / "site")) == (before, site)


def test_run_reports_unknown_fields_before_loading_the_model(book: Path, tmp_path: Path) -> None:
    spec = book / "experiments" / "next.yaml"
    replace_text(spec, "result.prompts[0].top[0].prob > 0", "result.prompts[0].top[0].probb > 0")
    shutil.rmtree(book / "experiments" / "results")
    for result in (
        layerbook("run", cwd=book),
        layerbook("run", spec, "--out", tmp_path / "out", cwd=book),
    ):
        assert result.returncode == 2
        assert "there is no field 'probb' (did you mean 'prob'?)" in result.stderr
        assert "Loading" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_reports_wrong_prose_at_its_line_and_keeps_the_site(book: Path) -> None:
    before = read_tree(book / "site")
    with (book / "templates" / "chapters" / "next.md").open("a", encoding="utf-8") as file:
        file.write('\nAnd {{ r("sum").promts[0].prompt }}.\n')
    result = layerbook("build", cwd=book)
    assert result.returncode == 2
    assert re.search(r"next\.md:13:\d+: .*'promts'.*did you mean 'prompts'", result.stderr)
    assert read_tree(book / "site") == before


def test_second_build_at_the_same_time_fails(book: Path) -> None:
    from layerbook.store import cache

    with cache.lock(book):
        result = layerbook("build", cwd=book)
    assert result.returncode == 1
    assert "another build is running" in result.stderr


def test_reports_unknown_figures_in_captions_badges_and_originals(book: Path) -> None:
    spec = book / "experiments" / "next.yaml"
    text = spec.read_text()
    text = text.replace(
        "      logits: Their scores.", "      logits: Their scores.\n      txt: What it reads.", 1
    )
    text = text.replace(
        "    title: A sum\n",
        "    title: A sum\n    badges: {logit-1: definition}\n    original: [promt]\n",
        1,
    )
    spec.write_text(text)
    before = read_tree(book / "site")
    result = layerbook("build", cwd=book)
    assert result.returncode == 2
    for line, message in (
        (15, "captions: there is no figure 'txt' (did you mean 'text'?)"),
        (5, "badges: there is no figure 'logit-1' (did you mean 'logits-1'?)"),
        (5, "original: there is no figure 'promt' (did you mean 'prompt'?)"),
    ):
        assert re.search(rf"next\.yaml:{line}:1: sum: {re.escape(message)}", result.stderr), (
            result.stderr
        )
    assert read_tree(book / "site") == before
