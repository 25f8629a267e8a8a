"""References such as `@fig-name` to places on other pages of a book."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.core.errors import MAX_PROBLEMS
from layerbook.site.cross_references import fill_cross_references
from layerbook.site.page_cache import RenderedPage
from layerbook.site.prose.markup import Target
from layerbook.site.prose.references import MAX_HINTS

LINE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0 9 9"/></svg>'
TARGETS = "\n## A last word\n\n$$ a = b $$ (same)\n"


def add_prose(book: Path, chapter: str, text: str) -> None:
    """Add a text to a chapter."""
    path = book / "templates" / "chapters" / f"{chapter}.md"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def build(book: Path, *options: str) -> str:
    """Build the book and return the page that refers to the other."""
    layerbook("build", "--no-run", *options, cwd=book, check=True)
    return (book / "site" / "words.html").read_text(encoding="utf-8")


def test_references_lead_to_other_pages(book: Path) -> None:
    """A figure by its number, sections and formulas with the title of their page."""
    add_prose(book, "next", TARGETS)
    add_prose(book, "words", "\nSee @fig-sum-prompt-0, @sec-a-last-word and @eq-next/same.\n")
    for _ in range(2):  # also from the cache of pages
        html = build(book)
        assert '<a class="reference" href="next.html#sum-prompt-0">Figure 1.1</a>' in html
        title = "in <i>What comes next</i>"
        assert f'<a class="reference" href="next.html#a-last-word">A last word {title}</a>' in html
        assert f'<a class="reference" href="next.html#eq-same">(1) {title}</a>' in html


def test_a_place_on_the_own_page_comes_first(book: Path) -> None:
    """The page's name leads to the other, or to the page itself."""
    for chapter in ("next", "words"):
        add_prose(book, chapter, TARGETS)
    add_prose(
        book, "words", "\nHere @sec-a-last-word, there @sec-next/a-last-word, @eq-words/same.\n"
    )
    html = build(book)
    assert '<a class="reference" href="#a-last-word">A last word</a>' in html
    assert 'href="next.html#a-last-word"' in html
    assert '<a class="reference" href="#eq-same">(1)</a>' in html


def test_the_number_follows_the_other_page(book: Path) -> None:
    """Although the page with the reference did not change."""
    add_prose(book, "words", "\nSee @fig-pattern-prompt-0-layer-1-mean.\n")
    assert ">Figure 1.2</a>" in build(book)
    path = book / "templates" / "chapters" / "next.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('{{ figure("sum", "prompt-0") }}\n', ""), encoding="utf-8")
    assert ">Figure 1.1</a>" in build(book)


@pytest.mark.parametrize("command", [("check",), ("build", "--no-run")])
def test_a_reference_to_nothing_is_named(book: Path, command: tuple[str, ...]) -> None:
    """At its place, with the nearest name of the book; code is left alone."""
    add_prose(book, "words", "\n`@fig-sum-promt-0` and\nsee @fig-sum-promt-0.\n")
    process = layerbook(*command, cwd=book)
    assert process.returncode == 2
    message = "words.md:8:5: nothing in this book is called @fig-sum-promt-0"
    assert message in process.stderr
    assert "did you mean '@fig-sum-prompt-0'" in process.stderr
    assert "words.md:7:" not in process.stderr


def test_unknown_references_are_found_before_anything_runs(book: Path) -> None:
    """At all their places, without a result; what a result may still have is left alone."""
    shutil.rmtree(book / "experiments" / "results")
    (book / "images").mkdir()
    (book / "images" / "line.svg").write_text(LINE, encoding="utf-8")
    diagram = (
        "\n```dot\n// caption: A way.\n// alt: Two boxes.\n// name: way\ndigraph { a -> b }\n```\n"
    )
    picture = '\n![A line](images/line.svg "A line.")\n'
    add_prose(book, "next", TARGETS + picture + diagram)
    known = "@fig-sum-prompt-0 @fig-line @fig-way @sec-a-last-word @eq-same @eq-next/same"
    add_prose(book, "words", f"\nSee {known} @fig-pattern-prompt-9-layer-1-mean.\n")
    layerbook("check", cwd=book, check=True)
    unknown = ["@fig-sum-promt-0", "@fig-lime", "@sec-a-lost-word", "@eq-sane", "@eq-words/same"]
    add_prose(book, "words", "".join(f"\nAnd {name}.\n" for name in unknown))
    checked = layerbook("check", cwd=book)
    assert checked.returncode == 2
    reported = re.findall(r"words.md:\d+:5: nothing in this book is called (\S+)", checked.stderr)
    assert reported == unknown
    assert "(did you mean '@fig-sum-prompt-0'?)" in checked.stderr


def test_a_name_on_two_pages_is_ambiguous(book: Path) -> None:
    """The message says how to name one of them."""
    (book / "templates" / "pages").mkdir()
    about = "---\ntitle: About\nsummary: It.\n---\nSee @sec-a-last-word.\n"
    (book / "templates" / "pages" / "about.md").write_text(about, encoding="utf-8")
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8").replace("[next, words]", "[next, words, about]")
    spec.write_text(text, encoding="utf-8")
    for chapter in ("next", "words"):
        add_prose(book, chapter, TARGETS)
    process = layerbook("build", "--no-run", cwd=book)
    assert process.returncode == 2
    message = "is on the pages next and words; write @sec-next/a-last-word"
    assert f"about.md:5:5: @sec-a-last-word {message}" in process.stderr


@pytest.mark.parametrize("command", [("check",), ("build", "--no-run")])
def test_a_caption_has_no_references(book: Path, command: tuple[str, ...]) -> None:
    """Other pages show it too. `check` reports it without results, in definitions as well."""
    spec = book / "experiments" / "words.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("Each chip is a token.", "Not @fig-cat-text-0."), encoding="utf-8")
    (book / "templates" / "glossary.yaml").write_text(
        "- id: logits\n  name: logits\n  text: Scores, as in @fig-cat-text-0.\n", encoding="utf-8"
    )
    if command == ("check",):
        shutil.rmtree(book / "experiments" / "results")
    process = layerbook(*command, cwd=book)
    assert process.returncode == 2
    message = "@fig-cat-text-0 cannot stand in a caption or a definition"
    assert re.search(rf"words.yaml:\d+:\d+: {message}", process.stderr)
    assert command != ("check",) or re.search(rf"glossary.yaml:3:\d+: {message}", process.stderr)


def test_a_mistake_on_one_page_is_the_only_finding(book: Path) -> None:
    """References to places on that page are not reported as unknown."""
    add_prose(book, "next", f"{TARGETS}\n{{{{ nothing }}}}\n")
    add_prose(book, "words", "\nSee @sec-a-last-word, @eq-same and @fig-sum-prompt-0.\n")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert "'nothing' is not defined" in process.stderr
    assert "in this book is called" not in process.stderr


def test_a_page_that_cannot_be_read_is_the_only_finding(book: Path) -> None:
    add_prose(book, "words", "\nSee @sec-what-it-says and {{ ref('next/sum', 'prompt-0') }}.\n")
    (book / "templates" / "chapters" / "next.md").write_bytes(b"\xff")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert "next.md:1:1: cannot be read" in process.stderr
    assert "words.md" not in process.stderr


def test_only_the_first_unknown_references_get_hints() -> None:
    """The nearest of many names takes milliseconds to find, for thousands of references minutes."""
    targets = tuple(Target("sec", f"heading-{n}", f"h{n}", "A heading") for n in range(300))
    links = "".join(
        f'<a class="reference" data-reference="@sec-headin-{n}">x</a>' for n in range(300)
    )
    pages = {
        "next": RenderedPage({"next.html": b""}, targets=targets),
        "words": RenderedPage({"words.html": links.encode()}),
    }
    titles = {"next": "Next", "words": "Words"}
    messages = fill_cross_references(pages, titles)["words"].unknown.values()
    assert len(messages) == 300
    assert sum("did you mean" in message for message in messages) == MAX_HINTS


def test_problems_of_references_are_limited(book: Path) -> None:
    """A page with thousands of unknown references gets as many messages as any other."""
    add_prose(book, "words", "".join(f"\n@sec-nowhere-{n}\n" for n in range(300)))

    output = layerbook("check", cwd=book)

    assert output.returncode == 2
    assert output.stderr.count("@sec-nowhere") == MAX_PROBLEMS
    assert "there are more problems" in output.stderr


def test_only_the_first_of_thousands_get_hints_before_a_run(book: Path) -> None:
    """As once all pages are there."""
    shutil.rmtree(book / "experiments" / "results")
    many = "".join(f"@fig-sum-x{n} @sec-none-{n}\n\n" for n in range(4000))
    add_prose(book, "words", f"\n{many}")
    checked = layerbook("check", cwd=book)
    assert checked.returncode == 2
    assert 0 < checked.stderr.count("did you mean") <= MAX_HINTS
