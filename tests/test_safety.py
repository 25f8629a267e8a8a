"""A stranger's book: commands run none of its code, and touch nothing outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.poison import poison
from fixtures.small_book import start_layerbook


@pytest.mark.parametrize(
    "arguments",
    [("build", "--no-run", "--force", "--jobs", "2"), ("check",), ("status",), ("clean",)],
    ids=lambda arguments: arguments[0],
)
def test_python_modules_of_a_book_are_not_imported(
    arguments: tuple[str, ...], book: Path, tmp_path: Path
) -> None:
    """Not even by `python -m layerbook`, which looks in the working directory first."""
    poison(book, tmp_path / "imported")
    process = start_layerbook(*arguments, cwd=book)
    _, errors = process.communicate(timeout=120)
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()
    assert process.returncode == 0, errors
