"""What the book cites: the bibliography's file, citations in the prose, the page that lists them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import HOSTILE, context
from fixtures.small_book import layerbook, read_tree, write_small_book
from layerbook.book.bibliography import Bibliography, Publication, load
from layerbook.core.errors import SpecError
from layerbook.site.pages import ChapterPage
from layerbook.site.prose.citations import find_citations, references_page
from layerbook.site.prose.render import render_chapter

ROOT = Path(__file__).parents[2]
SOURCES = """\
xiao2023:
  authors: ["Xiao, Guangxuan", "Tian, Yuandong", "Chen, Beidi"]
  year: 2023
  title: Efficient Streaming Language Models with Attention Sinks
  venue: ICLR 2024
  url: https://arxiv.org/abs/2309.17453
zhang2019:
  authors: ["Zhang, Biao", "Sennrich, Rico"]
  year: 2019
  title: Root Mean Square Layer Normalization
  venue: NeurIPS 2019
  url: https://arxiv.org/abs/1910.07467
  used_for: The norm.
"""


def written(folder: Path, text: str) -> Bibliography:
    """The bibliography of that text."""
    (folder / "references.yaml").write_text(text, encoding="utf-8")
    found = load(folder)
    assert found is not None
    return found


def publication(authors: tuple[str, ...], year: int, title: str) -> Publication:
    """A source of which only these matter."""
    return Publication.model_construct(authors=authors, year=year, title=title, venue="V", url="https://example.org/x")


def test_names_and_years_follow_the_data() -> None:
    """One author, two, three; a name without a comma; letters where names and years agree."""
    made = {
        "one1": publication(("Shazeer, Noam",), 2020, "Zebra"),
        "one2": publication(("Shazeer, Noam",), 2020, "Antelope"),
        "two1": publication(("Zhang, Biao", "Sennrich, Rico"), 2019, "T"),
        "many1": publication(("de Jong, M.", "B, B.", "C, C."), 2023, "T"),
        "whole1": publication(("3Blue1Brown",), 2017, "T"),
    }
    labels = {key: Bibliography(made).label(key) for key in made}
    assert labels == {
        "one1": "Shazeer, 2020b",
        "one2": "Shazeer, 2020a",
        "two1": "Zhang and Sennrich, 2019",
        "many1": "de Jong et al., 2023",
        "whole1": "3Blue1Brown, 2017",
    }
    assert Bibliography(made).sorted_keys() == ("whole1", "many1", "one2", "one1", "two1")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  year: 2019\n", "  yaer: 2019\n", "9:3: unknown key 'yaer' (did you mean 'year'?)"),
        ("  year: 2019\n", "", "8:3: the key 'year' is missing"),
        ("year: 2019\n", 'year: "2019"\n', '9:9: should be a whole number, not "2019"'),
        ("https://arxiv.org/abs/1910", "arxiv.org/1910", "12:8: should be like ^https?://[^\\s]+$"),
        ('["Zhang, Biao", "Sennrich, Rico"]', "[]", "8:12: should not be empty"),
        ("zhang2019:", "xiao2023:", "7:1: the key 'xiao2023' is here twice; it is first on line 1"),
        ("zhang2019:", "main:", "7:1: a key has lower-case letters, hyphens, and at least one digit"),
        (SOURCES, "- a\n", "1:1: a spec is a mapping"),
        (SOURCES, "xiao2023: a paper\n", "1:11: a source is a mapping"),
    ],
)
def test_faults_of_the_file_are_told_at_their_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """Line and column, and what is near, as in any spec."""
    assert old in SOURCES
    tail = SOURCES.rindex(old) if old != SOURCES else 0
    with pytest.raises(SpecError) as caught:
        written(tmp_path, SOURCES[:tail] + new + SOURCES[tail + len(old) :])
    assert any(f"references.yaml:{problem}" in str(one) for one in caught.value.problems), caught.value


def test_a_citation_is_a_link_with_a_place(tmp_path: Path) -> None:
    """Author and year, or one of them, or the title; each link has an id, and leads to the list."""
    sources = written(tmp_path, SOURCES)
    prose = 'A ({{ cite("xiao2023") }}), B in {{ cite("xiao2023", "year") }}. {{ cite("zhang2019", "authors") }}.'
    body = render_chapter(prose, "x.md", context(bibliography=sources))
    links = html5lib.parseFragment(body.html, namespaceHTMLElements=False).findall(".//a")
    assert [(a.text, a.get("href"), a.get("id")) for a in links] == [
        ("Xiao et al., 2023", "references.html#xiao2023", "cite-xiao2023-1"),
        ("2023", "references.html#xiao2023", "cite-xiao2023-2"),
        ("Zhang and Sennrich", "references.html#zhang2019", "cite-zhang2019-1"),
    ]
    assert "A (Xiao et al., 2023), B in 2023." in body.sections[0].text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_file_says_is_text(hostile: str, tmp_path: Path) -> None:
    """A name or title can bring no markup."""
    made = Bibliography({"a1": publication((hostile, "B, B."), 2020, hostile)})
    html = render_chapter('{{ cite("a1") }}, {{ cite("a1", "title") }}', "x.md", context(bibliography=made)).html
    body = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert [e.tag for e in body.iter() if e.tag not in ("DOCUMENT_FRAGMENT", "p")] == ["a", "a"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('cite("xaio2023")', r"x\.md:3:4: no source is called 'xaio2023' \(did you mean 'xiao2023'\?\)"),
        ('cite("xiao2023", "yaer")', r"x\.md:3:4: cite\(\) cannot show 'yaer' \(did you mean 'year'\?\)"),
    ],
)
def test_wrong_citations(tmp_path: Path, call: str, said: str) -> None:
    """The line of the prose, and the nearest name."""
    with pytest.raises(SpecError, match=said):
        render_chapter(f"a\n\nAs {{{{ {call} }}}}", "x.md", context(bibliography=written(tmp_path, SOURCES)))


def test_without_a_bibliography_nothing_can_be_cited() -> None:
    """Neither cited nor linked to."""
    with pytest.raises(SpecError, match=r"x\.md:1:1: cite\(\) looks sources up in templates/references\.yaml"):
        render_chapter('{{ cite("xiao2023") }}', "x.md", context())
    with pytest.raises(SpecError, match=r"no page is called 'references\.html'"):
        render_chapter("[x](references.html)", "x.md", context())


def test_the_list_leads_back_to_each_section_once(tmp_path: Path) -> None:
    """Chapter and section of each place; two citations in one section are one place; sources by
    author.
    """
    sources = written(tmp_path, SOURCES)
    prose = (
        '{{ cite("xiao2023") }}\n\n## One {{ tok(r("noise").prompts[0].top[1]) }}\n\n{{ cite("xiao2023") }} and '
        '{{ cite("xiao2023") }}\n\n### Two\n\n{{ cite("xiao2023") }}'
    )
    body = render_chapter(prose, "x.md", context(bibliography=sources))
    page = references_page(sources, find_citations(ChapterPage("attention", "Attention", 1, body)))
    assert [one.key for one in page.entries] == ["xiao2023", "zhang2019"]
    assert [(p.title, p.href) for p in page.entries[0].places] == [
        ("Attention, at the beginning", "attention.html#cite-xiao2023-1"),
        ("Attention: One ·the", "attention.html#cite-xiao2023-2"),
        ("Attention: Two", "attention.html#cite-xiao2023-4"),
    ]
    assert page.entries[1].places == ()


def test_check_finds_wrong_citations_and_sources_that_nobody_cites(tmp_path: Path, tiny_model_dir: Path) -> None:
    """An unknown key at its place; a source without a citation is a warning, and with --strict a
    failure.
    """
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    (book / "templates" / "references.yaml").write_text(SOURCES, encoding="utf-8")
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(before + '\nSee {{ cite("xiao2023") }} and {{ cite("zhang2091") }}.\n', encoding="utf-8")
    done = layerbook("check", cwd=book)
    line = before.count("\n") + 2
    said = rf"words\.md:{line}:40: cite\(\): no source is called 'zhang2091' \(did you mean 'zhang2019'\?\)"
    assert done.returncode == 2 and re.search(said, done.stderr)
    prose.write_text(before + '\nSee {{ cite("xiao2023") }}.\n', encoding="utf-8")
    done = layerbook("check", cwd=book)
    assert (done.returncode, "references.yaml:7:1: warning: no chapter cites 'zhang2019'" in done.stderr) == (0, True)
    assert layerbook("check", "--strict", cwd=book).returncode == 1
    (book / "templates" / "references.yaml").write_text(SOURCES.replace("year: 2023", "year: x"), encoding="utf-8")
    done = layerbook("check", cwd=book)
    assert done.returncode == 2 and "references.yaml:3:9: should be a whole number" in done.stderr
    (book / "templates" / "references.yaml").unlink()
    done = layerbook("check", cwd=book)
    assert done.returncode == 2 and "this book has no templates/references.yaml" in done.stderr


def test_a_book_has_the_page_while_it_has_the_file(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Page, contents and search come with the file, follow an edit of it, and go with it."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    assert layerbook("build", "--jobs", "1", cwd=book).returncode == 0
    plain = read_tree(book / "site")
    assert not any(b"references.html" in data for data in plain.values()) and "references.html" not in plain
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(before + '\nSee {{ cite("xiao2023") }} and {{ cite("zhang2019") }}.\n', encoding="utf-8")
    sources = book / "templates" / "references.yaml"
    sources.write_text(SOURCES, encoding="utf-8")
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    site = read_tree(book / "site")
    assert all(b'<a href="references.html"' in data for name, data in site.items() if name.endswith(".html"))
    page = site["references.html"].decode()
    assert '<a href="words.html#cite-zhang2019-1">Words: Tokens</a>' in page and "The norm." in page
    assert '<a href="https://arxiv.org/abs/1910.07467" rel="external">arxiv.org/abs/1910.07467</a>' in page
    script = site["assets/search-index.js"].decode()
    rows = json.loads(json.loads(script[script.index('"') : script.rindex('"') + 1]))
    assert rows[-1][:3] == ["references.html#zhang2019", "References", "Zhang and Sennrich, 2019"]
    sources.write_text(SOURCES.replace("The norm.", "The root of the mean."), encoding="utf-8")
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert b"The root of the mean." in (book / "site" / "references.html").read_bytes()
    other = book / "templates" / "chapters" / "next.md"
    first = other.read_text(encoding="utf-8")
    other.write_text(first + '\nSee {{ cite("zhang2019") }}.\n', encoding="utf-8")
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    page = (book / "site" / "references.html").read_text(encoding="utf-8")
    places = '<a href="next.html#cite-zhang2019-1">What comes next, at the beginning</a>; <a href="words.html#cite-'
    assert places in page, "the chapter that did not change still has its place"
    other.write_text(first, encoding="utf-8")
    prose.write_text(before, encoding="utf-8")
    sources.unlink()
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert read_tree(book / "site") == plain


def test_the_books_own_citations_lead_nowhere_outside() -> None:
    """All that its chapters cite stands in its bibliography; no chapter links out of the book
    itself.
    """
    sources = load(ROOT / "templates")
    assert sources is not None
    chapters = sorted((ROOT / "templates" / "chapters").glob("*.md"))
    prose = "\n".join(path.read_text(encoding="utf-8") for path in chapters)
    assert set(re.findall(r'cite\("([^"]+)"', prose)) == set(sources.publications)
    assert "](http" not in prose
