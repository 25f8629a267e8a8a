"""Run experiments, compare each result with the stored one, and save it.

torch is imported only when something must run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from layerbook.book.contents import Experiment
from layerbook.book.loader import find_missing_claim_fields
from layerbook.core.analysis import Result
from layerbook.core.errors import (
    LayerbookError,
    RunError,
    SpecError,
    StoreError,
)
from layerbook.core.paths import resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.requests import Precision
from layerbook.core.text import first_few, pluralize
from layerbook.model import sources
from layerbook.runner.local import Executor, LocalExecutor, Measurements
from layerbook.runner.sweep import remove_obsolete_cells, run_sweep
from layerbook.store import results
from layerbook.store.comparison import compare_results, tolerance_of
from layerbook.store.freshness import ExperimentStatus, check_freshness
from layerbook.store.keys import Key
from layerbook.store.project import Project

Verdict = Literal["new", "same", "differs", "failed"]

SOURCES_CHANGED = "its sources changed while it ran; run it again"


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


def open_executor(
    address: str | None, source: sources.ModelSource, precision: Precision, report: Reporter
) -> Executor:
    """Return an executor on the Dask scheduler at an address, or else in this process."""
    if address is None:
        return LocalExecutor(source, report, precision=precision)
    from layerbook.runner.dask import DaskExecutor

    return DaskExecutor(address, source, precision, report)


def run_experiments(
    project: Project,
    work: Sequence[ExperimentStatus],
    report: Reporter,
    *,
    address: str | None = None,
    force: bool = False,
) -> tuple[Outcome, ...]:
    """Run experiments, here or on the Dask scheduler at an address, and save their results.

    A sweep runs only the cells that are not current, or all of them with `force`. A failed
    experiment is an outcome, not an error. Call this under the project's lock. Raises SpecError if
    checks name missing fields, ModelError if the model cannot be loaded.
    """
    if not work:
        return ()
    if problems := find_missing_claim_fields([status.experiment for status in work]):
        raise SpecError(problems)
    keys = {status.experiment: status.key for status in work}
    store = ProjectStore(project, report, force=force)
    with closing(open_executor(address, project.source, project.precision, report)) as executor:
        outcomes = run_and_save(keys, store, executor, report)
    store.report_outdated()
    return outcomes


class ResultStore(Protocol):
    """A place for results: a book, or a folder."""

    def compute_keys(self, experiments: Sequence[Experiment]) -> Mapping[Experiment, Key]:
        """Return the key that each experiment's result has now."""

    def is_current(self, cell: Experiment, key: Key) -> bool:
        """Return whether a cell with this key need not run."""

    def save(self, experiment: Experiment, key: Key, result: Result) -> Outcome:
        """Save a result."""

    def load(self, experiment: Experiment) -> Result:
        """Load a result. Raises StoreError."""


def run_and_save(
    keys: Mapping[Experiment, Key], store: ResultStore, executor: Executor, report: Reporter
) -> tuple[Outcome, ...]:
    """Run experiments with these keys and save their results; all but the sweeps run together."""
    plain = {experiment: key for experiment, key in keys.items() if experiment.sweep is None}
    outcomes = _save_all(store, plain, executor.measure(list(plain)))
    for sweep in [experiment for experiment in keys if experiment.sweep is not None]:
        cells = SavedCells(store)
        table = run_sweep(sweep, executor, cells, report)
        outcome = _save_all(store, {sweep: keys[sweep]}, {sweep: table})[sweep]
        outcomes[sweep] = cells.include_differences(outcome)
    return tuple(outcomes[experiment] for experiment in keys)


def _save_all(
    store: ResultStore, keys: Mapping[Experiment, Key], measured: Measurements
) -> dict[Experiment, Outcome]:
    """Save results, except those whose keys have changed while they were measured."""
    outcomes = {}
    for experiment, current_key in store.compute_keys(list(keys)).items():
        key, result = keys[experiment], measured[experiment]
        if isinstance(result, LayerbookError):
            outcomes[experiment] = Outcome(experiment, "failed", str(result), result.trace)
        elif current_key != key:
            outcomes[experiment] = Outcome(experiment, "failed", SOURCES_CHANGED)
        else:
            outcomes[experiment] = store.save(experiment, key, result)
    return outcomes


class SavedCells:
    """Selects the cells of a sweep that are not current, and saves what they yield."""

    def __init__(self, store: ResultStore) -> None:
        self.store = store
        self._keys: dict[Experiment, Key] = {}  # of the cells that are being measured
        self._differing: list[Outcome] = []

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """Return the cells of a chunk whose results are not current."""
        keys = self.store.compute_keys(chunk)
        cells = [cell for cell in chunk if not self.store.is_current(cell, keys[cell])]
        self._keys |= {cell: keys[cell] for cell in cells}
        return cells

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """Save what was measured; return the stored results of the chunk, so that a table has them.

        A cell that failed has its error instead.
        """
        keys = {cell: self._keys.pop(cell) for cell in measured}
        failed: dict[Experiment, LayerbookError] = {}
        for cell, outcome in _save_all(self.store, keys, measured).items():
            if outcome.verdict == "failed":
                failed[cell] = RunError(outcome.detail, outcome.trace)
            elif outcome.verdict == "differs":
                self._differing.append(outcome)
        return {cell: failed.get(cell) or self._load(cell) for cell in chunk}

    def include_differences(self, outcome: Outcome) -> Outcome:
        """Return the outcome of the sweep: it differs if one of its cells does."""
        if not self._differing or outcome.verdict not in ("same", "differs"):
            return outcome
        count, first = pluralize(len(self._differing), "cell"), self._differing[0]
        detail = f"{count}, the first {first.experiment.id}: {first.detail}"
        return replace(outcome, verdict="differs", detail=detail)

    def _load(self, cell: Experiment) -> Result | LayerbookError:
        try:
            return self.store.load(cell)
        except StoreError as error:
            return error


class ProjectStore:
    """Saves results in a book, each compared with the stored one.

    report: prints which stored results cannot be compared.
    force: run all cells of sweeps, even those that are current.
    """

    def __init__(self, project: Project, report: Reporter, *, force: bool = False) -> None:
        self.project, self.report, self.force = project, report, force
        self._outdated = 0  # stored results with the fields of older code

    def compute_keys(self, experiments: Sequence[Experiment]) -> Mapping[Experiment, Key]:
        """Return the key that each experiment's result has now."""
        return self.project.compute_keys(experiments)

    def is_current(self, cell: Experiment, key: Key) -> bool:
        """Return whether a cell with this key need not run."""
        if self.force:
            return False
        path = self.project.result_path(cell)
        return check_freshness(path, cell.spec(), key, self.project.cache).state == "fresh"

    def save(self, experiment: Experiment, key: Key, result: Result) -> Outcome:
        """Save a result, unless the stored one has the same numbers.

        Raises OutsideError if its folder has become a link, StoreError if the disk refuses.
        """
        path = self.project.result_path(experiment)
        resolve_within(self.project.root, path.parent, links=False)  # it may be a link by now
        if experiment.sweep is not None:
            # Before the table is saved: if this is killed, the next run repeats it.
            remove_obsolete_cells(self.project, experiment)
        old = self._load_stored(path, type(result))
        outcome = Outcome(experiment, "new")
        if old is not None and old.key.spec == key.spec:
            differences = compare_results(old.result, result, tolerance_of(key.precision))
            if differences:
                outcome = Outcome(experiment, "differs", first_few(differences))
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

    def load(self, experiment: Experiment) -> Result:
        """Load a result. Raises StoreError."""
        return results.load(self.project.result_path(experiment), experiment.result_type).result

    def report_outdated(self) -> None:
        """Report the number of stored results with the fields of older code."""
        if self._outdated:
            count = pluralize(self._outdated, "stored result")
            self.report.info(
                f"{count} replaced without comparing the numbers, because the fields of the "
                "analysis have changed"
            )

    def _load_stored(
        self, path: Path, result_type: type[Result]
    ) -> results.StoredResult[Result] | None:
        try:
            return results.load(path, result_type)
        except results.ResultFileError as error:
            if error.reason == "schema":
                self._outdated += 1
            elif error.reason != "missing":
                self.report.info(str(error))
            return None


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
