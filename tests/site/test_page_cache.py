"""Pages that are kept between builds: only what changed is laid out, and the site is that of a
clean build.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from layerbook.site import builder as binding
from layerbook.site.pages import ChapterBody
from layerbook.site.prose.functions import ChapterContext
from layerbook.site.prose.render import render_chapter


@pytest.fixture(scope="module")
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book, built once; tests that change it take a copy."""
    folder = write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir)
    assert layerbook("build", cwd=folder).returncode == 0
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """A copy of the built book, its working cache included."""
    shutil.copytree(built, tmp_path / "book")
    return tmp_path / "book"


def clean_build(book: Path) -> dict[str, bytes]:
    """The site of the book as it stands, built where nothing was kept."""
    other = book.with_name("clean")
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(book, other, ignore=shutil.ignore_patterns(".layerbook", "site"))
    layerbook("build", "--no-run", cwd=other)
    return read_tree(other / "site")


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The chapters that are laid out from now on, in order."""
    found: list[str] = []

    def recorded(prose: str, file: str, context: ChapterContext) -> ChapterBody:
        found.append(Path(file).stem)
        return render_chapter(prose, file, context)

    monkeypatch.setattr(binding, "render_chapter", recorded)
    return found


def edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    """An edit of a file of the book; the old text must be there."""

    def edit(book: Path) -> None:
        text = (book / path).read_text(encoding="utf-8")
        assert old in text
        (book / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def without_a_result(book: Path) -> None:
    """Its figure becomes a placeholder, on whichever page shows it."""
    next((book / "experiments" / "results").rglob("cat.json")).unlink()


def with_a_template(book: Path) -> None:
    """A book with page templates of its own."""
    (book / "templates" / "assets").mkdir()
    (book / "templates" / "base.html").write_text("<title>{{ book.title }}</title>{% block main %}{% endblock %}")


PROSE = "templates/chapters/words.md"
CHANGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "prose": (edited(PROSE, "## Tokens", "## Pieces"), ["words"]),
    "a number of the other chapter": (
        edited(PROSE, "## Tokens", '{{ r("next/sum").prompts[0].top[0].prob | percent }}'),
        ["words"],
    ),
    "a claim of the other chapter": (edited(PROSE, "## Tokens", '{{ claim("next/sum", 1) }}'), ["words"]),
    "a claim taken away": (edited("templates/chapters/next.md", '{{ claim("sum", 1) }}', ""), ["next"]),
    "a formula": (edited(PROSE, "## Tokens", r"$\begin{cases} 1 & x\\ 0 & y\end{cases}$"), ["words"]),
    "a caption": (edited("experiments/words.yaml", "Each chip", "Every chip"), ["next", "words"]),
    "a title": (edited("experiments/book.yaml", "A small book", "Another book"), ["next", "words"]),
    "a claim": (edited("experiments/next.yaml", "has more than nothing", "has something"), ["next", "words"]),
    "a result": (without_a_result, ["next", "words"]),
    "a template": (with_a_template, ["next", "words"]),
    "nothing": (lambda book: None, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_laid_out_and_the_site_is_that_of_a_clean_build(
    book: Path, laid_out: list[str], name: str
) -> None:
    """A chapter's prose concerns its own page alone, and the list of claims where its claims moved.
    """
    change, expected = CHANGES[name]
    change(book)
    first = layerbook("build", "--no-run", cwd=book)
    assert laid_out == expected
    assert read_tree(book / "site") == clean_build(book)
    laid_out.clear()
    again = layerbook("build", "--no-run", cwd=book)
    assert (again.returncode, laid_out) == (first.returncode, [])


def test_a_missing_result_is_told_at_every_build(book: Path) -> None:
    """Also where the page that lacks it was kept, and another chapter was edited."""
    without_a_result(book)
    first = layerbook("build", "--no-run", cwd=book)
    edited("templates/chapters/next.md", "likeliest", "best")(book)
    second = layerbook("build", "--no-run", cwd=book)
    assert first.returncode == second.returncode == 1
    assert "words/cat: not shown" in first.stderr
    assert "words/cat: not shown" in second.stderr


def test_force_lays_out_everything(book: Path, laid_out: list[str]) -> None:
    """Whatever was kept."""
    layerbook("build", "--no-run", "--force", cwd=book)
    assert laid_out == ["next", "words"]


def test_a_damaged_page_in_the_cache_counts_as_none(book: Path, laid_out: list[str]) -> None:
    """It is laid out again."""
    for path in (book / ".layerbook" / "pages").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-7])
    edited(PROSE, "## Tokens", "## Pieces")(book)
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert laid_out == ["next", "words"]
    assert read_tree(book / "site") == clean_build(book)


def test_what_was_edited_while_it_was_laid_out_is_not_kept(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template saved in the middle, then put back: no page may remember what it said in between.
    """
    with_a_template(book)
    before = (book / "templates" / "base.html").read_text()

    def saving(prose: str, file: str, context: ChapterContext) -> ChapterBody:
        (book / "templates" / "base.html").write_text(before + "half an edit")
        return render_chapter(prose, file, context)

    with monkeypatch.context() as patched:
        patched.setattr(binding, "render_chapter", saving)
        layerbook("build", "--no-run", cwd=book)
    assert b"half an edit" in (book / "site" / "next.html").read_bytes()
    (book / "templates" / "base.html").write_text(before)
    edited(PROSE, "## Tokens", "## Pieces")(book)
    layerbook("build", "--no-run", cwd=book)
    assert read_tree(book / "site") == clean_build(book)


def test_a_kept_page_keeps_the_styles_of_its_formulas(book: Path) -> None:
    """The sheet has the rules of every page's formulas, also of those that were not laid out again.
    """
    edited(PROSE, "## Tokens", r"$\begin{cases} 1 & x\\ 0 & y\end{cases}$")(book)
    layerbook("build", "--no-run", cwd=book)
    sheet = (book / "site" / "assets" / "math.css").read_bytes()
    classes = set(re.findall(rb'class="[^"]*\b(m-[0-9a-f]{8})\b', (book / "site" / "words.html").read_bytes()))
    assert classes
    assert all(b"." + name in sheet for name in classes)
    edited("templates/chapters/next.md", "likeliest", "best")(book)
    layerbook("build", "--no-run", cwd=book)
    assert (book / "site" / "assets" / "math.css").read_bytes() == sheet
