"""An edit of the package reruns exactly the experiments that depend on it.

The edits are made in a copy of the package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from fixtures.sweep_book import cell_files, read_sweep_table
from layerbook.analyses.next_token import NextToken
from layerbook.core.requests import ActivationCaches
from layerbook.runner import sweep as sweeping
from layerbook.store import code_digest

ROOT = Path(__file__).parents[2]
GRAM = """\
  - {id: gram, analysis: attention-gram, prompts: ["The cat sat"], layers: [0]}
"""
ALL = {"next/sum", "next/pattern", "next/gram", "words/plain", "words/grid"}
OF_NEXT_TOKEN = {"next/sum", "words/plain", "words/grid"}
CONSTANT, COMMENT = "\nANOTHER_CONSTANT = 3\n", "\n# another comment\n"


@pytest.fixture(scope="module")
def built(built_sweep_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Add a figure whose analysis uses a helper module to the book with a sweep."""
    folder = shutil.copytree(built_sweep_book, tmp_path_factory.mktemp("selection") / "book")
    spec = folder / "experiments" / "next.yaml"
    spec.write_text(spec.read_text() + GRAM)
    layerbook("build", cwd=folder, check=True)
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """Copy the built book with its cache."""
    return shutil.copytree(built, tmp_path / "book")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the package with its templates; keys are computed from this copy."""
    ignored = shutil.ignore_patterns("__pycache__", "templates")
    copy = shutil.copytree(
        ROOT / "generator" / "layerbook", tmp_path / "package" / "layerbook", ignore=ignored
    )
    shutil.copytree(
        ROOT / "templates", copy / "templates", ignore=shutil.ignore_patterns("chapters")
    )
    monkeypatch.setattr(code_digest, "_package", lambda: copy)
    return copy


def append(package: Path, name: str, text: str) -> None:
    """Append text to a file of the copied package."""
    with (package / name).open("a", encoding="utf-8") as file:
        file.write(text)


def stale_addresses(book: Path) -> set[str]:
    """Return the experiments that would run again because of changed code."""
    experiments = json.loads(layerbook("status", "--json", cwd=book).stdout)["experiments"]
    stale_experiments = [experiment for experiment in experiments if experiment["state"] != "fresh"]
    assert all(
        (experiment["state"], experiment["changed"]) == ("stale", ["code"])
        for experiment in stale_experiments
    ), stale_experiments
    return {experiment["experiment"] for experiment in stale_experiments}


@pytest.mark.parametrize(
    ("file", "dependants"),
    [
        ("core/vectors.py", {"next/gram"}),
        ("analyses/next_token.py", OF_NEXT_TOKEN),
        ("analyses/attention_pattern.py", {"next/pattern"}),
        ("book/claims/evaluator.py", {"words/grid"}),
        ("core/requests.py", ALL),
        ("model/hooks.py", ALL),
    ],
)
def test_reruns_dependants_of_changed_code(
    package: Path, book: Path, file: str, dependants: set[str]
) -> None:
    """A changed constant counts, a comment does not."""
    append(package, file, COMMENT)
    assert stale_addresses(book) == set()
    append(package, file, CONSTANT)
    assert stale_addresses(book) == dependants


def test_presentation_code_reruns_nothing(package: Path, book: Path) -> None:
    """No result depends on colors, words, pages, progress, the command line and templates."""
    files = (
        "plotting/colors.py",
        "core/charts.py",
        "core/figures.py",
        "core/language.py",
        "core/text.py",
        "core/progress.py",
        "book/schema.py",
        "book/sweep_views.py",
        "site/pages.py",
        "cli/main.py",
    )
    for file in files:
        append(package, file, CONSTANT)
    append(package, "templates/base.html", "<!-- -->")
    assert stale_addresses(book) == set()


def test_restyling_loads_no_model(package: Path, book: Path) -> None:
    """Pages change, every result keeps its bytes, and torch is not imported."""
    append(package, "templates/assets/book.css", "\nbody { color: teal; }\n")
    append(package, "templates/base.html", "<!-- restyled -->")
    append(package, "plotting/colors.py", CONSTANT)
    for name in ("torch", "transformers"):
        (package.parent / f"{name}.py").write_text("raise ImportError('the model was touched')\n")
    old_results, old_site = read_tree(book / "experiments" / "results"), read_tree(book / "site")
    environment = os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "layerbook", "build", "--jobs", "1"]
    completed = subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    assert "ran" not in completed.stdout
    assert read_tree(book / "experiments" / "results") == old_results
    new_site = read_tree(book / "site")
    assert b"teal" in new_site["assets/book.css"] and b"restyled" in new_site["next.html"]
    assert {
        path for path in new_site if path.startswith("data/") and new_site[path] != old_site[path]
    } == set()


def test_changed_evaluator_runs_no_cell(
    package: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of a sweep depends on the evaluator of measures, its cells do not."""
    append(package, "book/claims/evaluator.py", CONSTANT)
    old_cells, old_table = [path.read_bytes() for path in cell_files(book)], read_sweep_table(book)
    monkeypatch.setattr(NextToken, "measure", lambda *_: pytest.fail("a cell ran"))
    completed = layerbook("build", cwd=book)
    assert "1 experiment ran: 1 unchanged" in completed.stdout
    assert ([path.read_bytes() for path in cell_files(book)], read_sweep_table(book)) == (
        old_cells,
        old_table,
    )


def test_notices_an_edit_during_a_chunk(
    package: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells of earlier chunks are kept, and are current again once the edit is undone."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    file = package / "analyses" / "next_token.py"
    source, measure, cells_run = file.read_text(encoding="utf-8"), NextToken.measure, 0
    for path in cell_files(book):
        path.unlink()

    def edit_and_measure(self: NextToken, captures: ActivationCaches) -> object:
        nonlocal cells_run
        cells_run += 1
        if cells_run == 4:
            append(package, "analyses/next_token.py", CONSTANT)
        return measure(self, captures)

    monkeypatch.setattr(NextToken, "measure", edit_and_measure)
    completed = layerbook("run", "--force", "--only", "words/grid", cwd=book)
    assert completed.returncode == 1
    assert (
        "of 6 cells failed, the others are kept" in completed.stdout
        and "its sources changed while it ran" in completed.stdout
    )
    saved_cells = {path: path.read_bytes() for path in cell_files(book)}
    assert 2 <= len(saved_cells) < 6, "the first chunk, and none of the second"
    file.write_text(source, encoding="utf-8")
    current_cells = {
        path
        for path in saved_cells
        if json.loads(saved_cells[path])["key"]["code"]
        == code_digest.analysis_code_digest(NextToken.__module__)
    }
    assert len(current_cells) == 2
    cells_run = 10
    layerbook("build", cwd=book, check=True)
    assert cells_run == 10 + 4, "all but the first chunk"
    assert all(path.read_bytes() == saved_cells[path] for path in current_cells)
