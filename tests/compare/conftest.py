"""The small book, run once and not rendered, for the commands that look at results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, write_small_book


@pytest.fixture(scope="package")
def book_with_results(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with its results; tests that change it take a copy."""
    folder = write_small_book(tmp_path_factory.mktemp("trusted"), tiny_model_dir)
    done = layerbook("run", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def book(book_with_results: Path, tmp_path: Path) -> Path:
    """A copy of the book that was run, its working cache included."""
    shutil.copytree(book_with_results, tmp_path / "book")
    return tmp_path / "book"
