"""Terms in prose link to the glossary, which links back."""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import GLOSSARY, HOSTILE, context, sample_glossary_page
from fixtures.small_book import layerbook, read_tree, write_small_book
from layerbook.core.errors import SpecError
from layerbook.site.pages import ChapterPage
from layerbook.site.prose.render import render_chapter

TERMS = """\
- id: logits
  name: logits
  text: Scores, before [the softmax](words.html#tokens) takes $e^x$ of them.
  see: [next]
"""


def test_terms_are_links_with_a_preview() -> None:
    """All uses of a term share one preview with its Markdown; values are text."""
    prose = (
        '{{ term("logits") }} or {{ term("logits", "a <b>") }}; the {{ term("residual stream") }}'
    )
    body = render_chapter(prose, "x.md", context())
    links = html5lib.parseFragment(body.html, namespaceHTMLElements=False).findall(".//a")
    assert [(a.text, a.get("href"), a.get("id"), a.get("data-preview")) for a in links] == [
        ("logits", "glossary.html#logits", "term-logits-1", "about-logits"),
        ("a <b>", "glossary.html#logits", "term-logits-2", "about-logits"),
        ("residual stream", "glossary.html#stream", "term-stream-1", "about-stream"),
    ]
    assert [(preview.id, preview.title) for preview in body.previews] == [
        ("about-logits", "logits"),
        ("about-stream", "residual stream"),
    ]
    assert "<em>before</em>" in body.previews[0].html and "<math" in body.previews[0].html
    hostile = html5lib.parseFragment(body.previews[1].html, namespaceHTMLElements=False)
    assert "".join(hostile.itertext()) == HOSTILE[0] and len(hostile) == 0
    assert "logits or a <b>; the residual stream" in body.sections[0].text


def test_headings_leave_the_ids_of_previews_alone() -> None:
    body = render_chapter('{{ term("logits") }}\n\n## About logits', "x.md", context())
    assert [preview.id for preview in body.previews] == ["about-logits"]
    assert '<h2 id="about-logits-2">' in body.html


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('term("logit")', r"x\.md:3:4: no term named 'logit' \(did you mean 'logits'\?\)"),
        ('term("residual steam")', r"\(did you mean 'residual stream'\?\)"),
    ],
)
def test_unknown_terms_are_reported(call: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        render_chapter(f"a\n\nAs {{{{ {call} }}}}", "x.md", context())


def test_term_needs_a_glossary() -> None:
    with pytest.raises(SpecError, match=r"this book has no templates/glossary\.yaml"):
        render_chapter('{{ term("logits") }}', "x.md", context(glossary=None))


def test_glossary_links_to_each_section_once() -> None:
    prose = '{{ term("logits") }}, {{ term("logits") }}\n\n## One\n\n{{ term("logits") }}'
    body = render_chapter(prose, "x.md", context())
    page = sample_glossary_page((ChapterPage("attention", "Attention", "Chapter 1", body),))
    assert [entry.id for entry in page.entries] == list(GLOSSARY.entries)
    assert [(place.title, place.href) for place in page.entries[0].places] == [
        ("Attention, at the beginning", "attention.html#term-logits-1"),
        ("Attention: One", "attention.html#term-logits-3"),
    ]
    assert page.entries[1].places == ()


def test_check_finds_mistakes_in_terms(tmp_path: Path, tiny_model_dir: Path) -> None:
    """In prose and glossary, at their places."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    prose, terms = book / "templates/chapters/words.md", book / "templates/glossary.yaml"
    before = prose.read_text(encoding="utf-8")
    line = before.count("\n") + 2
    prose.write_text(before + '\nThe {{ term("logts") }}.\n', encoding="utf-8")
    assert f"words.md:{line}:13: term(): this book has no templates/glossary.yaml" in (
        layerbook("check", cwd=book).stderr
    )
    broken = TERMS.replace("words.html", "wrods.html").replace("[next]", "[nxet]")
    terms.write_text(broken, encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    for message in (
        f"words.md:{line}:13: term(): no term named 'logts' (did you mean 'logits'?)",
        "glossary.yaml:3:9: no page named 'wrods.html' (did you mean 'words.html'?)",
        "glossary.yaml:4:9: no chapter named 'nxet' (did you mean 'next'?)",
    ):
        assert message in process.stderr
    terms.write_text(TERMS.replace("$e^x$", "$e^{x$"), encoding="utf-8")
    prose.write_text(before, encoding="utf-8")
    assert "glossary.yaml:3:58: in the formula" in layerbook("check", cwd=book).stderr
    terms.write_text(TERMS, encoding="utf-8")
    layerbook("check", cwd=book, check=True)


def test_page_follows_the_file(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Page, contents and search entry exist only with the file."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    plain = read_tree(book / "site")
    prose, terms = book / "templates/chapters/words.md", book / "templates/glossary.yaml"
    before = prose.read_text(encoding="utf-8")
    terms.write_text(TERMS, encoding="utf-8")
    prose.write_text(before + '\nThe {{ term("logits") }}.\n', encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    site = read_tree(book / "site")
    page = site["glossary.html"].decode()
    assert '<a href="words.html#term-logits-1">Words: Tokens</a>' in page
    assert '<a href="next.html">What comes next</a>' in page
    assert all(
        b'<a href="glossary.html"' in data for name, data in site.items() if name.endswith(".html")
    )
    assert b"glossary.html#logits" in site["assets/search-index.js"]
    prose.write_text(before, encoding="utf-8")
    terms.unlink()
    layerbook("build", "--no-run", cwd=book, check=True)
    assert read_tree(book / "site") == plain
