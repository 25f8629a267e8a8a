"""Compare sweeps cell by cell in the reports."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace as changed
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.sweep_book import PETS, write_sweep_book
from layerbook.analyses.next_token import NextToken
from layerbook.store import results as store

CELLS = 2 * len(PETS)


@pytest.fixture(scope="module")
def swept(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with a sweep of six cells, run."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("swept"), tiny_model_dir))
    assert layerbook("run", "--quiet", cwd=folder).returncode == 0
    return folder


@pytest.fixture
def grid(swept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(swept, tmp_path / "book")
    return tmp_path / "book"


def test_the_table_of_a_sweep_is_verified(grid: Path) -> None:
    """From new cells: nothing of it is read from disk, and nothing written."""
    before = read_tree(grid / "experiments" / "results")
    done = layerbook("verify", "--threads", "1", "--only", "grid", "--quiet", cwd=grid)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^words/grid +agrees", done.stdout, re.MULTILINE)
    assert read_tree(grid / "experiments" / "results") == before


def edit_cell(book: Path, entropy: float) -> str:
    """Another entropy in one cell, which no measure reads but a view steps through; the
    cell's id.
    """
    path = sorted((book / "experiments" / "results").glob("*/words/grid/*/*.json"))[0]
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0].model_copy(update={"entropy": entropy})
    store.write(path, changed(entry, result=entry.result.model_copy(update={"prompts": (first,)})))
    return path.stem


def test_each_cell_of_a_sweep_is_verified(grid: Path) -> None:
    """A number that the table does not have, in one cell of six; then the cell is gone."""
    id = edit_cell(grid, 1.0)
    done = layerbook("verify", "--threads", "1", "--only", "grid", "--quiet", cwd=grid)
    assert done.returncode == 1
    assert re.search(
        rf"^words/grid +differs +\S+ +1 +{id}: prompts\[0\]\.entropy: 1\.0 -> ",
        done.stdout,
        re.MULTILINE,
    )
    next((grid / "experiments" / "results").glob(f"*/words/grid/*/{id}.json")).unlink()
    done = layerbook("verify", "--threads", "1", "--only", "grid", "--quiet", cwd=grid)
    assert (
        done.returncode == 1
        and f"{id}: its result: " in done.stdout
        and "there is no such result" in done.stdout
    )


def test_cells_are_compared_where_the_tables_are_equal(grid: Path) -> None:
    """The cell by its place in the grid, what differs in it, and a cell that one side lacks."""
    folder = next((grid / "experiments" / "results").iterdir())
    shutil.copytree(folder, grid / "before")
    id = edit_cell(grid, 1.0)
    (one,) = [
        e
        for e in json.loads(layerbook("diff", "before", "--json", cwd=grid).stdout)["experiments"]
        if e["numbers"]
    ]
    (moved,) = one["numbers"]
    assert (one["address"], one["state"], moved["new"], moved["beyond"]) == (
        "words/grid",
        "changed",
        1.0,
        True,
    )
    assert re.fullmatch(r"prompts '.*', top_k \d+: prompts\[0\]\.entropy", moved["path"])
    next(folder.glob(f"words/grid/*/{id}.json")).unlink()
    text = layerbook("diff", "before", cwd=grid).stdout
    assert re.search(r"^  prompts '.*', top_k \d+: 'a result' -> nothing$", text, re.MULTILINE)


def test_two_tables_are_compared_with_the_sentences_about_them(grid: Path) -> None:
    """A grid without one of its rows: fewer cells, and the prose says so; a view reads the cells of
    its own side.
    """
    folder = next((grid / "experiments" / "results").iterdir())
    shutil.copytree(folder, grid / "before")
    write_sweep_book(grid, pets=PETS[:2])
    assert layerbook("run", "--quiet", cwd=grid).returncode == 0
    done = layerbook("diff", "before", "--json", cwd=grid)
    data = json.loads(done.stdout)
    (one,) = [entry for entry in data["experiments"] if entry["state"] != "same"]
    assert (one["address"], one["state"]) == ("words/grid", "changed")
    said = [(sentence["old"], sentence["new"]) for sentence in data["sentences"]]
    assert ("There are 6 cells.", "There are 4 cells.") in said and not data["notes"]
