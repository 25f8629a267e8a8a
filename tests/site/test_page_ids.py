"""The ids of a page are unique and stable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import BOOK, context
from fixtures.small_book import layerbook
from hypothesis import given
from hypothesis import strategies as st
from layerbook.site.page_templates import render_page
from layerbook.site.pages import ChapterBody, ChapterPage
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.render import render_chapter


def chapter_page(body: ChapterBody) -> ChapterPage:
    """Return a chapter with this text."""
    return ChapterPage("attention", "Attention", "Chapter 1", body)


def render_with_headings(headings: Sequence[str]) -> str:
    """Return the page of a chapter with these headings."""
    ctx = context()
    body = render_chapter("\n\n".join(f"## {heading}" for heading in headings), "x.md", ctx)
    return render_page(
        ChapterPage("attention", "Attention", "Chapter 1", body), BOOK, ctx.jinja_env
    )


def repeated_ids(page: str) -> list[str]:
    """Return the ids that a page has more than once."""
    elements = html5lib.parse(page, namespaceHTMLElements=False).iter()
    counts = Counter(element.get("id") for element in elements if element.get("id"))
    return [id for id, count in counts.items() if count > 1]


def heading_ids(page: str) -> list[str]:
    """Return the ids of the headings of level 2."""
    return re.findall(r'<h2 id="([^"]*)"', page)


def test_equal_headings_are_numbered() -> None:
    """No number takes the id of another heading."""
    assert heading_ids(render_with_headings(["Note", "Note"])) == ["note", "note-2"]
    page = render_with_headings(["Note", "Note 2", "Note"])
    assert heading_ids(page) == ["note", "note-2", "note-3"]


def test_headings_leave_other_ids_alone(book: Path) -> None:
    """Those of the page, scripts, figures, pictures, claims and footnotes."""
    headings = [
        *("Main", "Contents", "Theme", "Open search", "Token tip", "Where", "Where desc", "Fn1"),
        *("Fnref1", "Sum prompt 0", "Sum prompt 0 svg", "Sum prompt 0 svg desc", "Claim sum 0"),
    ]
    prose = book / "templates" / "chapters" / "next.md"
    text = "".join(f"\n\n## {heading}" for heading in headings) + "\n\nA[^1].\n\n[^1]: B."
    prose.write_text(prose.read_text(encoding="utf-8") + text, encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert repeated_ids(page) == []
    ids = heading_ids(page)
    assert len(ids) == len(headings)
    assert not {heading.lower().replace(" ", "-") for heading in headings} & set(ids)


def test_chapters_leave_the_ids_of_the_list_of_claims_alone(book: Path) -> None:
    """A chapter may have the name of a part of the page."""
    (book / "experiments" / "next.yaml").rename(book / "experiments" / "main.yaml")
    for path, old in (("book", "[next,"), ("main", "chapter: next")):
        spec = book / "experiments" / f"{path}.yaml"
        text = spec.read_text(encoding="utf-8")
        assert old in text
        spec.write_text(text.replace(old, old.replace("next", "main")), encoding="utf-8")
    chapters = book / "templates" / "chapters"
    (chapters / "next.md").rename(chapters / "main.md")
    layerbook("build", "--quiet", cwd=book, check=True)
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    assert repeated_ids(page) == []
    assert '<h2 id="main-2">' in page
    search_index = (book / "site/assets/search-index.js").read_text()
    assert 'id="claim-main-sum-0"' in page and "claims.html#claim-main-sum-0" in search_index


@given(st.lists(st.sampled_from(["a", "a-2", "a-2-2", "a-3", "b-svg", "b"])))
def test_ids_are_given_once(names: list[str]) -> None:
    """A free id is used unchanged."""
    ids = PageIds()
    given_ids = [ids.add(name) for name in names]
    assert len(set(given_ids)) == len(names)
    assert given_ids[:1] == names[:1]


@pytest.mark.parametrize("heading", ["A `<|im_end|>` here", "3 < 4 > 2", "`<b>` & *x*", "$a < b$"])
def test_contents_show_the_words_of_headings(heading: str) -> None:
    """Even if they look like tags."""
    ctx = context()
    body = render_chapter(f"## {heading}", "x.md", ctx)
    page = render_page(
        ChapterPage("attention", "Attention", "Chapter 1", body), BOOK, ctx.jinja_env
    )
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    link = tree.find(".//ol[@class='sections']/li/a")
    assert link is not None and "".join(link.itertext()) == heading.replace("`", "").replace(
        "*", ""
    ).replace("$", "")
