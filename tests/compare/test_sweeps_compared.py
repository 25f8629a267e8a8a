"""Verify and compare sweeps cell by cell."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace as changed
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from fixtures.sweep_book import PETS, write_sweep_book
from layerbook.analyses.next_token import NextToken
from layerbook.store import results as store

CELLS = 2 * len(PETS)


@pytest.fixture
def book(built_sweep_book: Path, tmp_path: Path) -> Path:
    """A copy of the book with a sweep of six cells."""
    return shutil.copytree(built_sweep_book, tmp_path / "book")


def test_verifies_the_table_of_a_sweep(book: Path) -> None:
    """It is computed from new cells; no cell is read or written."""
    before = read_tree(book / "experiments" / "results")
    process = layerbook("verify", "--only", "grid", "--quiet", cwd=book, check=True)
    assert re.search(r"^words/grid +same", process.stdout, re.MULTILINE)
    assert read_tree(book / "experiments" / "results") == before


def edit_cell(book: Path, entropy: float) -> str:
    """Change a number of one cell that is not in the table; return the cell's id."""
    path = sorted((book / "experiments" / "results").glob("*/words/grid/*/*.json"))[0]
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0].model_copy(update={"entropy": entropy})
    store.write(path, changed(entry, result=entry.result.model_copy(update={"prompts": (first,)})))
    return path.stem


def test_verifies_every_cell_of_a_sweep(book: Path) -> None:
    """A changed and a missing cell are reported."""
    id = edit_cell(book, 1.0)
    process = layerbook("verify", "--only", "grid", "--quiet", cwd=book)
    assert process.returncode == 1
    assert re.search(
        rf"^words/grid +differs +{id}: prompts\[0\]\.entropy: 1\.0 -> ",
        process.stdout,
        re.MULTILINE,
    )
    next((book / "experiments" / "results").glob(f"*/words/grid/*/{id}.json")).unlink()
    process = layerbook("verify", "--only", "grid", "--quiet", cwd=book)
    assert (
        process.returncode == 1
        and f"{id}: its result: " in process.stdout
        and "there is no such result" in process.stdout
    )


def test_compares_cells_of_equal_tables(book: Path) -> None:
    """A changed cell, and a cell that one side lacks."""
    folder = next((book / "experiments" / "results").iterdir())
    shutil.copytree(folder, book / "before")
    id = edit_cell(book, 1.0)
    (experiment,) = [
        e
        for e in json.loads(layerbook("diff", "before", "--json", cwd=book).stdout)["experiments"]
        if e["numbers"]
    ]
    (change,) = experiment["numbers"]
    assert (experiment["address"], experiment["state"], change["new"]) == (
        "words/grid",
        "changed",
        1.0,
    )
    assert re.fullmatch(r"prompts '.*', top_k \d+: prompts\[0\]\.entropy", change["path"])
    next(folder.glob(f"words/grid/*/{id}.json")).unlink()
    text = layerbook("diff", "before", cwd=book).stdout
    assert re.search(r"^  prompts '.*', top_k \d+: 'a result' -> nothing$", text, re.MULTILINE)


def test_compares_tables_and_sentences(book: Path) -> None:
    """A smaller grid has fewer cells and changes the prose."""
    folder = next((book / "experiments" / "results").iterdir())
    shutil.copytree(folder, book / "before")
    write_sweep_book(book, pets=PETS[:2])
    layerbook("run", "--quiet", cwd=book, check=True)
    process = layerbook("diff", "before", "--json", cwd=book)
    data = json.loads(process.stdout)
    (experiment,) = [entry for entry in data["experiments"] if entry["state"] != "same"]
    assert (experiment["address"], experiment["state"]) == ("words/grid", "changed")
    pairs = [(sentence["old"], sentence["new"]) for sentence in data["sentences"]]
    assert ("There are 6 cells.", "There are 4 cells.") in pairs and not data["notes"]
