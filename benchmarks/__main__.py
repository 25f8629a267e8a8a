"""The speed the project promises, as ratios taken in one run: `make bench`.

Each side is a process of its own, timed from its start; the sides of a ratio take turns, so that a busy machine slows
both. The model must be in the cache (it is fetched first). Nothing here is a test: numbers of one machine prove little
on another, ratios prove more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import lecture
from benchmarks.many import prompts, write_spec

ROOT = Path(__file__).resolve().parent.parent
MANY = 1000
LAYERBOOK = [sys.executable, "-m", "layerbook"]


@dataclass(frozen=True)
class Taken:
    """What one process took: seconds on the wall, and its largest resident memory in megabytes."""

    seconds: float
    megabytes: float


def timed(command: list[str], cwd: Path) -> Taken:
    """Run a command to its end; its own output is shown only where it fails."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(
                f"{' '.join(command)} ended with {process.returncode}:\n{said.read().decode(errors='replace')}"
            )
    return Taken(seconds, usage.ru_maxrss / 1024)


class Book:
    """A book's sources in a folder of their own, without results and without a working cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.changed = folder, 0

    @classmethod
    def of_the_lecture(cls, folder: Path) -> Book:
        """Only what the lecture shows, which is what the naive script does."""
        lecture.write(folder)
        return cls(folder)

    @classmethod
    def whole(cls, folder: Path) -> Book:
        """The book as it is."""
        shutil.copytree(
            ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("results")
        )
        shutil.copytree(
            ROOT / "templates", folder / "templates", ignore=shutil.ignore_patterns("__pycache__")
        )
        return cls(folder)

    def forget(self) -> None:
        """As after a fresh checkout, with no results."""
        for name in ("experiments/results", ".layerbook", "site"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def layerbook(self, *arguments: str) -> Taken:
        """Run the command line on this book."""
        return timed([*LAYERBOOK, *arguments], self.folder)

    def cold(self) -> Taken:
        """A build after a fresh checkout, with no results."""
        self.forget()
        return self.layerbook("build", "--quiet")

    def nothing(self) -> Taken:
        """A build with nothing to do."""
        return self.layerbook("build", "--quiet")

    def prose(self) -> Taken:
        """A build after a sentence was added to a chapter."""
        with (self.folder / "templates" / "chapters" / "mlp.md").open(
            "a", encoding="utf-8"
        ) as file:
            file.write("\nOne more sentence.\n")
        return self.layerbook("build", "--quiet")

    def prompt(self) -> Taken:
        """A build after the prompt of one experiment was changed: the model is loaded, and one pass runs."""
        spec = self.folder / "experiments" / "linear.yaml"
        self.changed += 1
        text = re.sub(
            r"\d+ \+ \d+ = ", f"{self.changed} + 3 = ", spec.read_text(encoding="utf-8"), count=1
        )
        spec.write_text(text, encoding="utf-8")
        return self.layerbook("build", "--quiet")


def main() -> None:
    """Take turns, then print the table, and with `--json FILE` keep the raw seconds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    model = subprocess.run(
        [*LAYERBOOK, "model", "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.rsplit("folder", 1)[1].strip()  # fmt: skip
    taken: dict[str, list[Taken]] = {}
    with tempfile.TemporaryDirectory() as folder:
        books = Book.of_the_lecture(Path(folder) / "lecture"), Book.whole(Path(folder) / "book")
        sides = _sides(*books, Path(folder), model)
        for _ in range(chosen.rounds):
            for name, side in sides.items():
                taken.setdefault(name, []).append(side())
                sys.stderr.write(
                    f"{name}: {taken[name][-1].seconds:.2f} s, {taken[name][-1].megabytes:.0f} MB\n"
                )
    sys.stdout.write(table(taken))
    if chosen.json:
        raw = {name: [[t.seconds, t.megabytes] for t in runs] for name, runs in taken.items()}
        chosen.json.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")


def _sides(part: Book, whole: Book, folder: Path, model: str) -> dict[str, Callable[[], Taken]]:
    """What takes turns, in this order: each builds on the state the one before left."""

    def naive() -> Taken:
        return timed([sys.executable, "-m", "benchmarks.naive", model, str(folder / "naive")], ROOT)

    def run() -> Taken:
        part.forget()
        return part.layerbook("run", "--quiet")

    spec = write_spec(folder / "many", prompts(0, MANY))

    def loop() -> Taken:
        lines, out = folder / "many" / "data" / "prompts.txt", folder / "loop"
        return timed(
            [sys.executable, "-m", "benchmarks.naive_many", model, str(lines), str(out)], ROOT
        )

    def again() -> Taken:
        return timed(
            [*LAYERBOOK, "run", str(spec), "--out", str(folder / "out"), "--quiet"], folder
        )

    def sweep() -> Taken:
        shutil.rmtree(folder / "out", ignore_errors=True)
        return again()

    return {
        "naive script": naive,
        "run": run,
        "cold build": part.cold,
        "build with nothing to do": part.nothing,
        "build after a prose edit": part.prose,
        "build after one prompt changed": part.prompt,
        "cold build of the whole book": whole.cold,
        "its build with nothing to do": whole.nothing,
        "its build after a prose edit": whole.prose,
        f"naive loop over {MANY:,} prompts": loop,
        f"sweep of {MANY:,} prompts": sweep,
        "the same sweep, nothing to do": again,
    }


RATIOS = (
    ("run", "naive script", "0.35"),
    ("cold build", "naive script", "0.5"),
    ("build with nothing to do", "cold build", "0.05"),
    ("build after a prose edit", "cold build", "0.1"),
    ("build after one prompt changed", "cold build", ""),
    ("cold build of the whole book", "naive script", ""),
    ("its build with nothing to do", "cold build of the whole book", "0.05"),
    ("its build after a prose edit", "cold build of the whole book", "0.1"),
    (f"sweep of {MANY:,} prompts", f"naive loop over {MANY:,} prompts", "0.2"),
    ("the same sweep, nothing to do", f"sweep of {MANY:,} prompts", ""),
)


def table(taken: dict[str, list[Taken]]) -> str:
    """The ratios as Markdown: each round's own, their median and their spread, beside the bound."""
    lines = [
        "| ratio of wall time | median | lowest to highest | promised at most |\n|---|---|---|---|\n"
    ]
    for one, other, bound in RATIOS:
        ratios = [a.seconds / b.seconds for a, b in zip(taken[one], taken[other], strict=True)]
        lines.append(
            f"| {one} / {other} | {median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f} | {bound} |\n"
        )
    peaks = [
        max(a.megabytes, c.megabytes) / b.megabytes
        for a, b, c in zip(taken["run"], taken["naive script"], taken["cold build"], strict=True)
    ]
    lines.append(
        f"| peak memory of run and build / naive script | {median(peaks):.3f} "
        f"| {min(peaks):.3f} to {max(peaks):.3f} | 1.25 |\n"
    )
    return "".join(lines)


if __name__ == "__main__":
    main()
