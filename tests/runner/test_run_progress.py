"""The progress of a run, and its messages about results that it replaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fixtures.small_book import layerbook
from layerbook.core.analysis import Result
from layerbook.core.progress import Reporter, Task
from layerbook.runner.local import LocalExecutor
from layerbook.store import results
from layerbook.store.project import open_project


class CountingReporter(Reporter, Task):
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
    LocalExecutor(project.source, Reporter()).measure(
        list(project.experiments()), reporter := CountingReporter()
    )
    assert reporter.steps == reporter.total


def test_run_with_patches_from_other_passes_ends_at_its_total(book: Path) -> None:
    """The patched passes are batched apart from the passes that they read."""
    experiment = "{id: heads, title: Heads, analysis: head-knockout, prompt: The cat, other: A dog}"
    with (book / "experiments" / "words.yaml").open("a") as words:
        words.write(f"  - {experiment}\n")
    project = open_project(book)
    LocalExecutor(project.source, Reporter()).measure(
        list(project.experiments()), reporter := CountingReporter()
    )
    assert reporter.steps == reporter.total


class OlderResult(Result):
    """The fields of an older version of an analysis."""

    old_name: float


def test_results_with_renamed_fields_are_reported_in_one_line(book: Path) -> None:
    project = open_project(book)
    layerbook("run", "--quiet", cwd=book, check=True)
    for experiment in project.experiments()[:3]:
        path = project.result_path(experiment)
        stored = results.load(path, experiment.result_type)
        results.write(path, replace(stored, result=OlderResult(old_name=1.0)))
    completed = layerbook("run", cwd=book, check=True)
    (line,) = [line for line in completed.stderr.splitlines() if "replaced" in line]
    assert line.startswith("3 stored results replaced without comparing the numbers")
    assert "old_name" not in completed.stderr
