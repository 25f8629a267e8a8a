"""The sources that benchmarks measure are those of the book, and can still be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fixtures.small_book import layerbook

ROOT = Path(__file__).parents[1]


def test_lecture_is_a_book_without_problems(tmp_path: Path) -> None:
    """Its experiments and the chapters that they need are there under their present names."""
    folder = str(tmp_path / "book")
    code = (
        f"import pathlib; from benchmarks import lecture; lecture.write(pathlib.Path({folder!r}))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    layerbook("check", cwd=tmp_path / "book", check=True)
