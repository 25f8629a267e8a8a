"""Running a sweep: its cells in chunks, each kept as soon as it is measured, then the table of them all."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from layerbook.book.claims.check import CheckError
from layerbook.book.loader import Experiment
from layerbook.book.sweep import GridCell, Sweep, SweepResult
from layerbook.core import atomic
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, RunError, StoreError
from layerbook.core.progress import Reporter
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.runner.local import Executor, Measurements
from layerbook.runner.outcome import Outcome, compare_and_save, make_stored_result
from layerbook.store import freshness as status
from layerbook.store import results
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.keys import Key, experiment_key
from layerbook.store.project import Project, sweep_cells

CHUNK_SIZE = 256
"""Cells that run together: enough to fill batches; what a killed run loses is the chunks under way."""


class CellStore(Protocol):
    """Where the results of cells lie: what of a chunk must be measured, and what of it there is then."""

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """The cells of a chunk that are not current."""

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """The result of every cell of the chunk, once those to do were measured, or why there is none."""


class NullStore:
    """Nothing lies anywhere, and nothing is kept."""

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """All of them."""
        return chunk

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """As they were measured."""
        return measured


def run_sweep(
    experiment: Experiment, executor: Executor, cell_store: CellStore, report: Reporter
) -> SweepResult | LayerbookError:
    """The table of a sweep, its cells measured chunk by chunk; RunError, given, where some of them failed.

    A cell that fails stops no other. An executor may have several chunks under way; they are kept in their order.
    """
    sweep = _swept(experiment)
    rows: list[tuple[str, Mapping[str, Any]]] = []
    failed: list[str] = []
    under_way: deque[Sequence[tuple[GridCell, Experiment]]] = deque()

    def asked() -> Iterator[Sequence[Experiment]]:
        for chunk in _batched(sweep_cells(experiment)):
            under_way.append(chunk)
            yield cell_store.cells_to_measure([one for _, one in chunk])

    with report.task(f"{experiment.chapter}/{experiment.id}", len(sweep), "cell") as task:
        for measured in executor.measure_chunks(asked()):
            chunk = under_way.popleft()
            found = cell_store.collect([one for _, one in chunk], measured)
            for cell, one in chunk:
                row = _row(sweep, cell, found[one])
                if isinstance(row, LayerbookError):
                    failed.append(f"{cell.description}: {row}")
                else:
                    rows.append((one.id, row))
            task.advance(len(chunk))
    if failed:
        return RunError(
            f"{len(failed):,} of {pluralize(len(sweep), 'cell')} failed, the others are kept: {failed[0]}"
        )
    return sweep.make_table(rows)


def refresh_sweep(
    project: Project, work: ExperimentStatus, executor: Executor, report: Reporter, force: bool
) -> Outcome:
    """Bring the cells of a sweep up to date, then its table; what no cell of the grid is any more goes."""
    experiment = work.experiment
    made = run_sweep(experiment, executor, _ProjectCellStore(project, report, force), report)
    if not isinstance(made, LayerbookError):
        _sweep_out(
            project, experiment
        )  # before the table is there: killed in between, the next run comes by again
    return compare_and_save(project, work, project.compute_keys([experiment])[experiment], made, report)


class _ProjectCellStore:
    """The cells' results in a project."""

    def __init__(self, project: Project, report: Reporter, force: bool) -> None:
        self.project, self.report, self.force = project, report, force
        self._work: dict[Experiment, ExperimentStatus] = {}

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        keys = self.project.compute_keys(chunk)
        for one in chunk:
            state = status.check_freshness(
                self.project.result_path(one), keys[one], self.project.cache
            )
            if self.force or state.state != "fresh":
                self._work[one] = ExperimentStatus(one, keys[one], state)
        return [one for one in chunk if one in self._work]

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        now = self.project.compute_keys(list(measured))
        outcomes = {
            one: compare_and_save(self.project, self._work.pop(one), now[one], result, self.report)
            for one, result in measured.items()
        }
        return {one: _kept(self.project, one, outcomes.get(one)) for one in chunk}


def _kept(project: Project, cell: Experiment, outcome: Outcome | None) -> Result | LayerbookError:
    """The result of a cell as it is on disk now, so that the table is made of what others will read."""
    if outcome is not None and outcome.verdict == "failed":
        return RunError(outcome.detail)
    try:
        return results.load(project.result_path(cell), cell.result_type).result
    except StoreError as error:
        return error


def _row(
    sweep: Sweep, cell: GridCell, found: Result | LayerbookError
) -> Mapping[str, Any] | LayerbookError:
    if isinstance(found, LayerbookError):
        return found
    try:
        return sweep.make_row(cell, found)
    except CheckError as error:
        return error


def _sweep_out(project: Project, experiment: Experiment) -> None:
    """Remove the results of cells that the grid no longer has."""
    models = _swept(experiment).models or ("",)
    folders = [
        project.result_path(replace(experiment, model=model)).with_suffix("") for model in models
    ]
    for folder in folders:
        atomic.remove_temporary_files(folder, recursive=True)
    wanted = {one.id for _, one in sweep_cells(experiment)}
    name = re.compile(
        rf"({re.escape(experiment.id)}\.[0-9a-f]{{12}})\.(json|[0-9a-f]+\.safetensors)"
    )
    for path in (path for folder in folders for path in folder.glob("??/*")):
        match = name.fullmatch(path.name)
        if match and match[1] not in wanted:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # where others are left in it
                path.parent.rmdir()


class FolderCellStore:
    """A folder outside of any book; cells that lie there under the same key are not run again."""

    def __init__(
        self, out: Path, source: sources.ModelSource, fingerprint: sources.Fingerprint, closure: str
    ) -> None:
        self.out, self.source, self.fingerprint, self.closure = out, source, fingerprint, closure

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """The cells of which there is no whole entry with their key."""
        return [one for one in chunk if self._there(one) is None]

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """What was measured is written; the others are read."""
        for one, result in measured.items():
            if not isinstance(result, LayerbookError):
                model = sources.resolve(one.model).name if one.model else self.source.name
                results.write(
                    results.path_in_folder(self.out, one.id),
                    make_stored_result(one, model, self._key(one), result),
                )
        gone = RunError("its result went away while others ran; run it again")
        return {
            one: measured[one] if one in measured else self._there(one) or gone for one in chunk
        }

    def _key(self, one: Experiment) -> Key:
        return experiment_key(one, self.fingerprint, self.closure)

    def _there(self, one: Experiment) -> Result | None:
        path = results.path_in_folder(self.out, one.id)
        with suppress(StoreError):
            if results.read_header(path).key == self._key(one):
                return results.load(path, one.result_type).result
        return None


def _batched(
    cells: Iterator[tuple[GridCell, Experiment]],
) -> Iterator[Sequence[tuple[GridCell, Experiment]]]:
    while chunk := list(islice(cells, CHUNK_SIZE)):
        yield chunk


def _swept(experiment: Experiment) -> Sweep:
    if experiment.sweep is None:
        raise TypeError(f"{experiment.id} is no sweep")
    return experiment.sweep
