"""Experiments that the book's model does not support: pages say so, and nothing counts as
missing.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.small_book import layerbook, write_small_book
from fixtures.tiny_families import write_tiny_family

ROPE = """\
  - id: turned
    title: Positions as turns
    analysis: rope
    prompt: The cat sat
    layer: 0
    head: 0
    captions:
      angles: How far each pair turns.
    claims:
      - says: The first pair turns {{ result.d_head }} times
        check: result.d_head > 0
"""
PROSE = """
Before.

{{ figure("turned", "angles") }}

{{ claim("turned") }}

A sentence. {{ tick("turned") }}

{% if applies("turned") %}
It turns {{ r("turned").d_head }} times.
{% else %}
Nothing turns.
{% endif %}
"""


@pytest.fixture
def gpt2_book(tmp_path: Path) -> Path:
    """The small book on a tiny GPT-2, with an experiment that needs RoPE."""
    folder = tmp_path / "gpt2"
    folder.mkdir()
    book = write_small_book(tmp_path / "book", write_tiny_family(folder, "gpt2"))
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text("utf-8") + ROPE, encoding="utf-8")
    prose = book / "templates" / "chapters" / "words.md"
    prose.write_text(prose.read_text("utf-8") + PROSE, encoding="utf-8")
    return book


def test_pages_name_what_the_model_does_not_support(gpt2_book: Path) -> None:
    """Every command treats the book as complete."""
    checked = layerbook("check", cwd=gpt2_book, check=True)
    assert "experiments/words.yaml:20:1: note: turned is not applicable: it needs" in checked.stderr

    built = layerbook("build", "--quiet", cwd=gpt2_book, check=True)
    assert "Skipped 1 experiment that this model cannot run: words/turned" in built.stdout
    page = (gpt2_book / "site" / "words.html").read_text("utf-8")
    assert "Before." in page and "Nothing turns." in page
    assert page.count("which GPT-2 lacks") == 3  # of the figure, the claim, and the tick
    assert '<div class="claim inapplicable"' in page and 'class="tick inapplicable"' in page
    assert "{{" not in page and "The first pair turns … times" in page
    claims = (gpt2_book / "site" / "claims.html").read_text("utf-8")
    assert '<td class="inapplicable"><b class="verdict">Not applicable</b>' in claims
    assert "<dt>Not applicable</dt><dd>1</dd>" in claims

    status = layerbook("status", "--check", cwd=gpt2_book, check=True)
    assert "words/turned  inapplicable (it needs" in status.stdout
    assert "0 not current" in status.stdout
    layerbook("verify", "--quiet", cwd=gpt2_book, check=True)
    forced = layerbook("run", "--quiet", "--force", "--only", "turned", cwd=gpt2_book)
    assert forced.returncode == 0 and "Every result is current" in forced.stdout
    layerbook("build", "--quiet", "--no-run", cwd=gpt2_book, check=True)


def test_pages_give_the_reason_in_the_language_of_the_book(gpt2_book: Path) -> None:
    """The console stays English."""
    spec = gpt2_book / "experiments" / "book.yaml"
    spec.write_text(spec.read_text("utf-8").replace("language: en", "language: de"), "utf-8")
    layerbook("build", "--quiet", cwd=gpt2_book, check=True)
    page = (gpt2_book / "site" / "words.html").read_text("utf-8")
    reason = (
        "das Experiment braucht Querys und Keys, die nach ihren Positionen gedreht werden (RoPE), "
        "und GPT-2 hat das nicht"
    )
    assert page.count(reason) == 3 and "lacks" not in page
    assert reason in (gpt2_book / "site" / "claims.html").read_text("utf-8")
    assert "which GPT-2 lacks" in layerbook("status", cwd=gpt2_book).stdout


def test_prose_without_a_condition_is_left_out(gpt2_book: Path) -> None:
    """A chapter that reads the missing result, or uses its claim, states the reason."""
    prose = gpt2_book / "templates" / "chapters" / "words.md"
    for text in ('{{ r("turned").d_head }}', '{% if holds("turned") %}Yes.{% endif %}'):
        prose.write_text(text, encoding="utf-8")
        layerbook("build", "--quiet", cwd=gpt2_book, check=True)
        page = (gpt2_book / "site" / "words.html").read_text("utf-8")
        assert page.count("which GPT-2 lacks") == 1


def test_single_spec_runs_its_applicable_experiments(gpt2_book: Path, tmp_path: Path) -> None:
    """`run SPEC` writes the other results."""
    spec = gpt2_book / "experiments" / "words.yaml"
    completed = layerbook(
        "run", "--quiet", spec, "--out", tmp_path / "out", cwd=gpt2_book, check=True
    )
    assert "Skipped 1 experiment" in completed.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cat.json", "cut.json"]
