"""The same sources give the same bytes wherever they are built.

Machines can differ in the order of sets and files, in time zones and clocks, the locale's decimal
point and encoding, the working directory, the umask, and the order in which processes draw.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.sweep_book import write_sweep_book

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SCRIPT = """\
import functools, locale, os, sys
import layerbook.site.build
from layerbook.cli.main import main

if __name__ == "__main__":
    pool = functools.partial(layerbook.site.build.DrawingPool, min_jobs=1)
    layerbook.site.build.DrawingPool = pool
    os.umask(int(sys.argv.pop(1), 8))
    locale.setlocale(locale.LC_ALL, "")
    main()
"""


@pytest.fixture(scope="module")
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with a sweep and a date of publication, built in this process."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir))
    with (folder / "experiments" / "book.yaml").open("a") as file:
        file.write("published: 2026-11-25\n")
    layerbook("build", "--jobs", "1", cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def locale_path(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """Return the folder of a locale with a decimal comma, or None if it cannot be compiled."""
    folder = tmp_path_factory.mktemp("locales")
    try:
        command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return str(folder)


VARIANTS = {
    "two processes, far east, plain C": (
        "2",
        "077",
        {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
    ),
    "three, far west, a decimal comma": (
        "3",
        "002",
        {"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8"},
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_builds_are_byte_identical_everywhere(
    built: Path, tmp_path: Path, locale_path: str | None, name: str
) -> None:
    """Built from the sources alone; the date comes from the book."""
    jobs, umask, environment = VARIANTS[name]
    if "decimal" in name:
        if locale_path is None:
            pytest.skip("this system cannot make a locale")
        environment = environment | {"LOCPATH": locale_path}
    book, working_dir = tmp_path / "elsewhere" / "other name", tmp_path / "working_dir"
    shutil.copytree(built, book, ignore=shutil.ignore_patterns("results", "site", ".layerbook"))
    working_dir.mkdir()
    (working_dir / "building.py").write_text(SCRIPT)
    settings = {
        "SOURCE_DATE_EPOCH": "1",
        "COLUMNS": "40",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "0",
    }
    options = ["--jobs", jobs, "--book", str(book), "--site", "../site"]
    result = subprocess.run(
        [sys.executable, "building.py", umask, "build", *options],
        cwd=working_dir,
        env=os.environ | environment | settings,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert read_tree(book / "experiments") == read_tree(built / "experiments")
    actual, expected = read_tree(tmp_path / "site"), read_tree(built / "site")
    assert [
        path for path in actual.keys() | expected.keys() if actual.get(path) != expected.get(path)
    ] == []
    assert any(path.endswith(".parquet") for path in actual)
