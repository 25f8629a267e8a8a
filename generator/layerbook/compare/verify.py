"""Run a book's experiments again from nothing and compare them with the committed results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, StoreError
from layerbook.core.progress import Reporter
from layerbook.model.timer import Timer
from layerbook.runner.local import Measurements, require_model_libraries
from layerbook.runner.run import executor_for, measure
from layerbook.store import results, tolerance
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project
from layerbook.store.tolerance import Comparison, Difference
from layerbook.store.verification import (
    VerificationEntry,
    round_seconds,
    round_up_to_power_of_ten,
)

Verdict = Literal["agrees", "differs", "failed", "not current"]


@dataclass(frozen=True)
class ExperimentCheck:
    """The verdict on one experiment over all runs.

    gap, place: the largest gap, and where it is. gaps: the largest gap by number of threads.
    apart: the first place beyond the tolerance. detail: the values there, or why there is no
    comparison. digest: of the committed result. seconds: of the run with the most threads.
    """

    address: str
    verdict: Verdict
    gap: float = 0.0
    place: str = ""
    gaps: Mapping[int, float] | None = None
    apart: str = ""
    detail: str = ""
    digest: str = ""
    seconds: float | None = None

    @classmethod
    def not_current(cls, address: str, reason: str) -> ExperimentCheck:
        """Make the check of an experiment without a current result."""
        return cls(address, "not current", detail=reason)

    @classmethod
    def failed(cls, address: str, error: LayerbookError, digest: str) -> ExperimentCheck:
        """Make the check of an experiment that failed."""
        return cls(address, "failed", detail=str(error), digest=digest)

    @classmethod
    def compared(
        cls,
        address: str,
        comparisons: Mapping[int, Comparison],
        digest: str,
        seconds: float | None,
    ) -> ExperimentCheck:
        """Make the check of an experiment from its comparisons by number of threads."""
        widest = max(comparisons.values(), key=lambda comparison: comparison.largest_gap)
        differences = [
            difference
            for comparison in comparisons.values()
            for difference in comparison.differences
        ]
        return cls(
            address=address,
            verdict="differs" if differences else "agrees",
            gap=widest.largest_gap,
            place=widest.largest_gap_path,
            gaps={n: comparison.largest_gap for n, comparison in comparisons.items()},
            apart=differences[0].path if differences else "",
            detail=str(differences[0]) if differences else "",
            digest=digest,
            seconds=seconds,
        )

    def record_entry(self, threads: Sequence[int]) -> VerificationEntry | None:
        """Return the entry for the record, or None if nothing was compared."""
        if self.verdict == "failed" or self.verdict == "not current":
            return None
        return VerificationEntry(
            digest=self.digest,
            threads=tuple(threads),
            verdict=self.verdict,
            gap=round_up_to_power_of_ten(self.gap),
            place=self.apart,
            seconds=round_seconds(self.seconds),
        )


@dataclass(frozen=True)
class Verification:
    """The outcome of `verify`: the numbers of threads, and a check of each experiment."""

    threads: tuple[int, ...]
    experiments: tuple[ExperimentCheck, ...]

    @property
    def same(self) -> bool:
        """True if every experiment agrees with its committed result."""
        return all(check.verdict == "agrees" for check in self.experiments)

    def record_entries(self) -> dict[str, VerificationEntry]:
        """Return the entries for the record by the addresses of experiments."""
        entries = {check.address: check.record_entry(self.threads) for check in self.experiments}
        return {address: entry for address, entry in entries.items() if entry}


@dataclass(frozen=True)
class VerificationRun:
    """One run of all experiments: comparisons or errors, and seconds by address."""

    comparisons: Mapping[Experiment, Comparison | LayerbookError]
    seconds: Mapping[str, float]


def verify(
    project: Project,
    statuses: Sequence[ExperimentStatus],
    threads: Sequence[int],
    report: Reporter,
) -> Verification:
    """Run experiments once for each number of threads, loading the model each time.

    Nothing is read from the working cache, and no result is written. Raises ModelError if the
    model cannot be loaded.
    """
    current = [status.experiment for status in statuses if status.freshness.usable]
    runs: dict[int, VerificationRun] = {}
    if current:
        require_model_libraries()
        from layerbook.model.execution import torch_threads

        for count in threads:
            with torch_threads(count):
                runs[count] = _run(project, current, report)
    checks = tuple(_check_experiment(project, status, runs) for status in statuses)
    return Verification(tuple(threads), checks)


def _run(project: Project, experiments: Sequence[Experiment], report: Reporter) -> VerificationRun:
    verifiers = {experiment: CellVerifier(project) for experiment in experiments}
    timer = Timer()
    measured = measure(
        project.source,
        experiments,
        report,
        executor_for(None, timer),
        verifiers.__getitem__,
    )
    comparisons: dict[Experiment, Comparison | LayerbookError] = {}
    for experiment, result in measured.items():
        if isinstance(result, LayerbookError):
            comparisons[experiment] = result
        else:
            own = compare_with_committed(project, experiment, result)
            comparisons[experiment] = own.merged_with(verifiers[experiment].comparison)
    return VerificationRun(
        comparisons, {address: times.total for address, times in timer.experiments.items()}
    )


class CellVerifier:
    """A store of cells that compares each with its committed result and stores nothing."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.comparison = Comparison()

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """Return all cells."""
        return chunk

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """Compare the cells that were measured, and return the results as they are."""
        for cell in chunk:
            result = measured[cell]
            if not isinstance(result, LayerbookError):
                comparison = compare_with_committed(self._project, cell, result)
                self.comparison = self.comparison.merged_with(comparison.prefixed(cell.id))
        return measured


def compare_with_committed(project: Project, experiment: Experiment, result: Result) -> Comparison:
    """Compare a result with the committed one; a committed one that cannot be read differs."""
    try:
        committed = results.load(project.result_path(experiment), experiment.result_type)
    except StoreError as error:
        return Comparison((Difference("its result", str(error), "measured now"),))
    return tolerance.compare_results(committed.result, result)


def _check_experiment(
    project: Project, status: ExperimentStatus, runs: Mapping[int, VerificationRun]
) -> ExperimentCheck:
    experiment, address = status.experiment, status.experiment.address
    if not status.freshness.usable:
        return ExperimentCheck.not_current(address, str(status.freshness))
    try:
        digest = results.read_header(project.result_path(experiment)).digest
    except LayerbookError as error:
        return ExperimentCheck.not_current(address, str(error))
    comparisons = {}
    for threads, run in runs.items():
        comparison = run.comparisons[experiment]
        if isinstance(comparison, LayerbookError):
            return ExperimentCheck.failed(address, comparison, digest)
        comparisons[threads] = comparison
    seconds = runs[max(runs)].seconds.get(address)
    return ExperimentCheck.compared(address, comparisons, digest, seconds)
