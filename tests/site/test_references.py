"""The bibliography, citations in prose, and the page of references."""

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
from layerbook.site.mentions import find_mentions, references_page
from layerbook.site.pages import ChapterPage
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


def write_bibliography(folder: Path, text: str) -> Bibliography:
    """Write and load a bibliography."""
    (folder / "references.yaml").write_text(text, encoding="utf-8")
    bibliography = load(folder)
    assert bibliography is not None
    return bibliography


def publication(authors: tuple[str, ...], year: int, title: str) -> Publication:
    """Return a source with defaults for the rest."""
    return Publication.model_construct(
        authors=authors, year=year, title=title, venue="V", url="https://example.org/x"
    )


def test_labels_follow_authors_and_years() -> None:
    """One to three authors, with letters for equal labels."""
    publications = {
        "one1": publication(("Shazeer, Noam",), 2020, "Zebra"),
        "one2": publication(("Shazeer, Noam",), 2020, "Antelope"),
        "two1": publication(("Zhang, Biao", "Sennrich, Rico"), 2019, "T"),
        "many1": publication(("de Jong, M.", "B, B.", "C, C."), 2023, "T"),
        "whole1": publication(("3Blue1Brown",), 2017, "T"),
    }
    labels = {key: Bibliography(publications).label(key) for key in publications}
    assert labels == {
        "one1": "Shazeer, 2020b",
        "one2": "Shazeer, 2020a",
        "two1": "Zhang and Sennrich, 2019",
        "many1": "de Jong et al., 2023",
        "whole1": "3Blue1Brown, 2017",
    }
    assert Bibliography(publications).sorted_keys() == ("whole1", "many1", "one2", "one1", "two1")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  year: 2019\n", "  yaer: 2019\n", "9:3: unknown key 'yaer' (did you mean 'year'?)"),
        ("  year: 2019\n", "", "8:3: the key 'year' is missing"),
        ("year: 2019\n", 'year: "2019"\n', '9:9: should be a whole number, not "2019"'),
        (
            "https://arxiv.org/abs/1910",
            "arxiv.org/1910",
            '12:8: should be an address such as https://example.org, not "arxiv.org/1910.07467"',
        ),
        ('["Zhang, Biao", "Sennrich, Rico"]', "[]", "8:12: should not be empty"),
        ("zhang2019:", "xiao2023:", "7:1: the key 'xiao2023' is defined twice, first on line 1"),
        (
            "zhang2019:",
            "main:",
            "7:1: a key must have letters, digits and - _ . : with at least one digit",
        ),
        (SOURCES, "- a\n", "1:1: a spec is a mapping"),
        (SOURCES, "xiao2023: a paper\n", "1:11: a source is a mapping"),
    ],
)
def test_reports_problems_of_the_file(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """With line and column, and the nearest name."""
    assert old in SOURCES
    tail = SOURCES.rindex(old) if old != SOURCES else 0
    with pytest.raises(SpecError) as caught:
        write_bibliography(tmp_path, SOURCES[:tail] + new + SOURCES[tail + len(old) :])
    assert any(
        f"references.yaml:{problem}" in str(reported) for reported in caught.value.problems
    ), caught.value


def test_citations_are_links(tmp_path: Path) -> None:
    """Each has an id and links to the list."""
    sources = write_bibliography(tmp_path, SOURCES)
    prose = (
        'A ({{ cite("xiao2023") }}), B in {{ cite("xiao2023", "year") }}. '
        '{{ cite("zhang2019", "authors") }}.'
    )
    body = render_chapter(prose, "x.md", context(bibliography=sources))
    links = html5lib.parseFragment(body.html, namespaceHTMLElements=False).findall(".//a")
    assert [(a.text, a.get("href"), a.get("id")) for a in links] == [
        ("Xiao et al., 2023", "references.html#xiao2023", "cite-xiao2023-1"),
        ("2023", "references.html#xiao2023", "cite-xiao2023-2"),
        ("Zhang and Sennrich", "references.html#zhang2019", "cite-zhang2019-1"),
    ]
    assert "A (Xiao et al., 2023), B in 2023." in body.sections[0].text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_sources_are_escaped(hostile: str, tmp_path: Path) -> None:
    sources = Bibliography({"a1": publication((hostile, "B, B."), 2020, hostile)})
    html = render_chapter(
        '{{ cite("a1") }}, {{ cite("a1", "title") }}', "x.md", context(bibliography=sources)
    ).html
    body = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert [e.tag for e in body.iter() if e.tag not in ("DOCUMENT_FRAGMENT", "p")] == ["a", "a"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            'cite("xaio2023")',
            r"x\.md:3:4: no source named 'xaio2023' \(did you mean 'xiao2023'\?\)",
        ),
        (
            'cite("xiao2023", "yaer")',
            r"x\.md:3:4: cite\(\) cannot show 'yaer' \(did you mean 'year'\?\)",
        ),
    ],
)
def test_reports_unknown_sources_and_parts(tmp_path: Path, call: str, message: str) -> None:
    """At the line of the prose, with the nearest name."""
    with pytest.raises(SpecError, match=message):
        render_chapter(
            f"a\n\nAs {{{{ {call} }}}}",
            "x.md",
            context(bibliography=write_bibliography(tmp_path, SOURCES)),
        )


def test_citing_needs_a_bibliography() -> None:
    with pytest.raises(SpecError, match=r"x\.md:1:1: this book has no templates/references\.yaml"):
        render_chapter('{{ cite("xiao2023") }}', "x.md", context())


def test_list_links_to_each_section_once(tmp_path: Path) -> None:
    """Sources are sorted by author."""
    sources = write_bibliography(tmp_path, SOURCES)
    prose = (
        '{{ cite("xiao2023") }}\n\n## One {{ tok(r("noise").prompts[0].top[1]) }}\n\n'
        '{{ cite("xiao2023") }} and {{ cite("xiao2023") }}\n\n### Two\n\n{{ cite("xiao2023") }}'
    )
    body = render_chapter(prose, "x.md", context(bibliography=sources))
    page = references_page(
        sources, find_mentions(ChapterPage("attention", "Attention", "Chapter 1", body))
    )
    assert [entry.key for entry in page.entries] == ["xiao2023", "zhang2019"]
    assert [(p.title, p.href) for p in page.entries[0].places] == [
        ("Attention, at the beginning", "attention.html#cite-xiao2023-1"),
        ("Attention: One ·the", "attention.html#cite-xiao2023-2"),
        ("Attention: Two", "attention.html#cite-xiao2023-4"),
    ]
    assert page.entries[1].places == ()


def test_check_reports_unknown_and_uncited_sources(tmp_path: Path, tiny_model_dir: Path) -> None:
    """An unknown key is an error, an uncited source a warning."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    (book / "templates" / "references.yaml").write_text(SOURCES, encoding="utf-8")
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(
        before + '\nSee {{ cite("xiao2023") }} and {{ cite("zhang2091") }}.\n', encoding="utf-8"
    )
    process = layerbook("check", cwd=book)
    line = before.count("\n") + 2
    message = "cite(): no source named 'zhang2091' (did you mean 'zhang2019'?)"
    assert process.returncode == 2 and f"words.md:{line}:40: {message}" in process.stderr
    prose.write_text(before + '\nSee {{ cite("xiao2023") }}.\n', encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert (
        process.returncode,
        "references.yaml:7:1: warning: no chapter cites 'zhang2019'" in process.stderr,
    ) == (0, True)
    assert layerbook("check", "--strict", cwd=book).returncode == 1
    (book / "templates" / "references.yaml").write_text(
        SOURCES.replace("year: 2023", "year: x"), encoding="utf-8"
    )
    process = layerbook("check", cwd=book)
    assert (
        process.returncode == 2
        and "references.yaml:3:9: should be a whole number" in process.stderr
    )
    (book / "templates" / "references.yaml").unlink()
    process = layerbook("check", cwd=book)
    assert (
        process.returncode == 2 and "this book has no templates/references.yaml" in process.stderr
    )


def test_page_follows_the_file(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Page, contents and search entry exist only with the file."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    plain = read_tree(book / "site")
    assert (
        not any(b"references.html" in data for data in plain.values())
        and "references.html" not in plain
    )
    prose = book / "templates" / "chapters" / "words.md"
    before = prose.read_text(encoding="utf-8")
    prose.write_text(
        before + '\nSee {{ cite("xiao2023") }} and {{ cite("zhang2019") }}.\n', encoding="utf-8"
    )
    sources = book / "templates" / "references.yaml"
    sources.write_text(SOURCES, encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    site = read_tree(book / "site")
    assert all(
        b'<a href="references.html"' in data
        for name, data in site.items()
        if name.endswith(".html")
    )
    page = site["references.html"].decode()
    assert '<a href="words.html#cite-zhang2019-1">Words: Tokens</a>' in page and "The norm." in page
    assert (
        '<a href="https://arxiv.org/abs/1910.07467" rel="external">arxiv.org/abs/1910.07467</a>'
        in page
    )
    script = site["assets/search-index.js"].decode()
    rows = json.loads(json.loads(script[script.index('"') : script.rindex('"') + 1]))
    assert rows[-1][:3] == ["references.html#zhang2019", "References", "Zhang and Sennrich, 2019"]
    sources.write_text(SOURCES.replace("The norm.", "The root of the mean."), encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    assert b"The root of the mean." in (book / "site" / "references.html").read_bytes()
    other = book / "templates" / "chapters" / "next.md"
    first = other.read_text(encoding="utf-8")
    other.write_text(first + '\nSee {{ cite("zhang2019") }}.\n', encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "references.html").read_text(encoding="utf-8")
    places = (
        '<a href="next.html#cite-zhang2019-1">What comes next, at the beginning</a>; '
        '<a href="words.html#cite-'
    )
    assert places in page, "the chapter that did not change still has its place"
    other.write_text(first, encoding="utf-8")
    prose.write_text(before, encoding="utf-8")
    sources.unlink()
    layerbook("build", "--no-run", cwd=book, check=True)
    assert read_tree(book / "site") == plain


def test_book_cites_its_own_sources() -> None:
    """All of them, and no chapter links to other sites."""
    sources = load(ROOT / "templates")
    assert sources is not None
    chapters = sorted((ROOT / "templates" / "chapters").glob("*.md"))
    prose = "\n".join(path.read_text(encoding="utf-8") for path in chapters)
    assert set(re.findall(r'cite\("([^"]+)"', prose)) == set(sources.publications)
    assert "](http" not in prose
