"""The progress of a run reaches its end, however many texts one step generates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layerbook.core.progress import SilentReporter, Task
from layerbook.runner.local import LocalExecutor
from layerbook.store.project import open_project


class CountingReporter(SilentReporter):
    """Records the total and the steps of the run."""

    total: int | None = None
    steps = 0

    def advance(self, amount: int = 1) -> None:
        """Count the steps."""
        self.steps += amount

    @contextmanager
    def task(self, label: str, total: int | None, unit: str = "") -> Iterator[Task]:
        """Record the total."""
        self.total = total
        yield self


def test_run_with_a_batch_of_generations_ends_at_its_total(book: Path) -> None:
    """Two texts are generated in one step."""
    words = book / "experiments" / "words.yaml"
    words.write_text(
        words.read_text().replace('prompts: ["The cat"]', 'prompts: ["The cat", "A dog"]')
    )
    project = open_project(book)
    LocalExecutor(project.source, SilentReporter()).measure(
        list(project.experiments()), reporter := CountingReporter()
    )
    assert reporter.steps == reporter.total
