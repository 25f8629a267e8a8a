"""Parts, pages of prose and drafts on the pages of a book."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book

OUTLINE = """\
chapters:
  - about
  - next
  - part: Cases & more
    unnumbered: true
  - words
"""
ABOUT = """\
---
title: About
summary: Who wrote it.
needs: [words]
unnumbered: true
---
Some words, and {{ figure("next/sum", "prompt-0") }}

## A heading

See [the words](words.html#tokens).
"""


def write_book(folder: Path, model: Path) -> Path:
    """Write the small book with a part and a page without experiments."""
    book = write_small_book(folder, model)
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("chapters: [next, words]\n", OUTLINE), encoding="utf-8")
    (book / "templates" / "pages").mkdir()
    about = ABOUT.replace(", and {{", ".\n\n{{")
    (book / "templates" / "pages" / "about.md").write_text(about, encoding="utf-8")
    return book


def test_parts_and_pages_are_in_the_contents(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Navigation, numbers, neighbors, search and links follow the outline."""
    book = write_book(tmp_path / "book", tiny_model_dir)
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    site = {
        name: data.decode()
        for name, data in read_tree(book / "site").items()
        if name.endswith(".html")
    }
    about, following, words = (site[f"{name}.html"] for name in ("about", "next", "words"))
    assert (
        "chapter-number" not in about and "Chapter 1" in following and "Cases &amp; more" in words
    )
    assert re.findall(r"<b class=\"figure-number\">Figure ([^<]*)\.</b>", about) == ["1"]
    assert re.findall(r"<b class=\"figure-number\">Figure ([^<]*)\.</b>", words) == ["1", "2"]
    assert "Figure 1.1." in following
    assert re.findall(r'rel="(\w+)" href="([\w.]+)"', about.replace('class="', '"')) == [
        ("prev", "index.html"),
        ("next", "next.html"),
    ]
    assert 'after <a href="words.html">Words</a>' in about
    for page in site.values():
        assert '<p class="part-title" aria-hidden="true">Cases &amp; more</p>' in page
    assert "about.html#a-heading" in (book / "site/assets/search-index.js").read_text("utf-8")


@pytest.mark.parametrize("form", ["absolute", "relative"])
def test_book_with_pages_is_checked_from_the_folder_above(
    tmp_path: Path, tiny_model_dir: Path, form: str
) -> None:
    """With any way to write the path of the book."""
    book = write_book(tmp_path / "book", tiny_model_dir)
    written = book if form == "absolute" else book.name
    layerbook("check", "--book", written, cwd=tmp_path, check=True)


def test_prose_problems_of_a_page_have_its_lines(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Lines count from the start of the file, above the front matter."""
    book = write_book(tmp_path / "book", tiny_model_dir)
    page = book / "templates" / "pages" / "about.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("words.html#tokens", "wrods.html"), encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert "about.md:13:17: no page named 'wrods.html'" in process.stderr


def test_drafts_are_shown_on_request_only(tmp_path: Path, tiny_model_dir: Path) -> None:
    """With `--drafts` they are marked; without it, links to them are broken."""
    book = write_book(tmp_path / "book", tiny_model_dir)
    spec = book / "experiments" / "words.yaml"
    spec.write_text("draft: true\n" + spec.read_text(encoding="utf-8"), encoding="utf-8")
    page = book / "templates" / "pages" / "about.md"
    assert "no page named 'words.html'" in layerbook("check", cwd=book).stderr
    layerbook("check", "--drafts", cwd=book, check=True)
    page.write_text(
        page.read_text(encoding="utf-8").replace("[the words](words.html#tokens)", "them"),
        encoding="utf-8",
    )
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    plain = read_tree(book / "site")
    assert "words.html" not in plain and b"words.html" not in plain["about.html"]
    layerbook("build", "--jobs", "1", "--drafts", cwd=book, check=True)
    site = read_tree(book / "site")
    assert b'<span class="badge draft">draft</span>' in site["words.html"]
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    assert read_tree(book / "site") == plain


def test_hidden_draft_without_experiments_is_named_nowhere(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Pages from a build with drafts, which link to it, are not those of a build without."""
    book = write_book(tmp_path / "book", tiny_model_dir)
    spec = book / "experiments" / "book.yaml"
    spec.write_text(spec.read_text("utf-8").replace("- words", "- words\n  - later"), "utf-8")
    draft = "draft: true\nchapter: later\ntitle: A later chapter\n"
    (book / "experiments" / "later.yaml").write_text(draft, encoding="utf-8")
    (book / "templates" / "chapters" / "later.md").write_text("Not yet.", encoding="utf-8")
    layerbook("build", "--jobs", "1", "--drafts", cwd=book, check=True)
    assert b"A later chapter" in read_tree(book / "site")["words.html"]
    assert layerbook("status", "--check", cwd=book).returncode == 1
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    site = read_tree(book / "site")
    assert [path for path, data in site.items() if b"A later chapter" in data] == []
