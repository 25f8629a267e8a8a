"""Run single chapter specs, in a book or not, and write their results to a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from layerbook.book.contents import Experiment
from layerbook.book.loader import find_missing_claim_fields, load_chapter, read_book_spec
from layerbook.book.schema import BookSpec
from layerbook.core.analysis import Result
from layerbook.core.errors import Problem, SpecError, StoreError, UsageError
from layerbook.core.own_code import NO_CODE
from layerbook.core.paths import resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.requests import DEFAULT_PRECISION, Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.runner.local import Executor
from layerbook.runner.run import Outcome, make_stored_result, run_and_save
from layerbook.store import results
from layerbook.store.keys import Key, compute_keys
from layerbook.store.project import choose_model, download_hub_model, find_unknown_models
from layerbook.store.trust import load_own_code


class LoadedSpec(NamedTuple):
    """The experiments of a chapter spec, and the model and precision they run with."""

    source: sources.ModelSource
    precision: Precision
    experiments: tuple[Experiment, ...]


def load_spec_file(path: Path, model: str | None, report: Reporter) -> LoadedSpec:
    """Load one chapter spec, in a book or not. Raises SpecError."""
    book = _book_around(path)
    source = choose_model(model, book, path.resolve().parent.parent)
    download_hub_model(source, report)
    own_code = load_own_code(path.resolve().parent.parent) if book is not None else NO_CODE
    experiments = load_chapter(path, source.limits(check_chats=True), own_code).experiments
    if problems := find_missing_claim_fields(experiments) + find_unknown_models(experiments):
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


def run_file(
    spec: LoadedSpec, out: Path, executor: Executor, report: Reporter
) -> tuple[Outcome, ...]:
    """Run one chapter spec, and write `OUT/ID.json` for each experiment that the model can run."""
    experiments = [experiment for experiment in spec.experiments if not experiment.inapplicable]
    folder = ResultFolder(out, spec)
    folder.check(experiments)
    return run_and_save(folder.compute_keys(experiments), folder, executor, report)


@dataclass(frozen=True)
class ResultFolder:
    """A folder, outside of the results of a book, for what a spec measures."""

    path: Path
    spec: LoadedSpec

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the model."""
        return self.spec.source.fingerprint()

    def compute_keys(self, experiments: Sequence[Experiment]) -> Mapping[Experiment, Key]:
        """Return the key that each experiment's result has now."""
        return compute_keys(experiments, self.fingerprint, self.spec.precision)

    def is_current(self, cell: Experiment, key: Key) -> bool:
        """Return whether the result of a cell is there and has this key."""
        with suppress(StoreError):
            return results.read_header(self._file(cell)).key == key
        return False

    def save(self, experiment: Experiment, key: Key, result: Result) -> Outcome:
        """Write a result; replace an older one without comparing it."""
        source = sources.resolve(experiment.model) if experiment.model else self.spec.source
        stored = make_stored_result(experiment, source.name, key, result)
        results.write(self._file(experiment), stored)
        return Outcome(experiment, "new")

    def load(self, experiment: Experiment) -> Result:
        """Load a result. Raises StoreError."""
        return results.load(self._file(experiment), experiment.result_type).result

    def check(self, experiments: Sequence[Experiment]) -> None:
        """Raise UsageError if the folder is a file, or has such results of another chapter."""
        for folder in (self.path, *self.path.parents):
            if folder.exists() and not folder.is_dir():
                raise UsageError(
                    f"--out {self.path}: {folder} is a file; the results need a folder"
                )
        for experiment in experiments:
            path = self._file(experiment)
            with suppress(StoreError):
                chapter = results.read_header(path).chapter
                if chapter != experiment.chapter:
                    raise UsageError(
                        f"{path} is the result of {chapter}/{experiment.id}, which "
                        f"{experiment.address} would overwrite; choose another folder for --out"
                    )

    def _file(self, experiment: Experiment) -> Path:
        """Return the path of a result. Raises OutsideError if a link leads out of the folder."""
        path = results.path_in_folder(self.path, experiment.id)
        resolve_within(self.path, path)
        return path
