"""Sweeps in the reports: their cells' time is theirs, estimates count cells that would run, tables are compared."""

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


def test_the_time_of_cells_is_their_sweeps(swept: Path) -> None:
    """One share for all cells, of the passes too; the shares still add up to the steps."""
    found = json.loads(layerbook("timings", "--json", cwd=swept).stdout)
    shares = found["experiments"]
    assert shares.keys() == {"next/sum", "next/pattern", "words/plain", "words/grid"}
    assert shares["words/grid"]["measured"] == CELLS and shares["words/grid"]["measuring"] > 0
    assert shares["words/grid"]["passes"] > 0 and shares["words/plain"]["measured"] == 1
    steps = sum(step["seconds"] for step in found["steps"] if step["kind"] == "passes")
    assert sum(share["passes"] for share in shares.values()) == pytest.approx(steps)


def test_an_estimate_counts_the_cells_that_would_run(grid: Path) -> None:
    """One prompt of three is another: two cells, of one pass together, which never ran."""
    times = json.loads(layerbook("timings", "--json", cwd=grid).stdout)["experiments"]["words/grid"]
    write_sweep_book(grid, pets=[*PETS[:2], ("A dog barks", 3, "woof")])
    found = {
        one["experiment"]: one
        for one in json.loads(layerbook("status", "--json", cwd=grid).stdout)["experiments"]
    }
    estimate = found["words/grid"]["estimate"]
    assert (estimate["basis"], estimate["counts"]) == ("counted", "1 pass")
    assert estimate["seconds"] > 2 * times["measuring"] / CELLS
    assert found["words/plain"]["estimate"] is None
    assert re.search(
        r"^words/grid +stale \(spec: sweep\.", layerbook("status", cwd=grid).stdout, re.MULTILINE
    )


def test_a_large_sweep_is_looked_at_in_part(grid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two cells of six: three times what these would take, said to be counted."""
    from layerbook.runner import estimate

    shutil.rmtree(grid / ".layerbook" / "computed")
    whole, part = [], []
    for sample, found in ((CELLS, whole), (2, part)):
        monkeypatch.setattr(estimate, "SAMPLE", sample)
        data = json.loads(layerbook("status", "--json", cwd=grid).stdout)
        found.append(
            next(
                one["estimate"] for one in data["experiments"] if one["experiment"] == "words/grid"
            )
        )
    assert (whole[0]["basis"], part[0]["basis"]) == ("timed", "counted")
    assert (whole[0]["counts"], part[0]["counts"]) == ("3 passes", "3 passes")
    assert part[0]["seconds"] > 0


def test_the_table_of_a_sweep_is_verified(grid: Path) -> None:
    """From new cells: nothing of it is read from disk, and nothing written."""
    before = read_tree(grid / "experiments" / "results")
    done = layerbook("verify", "--threads", "1", "--only", "grid", "--quiet", cwd=grid)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^words/grid +agrees", done.stdout, re.MULTILINE)
    assert read_tree(grid / "experiments" / "results") == before


def edit_cell(book: Path, entropy: float) -> str:
    """Another entropy in one cell, which no measure reads but a view steps through; the cell's id."""
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


def test_a_page_that_steps_through_cells_is_told_to_read_differently(grid: Path) -> None:
    """The likeliest token of a cell with another probability: the row of its figure's table."""
    paths = sorted((grid / "experiments" / "results").glob("*/words/grid/*/*.json"))
    entries = {path: store.load(path, NextToken.result_type) for path in paths}
    path, entry = next(
        (path, one) for path, one in entries.items() if one.spec["top_k"] == 2
    )  # the view's own
    first = entry.result.prompts[0]
    top = (first.top[0].model_copy(update={"prob": 0.8765}), *first.top[1:])
    prompt = first.model_copy(update={"top": top})
    store.write(path, changed(entry, result=entry.result.model_copy(update={"prompts": (prompt,)})))
    done = layerbook("verify", "--threads", "1", "--only", "grid", "--json", "--quiet", cwd=grid)
    shown = json.loads(done.stdout)["shown"]
    (one,) = [one for one in shown if one["place"] == "words.html#grid-steps"]
    assert " 0.876 " in one["old"] and f" {first.top[0].prob:.3g} " in one["new"]


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
    """A grid without one of its rows: fewer cells, and the prose says so; a view reads the cells of its own side."""
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
