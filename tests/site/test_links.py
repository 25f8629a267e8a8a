"""Links in prose and captions have targets, or are reported at their place."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from fixtures.small_book import CommandResult, layerbook
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.links import LinkTargets, find_links, static_anchors
from layerbook.site.prose.markdown_checks import find_markdown_problems
from layerbook.site.prose.outline import Outline

TARGETS = LinkTargets(
    pages={"next.html", "words.html"},
    files={"data/next/sum.csv"},
    find_ids={"next.html": {"what"}, "words.html": {"tokens", "größe"}}.get,
)


def problems_of(source: str) -> list[str]:
    """Return the problems of the links on the page next.html, with their places."""
    messages = []
    for link in find_links(TextPiece("next.md", 1, source)):
        if message := TARGETS.problem(link.address, "next.html"):
            messages.append(f"{link.line}:{link.column}: {message}")
    return messages


@pytest.mark.parametrize(
    "source",
    [
        *("[x](words.html)", "[x](./words.html)", "[x](#what)", "[x](words.html#tokens)"),
        *("[x](next.html#what)", "[x](words.html#größe)", "[x](https://a.example/b.html#c)"),
        *("[x](mailto:a@b.example)", "[x](data/next/sum.csv)", "<https://a.example/x.html>"),
        *("[x](words.md)", "[x](./words.md#tokens)", "[x](../chapters/words.md)"),
        *("[x][1]\n\n[1]: words.html#tokens", "`[x](nope.html)`", "$[x](y)$"),
        "```\n[x](nope.html)\n```",
    ],
)
def test_links_to_existing_targets_are_resolved(source: str) -> None:
    """Pages, anchors, files, and other sites."""
    assert problems_of(source) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\n[x](word.html)", "2:5: no page named 'word.html' (did you mean 'words.html'?)"),
        ('[x](word.html "title")', "1:5: no page named 'word.html'"),
        ("a [x][1]\n\n[1]: word.html", "3:6: no page named 'word.html'"),
        ("[1]: word.html\n", "1:6: no page named 'word.html'"),
        ("[x](words)", "1:5: no page named 'words' (did you mean 'words.html'?)"),
        ("[x](word.md)", "1:5: no page named 'word.html' (did you mean 'words.html'?)"),
        ("[x](words.md#what)", "1:5: words.html has no place called '#what'"),
        ("[x](../words.md)", "1:5: no page named '../words.md'"),
        ("[x](/words.html)", "1:5: no page named '/words.html'"),
        ("[x](//words.html)", "1:5: '//words.html' does not work in a book opened from disk"),
        ("[x](../words.html)", "1:5: no page named '../words.html'"),
        ("[x](data/next/sun.csv)", "1:5: no file named 'data/next/sun.csv' (did you mean"),
        ("[x](#wat)", "1:5: next.html has no place called '#wat' (did you mean '#what'?)"),
        ("[x](words.html#what)", "1:5: words.html has no place called '#what'"),
        ("[x]()", "1:5: the link has no address"),
        ("[x](größe.html)", "1:5: no page named 'größe.html'"),
        ("- *a [x](<a b.html>)*", "1:11: no page named 'a b.html'"),
        ("{% if true %}\n[x](nope.html){{ 3 }}\n{% endif %}", "2:5: no page named 'nope"),
        ("{{ 3 }} $x$ `a` [x](nope.html)", "1:21: no page named 'nope.html'"),
    ],
)
def test_reports_broken_links(source: str, problem: str) -> None:
    """Inline, with a title, and by reference, with the nearest name."""
    (message,) = problems_of(source)
    assert message.startswith(problem)


def test_reports_invalid_addresses() -> None:
    """Markdown passes on brackets in a reference."""
    assert TARGETS.problem("http://[a", "next.html").startswith(
        "'http://[a' is not a valid address"
    )


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\nb ![A cat](cat.png)", "x.md:2:3: an image stands alone"),
        ("![A cat][1]\n\n[1]: cat.png", "x.md:1:1: an image stands alone"),
        ("a\nb \u202e{{ x }}", "x.md:2:3: the invisible character U+202E reverses the text"),
        ("a &#X202d;{{ x }}", "x.md:1:3: the invisible character &#X202d; reverses the text"),
        ("a &#8238;{{ x }}", "x.md:1:3: the invisible character &#8238; reverses the text"),
        ("a [x][nope]", "x.md:1:3: no address is defined for the link [x][nope]"),
        ("a[^1]", "x.md:1:2: no footnote has the mark [^1]"),
        ("a\n$$ b", "x.md:2:1: $$ opens a formula that does not end"),
        ("$$\na\n\nb\n$$", "x.md:1:1: $$ opens a formula that does not end"),
        ("a {{ figure('b') }}", "x.md:1:3: a figure, claim or source must stand alone"),
        ("## {{ figure('b') }}", "x.md:1:4: a figure, claim or source must stand alone"),
    ],
)
def test_reports_links_that_markdown_would_print(source: str, problem: str) -> None:
    """At their place."""
    messages = [
        str(text_line) for text_line in find_markdown_problems(TextPiece("x.md", 1, source))
    ]
    assert messages and messages[0].startswith(problem)


@pytest.mark.parametrize(
    "source",
    [
        *("weights[layer][head]", "[^1] a\n\n[^1]: b", "`a[^1] $$`", "a $$b$$", r"\$\$ 5"),
        *(
            "{{ figure('b') }}\n{{ figure('c') }}",
            "{% if x %}a{% else %}{{ claim('a') }}{% endif %}",
        ),
        "[x][1]\n\n[1]: a.html",
    ],
)
def test_other_brackets_are_not_links(source: str) -> None:
    """Texts that only look like links or images are rendered."""
    assert list(find_markdown_problems(TextPiece("x.md", 1, source))) == []


def write_prose(book: Path, chapter: str, text: str) -> CommandResult:
    """Append to a chapter and build the book from its results."""
    path = book / "templates" / "chapters" / f"{chapter}.md"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return layerbook("build", "--no-run", cwd=book)


def test_build_checks_all_links(book: Path) -> None:
    """Of all chapters at once, and again when another page loses the anchor."""
    good = "\n[a](next.html#sum-prompt-0), [b](#tokens), [c](claims.html#claim-next-sum-0)\n"
    good += "[d](next.html#more), [e](colophon.html#evidence), [f](data/next/sum.json)\n"
    assert write_prose(book, "next", "\n## More\n").returncode == 0
    assert write_prose(book, "words", good).returncode == 0
    prose = book / "templates" / "chapters" / "next.md"
    prose.write_text(prose.read_text(encoding="utf-8").replace("## More", "## Less"))
    bad = write_prose(book, "words", "[g](next.html#sum-prompt-9) and [h](nope.html)")
    assert bad.returncode == 2
    assert [line.partition(" ")[0] for line in bad.stderr.splitlines()[-4:-1]] == [
        *("templates/chapters/words.md:8:5:", "templates/chapters/words.md:9:5:"),
        "templates/chapters/words.md:9:37:",
    ]


def test_check_reads_the_anchors_of_a_page_once(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page with thousands of links to its headings would take minutes otherwise."""
    pages: list[Outline] = []

    def count(outline: Outline, names: list[str]) -> Collection[str]:
        pages.append(outline)
        return static_anchors(outline, names)

    monkeypatch.setattr("layerbook.site.prose.links.static_anchors", count)
    path = book / "templates" / "chapters" / "words.md"
    links = "[a](#more) [b](#more) [c](next.html#sum-prompt-0) [d](#less)"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n## More\n\n{links}\n", encoding="utf-8")

    assert "#less" in layerbook("check", cwd=book).stderr
    assert len(pages) == 2


def test_names_of_sources_become_addresses(book: Path) -> None:
    """Links between source files also work in editors."""
    (book / "static").mkdir()
    (book / "static" / "table.csv").write_text("a,b\n")
    links = "[a](words.md#tokens), [b](../../static/table.csv)"
    assert write_prose(book, "next", f"\n{links}\n").returncode == 0
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert '<a href="words.html#tokens">a</a>' in page
    assert '<a href="static/table.csv">b</a>' in page


def test_captions_can_contain_links(book: Path) -> None:
    """At the line of the spec."""
    spec = book / "experiments" / "words.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("Each chip is", "A ![chip](nope.png) is"), encoding="utf-8")
    bad = layerbook("build", "--no-run", cwd=book)
    assert bad.returncode == 2 and "an image stands alone" in bad.stderr
    text = text.replace("Each chip is", "[Each](nope.html) chip is")
    spec.write_text(text, encoding="utf-8")
    line = 1 + next(i for i, text_line in enumerate(text.splitlines()) if "nope" in text_line)
    bad = layerbook("build", "--no-run", cwd=book)
    assert bad.returncode == 2
    assert bad.stderr.startswith(f"experiments/words.yaml:{line}:"), bad.stderr


def test_prose_may_begin_with_a_byte_order_mark(book: Path) -> None:
    """It is not part of the text."""
    prose = book / "templates" / "chapters" / "words.md"
    prose.write_text("\ufeff" + prose.read_text(encoding="utf-8"), encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    assert '<h2 id="tokens">' in (book / "site" / "words.html").read_text(encoding="utf-8")
