"""Measure the speed of Layerbook as ratios within one run: `make bench`.

Each command is a process, timed from its start. The commands take turns, so that a busy machine
slows both sides of a ratio. The model is fetched first if needed. Ratios say more about another
machine than seconds.
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

import psutil

from benchmarks import lecture, notebook
from benchmarks.many import prompts, write_spec

ROOT = Path(__file__).resolve().parent.parent
MANY = 1000
LAYERBOOK = [sys.executable, "-m", "layerbook"]


@dataclass(frozen=True)
class Usage:
    """The time and memory that a process used.

    seconds: wall time. processor: processor time, including children, in seconds.
    megabytes: peak resident memory.
    """

    seconds: float
    processor: float
    megabytes: float


def timed(command: list[str], cwd: Path) -> Usage:
    """Run a command and measure it; show its output only if it fails.

    Lets Python keep compiled modules, as it does by default.
    """
    env = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            text = output.read().decode(errors="replace")
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Book:
    """The sources of a book in a folder of their own, without results and working cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prompt_edits = 0

    @classmethod
    def lecture_only(cls, folder: Path) -> Book:
        """Write only the experiments of the lecture, as in the naive script."""
        lecture.write(folder)
        return cls(folder)

    @classmethod
    def full(cls, folder: Path) -> Book:
        """Copy the whole book."""
        shutil.copytree(
            ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("results")
        )
        shutil.copytree(
            ROOT / "templates", folder / "templates", ignore=shutil.ignore_patterns("__pycache__")
        )
        return cls(folder)

    def reset(self) -> None:
        """Remove results, cache and site, as in a fresh checkout without results."""
        for name in ("experiments/results", ".layerbook", "site"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def layerbook(self, *arguments: str) -> Usage:
        """Run the command line on this book."""
        return timed([*LAYERBOOK, *arguments], self.folder)

    def cold(self) -> Usage:
        """Build after a fresh checkout without results."""
        self.reset()
        return self.layerbook("build", "--quiet")

    def rebuild(self) -> Usage:
        """Build with nothing to do."""
        return self.layerbook("build", "--quiet")

    def edit_prose(self) -> Usage:
        """Build after adding a sentence to a chapter."""
        self._add_sentence()
        return self.layerbook("build", "--quiet")

    def edit_served_prose(self) -> Usage:
        """Rebuild after a prose edit while `serve` is running.

        Its start and its first rebuild, in which it loads the specs, are not measured.
        """
        command = [*LAYERBOOK, "serve", "--port", "0"]
        with subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                _wait_for_line(process, "Serving ")
                self._add_sentence()
                _wait_for_line(process, "site is current")
                server = psutil.Process(process.pid)
                used_before, start = _processor_seconds(server), time.perf_counter()
                self._add_sentence()
                _wait_for_line(process, "site is current")
                seconds = time.perf_counter() - start
                used = _processor_seconds(server) - used_before
                return Usage(seconds, used, server.memory_info().rss / 1024 / 1024)
            finally:
                process.terminate()

    def edit_prompt(self) -> Usage:
        """Build after changing one prompt: the model is loaded, and one pass runs."""
        spec = self.folder / "experiments" / "case-sums.yaml"
        self.prompt_edits += 1
        prompt = f"{self.prompt_edits} + 3 = "
        text, edits = re.subn(r"\d+ \+ \d+ = ", prompt, spec.read_text("utf-8"), count=1)
        if not edits:
            sys.exit(f"{spec} has no sum to change")
        spec.write_text(text, encoding="utf-8")
        return self.layerbook("build", "--quiet")

    def _add_sentence(self) -> None:
        chapter = self.folder / "templates" / "chapters" / "mlp.md"
        with chapter.open("a", encoding="utf-8") as file:
            file.write("\nOne more sentence.\n")


def _wait_for_line(process: subprocess.Popen[str], beginning: str) -> None:
    """Read the output of a process up to a line that begins like this."""
    for line in process.stdout or ():
        if line.startswith(beginning):
            return
    sys.exit(f"the process ended before it printed {beginning!r}")


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Run all commands in rounds and print the table; `--json FILE` keeps the raw numbers.

    With `--notebook` and `--jupyter`, a notebook is measured too.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--notebook", type=Path, help="a notebook to run beside the book")
    parser.add_argument(
        "--jupyter", help="the Python of an environment with nbclient and jupyter-book<2"
    )
    options = parser.parse_args()
    model = subprocess.run(
        [*LAYERBOOK, "model", "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.rsplit("folder", 1)[1].strip()  # fmt: skip
    usages: dict[str, list[Usage]] = {}
    with tempfile.TemporaryDirectory() as folder:
        books = Book.lecture_only(Path(folder) / "lecture"), Book.full(Path(folder) / "book")
        commands = _commands(*books, Path(folder), model)
        if options.notebook and options.jupyter:
            commands |= _notebook_commands(options.jupyter, options.notebook, Path(folder))
        for _ in range(options.rounds):
            for name, command in commands.items():
                usage = command()
                usages.setdefault(name, []).append(usage)
                sys.stderr.write(
                    f"{name}: {usage.seconds:.2f} s, of the processor {usage.processor:.2f} s, "
                    f"{usage.megabytes:.0f} MB\n"
                )
    sys.stdout.write(table(usages))
    if options.json:
        raw = {
            name: [[t.seconds, t.processor, t.megabytes] for t in runs]
            for name, runs in usages.items()
        }
        options.json.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")


def _commands(
    lecture_book: Book, full_book: Book, folder: Path, model: str
) -> dict[str, Callable[[], Usage]]:
    """Return the commands by name. Each starts from the state that the previous one left."""

    def naive() -> Usage:
        return timed([sys.executable, "-m", "benchmarks.naive", model, str(folder / "naive")], ROOT)

    def run() -> Usage:
        lecture_book.reset()
        return lecture_book.layerbook("run", "--quiet")

    spec = write_spec(folder / "many", prompts(0, MANY))

    def loop() -> Usage:
        lines, out = folder / "many" / "data" / "prompts.txt", folder / "loop"
        return timed(
            [sys.executable, "-m", "benchmarks.naive_many", model, str(lines), str(out)], ROOT
        )

    def repeat_sweep() -> Usage:
        return timed(
            [*LAYERBOOK, "run", str(spec), "--out", str(folder / "out"), "--quiet"], folder
        )

    def sweep() -> Usage:
        shutil.rmtree(folder / "out", ignore_errors=True)
        return repeat_sweep()

    return {
        "naive script": naive,
        "run": run,
        "cold build": lecture_book.cold,
        "build with nothing to do": lecture_book.rebuild,
        "build after a prose edit": lecture_book.edit_prose,
        "build after one prompt changed": lecture_book.edit_prompt,
        "cold build of the whole book": full_book.cold,
        "its build with nothing to do": full_book.rebuild,
        "its build after a prose edit": full_book.edit_prose,
        "its rebuild by serve after a prose edit": full_book.edit_served_prose,
        f"naive loop over {MANY:,} prompts": loop,
        f"sweep of {MANY:,} prompts": sweep,
        "the same sweep, nothing to do": repeat_sweep,
    }


def _notebook_commands(python: str, path: Path, folder: Path) -> dict[str, Callable[[], Usage]]:
    def build() -> Usage:
        return timed(notebook.by_jupyter_book(python, path, folder / "jupyter"), folder)

    return {
        "notebook by nbclient": lambda: timed(notebook.by_nbclient(python, path), folder),
        "notebook by Jupyter Book": build,
    }


RATIOS = (
    ("run", "naive script", "0.35"),
    ("cold build", "naive script", "0.6"),
    ("build with nothing to do", "cold build", "0.05"),
    ("build after a prose edit", "cold build", "0.1"),
    ("build after one prompt changed", "cold build", ""),
    ("cold build of the whole book", "naive script", ""),
    ("its build with nothing to do", "cold build of the whole book", "0.05"),
    ("its build after a prose edit", "cold build of the whole book", "0.1"),
    ("its rebuild by serve after a prose edit", "cold build of the whole book", ""),
    ("cold build", "notebook by nbclient", ""),
    ("cold build", "notebook by Jupyter Book", ""),
    ("notebook by nbclient", "naive script", ""),
    (f"sweep of {MANY:,} prompts", f"naive loop over {MANY:,} prompts", "0.2"),
    ("the same sweep, nothing to do", f"sweep of {MANY:,} prompts", ""),
)


def table(usages: dict[str, list[Usage]]) -> str:
    """Return the ratios of the rounds as Markdown: median, spread and bound."""
    lines = [
        "| ratio | wall time | lowest to highest | processor time | lowest to highest | limit |\n",
        "|---|---|---|---|---|---|\n",
    ]
    for numerator, denominator, bound in RATIOS:
        if numerator in usages and denominator in usages:
            pairs = list(zip(usages[numerator], usages[denominator], strict=True))
            wall = [a.seconds / b.seconds for a, b in pairs]
            processor = [a.processor / b.processor for a, b in pairs]
            columns = [f"{numerator} / {denominator}", spread(wall), spread(processor), bound]
            lines.append(f"| {' | '.join(columns)} |\n")
    runs = zip(usages["run"], usages["cold build"], usages["naive script"], strict=True)
    peaks = [max(run.megabytes, build.megabytes) / naive.megabytes for run, build, naive in runs]
    lines.append(f"| peak memory of run and build / naive script | {spread(peaks)} | | | 1.25 |\n")
    return "".join(lines)


def spread(ratios: list[float]) -> str:
    """Return two cells: the median, and the lowest and highest."""
    return f"{median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f}"


if __name__ == "__main__":
    main()
