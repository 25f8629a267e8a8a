"""Run experiments, compare each result with the stored one, and save it.

torch is imported only when something must run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from layerbook.book.contents import Experiment
from layerbook.book.loader import find_missing_claim_fields
from layerbook.core.analysis import Result
from layerbook.core.errors import (
    LayerbookError,
    RunError,
    SpecError,
    StoreError,
    UsageError,
)
from layerbook.core.paths import resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.requests import Precision
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.runner.local import Executor, Measurements, local_executor
from layerbook.runner.sweep import CellStore, remove_obsolete_cells, run_sweep
from layerbook.store import results
from layerbook.store.comparison import Difference, compare_results, tolerance_of
from layerbook.store.freshness import ExperimentStatus, check_freshness
from layerbook.store.key_changes import record_module_digests
from layerbook.store.keys import Key
from layerbook.store.project import Project

ExecutorFactory = Callable[
    [sources.ModelSource, Precision, Reporter], AbstractContextManager[Executor]
]
Verdict = Literal["new", "same", "differs", "failed"]

DASK_ADDRESS = re.compile(
    r"dask(?P<tls>\+tls)?://(?P<address>(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5})/?"
)
SOURCES_CHANGED = "its sources changed while it ran; run it again"
MAX_LISTED_DIFFERENCES = 3


@dataclass(frozen=True)
class Outcome:
    """The outcome of one experiment.

    detail: why it failed, or where its numbers differ.
    trace: the traceback, if an analysis failed.
    """

    experiment: Experiment
    verdict: Verdict
    detail: str = ""
    trace: str = ""


def executor_for(name: str | None) -> ExecutorFactory:
    """Return a factory for the named executor; by default, this process. Raises UsageError."""
    if name is None:
        return local_executor
    match = DASK_ADDRESS.fullmatch(name)
    if match is None:
        raise UsageError(
            f"--executor {name}: give the address of a Dask scheduler, dask://HOST:PORT or "
            "dask+tls://HOST:PORT"
        )
    from layerbook.runner.dask import dask_executor

    protocol = "tls" if match["tls"] else "tcp"
    return partial(dask_executor, f"{protocol}://{match['address']}")


def run_experiments(
    project: Project,
    work: Sequence[ExperimentStatus],
    report: Reporter,
    executor_factory: ExecutorFactory = local_executor,
    *,
    force: bool = False,
) -> tuple[Outcome, ...]:
    """Run experiments and save their results.

    A sweep runs only the cells that are not current, or all of them with `force`. A failed
    experiment is an outcome, not an error. Call this under the project's lock. Raises SpecError if
    checks name missing fields, ModelError if the model cannot be loaded.
    """
    if not work:
        return ()
    experiments = [status.experiment for status in work]
    if problems := find_missing_claim_fields(experiments):
        raise SpecError(problems)
    outcomes = []
    saver = ResultSaver(project)
    with executor_factory(project.source, project.precision, report) as executor:
        cell_store = ProjectCellStore(saver, force=force)
        measured = measure_each(experiments, executor, report, lambda _: cell_store)
        keys: dict[Experiment, Key] = {}
        for status, result in zip(work, measured, strict=True):
            experiment = status.experiment
            if experiment.sweep is not None:
                keys |= project.compute_keys([experiment])
                if not isinstance(result, LayerbookError):
                    # Before the table is saved: if this is killed, the next run repeats it.
                    remove_obsolete_cells(project, experiment)
            elif experiment not in keys:
                keys |= project.compute_keys([e for e in experiments if e.sweep is None])
            outcome = saver.save(status, keys[experiment], result)
            outcomes.append(cell_store.include_cells(outcome))
    saver.report_unusable(report)
    record_module_digests(project.cache, work)
    return tuple(outcomes)


def measure_each(
    experiments: Sequence[Experiment],
    executor: Executor,
    report: Reporter,
    cell_stores: Callable[[Experiment], CellStore],
) -> Iterator[Result | LayerbookError]:
    """Yield the result of each experiment, in order; all but the sweeps are measured together."""
    measured = executor.measure([e for e in experiments if e.sweep is None])
    for experiment in experiments:
        if experiment.sweep is None:
            yield measured[experiment]
        else:
            yield run_sweep(experiment, executor, cell_stores(experiment), report)


class ResultSaver:
    """Saves the results of a run, each compared with the stored one."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._unusable: list[results.ResultFileError] = []  # of stored results, not compared

    def save(
        self, status: ExperimentStatus, current_key: Key, result: Result | LayerbookError
    ) -> Outcome:
        """Save a result, unless the stored one has the same numbers.

        current_key: the key after measuring. The result is dropped if it is not that of `status`.
        Raises OutsideError if its folder has become a link, StoreError if the disk refuses.
        """
        experiment, key = status.experiment, status.key
        if isinstance(result, LayerbookError):
            return Outcome(experiment, "failed", str(result), result.trace)
        if current_key != key:
            return Outcome(experiment, "failed", SOURCES_CHANGED)
        path = self.project.result_path(experiment)
        resolve_within(self.project.root, path.parent, links=False)  # it may be a link by now
        old = self._load_stored(path, type(result))
        outcome = Outcome(experiment, "new")
        if old is not None and old.key.spec == key.spec:
            differences = compare_results(old.result, result, tolerance_of(key.precision))
            if differences:
                outcome = Outcome(experiment, "differs", _list_differences(differences))
            else:
                outcome = Outcome(experiment, "same")
        if old is not None and outcome.verdict == "same" and results.has_own_header(path, old):
            results.update_key(path, old, key)
        else:
            model = self.project.model_name(experiment)
            results.write(path, make_stored_result(experiment, model, key, result))
        header = results.read_header(path)
        self.project.cache.record_computed(header.name, key.digest, header.digest)
        return outcome

    def _load_stored(
        self, path: Path, result_type: type[Result]
    ) -> results.StoredResult[Result] | None:
        try:
            return results.load(path, result_type)
        except results.ResultFileError as error:
            if error.reason != "missing":
                self._unusable.append(error)
            return None

    def report_unusable(self, report: Reporter) -> None:
        """Report stored results that were not compared; count those with fields of older code."""
        outdated = sum(error.reason == "schema" for error in self._unusable)
        for error in self._unusable:
            if error.reason != "schema":
                report.info(str(error))
        if outdated:
            report.info(
                f"{pluralize(outdated, 'stored result')} replaced without comparing the numbers, "
                "because the fields of the analysis have changed"
            )


def make_stored_result(
    experiment: Experiment, model: str, key: Key, result: Result
) -> results.StoredResult[Result]:
    return results.StoredResult(
        id=experiment.id,
        chapter=experiment.chapter,
        analysis=experiment.analysis_name,
        model=model,
        spec=experiment.spec(),
        key=key,
        result=result,
    )


def _list_differences(differences: Sequence[Difference]) -> str:
    listed = "; ".join(map(str, differences[:MAX_LISTED_DIFFERENCES]))
    more = len(differences) - MAX_LISTED_DIFFERENCES
    return f"{listed}; and {more} more" if more > 0 else listed


class ProjectCellStore:
    """Stores the results of cells in a project."""

    def __init__(self, saver: ResultSaver, *, force: bool) -> None:
        self.saver, self.project, self.force = saver, saver.project, force
        self._pending: dict[Experiment, ExperimentStatus] = {}
        self._differing: dict[str, list[str]] = {}  # the cells that differ, by sweep

    def include_cells(self, outcome: Outcome) -> Outcome:
        """Return the outcome of a sweep: it differs if one of its cells does."""
        differing = self._differing.get(outcome.experiment.address)
        if not differing or outcome.verdict not in ("same", "differs"):
            return outcome
        count = pluralize(len(differing), "cell")
        return replace(outcome, verdict="differs", detail=f"{count}, the first {differing[0]}")

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        for cell, key in self.project.compute_keys(chunk).items():
            freshness = check_freshness(self.project.result_path(cell), key, self.project.cache)
            if self.force or freshness.state != "fresh":
                self._pending[cell] = ExperimentStatus(cell, key, freshness)
        return [cell for cell in chunk if cell in self._pending]

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        keys = self.project.compute_keys(list(measured))
        failed: dict[Experiment, LayerbookError] = {}
        for cell, result in measured.items():
            status = self._pending.pop(cell)
            outcome = self.saver.save(status, keys[cell], result)
            if outcome.verdict == "failed":
                failed[cell] = RunError(outcome.detail, outcome.trace)
            elif outcome.verdict == "differs":
                sweep = cell.address.partition(".")[0]
                self._differing.setdefault(sweep, []).append(f"{cell.id}: {outcome.detail}")
        return {cell: failed.get(cell) or self._load(cell) for cell in chunk}

    def _load(self, cell: Experiment) -> Result | LayerbookError:
        """Load a result from disk, so that the table is built from the stored numbers."""
        try:
            return results.load(self.project.result_path(cell), cell.result_type).result
        except StoreError as error:
            return error
