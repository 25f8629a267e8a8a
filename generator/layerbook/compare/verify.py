"""Run a book's experiments again from nothing, and compare with the results that are committed; none is replaced."""

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
from layerbook.runner.run import measure
from layerbook.store import results, tolerance
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project
from layerbook.store.verification import (
    VerificationEntry,
    round_seconds,
    round_up_to_power_of_ten,
)

Verdict = Literal["agrees", "differs", "failed", "not current"]


@dataclass(frozen=True)
class ExperimentCheck:
    """One experiment: its verdict over all runs, the largest gap and where, and the gap by the number of threads.

    apart: the first place beyond the tolerance. detail: what stands there, why it failed, or what it is instead of
    current. digest: of the result that was compared. seconds: its share of the run with the most threads.
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

    def record_entry(self, threads: Sequence[int]) -> VerificationEntry | None:
        """What the record keeps of it; None where nothing was compared."""
        if self.verdict == "failed" or self.verdict == "not current":
            return None
        return VerificationEntry(
            self.digest,
            tuple(threads),
            self.verdict,
            round_up_to_power_of_ten(self.gap),
            self.apart,
            round_seconds(self.seconds),
        )


@dataclass(frozen=True)
class Verification:
    """The outcome of a run of `verify`: the numbers of threads and a check of each experiment."""

    threads: tuple[int, ...]
    experiments: tuple[ExperimentCheck, ...]

    @property
    def same(self) -> bool:
        """True if every experiment agrees with its committed result."""
        return all(one.verdict == "agrees" for one in self.experiments)


def verify(
    project: Project,
    work: Sequence[ExperimentStatus],
    threads: Sequence[int],
    report: Reporter,
) -> Verification:
    """Run the experiments of `work` once for each number of threads, each time with the model loaded anew.

    Nothing is taken from the working cache, and no result is written. Raises ModelError where the model cannot be had.
    """
    able = [one for one in work if one.freshness.usable]
    found: dict[int, CleanRun] = {}
    if able:
        require_model_libraries()
        from layerbook.model.threads import torch_threads

        for count in threads:
            with torch_threads(count):
                found[count] = _run_clean(project, [one.experiment for one in able], report)
    return Verification(
        tuple(threads), tuple(_check_experiment(project, one, found) for one in work)
    )


@dataclass(frozen=True)
class CleanRun:
    """One run of everything, compared: by experiment how it compares, or why there is nothing to compare.

    seconds: by address, its share of the run; loading the model is nobody's.
    """

    compared: Mapping[Experiment, tolerance.Comparison | LayerbookError]
    seconds: Mapping[str, float]


def _run_clean(project: Project, wanted: Sequence[Experiment], report: Reporter) -> CleanRun:
    """Measure everything anew and compare it with the committed results."""
    witnesses = {one: CellVerifier(project) for one in wanted}
    timer = Timer()
    measured = measure(
        project.source, wanted, report, cell_stores=witnesses.__getitem__, timer=timer
    )
    compared: dict[Experiment, tolerance.Comparison | LayerbookError] = {}
    for one, result in measured.items():
        if isinstance(result, LayerbookError):
            compared[one] = result
        else:
            compared[one] = (
                witnesses[one].compare_with_committed(one, result).merged_with(witnesses[one].cells)
            )
    return CleanRun(
        compared, {address: times.total for address, times in timer.experiments.items()}
    )


class CellVerifier:
    """Sees each result as it is measured and keeps of it only how it compares with the committed one.

    cells: how the cells of a sweep compare, together.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.cells = tolerance.Comparison((), 0.0)

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """All of them."""
        return chunk

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """As they were measured, and compared on the way; a cell that failed is its sweep's to tell."""
        for one in chunk:
            result = measured[one]
            if not isinstance(result, LayerbookError):
                self.cells = self.cells.merged_with(
                    self.compare_with_committed(one, result).prefixed(one.id)
                )
        return measured

    def compare_with_committed(self, one: Experiment, result: Result) -> tolerance.Comparison:
        """Compare a result with the committed one."""
        path = self.project.result_path(one)
        try:
            committed = results.load(path, one.result_type)
        except StoreError as error:
            return tolerance.Comparison(
                (tolerance.Difference("its result", str(error), "measured now"),), 0.0
            )
        return tolerance.compare_results(committed.result, result)


def _check_experiment(
    project: Project, work: ExperimentStatus, found: Mapping[int, CleanRun]
) -> ExperimentCheck:
    experiment, address = work.experiment, work.experiment.address
    if not work.freshness.usable:
        return ExperimentCheck(address, "not current", detail=str(work.freshness))
    try:
        digest = results.read_header(project.result_path(experiment)).digest
    except LayerbookError as error:
        return ExperimentCheck(address, "not current", detail=str(error))
    compared: dict[int, tolerance.Comparison] = {}
    for count, clean in found.items():
        one = clean.compared[experiment]
        if isinstance(one, LayerbookError):
            return ExperimentCheck(address, "failed", detail=str(one), digest=digest)
        compared[count] = one
    widest = max(compared.values(), key=lambda one: one.largest_gap)
    apart = [difference for one in compared.values() for difference in one.differences]
    return ExperimentCheck(
        address=address,
        verdict="differs" if apart else "agrees",
        gap=widest.largest_gap,
        place=widest.largest_gap_path,
        gaps={count: one.largest_gap for count, one in compared.items()},
        apart=apart[0].path if apart else "",
        detail=str(apart[0]) if apart else "",
        digest=digest,
        seconds=found[max(found)].seconds.get(address),
    )
