"""Measure the cost of many prompts as ratios: `make bench-scale`.

Passes are timed in one process, `benchmarks.passes`. Memory, and commands that only check a book
of many cells, are measured as whole processes. The largest runs use a tiny random Llama, and the
table says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

# Nothing here imports torch: a child process starts with the memory of its parent.
from benchmarks.__main__ import LAYERBOOK, ROOT, Usage, timed
from benchmarks.many import prompts, write_spec

BOOK = """\
title: A book of many cells
subtitle: To be timed
authors: [Nobody in particular]
language: en
model: %s
chapters: [many]
"""
Row = tuple[str, str, str]


def memory(folder: Path, model: str, few: int, many: int, on: str) -> None:
    """Print the peak memory of whole runs with few and with many prompts."""
    usages = []
    for count in (few, many):
        log(f"a run of {count:,} prompts, {on}")
        run_folder = folder / f"memory-{count}"
        spec = write_spec(run_folder, prompts(0, count))
        command = [*LAYERBOOK, "run", str(spec), "--out", str(run_folder / "out"), "-q"]
        usages.append(timed([*command, "--model", model], run_folder))
    low, high = (usage.megabytes for usage in usages)
    name = f"peak memory of a run of {few:,} and of {many:,} prompts, {on}"
    sys.stdout.write(table_row((name, f"{low:,.0f} MB, {high:,.0f} MB: {high / low:.2f}", "flat")))


def checking(folder: Path, model: Path, few: int, many: int) -> None:
    """Print the cost of checking a book whose sweep has many cells, all of them current."""
    books = {count: folder / f"book-{count}" for count in (few, many)}
    for count, book in books.items():
        log(f"a book of {count:,} cells, built on the tiny model")
        write_spec(book / "experiments", prompts(0, count))
        (book / "experiments" / "book.yaml").write_text(BOOK % model, encoding="utf-8")
        (book / "templates" / "chapters").mkdir(parents=True)
        (book / "templates" / "chapters" / "many.md").write_text("How many?\n", encoding="utf-8")
        timed([*LAYERBOOK, "build", "-q"], book)
    for command in ("check", "status", "build"):
        usages = [median_of_three([*LAYERBOOK, command], book) for book in books.values()]
        costs = ", ".join(f"{usage.seconds:.1f} s and {usage.megabytes:.0f} MB" for usage in usages)
        name = f"`{command}` with nothing to do, {few:,} and {many:,} cells (tiny model)"
        sys.stdout.write(table_row((name, costs, "alike")))


def median_of_three(command: list[str], folder: Path) -> Usage:
    """Run a command three times and return the usage with the median wall time."""
    usages = [timed(command, folder) for _ in range(3)]
    return sorted(usages, key=lambda usage: usage.seconds)[1]


def log(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def table_row(row: Row) -> str:
    """Return a row of the table as Markdown."""
    return f"| {' | '.join(row)} |\n"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--prompts", type=int, default=1024, help="number of prompts of the sweep on the real model"
    )
    parser.add_argument(
        "--cells", type=int, default=10_000, help="number of cells of the book on the tiny model"
    )
    parser.add_argument("--only", choices=("passes", "memory", "checking"), action="append")
    options = parser.parse_args()
    parts = options.only or ("passes", "memory", "checking")
    sys.stdout.write("| what | measured | limit |\n|---|---|---|\n")
    sys.stdout.flush()
    if "passes" in parts:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.passes", str(options.prompts)], cwd=ROOT, check=True
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tiny = tiny_model(folder / "tiny")
        if "memory" in parts:
            memory(folder / "real", "smollm2-135m-instruct", 100, options.prompts, "the real model")
            memory(folder / "small", str(tiny), 1000, options.cells, "the tiny model")
        if "checking" in parts:
            checking(folder, tiny, 100, options.cells)


def tiny_model(folder: Path) -> Path:
    """Write the tiny random Llama of the tests, in a process of its own."""
    folder.mkdir()
    script = (
        "import sys; from pathlib import Path; "
        "from tests.fixtures.tiny_llama import write_tiny_model; "
        "write_tiny_model(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True)
    return folder


if __name__ == "__main__":
    main()
