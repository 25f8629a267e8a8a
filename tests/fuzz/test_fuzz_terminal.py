"""Commands on mutated books exit with a documented code and print no control characters."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fixtures.fuzzing import cases, make_monitor, mutate_text
from fixtures.small_book import layerbook

COMMANDS = (
    *(("check",), ("status",), ("status", "--check"), ("build", "--no-run", "--jobs", "1")),
    *(("--debug", "check"), ("schema",), ("clean",), ("check", "experiments/next.yaml")),
)
SOURCES = (
    "experiments/book.yaml",
    "experiments/next.yaml",
    "experiments/words.yaml",
    "templates/chapters/next.md",
    "templates/chapters/words.md",
)
TEXT_LIMIT = 200_000  # characters that a mutated book may add to the longest healthy output
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_commands_on_mutated_books_exit_cleanly(
    book_with_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_monitor(tmp_path)
    monkeypatch.setenv("LAYERBOOK_CACHE", str(monitor.folder / "cache"))
    warm = Path(shutil.copytree(book_with_results, tmp_path / "warm"))
    layerbook("build", "--no-run", "--jobs", "1", cwd=warm)  # imports, and matplotlib's own caches
    limit = len(layerbook("schema", cwd=warm).stdout) + TEXT_LIMIT
    for number, rng in cases("terminal"):
        book = monitor.folder / "book"
        shutil.copytree(book_with_results, book)
        path = book / rng.choice(SOURCES)
        text = mutate_text(rng, path.read_text(), monitor.secret)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        command = rng.choice(COMMANDS)
        with monitor.case(f"terminal {number}", text):
            result = layerbook(*command, cwd=book)
            output = result.stdout + result.stderr
            assert result.returncode in (0, 1, 2)
            assert not CONTROL_CHARACTERS.search(output), output
            assert "Traceback" not in output or "--debug" in command
            assert len(output) < limit
        shutil.rmtree(book)
    monitor.report("commands")
