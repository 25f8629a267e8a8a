"""Pages cached between builds: only changed pages are rendered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.site import chapter_renderer
from layerbook.site.pages import ChapterBody
from layerbook.site.prose import chapter_text, references
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.outline import Outline, parse_outline
from layerbook.site.prose.render import render_chapter
from layerbook.store.project import open_project


@pytest.fixture
def book(built_book: Path, tmp_path: Path) -> Path:
    """A copy of the built book with its working cache."""
    return shutil.copytree(built_book, tmp_path / "book")


def clean_build(book: Path) -> dict[str, bytes]:
    """Return the site of a copy of the book, built without a cache."""
    other = book.with_name("clean")
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(book, other, ignore=shutil.ignore_patterns(".layerbook", "site"))
    layerbook("build", "--no-run", cwd=other)
    return read_tree(other / "site")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the chapters that are rendered from now on, in order."""
    names: list[str] = []

    def recorded(prose: str, file: str, context: ChapterContext) -> ChapterBody:
        names.append(Path(file).stem)
        return render_chapter(prose, file, context)

    monkeypatch.setattr(chapter_renderer, "render_chapter", recorded)
    return names


def edit_of(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return an edit of a file that contains the old text."""

    def edit(book: Path) -> None:
        text = (book / path).read_text(encoding="utf-8")
        assert old in text
        (book / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def remove_a_result(book: Path) -> None:
    """Delete a result, so that its figure becomes a placeholder."""
    next((book / "experiments" / "results").rglob("cat.json")).unlink()


def add_a_template(book: Path) -> None:
    """Add a page template to the book."""
    (book / "templates" / "assets").mkdir()
    (book / "templates" / "base.html").write_text(
        "<title>{{ book.title }}</title>{% block main %}{% endblock %}"
    )


PROSE = "templates/chapters/words.md"
CHANGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "prose": (edit_of(PROSE, "## Tokens", "## Pieces"), ["words"]),
    "a number of the other chapter": (
        edit_of(PROSE, "## Tokens", '{{ r("next/sum").prompts[0].top[0].prob | percent }}'),
        ["words"],
    ),
    "a claim of the other chapter": (
        edit_of(PROSE, "## Tokens", '{{ claim("next/sum", 1) }}'),
        ["words"],
    ),
    "a removed claim": (
        edit_of("templates/chapters/next.md", '{{ claim("sum", 1) }}', ""),
        ["next"],
    ),
    "a formula": (
        edit_of(PROSE, "## Tokens", r"$\begin{cases} 1 & x\\ 0 & y\end{cases}$"),
        ["words"],
    ),
    "a caption": (edit_of("experiments/words.yaml", "Each chip", "Every chip"), ["next", "words"]),
    "a title": (
        edit_of("experiments/book.yaml", "A small book", "Another book"),
        ["next", "words"],
    ),
    "a claim": (
        edit_of("experiments/next.yaml", "has more than nothing", "has something"),
        ["next", "words"],
    ),
    "a result": (remove_a_result, ["next", "words"]),
    "a template": (add_a_template, ["next", "words"]),
    "nothing": (lambda book: None, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_renders_only_changed_chapters(book: Path, rendered: list[str], name: str) -> None:
    """The site equals that of a clean build."""
    change, expected = CHANGES[name]
    change(book)
    first = layerbook("build", "--no-run", cwd=book)
    assert rendered == expected
    assert read_tree(book / "site") == clean_build(book)
    rendered.clear()
    again = layerbook("build", "--no-run", cwd=book)
    assert (again.returncode, rendered) == (first.returncode, [])


def test_renders_one_chapter_in_a_checkout(
    book: Path, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's templates are in the book's own folder there."""
    monkeypatch.setattr("layerbook.site.inputs.files", lambda package: book / "templates")
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    rendered.clear()
    edit_of(PROSE, "## Tokens", "## Pieces")(book)
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    assert rendered == ["words"]


def test_parses_only_changed_chapters(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The links and references of a cached page are checked without its prose."""
    parsed: list[str] = []

    def recorded(source: str) -> Outline:
        parsed.append(source)
        return parse_outline(source)

    monkeypatch.setattr(chapter_text, "parse_outline", recorded)
    monkeypatch.setattr(references, "find_references", lambda prose: pytest.fail(prose.file))
    edit_of(PROSE, "## Tokens", "## Pieces")(book)
    layerbook("build", "--no-run", cwd=book, check=True)
    unchanged = (book / "templates" / "chapters" / "next.md").read_text(encoding="utf-8")
    assert parsed and unchanged not in parsed


def test_checks_the_links_of_a_cached_page(book: Path) -> None:
    """A heading that another chapter links to is removed, and that chapter is unchanged."""
    edit_of("templates/chapters/next.md", "likeliest", "[likeliest](words.html#tokens)")(book)
    layerbook("build", "--no-run", cwd=book, check=True)
    edit_of(PROSE, "## Tokens", "## Pieces")(book)
    broken = layerbook("build", "--no-run", cwd=book)
    assert broken.returncode == 2
    assert "next.md:" in broken.stderr and "no place called '#tokens'" in broken.stderr


def test_reports_a_missing_result_at_every_build(book: Path) -> None:
    """Even if the page that needs it is cached."""
    remove_a_result(book)
    first = layerbook("build", "--no-run", cwd=book)
    edit_of("templates/chapters/next.md", "likeliest", "best")(book)
    second = layerbook("build", "--no-run", cwd=book)
    assert first.returncode == second.returncode == 1
    assert "words/cat: not shown" in first.stderr
    assert "words/cat: not shown" in second.stderr


def test_force_renders_everything(book: Path, rendered: list[str]) -> None:
    layerbook("build", "--no-run", "--force", cwd=book)
    assert rendered == ["next", "words"]


def test_renders_a_page_whose_cache_entry_is_damaged(book: Path, rendered: list[str]) -> None:
    for path in (book / ".layerbook" / "pages").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-7])
    edit_of(PROSE, "## Tokens", "## Pieces")(book)
    layerbook("build", "--no-run", cwd=book, check=True)
    assert rendered == ["next", "words"]
    assert read_tree(book / "site") == clean_build(book)


def test_does_not_cache_pages_if_a_template_changed_during_the_build(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_a_template(book)
    template = (book / "templates" / "base.html").read_text()

    def saving(prose: str, file: str, context: ChapterContext) -> ChapterBody:
        (book / "templates" / "base.html").write_text(template + "half an edit")
        return render_chapter(prose, file, context)

    with monkeypatch.context() as patched:
        patched.setattr(chapter_renderer, "render_chapter", saving)
        layerbook("build", "--no-run", cwd=book)
    assert b"half an edit" in (book / "site" / "next.html").read_bytes()
    (book / "templates" / "base.html").write_text(template)
    edit_of(PROSE, "## Tokens", "## Pieces")(book)
    layerbook("build", "--no-run", cwd=book)
    assert read_tree(book / "site") == clean_build(book)


def test_cached_pages_keep_the_styles_of_their_formulas(book: Path) -> None:
    edit_of(PROSE, "## Tokens", r"$\begin{cases} 1 & x\\ 0 & y\end{cases}$")(book)
    layerbook("build", "--no-run", cwd=book)
    sheet = (book / "site" / "assets" / "math.css").read_bytes()
    classes = set(
        re.findall(rb'class="[^"]*\b(m-[0-9a-f]{8})\b', (book / "site" / "words.html").read_bytes())
    )
    assert classes
    assert all(b"." + name in sheet for name in classes)
    edit_of("templates/chapters/next.md", "likeliest", "best")(book)
    layerbook("build", "--no-run", cwd=book)
    assert (book / "site" / "assets" / "math.css").read_bytes() == sheet


def test_data_files_may_not_change_places(book: Path) -> None:
    """Files of equal names in other folders are other files, also in the same order."""
    data = book / "experiments" / "data"
    for folder in ("a", "b"):
        (data / folder).mkdir(parents=True)
        (data / folder / "words.txt").write_text(folder, encoding="utf-8")
    project = open_project(book)
    assert project.specs_are_unchanged()
    (data / "b").rename(data / "c")
    (data / "a").rename(data / "b")
    assert not project.specs_are_unchanged()
