"""A build with nothing to do is detected from the state of files alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.edit_result import edit_result
from fixtures.small_book import layerbook

OPTIONS = ("build", "--no-run", "--quiet")


@pytest.fixture
def built_book(book: Path) -> Path:
    """Return a book whose site is current."""
    layerbook(*OPTIONS, cwd=book, check=True)
    return book


def refuse_to_load(*_: object, **__: object) -> None:
    raise AssertionError("the specs are loaded")


def test_repeats_its_output(built_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the specs are read."""
    monkeypatch.setattr("layerbook.store.project.open_project", refuse_to_load)
    process = layerbook(*OPTIONS, cwd=built_book)
    assert (process.returncode, process.stdout) == (0, "site is current\n")


def append(path: str) -> Callable[[Path], object]:
    """Return an edit that adds a line to a file."""

    def edit(book: Path) -> None:
        with (book / path).open("a") as file:
            file.write("\n# More\n")

    return edit


EDITS: dict[str, Callable[[Path], object]] = {
    "prose": append("templates/chapters/next.md"),
    "spec": append("experiments/next.yaml"),
    "result": lambda book: edit_result(book, entropy=1.0),
    "page": append("site/next.html"),
    "missing page": lambda book: (book / "site/next.html").unlink(),
    "new file": lambda book: (book / "templates/chapters/new.md").write_text("text"),
    "touched": lambda book: os.utime(book / "experiments/book.yaml"),
    "no cache": lambda book: shutil.rmtree(book / ".layerbook"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_notices_a_change(
    edit: Callable[[Path], object], built_book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every kind of file that a build reads or writes."""
    edit(built_book)
    monkeypatch.setattr("layerbook.store.project.open_project", refuse_to_load)
    with pytest.raises(AssertionError, match="are loaded"):
        layerbook(*OPTIONS, cwd=built_book)


@pytest.mark.parametrize(
    "options", [("build", "--quiet"), (*OPTIONS, "--force"), (*OPTIONS, "--site", "other")]
)
def test_needs_the_same_options(
    options: tuple[str, ...], built_book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that is current with some options may be outdated with others."""
    monkeypatch.setattr("layerbook.store.project.open_project", refuse_to_load)
    with pytest.raises(AssertionError, match="are loaded"):
        layerbook(*options, cwd=built_book)


def test_notices_another_date(built_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The date of publication may come from the environment."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    monkeypatch.setattr("layerbook.store.project.open_project", refuse_to_load)
    with pytest.raises(AssertionError, match="are loaded"):
        layerbook(*OPTIONS, cwd=built_book)


def test_is_not_left_by_a_build_during_which_a_file_changed(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site may be based on the old file."""
    from layerbook.store import publish

    publish_site, prose = publish.publish, book / "templates" / "chapters" / "next.md"

    def edit_and_publish(tree: dict[str, bytes], target: Path) -> publish.PublishReport:
        prose.write_text(prose.read_text() + "\nMore.\n")
        return publish_site(tree, target)

    with monkeypatch.context() as patched:
        patched.setattr(publish, "publish", edit_and_publish)
        layerbook(*OPTIONS, cwd=book, check=True)
    assert "written" in layerbook(*OPTIONS, cwd=book).stdout


def test_keeps_the_exit_code(built_book: Path) -> None:
    """A missing result is reported again."""
    next((built_book / "experiments" / "results").glob("*/next/sum.json")).unlink()
    first, second = (layerbook(*OPTIONS, cwd=built_book) for _ in range(2))
    assert first.returncode == second.returncode == 1
    assert first.stderr == second.stderr and "next/sum" in second.stderr
