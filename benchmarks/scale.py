"""What many prompts cost, as ratios: `make bench-scale`.

Passes are timed in one process, `benchmarks.passes`; memory, and what a book of many cells costs to look at, are those
of whole processes. What does not fit a slow machine runs on a tiny random Llama, and the table says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# Nothing here imports torch: a process begins with the memory of the one that starts it.
from benchmarks.__main__ import LAYERBOOK, ROOT, Taken, timed
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
    """The peak memory of whole runs, of few and of many prompts."""
    taken = []
    for count in (few, many):
        told(f"a run of {count:,} prompts, {on}")
        home = folder / f"memory-{count}"
        spec = write_spec(home, prompts(0, count))
        taken.append(
            timed(
                [*LAYERBOOK, "run", str(spec), "--out", str(home / "out"), "--model", model, "-q"],
                home,
            )
        )
    shown = f"{taken[0].megabytes:,.0f} MB, {taken[1].megabytes:,.0f} MB: {taken[1].megabytes / taken[0].megabytes:.2f}"
    sys.stdout.write(
        written((f"peak memory of a run of {few:,} and of {many:,} prompts, {on}", shown, "flat"))
    )


def looking(folder: Path, model: Path, few: int, many: int) -> None:
    """What a book costs to look at when its sweep has many cells, all of them current."""
    books = {count: folder / f"book-{count}" for count in (few, many)}
    for count, book in books.items():
        told(f"a book of {count:,} cells, built on the tiny model")
        write_spec(book / "experiments", prompts(0, count))
        (book / "experiments" / "book.yaml").write_text(BOOK % model, encoding="utf-8")
        (book / "templates" / "chapters").mkdir(parents=True)
        (book / "templates" / "chapters" / "many.md").write_text("How many?\n", encoding="utf-8")
        timed([*LAYERBOOK, "build", "-q"], book)
    for command in ("check", "status", "build"):
        taken = {
            count: median_of(lambda: timed([*LAYERBOOK, command], book))
            for count, book in books.items()
        }
        shown = ", ".join(
            f"{one.seconds:.1f} s and {one.megabytes:.0f} MB" for one in taken.values()
        )
        sys.stdout.write(
            written(
                (
                    f"`{command}` with nothing to do, {few:,} and {many:,} cells (tiny model)",
                    shown,
                    "alike",
                )
            )
        )


def median_of(side: Callable[[], Taken]) -> Taken:
    """The middle one of three."""
    return sorted((side() for _ in range(3)), key=lambda taken: taken.seconds)[1]


def told(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def written(row: Row) -> str:
    """A row of the table, as Markdown."""
    return f"| {' | '.join(row)} |\n"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--prompts", type=int, default=1024, help="how many go through a sweep on the real model"
    )
    options.add_argument(
        "--cells", type=int, default=10_000, help="how many the book on the tiny model has"
    )
    options.add_argument("--only", choices=("passes", "memory", "looking"), action="append")
    chosen = options.parse_args()
    wanted = chosen.only or ("passes", "memory", "looking")
    sys.stdout.write("| what | measured | promised |\n|---|---|---|\n")
    sys.stdout.flush()
    if "passes" in wanted:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.passes", str(chosen.prompts)], cwd=ROOT, check=True
        )
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        tiny = tiny_model(folder / "tiny")
        if "memory" in wanted:
            memory(folder / "real", "smollm2-135m-instruct", 100, chosen.prompts, "the real model")
            memory(folder / "small", str(tiny), 1000, chosen.cells, "the tiny model")
        if "looking" in wanted:
            looking(folder, tiny, 100, chosen.cells)


def tiny_model(folder: Path) -> Path:
    """The tiny random Llama of the tests, written by a process of its own."""
    folder.mkdir()
    script = "import sys; from pathlib import Path; from tests.tiny_llama import write_tiny_model as w; w(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True)
    return folder


if __name__ == "__main__":
    main()
