"""Experiments, chapters and figures with clashing names get distinct files and ids."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from fixtures.small_book import layerbook, write_small_book
from layerbook.site.experiment_view import data_path, name_on_page

ONE = """\
chapter: one
title: One
experiments:
  - id: same
    analysis: next-token
    prompts: ["The cat"]
    top_k: 3
    captions: {prompt: Its three.}
    claims: [{says: There are three, check: "len(result.prompts[0].top) == 3"}]
  - id: same-prompt-0
    title: A sweep
    analysis: next-token
    sweep: {prompts: ["A", "B"], top_k: [2, 4]}
    measures: {n: "len(result.prompts[0].top)"}
"""
TWO = """\
chapter: two
title: Two
experiments:
  - id: one-same
    analysis: next-token
    prompts: ["The dog"]
    top_k: 5
    captions: {prompt: Its five.}
    claims: [{says: There are five, check: "len(result.prompts[0].top) == 5"}]
"""
ONE_PROSE = '{{ figure("same", "prompt-0") }}\n\n{{ download("same-prompt-0") }}\n'
TWO_PROSE = """\
{{ figure("one-same", "prompt-0") }}

{{ figure("one/same", "prompt-0") }}

{{ claim("one-same") }}

{{ claim("one/same") }}
"""


def test_clashing_names_get_separate_files(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Such as figure `prompt-0` of `same` and sweep `same-prompt-0`."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    for name in ("next", "words"):
        (book / "experiments" / f"{name}.yaml").unlink()
    path = book / "experiments" / "book.yaml"
    path.write_text(path.read_text().replace("[next, words]", "[one, two]"))
    for name, spec, prose in (("one", ONE, ONE_PROSE), ("two", TWO, TWO_PROSE)):
        (book / "experiments" / f"{name}.yaml").write_text(spec)
        (book / "templates" / "chapters" / f"{name}.md").write_text(prose)
    layerbook("build", cwd=book, check=True)
    data = book / "site" / "data" / "one"
    sweep = list(csv.reader((data / "same-prompt-0.csv").read_text().splitlines()))
    figure = list(csv.reader((data / "same.prompt-0.csv").read_text().splitlines()))
    assert (sweep[0], len(sweep)) == (["prompts", "top_k", "n"], 5)
    assert figure[0][0] == "next token"
    page = (book / "site" / "two.html").read_text()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    links = re.findall(r'href="(claims\.html#[^"]+)"', page)
    listed = (book / "site" / "claims.html").read_text()
    for link, sentence in zip(links, ("There are five", "There are three"), strict=True):
        row = re.search(rf'<tr id="{re.escape(link.partition("#")[2])}">.*?</tr>', listed, re.S)
        assert row is not None and sentence in row[0]
        (back,) = re.findall(r'href="(?:one|two)\.html#([^"]+)"', row[0])
        box = page[page.index(f'id="{back}"') :]
        assert box.index(sentence) < 500


def test_names_are_joined_by_a_hyphen_where_unambiguous() -> None:
    """Otherwise by a dot, which no name contains."""
    addresses = ["one/same", "two/one-same", "two/a", "two/a-b", "one-a/b"]
    assert name_on_page("one/same", "one", addresses) == "same"
    assert name_on_page("one/same", "two", addresses) == "one.same"
    assert name_on_page("two/one-same", "two", addresses) == "one-same"
    assert name_on_page("two/a", "one", addresses) == "two-a"
    assert name_on_page("one-a/b", "", [*addresses, "one/a-b"]) == "one-a.b"
    assert name_on_page("one/a-b", "", [*addresses, "one/a-b"]) == "one.a-b"
    assert data_path("two/a", "c", addresses) == "data/two/a-c"
    assert data_path("two/a", "b", addresses) == "data/two/a.b"
    assert data_path("two/a", "b-c", addresses) == "data/two/a.b-c"
    assert data_path("two/a-b", "c", addresses) == "data/two/a-b-c"
    assert data_path("two/a", "bc", addresses) == "data/two/a-bc"
