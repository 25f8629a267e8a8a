"""The outline of a book: parts, appendices, pages of prose alone, drafts, and their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.specs import problems
from layerbook.book.yaml import blank_front_matter

BOOK = """\
title: T
model: m
chapters:
  - a
  - part: The middle
  - about
  - b
  - appendix: More
  - c
  - part: Cases
    unnumbered: true
  - case
"""
CHAPTER = "chapter: {0}\ntitle: T\nexperiments:\n  - {{id: x, title: X, analysis: architecture}}\n"


@pytest.fixture
def book(specs):
    """Write the files of the book above, and return the folder of specs."""
    specs.write("experiments/book.yaml", BOOK)
    for name in ("a", "b", "c", "case"):
        specs.write(f"experiments/{name}.yaml", CHAPTER.format(name))
    specs.write("templates/pages/about.md", "---\ntitle: About\nunnumbered: true\n---\nHello.\n")
    return specs


def numbers(specs, **options):
    """Return the chapters' names with their numbers and parts."""
    return [(c.name, c.number, c.group.title) for c in specs.book(**options).chapters]


def test_chapters_are_numbered_through_the_parts(book):
    """Appendices have letters; unnumbered parts and pages have none."""
    assert numbers(book) == [
        ("a", "1", ""),
        ("about", "", "The middle"),
        ("b", "2", "The middle"),
        ("c", "A", "More"),
        ("case", "", "Cases"),
    ]
    about = book.book().chapters[1]
    assert about.is_prose_alone and about.experiments == () and about.title == "About"
    assert about.file == str(Path("templates/pages/about.md"))


def test_drafts_are_shown_on_request(book):
    """Hidden drafts take no number."""
    book.write("experiments/a.yaml", "draft: true\n" + CHAPTER.format("a"))
    assert numbers(book)[:2] == [("about", "", "The middle"), ("b", "1", "The middle")]
    assert numbers(book, drafts=True)[0] == ("a", "1", "")


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        (
            "experiments/book.yaml",
            BOOK.replace("part: The", "prat: The"),
            "5:5: unknown key 'prat'",
        ),
        ("experiments/book.yaml", BOOK.replace("The middle", "''"), "5:11: should not be empty"),
        ("experiments/book.yaml", BOOK.replace("- about", "- abuot"), "6:5: there is no chapter"),
        ("experiments/book.yaml", "title: T\nmodel: m\nchapters: [{part: A}]\n", "3:11: there are"),
        (
            "experiments/book.yaml",
            BOOK.replace("- appendix: More", "- {appendix: More, part: X}"),
            "8:5: a part is `- part: TITLE` or `- appendix: TITLE`",
        ),
        (
            "templates/pages/about.md",
            "Hello.\n",
            "1:1: a page without a spec begins",
        ),
        ("templates/pages/about.md", "---\nsummary: S\n---\n", "2:1: the key 'title' is missing"),
        (
            "templates/pages/about.md",
            "---\ntitle: T\ndarft: true\n---\n",
            "3:1: unknown key",
        ),
        (
            "templates/pages/about.md",
            "---\ntitle: T\nneeds: [a, d]\n---\n",
            "3:12: no chapter named 'd'",
        ),
        ("experiments/a.yaml", "needs: [a]\n" + CHAPTER.format("a"), "1:9: a chapter cannot need"),
    ],
)
def test_reports_mistakes_at_their_place(book, file, text, problem):
    book.write(file, text)
    assert any(line.startswith(f"{file}:{problem}") for line in problems(book.book))


def test_front_matter_leaves_lines_where_they_were():
    """A text without front matter does not change."""
    assert blank_front_matter("---\ntitle: T\n---\nA\n\nB\n") == "\n\n\nA\n\nB\n"
    assert blank_front_matter("A\n\n---\n\nB\n---\n") == "A\n\n---\n\nB\n---\n"
