"""Results of experiments that were renamed or removed."""

from __future__ import annotations

import json
from pathlib import Path

from fixtures.small_book import layerbook, read_tree


def rename(book: Path, chapter: str, old: str, new: str) -> None:
    """Rename an experiment in its spec and in its prose."""
    for path in (f"experiments/{chapter}.yaml", f"templates/chapters/{chapter}.md"):
        text = (book / path).read_text(encoding="utf-8")
        (book / path).write_text(text.replace(old, new), encoding="utf-8")


def results(book: Path) -> set[str]:
    """Return the result files by chapter and name."""
    folder = book / "experiments" / "results"
    return {"/".join(path.parts[-2:]) for path in folder.rglob("*") if path.is_file()}


def test_status_names_orphans_and_clean_removes_them(book: Path) -> None:
    """With their arrays and cells; other files stay."""
    before = results(book)
    assert "no such experiment" not in layerbook("status", cwd=book).stdout
    rename(book, "words", "cat", "dog")
    (chapter,) = (book / "experiments" / "results").glob("*/words")
    (chapter / "cat.01234567.safetensors").write_bytes(b"")
    (chapter / "notes.json").write_text("{}", encoding="utf-8")
    (chapter / "old" / "ab").mkdir(parents=True)
    (chapter / "old" / "ab" / "old.abcd.json").write_text("{}", encoding="utf-8")
    output = layerbook("status", cwd=book).stdout
    assert "words/cat.json: the book has no such experiment" in output
    assert "words/old: the book has no such experiment" in output
    assert "2 results without an experiment; `layerbook clean --orphans` removes them" in output
    listed = json.loads(layerbook("status", "--json", cwd=book).stdout)["orphans"]
    assert [path.rpartition("/")[2] for path in listed] == ["cat.json", "old"]
    cleaned = layerbook("clean", "--orphans", cwd=book)
    assert cleaned.returncode == 0 and "Removed 2 results" in cleaned.stdout
    assert results(book) == before - {"words/cat.json"} | {"words/notes.json"}
    assert "nothing to remove" in layerbook("clean", "--orphans", cwd=book).stdout


def test_results_of_drafts_and_the_cache_stay(book: Path) -> None:
    """A draft is a part of the book, and the working cache is another matter."""
    spec = book / "experiments" / "words.yaml"
    spec.write_text(f"draft: true\n{spec.read_text(encoding='utf-8')}", encoding="utf-8")
    before = read_tree(book)
    assert "no such experiment" not in layerbook("status", cwd=book).stdout
    assert "nothing to remove" in layerbook("clean", "--orphans", cwd=book).stdout
    assert {k for k in before if "results" in k} == {k for k in read_tree(book) if "results" in k}


def test_an_empty_folder_goes_with_its_last_result(book: Path) -> None:
    """So that nothing is left of a chapter that is gone."""
    text = (book / "experiments" / "book.yaml").read_text(encoding="utf-8")
    text = text.replace("[next, words]", "[next]")
    (book / "experiments" / "book.yaml").write_text(text, encoding="utf-8")
    (book / "experiments" / "words.yaml").unlink()
    assert "words/cat.json" in layerbook("status", cwd=book).stdout
    layerbook("clean", "--orphans", cwd=book, check=True)
    assert not list((book / "experiments" / "results").glob("*/words"))


def test_a_folder_with_a_file_of_somebody_stays(book: Path) -> None:
    """Only folders that have nothing but cells and their arrays are removed."""
    (model,) = (book / "experiments" / "results").iterdir()
    folder = model / "words" / "old"
    folder.mkdir()
    (folder / "old.abcd.json").write_text("{}", encoding="utf-8")
    (folder / "thesis.tex").write_text("years of work", encoding="utf-8")
    assert "nothing to remove" in layerbook("clean", "--orphans", cwd=book).stdout
    (folder / "thesis.tex").unlink()
    assert "Removed 1 result" in layerbook("clean", "--orphans", cwd=book).stdout


def test_a_name_cannot_add_a_line_to_the_output(book: Path) -> None:
    """Line feeds and colors in the name of a folder are shown as escapes."""
    (model,) = (book / "experiments" / "results").iterdir()
    folder = model / "words" / "x\nAll is well.\x1b[31m"
    folder.mkdir()
    (folder / f"{folder.name}.ab.json").write_text("{}", encoding="utf-8")
    for command in (["status"], ["clean", "--orphans"]):
        output = layerbook(*command, cwd=book).stdout
        assert r"words/x\u000aAll is well.\u001b[31m" in output
