"""Run a book's experiments again and compare them with the committed results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from layerbook.book.contents import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, StoreError
from layerbook.core.progress import Reporter
from layerbook.runner.local import LocalExecutor, Measurements
from layerbook.runner.sweep import run_sweep
from layerbook.store import results
from layerbook.store.comparison import Difference, compare_results, tolerance_of
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project

Verdict = Literal["same", "differs", "failed", "not current"]


@dataclass(frozen=True)
class ExperimentCheck:
    """The verdict on one experiment.

    differences: the numbers that differ, including those in the cells of a sweep. detail: the
    reason why nothing was compared.
    """

    address: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    detail: str = ""


def verify(
    project: Project, statuses: Sequence[ExperimentStatus], report: Reporter
) -> tuple[ExperimentCheck, ...]:
    """Run experiments and compare each with its committed result.

    Nothing is read from the working cache, and no result is written. Raises ModelError if the
    model cannot be loaded.
    """
    current = [status.experiment for status in statuses if status.freshness.usable]
    sweeps = {e: CellVerifier(project) for e in current if e.sweep is not None}
    measured: dict[Experiment, Result | LayerbookError] = {}
    if current:
        executor = LocalExecutor(project.source, report, precision=project.precision)
        measured |= executor.measure([e for e in current if e.sweep is None])
        for sweep, verifier in sweeps.items():
            measured[sweep] = run_sweep(sweep, executor, verifier, report)
    checks = []
    for status in statuses:
        experiment = status.experiment
        if experiment in measured:
            cells = sweeps[experiment].differences if experiment in sweeps else []
            checks.append(_check(project, experiment, measured[experiment], cells))
        else:
            detail = str(status.freshness)
            checks.append(ExperimentCheck(experiment.address, "not current", detail=detail))
    return tuple(checks)


class CellVerifier:
    """A store of cells that compares each cell with its committed result and stores nothing."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.differences: list[Difference] = []

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """Return all cells."""
        return chunk

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """Compare the measured cells, and return the results unchanged."""
        for cell in chunk:
            result = measured[cell]
            if not isinstance(result, LayerbookError):
                differences = compare_with_committed(self._project, cell, result)
                self.differences += (difference.prefixed(cell.id) for difference in differences)
        return measured


def compare_with_committed(
    project: Project, experiment: Experiment, result: Result
) -> tuple[Difference, ...]:
    """Compare a result with the committed one. A committed result that is unreadable differs."""
    try:
        committed = results.load(project.result_path(experiment), experiment.result_type)
    except StoreError as error:
        return (Difference("its result", str(error), "measured now"),)
    return compare_results(committed.result, result, tolerance_of(committed.key.precision))


def _check(
    project: Project,
    experiment: Experiment,
    result: Result | LayerbookError,
    cell_differences: Sequence[Difference],
) -> ExperimentCheck:
    if isinstance(result, LayerbookError):
        return ExperimentCheck(experiment.address, "failed", detail=str(result))
    differences = (*compare_with_committed(project, experiment, result), *cell_differences)
    verdict: Verdict = "differs" if differences else "same"
    return ExperimentCheck(experiment.address, verdict, differences)
