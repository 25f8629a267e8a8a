"""Running a sweep: its cells in chunks, each kept as soon as it is measured, then the table of them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from generator.analysis import Result
from generator.claims import CheckError
from generator.errors import LayerbookError, RunError, StoreError
from generator.experiments import Experiment
from generator.measuring import Bench
from generator.model import sources
from generator.project import Project, Work, cells_of, key_of
from generator.reporting import Reporter, Silent, counted
from generator.settling import Outcome, envelope, settle
from generator.store import atomic, results, status
from generator.sweep import GridCell, SweepResult, Swept

CHUNK = 256
"""Cells that run together: enough to fill batches; what a killed run loses, and all that memory holds, is one chunk."""

Cells = Callable[[Sequence[Experiment]], Mapping[Experiment, Result | LayerbookError]]


def run_sweep(experiment: Experiment, cells: Cells, report: Reporter) -> SweepResult | LayerbookError:
    """The table of a sweep whose `cells` are measured chunk by chunk; RunError, given, where some of them failed.

    A cell that fails stops no other.
    """
    analysis = _swept(experiment)
    rows: list[tuple[str, Mapping[str, Any]]] = []
    failed: list[str] = []
    with report.task(f"{experiment.chapter}/{experiment.id}", len(analysis), "cell") as task:
        for chunk in _batched(cells_of(experiment)):
            found = cells([one for _, one in chunk])
            for cell, one in chunk:
                row = _row(analysis, cell, found[one])
                if isinstance(row, LayerbookError):
                    failed.append(f"{', '.join(f'{name} {value!r}' for name, value in cell.at.items())}: {row}")
                else:
                    rows.append((one.id, row))
            task.advance(len(chunk))
    if failed:
        return RunError(f"{len(failed):,} of {counted(len(analysis), 'cell')} failed, the others are kept: {failed[0]}")
    return analysis.table(rows)


def refresh_sweep(project: Project, work: Work, bench: Bench, report: Reporter, force: bool) -> Outcome:
    """Bring the cells of a sweep up to date, then its table; what no cell of the grid is any more goes."""
    experiment = work.experiment

    def cells(chunk: Sequence[Experiment]) -> Mapping[Experiment, Result | LayerbookError]:
        keys = project.keys(chunk)
        states = {one: status.freshness(project.entry(one), keys[one], project.cache) for one in chunk}
        todo = [Work(one, keys[one], states[one]) for one in chunk if force or states[one].state != "fresh"]
        measured = bench.measure([w.experiment for w in todo], Silent())
        now = project.keys([w.experiment for w in todo])
        outcomes = {w.experiment: settle(project, w, now[w.experiment], measured[w.experiment], report) for w in todo}
        return {one: _kept(project, one, outcomes.get(one)) for one in chunk}

    found = run_sweep(experiment, cells, report)
    if not isinstance(found, LayerbookError):
        _sweep_out(project, experiment)  # before the table is there: killed in between, the next run comes by again
    return settle(project, work, project.keys([experiment])[experiment], found, report)


def _kept(project: Project, cell: Experiment, outcome: Outcome | None) -> Result | LayerbookError:
    """The result of a cell as it is on disk now, so that the table is made of what others will read."""
    if outcome is not None and outcome.verdict == "failed":
        return RunError(outcome.detail)
    try:
        return results.load(project.entry(cell), cell.analysis.result_type).result
    except StoreError as error:
        return error


def _row(analysis: Swept, cell: GridCell, found: Result | LayerbookError) -> Mapping[str, Any] | LayerbookError:
    if isinstance(found, LayerbookError):
        return found
    try:
        return analysis.row(cell, found)
    except CheckError as error:
        return error


def _sweep_out(project: Project, experiment: Experiment) -> None:
    """Remove the results of cells that the grid no longer has."""
    models = _swept(experiment).models or ("",)
    folders = [project.entry(replace(experiment, model=model)).with_suffix("") for model in models]
    for folder in folders:
        atomic.sweep(folder, deep=True)
    wanted = {one.id for _, one in cells_of(experiment)}
    name = re.compile(rf"({re.escape(experiment.id)}\.[0-9a-f]{{12}})\.(json|[0-9a-f]+\.safetensors)")
    for path in (path for folder in folders for path in folder.glob("??/*")):
        match = name.fullmatch(path.name)
        if match and match[1] not in wanted:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # where others are left in it
                path.parent.rmdir()


def cells_into(out: Path, bench: Bench, fingerprint: sources.Fingerprint, closure: str) -> Cells:
    """Cells measured into a folder outside of any book; those that lie there under the same key are not run again."""

    def cells(chunk: Sequence[Experiment]) -> Mapping[Experiment, Result | LayerbookError]:
        keys = {one: key_of(one, fingerprint, closure) for one in chunk}
        found: dict[Experiment, Result | LayerbookError] = {}
        for one in chunk:
            with suppress(StoreError):
                if results.head(results.place(out, one.id)).key == keys[one]:
                    found[one] = results.load(results.place(out, one.id), one.analysis.result_type).result
        measured = bench.measure([one for one in chunk if one not in found], Silent())
        for one, result in measured.items():
            if not isinstance(result, LayerbookError):
                model = sources.resolve(one.model).name if one.model else bench.source.name
                results.write(results.place(out, one.id), envelope(one, model, keys[one], result))
        return {**found, **measured}

    return cells


def _batched(cells: Iterator[tuple[GridCell, Experiment]]) -> Iterator[Sequence[tuple[GridCell, Experiment]]]:
    while chunk := list(islice(cells, CHUNK)):
        yield chunk


def _swept(experiment: Experiment) -> Swept:
    analysis = experiment.analysis
    if not isinstance(analysis, Swept):
        raise TypeError(f"{experiment.id} is no sweep")
    return analysis
