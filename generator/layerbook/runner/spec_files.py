"""Run single chapter specs, in a book or not, and write their results to a folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from layerbook.book.contents import Experiment
from layerbook.book.loader import find_missing_claim_fields, load_chapter, read_book_spec
from layerbook.book.schema import BookSpec
from layerbook.core.analysis import Result
from layerbook.core.errors import (
    LayerbookError,
    Problem,
    RunError,
    SpecError,
    StoreError,
    UsageError,
)
from layerbook.core.own_code import NO_CODE
from layerbook.core.paths import resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.requests import DEFAULT_PRECISION, Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.runner.local import Measurements, local_executor
from layerbook.runner.run import (
    SOURCES_CHANGED,
    ExecutorFactory,
    Outcome,
    make_stored_result,
    measure_each,
)
from layerbook.store import results
from layerbook.store.code_digest import analysis_code_digest
from layerbook.store.keys import Key, experiment_key
from layerbook.store.project import download_hub_model
from layerbook.store.trust import load_own_code


class LoadedSpec(NamedTuple):
    """The experiments of a chapter spec, and the model and precision they run with."""

    source: sources.ModelSource
    precision: Precision
    experiments: tuple[Experiment, ...]


def load_spec_file(path: Path, model: str | None, report: Reporter) -> LoadedSpec:
    """Load one chapter spec, in a book or not. Raises SpecError."""
    book = _book_around(path)
    if model is None and book is not None:
        source = sources.resolve_as(book.model, book.model_name)
    else:
        source = sources.resolve(sources.DEFAULT_MODEL if model is None else model)
    download_hub_model(source, report)
    own_code = load_own_code(path.resolve().parent.parent) if book is not None else NO_CODE
    experiments = load_chapter(path, source.limits(check_chats=True), own_code).experiments
    if problems := find_missing_claim_fields(experiments):
        raise SpecError(problems)
    return LoadedSpec(source, book.precision if book else DEFAULT_PRECISION, experiments)


def check_spec_files(paths: Sequence[Path], model: str | None, report: Reporter) -> int:
    """Check chapter specs; return their number of experiments. Raises SpecError."""
    problems: list[Problem] = []
    count = 0
    for path in paths:
        try:
            count += len(load_spec_file(path, model, report).experiments)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return count


def _book_around(path: Path) -> BookSpec | None:
    """Return the book.yaml of the book that contains a spec; None if there is no such book."""
    folder = path.resolve().parent
    in_book = folder.name == "experiments" and (folder / "book.yaml").is_file()
    return read_book_spec(folder.parent) if in_book else None


@dataclass(frozen=True)
class ResultFolder:
    """A folder, outside of the results of a book, for what a spec measures."""

    path: Path
    source: sources.ModelSource
    precision: Precision
    fingerprint: Fingerprint

    def file(self, id: str) -> Path:
        """Return the path of a result. Raises OutsideError if a link leads out of the folder."""
        path = results.path_in_folder(self.path, id)
        resolve_within(self.path, path)
        return path

    def key(self, experiment: Experiment, code: str | None = None) -> Key:
        """Return the key that an experiment's result has now."""
        return experiment_key(experiment, self.fingerprint, self.precision, code)

    def write(self, experiment: Experiment, key: Key, result: Result) -> None:
        """Write a result."""
        model = (sources.resolve(experiment.model) if experiment.model else self.source).name
        results.write(self.file(experiment.id), make_stored_result(experiment, model, key, result))

    def check(self, experiments: Sequence[Experiment]) -> None:
        """Raise UsageError if the folder is a file, or has such results of another chapter."""
        for folder in (self.path, *self.path.parents):
            if folder.exists() and not folder.is_dir():
                raise UsageError(
                    f"--out {self.path}: {folder} is a file; the results need a folder"
                )
        for experiment in experiments:
            path = self.file(experiment.id)
            with suppress(StoreError):
                chapter = results.read_header(path).chapter
                if chapter != experiment.chapter:
                    raise UsageError(
                        f"{path} is the result of {chapter}/{experiment.id}, which "
                        f"{experiment.address} would overwrite; choose another folder for --out"
                    )


def run_file(
    spec: LoadedSpec,
    out: Path,
    report: Reporter,
    executor_factory: ExecutorFactory = local_executor,
) -> tuple[Outcome, ...]:
    """Run one chapter spec, and write `OUT/ID.json` for each experiment that the model can run."""
    source, precision = spec.source, spec.precision
    experiments = [experiment for experiment in spec.experiments if not experiment.inapplicable]
    folder = ResultFolder(out, source, precision, source.fingerprint())
    folder.check(experiments)
    keys = {experiment: folder.key(experiment) for experiment in experiments}
    outcomes = []
    with executor_factory(source, precision, report) as executor:
        measured = measure_each(
            experiments, executor, report, lambda sweep: FolderCellStore(folder, sweep)
        )
        for experiment, result in zip(experiments, measured, strict=True):
            if isinstance(result, LayerbookError):
                outcomes.append(Outcome(experiment, "failed", str(result), result.trace))
            elif folder.key(experiment) != keys[experiment]:
                outcomes.append(Outcome(experiment, "failed", SOURCES_CHANGED))
            else:
                folder.write(experiment, keys[experiment], result)
                outcomes.append(Outcome(experiment, "new"))
    return tuple(outcomes)


class FolderCellStore:
    """Stores the results of a sweep's cells in a folder."""

    def __init__(self, folder: ResultFolder, sweep: Experiment) -> None:
        self.folder = folder
        self.code = analysis_code_digest(type(sweep.analysis).__module__)

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        return [cell for cell in chunk if self._load(cell) is None]

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        for cell, result in measured.items():
            if not isinstance(result, LayerbookError):
                self.folder.write(cell, self.folder.key(cell, self.code), result)
        error = RunError("its result was removed during the run; run it again")
        return {cell: measured.get(cell) or self._load(cell) or error for cell in chunk}

    def _load(self, cell: Experiment) -> Result | None:
        """Return a cell's result if it has the current key."""
        path = self.folder.file(cell.id)
        with suppress(StoreError):
            if results.read_header(path).key == self.folder.key(cell, self.code):
                return results.load(path, cell.result_type).result
        return None
