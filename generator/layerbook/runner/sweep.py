"""Run sweeps: measure the cells in chunks, store each chunk, then build the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice, tee
from typing import Any, Protocol

from layerbook.book.contents import Experiment
from layerbook.book.sweep import GridCell, Sweep, SweepResult
from layerbook.core import atomic
from layerbook.core.errors import LayerbookError, RunError
from layerbook.core.progress import Reporter
from layerbook.core.text import pluralize
from layerbook.runner.local import Executor, Measurements
from layerbook.store.project import Project, sweep_cells

# Cells that run together: enough to fill batches. A killed run loses its unfinished chunks.
CHUNK_SIZE = 256


class CellStore(Protocol):
    """Stores the results of cells."""

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """Return the cells of a chunk whose results are not current."""

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        """Store what was measured; return the result or error of every cell of the chunk."""


def run_sweep(
    experiment: Experiment, executor: Executor, cell_store: CellStore, report: Reporter
) -> SweepResult | LayerbookError:
    """Measure the cells of a sweep chunk by chunk, and return their table.

    Return a RunError if cells failed; the others are still measured and stored.
    """
    sweep = _sweep(experiment)
    rows: list[tuple[str, Mapping[str, Any]]] = []
    failures: list[RunError] = []
    # The executor reads ahead, so that it can work on several chunks at once.
    chunks, upcoming = tee(_chunks(experiment))
    to_measure = (cell_store.cells_to_measure(list(chunk)) for chunk in upcoming)
    with report.task(f"{experiment.chapter}/{experiment.id}", len(sweep), "cell") as task:
        for measured, chunk in zip(executor.measure_chunks(to_measure), chunks, strict=False):
            results = cell_store.collect(list(chunk), measured)
            for cell_experiment, cell in chunk.items():
                result = results[cell_experiment]
                try:
                    if isinstance(result, LayerbookError):
                        raise result
                    rows.append((cell_experiment.id, sweep.make_row(cell, result)))
                except LayerbookError as error:
                    failures.append(RunError(f"{cell.description}: {error}", error.trace))
            task.advance(len(chunk))
    if failures:
        return RunError(
            f"{len(failures):,} of {pluralize(len(sweep), 'cell')} failed, "
            f"the others are kept: {failures[0]}",
            failures[0].trace,
        )
    return sweep.make_table(rows)


def remove_obsolete_cells(project: Project, experiment: Experiment) -> None:
    """Remove the results of cells that the grid no longer has."""
    current = {cell_experiment.id for _, cell_experiment in sweep_cells(experiment)}
    name = re.compile(
        rf"({re.escape(experiment.id)}\.[0-9a-f]{{12}})\.(json|[0-9a-f]+\.safetensors)"
    )
    for model in _sweep(experiment).models or ("",):
        folder = project.result_path(replace(experiment, model=model)).with_suffix("")
        atomic.remove_temporary_files(folder, recursive=True)
        for path in list(folder.glob("??/*")):
            match = name.fullmatch(path.name)
            if match and match[1] not in current:
                path.unlink(missing_ok=True)
                with suppress(OSError):  # not empty
                    path.parent.rmdir()


def _chunks(experiment: Experiment) -> Iterator[dict[Experiment, GridCell]]:
    cells = sweep_cells(experiment)
    while chunk := {experiment: cell for cell, experiment in islice(cells, CHUNK_SIZE)}:
        yield chunk


def _sweep(experiment: Experiment) -> Sweep:
    if experiment.sweep is None:
        raise TypeError(f"{experiment.id} is not a sweep")
    return experiment.sweep
