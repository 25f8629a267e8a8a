"""An edit of the package runs its dependants again, all of them and no other.

The edits are made in a copy of the package, which a process of its own finds first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.sweep_book import cell_files, read_sweep_table, write_sweep_book
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
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the small book with a sweep, and a figure whose analysis uses a helper module."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir))
    spec = folder / "experiments" / "next.yaml"
    spec.write_text(spec.read_text() + GRAM)
    done = layerbook("build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """A copy of the built book, its working cache included."""
    return shutil.copytree(built, tmp_path / "book")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, its templates inside."""
    ignored = shutil.ignore_patterns("__pycache__", "templates")
    made = shutil.copytree(
        ROOT / "generator" / "layerbook", tmp_path / "package" / "layerbook", ignore=ignored
    )
    shutil.copytree(
        ROOT / "templates", made / "templates", ignore=shutil.ignore_patterns("chapters")
    )
    return made


def append(package: Path, name: str, text: str) -> None:
    """Add to a file of the copy."""
    with (package / name).open("a", encoding="utf-8") as file:
        file.write(text)


def run(package: Path, *arguments: str, cwd: Path) -> str:
    """What a command of the copy prints."""
    environment = os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "layerbook", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stale(package: Path, book: Path) -> set[str]:
    """The experiments that the copy would run again; each because of its code."""
    found = json.loads(run(package, "status", "--json", cwd=book))["experiments"]
    changed = [one for one in found if one["state"] != "fresh"]
    assert all((one["state"], one["changed"]) == ("stale", ["code"]) for one in changed), changed
    return {one["experiment"] for one in changed}


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
def test_a_constant_runs_its_dependants_and_a_comment_nothing(
    package: Path, book: Path, file: str, dependants: set[str]
) -> None:
    """Of a helper, an analysis, the language of measures, and what every run passes through."""
    append(package, file, COMMENT)
    assert stale(package, book) == set()
    append(package, file, CONSTANT)
    assert stale(package, book) == dependants


def test_what_only_shows_runs_nothing(package: Path, book: Path) -> None:
    """No result depends on colours, words, pages, progress, the command line and templates."""
    shown = (
        "plotting/colours.py",
        "core/figures.py",
        "core/text.py",
        "core/progress.py",
        "book/sweep_views.py",
        "site/pages.py",
        "cli/main.py",
    )
    for file in shown:
        append(package, file, CONSTANT)
    append(package, "templates/base.html", "<!-- -->")
    assert stale(package, book) == set()


def test_restyling_never_touches_the_model(package: Path, book: Path) -> None:
    """Pages change, every result keeps its bytes, and torch is not imported."""
    append(package, "templates/assets/book.css", "\nbody { color: teal; }\n")
    append(package, "templates/base.html", "<!-- restyled -->")
    append(package, "plotting/colours.py", CONSTANT)
    for name in ("torch", "transformers"):
        (package.parent / f"{name}.py").write_text("raise ImportError('the model was touched')\n")
    before, site = read_tree(book / "experiments" / "results"), read_tree(book / "site")
    assert "ran" not in run(package, "build", "--jobs", "1", cwd=book)
    assert read_tree(book / "experiments" / "results") == before
    after = read_tree(book / "site")
    assert b"teal" in after["assets/book.css"] and b"restyled" in after["next.html"]
    assert {
        path for path in after if path.startswith("data/") and after[path] != site[path]
    } == set()


def test_another_language_of_measures_reads_the_cells_anew_and_runs_none(
    package: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table depends on it, the cells do not."""
    append(package, "book/claims/evaluator.py", CONSTANT)
    monkeypatch.setattr(code_digest, "_package", lambda: package)
    before, measured = [path.read_bytes() for path in cell_files(book)], read_sweep_table(book)
    monkeypatch.setattr(NextToken, "measure", lambda *_: pytest.fail("a cell ran"))
    done = layerbook("build", cwd=book)
    assert "1 experiment ran: 1 gave the numbers" in done.stdout
    assert ([path.read_bytes() for path in cell_files(book)], read_sweep_table(book)) == (
        before,
        measured,
    )


def test_an_edit_while_a_sweep_runs_is_noticed_in_its_chunk(
    package: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells of earlier chunks are kept and current again once the edit is undone."""
    monkeypatch.setattr(code_digest, "_package", lambda: package)
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    file = package / "analyses" / "next_token.py"
    source, measure, ran = file.read_text(encoding="utf-8"), NextToken.measure, 0
    for path in cell_files(book):
        path.unlink()

    def editing(self: NextToken, captures: ActivationCaches) -> object:
        nonlocal ran
        ran += 1
        if ran == 4:
            append(package, "analyses/next_token.py", CONSTANT)
        return measure(self, captures)

    monkeypatch.setattr(NextToken, "measure", editing)
    done = layerbook("run", "--force", "--only", "words/grid", cwd=book)
    assert done.returncode == 1
    assert (
        "of 6 cells failed, the others are kept" in done.stdout
        and "its sources changed while it ran" in done.stdout
    )
    kept = {path: path.read_bytes() for path in cell_files(book)}
    assert 2 <= len(kept) < 6, "the first chunk, and none of the second"
    file.write_text(source, encoding="utf-8")
    old = {
        path
        for path in kept
        if json.loads(kept[path])["key"]["code"]
        == code_digest.analysis_code_digest(NextToken.__module__)
    }
    assert len(old) == 2
    ran = 10
    assert layerbook("build", cwd=book).returncode == 0
    assert ran == 10 + 4, "all but the first chunk"
    assert all(path.read_bytes() == kept[path] for path in old)
