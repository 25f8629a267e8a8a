"""Run experiments, compare each result with the stored one, and save it.

torch is imported only when something must run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from layerbook.book.loader import (
    Experiment,
    find_missing_claim_fields,
    load_chapter,
    read_book_spec,
)
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
from layerbook.core.paths import resolve_inside
from layerbook.core.progress import Reporter
from layerbook.core.requests import DEFAULT_PRECISION, Precision, Prompt, Request
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.model.plan import PlanCost, TokenIds, make_plan, plan_cost
from layerbook.model.timer import Timer
from layerbook.runner.dask import dask_executor
from layerbook.runner.local import Executor, Measurements, local_executor
from layerbook.runner.sweep import CellStore, NullStore, remove_obsolete_cells, run_sweep
from layerbook.store import results
from layerbook.store.code_digest import analysis_code_digest
from layerbook.store.comparison import Difference, compare_results, tolerance_of
from layerbook.store.freshness import ExperimentStatus, check_freshness
from layerbook.store.key_changes import record_module_digests
from layerbook.store.keys import Key, experiment_key
from layerbook.store.project import Project, download_hub_model, sweep_cells
from layerbook.store.trust import own_code

ExecutorFactory = Callable[
    [sources.ModelSource, Precision, Reporter], AbstractContextManager[Executor]
]
Verdict = Literal["new", "same", "differs", "failed"]

DASK_ADDRESS = re.compile(
    r"dask(?P<tls>\+tls)?://(?P<address>(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5})/?"
)
SOURCES_CHANGED = "its sources changed while it ran; run it again"
MAX_LISTED_DIFFERENCES = 3
MAX_PROMPT_WIDTH = 40


@dataclass(frozen=True)
class Outcome:
    """The outcome of one experiment; `detail` says why it failed or where it differs.

    trace: the traceback of what failed in an analysis.
    """

    experiment: Experiment
    verdict: Verdict
    detail: str = ""
    trace: str = ""


class LoadedSpec(NamedTuple):
    """The experiments of a chapter spec, and the model and precision they run with."""

    source: sources.ModelSource
    precision: Precision
    experiments: tuple[Experiment, ...]


class PlanDescription(NamedTuple):
    """The cost of a run, and its requests as lines."""

    cost: PlanCost
    requests: tuple[str, ...]


def executor_for(name: str | None, timer: Timer | None = None) -> ExecutorFactory:
    """Return a factory for the named executor; by default, this process. Raises UsageError.

    timer: collects the times of a run in this process.
    """
    if name is None:
        return partial(local_executor, timer=timer)
    match = DASK_ADDRESS.fullmatch(name)
    if match is None:
        raise UsageError(
            f"--executor {name}: should be dask://HOST:PORT or dask+tls://HOST:PORT, the address "
            "of a Dask scheduler"
        )
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

    Of a sweep, the cells that are not current run, or all with `force`. A failed experiment is an
    outcome, not an error. Call it under the project's lock. Raises SpecError if checks name
    missing fields, ModelError if the model cannot be loaded.
    """
    if not work:
        return ()
    experiments = [status.experiment for status in work]
    if problems := find_missing_claim_fields(experiments):
        raise SpecError(problems)
    outcomes = []
    with executor_factory(project.source, project.precision, report) as executor:
        cell_store = ProjectCellStore(project, report, force=force)
        measured = _measure_each(experiments, executor, report, lambda _: cell_store)
        keys: dict[Experiment, Key] = {}
        for status, result in zip(work, measured, strict=True):
            experiment = status.experiment
            if experiment.sweep is not None:
                keys |= project.compute_keys([experiment])
                if not isinstance(result, LayerbookError):
                    # Before the table is saved, so that the next run repeats this if it is killed.
                    remove_obsolete_cells(project, experiment)
            elif experiment not in keys:
                keys |= project.compute_keys([e for e in experiments if e.sweep is None])
            outcome = compare_and_save(project, status, keys[experiment], result, report)
            outcomes.append(cell_store.include_cells(outcome))
    record_module_digests(project.cache, work)
    return tuple(outcomes)


def measure(
    source: sources.ModelSource,
    precision: Precision,
    experiments: Sequence[Experiment],
    report: Reporter,
    *,
    executor_factory: ExecutorFactory = local_executor,
    cell_stores: Callable[[Experiment], CellStore] = lambda experiment: NullStore(),
) -> Measurements:
    """Return the result of each experiment, or its error, without saving it.

    cell_stores: returns the object that collects the results of a sweep's cells.
    """
    with executor_factory(source, precision, report) as executor:
        measured = _measure_each(experiments, executor, report, cell_stores)
        return dict(zip(experiments, measured, strict=True))


def run_file(
    spec: LoadedSpec,
    out: Path,
    report: Reporter,
    executor_factory: ExecutorFactory = local_executor,
) -> tuple[Outcome, ...]:
    """Run one chapter spec, and write `OUT/ID.json` for each experiment that the model can run."""
    source, precision = spec.source, spec.precision
    experiments = [experiment for experiment in spec.experiments if not experiment.inapplicable]
    for folder in (out, *out.parents):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: {folder} is a file; the results need a folder")
    for experiment in experiments:
        _refuse_to_overwrite(out, experiment)
    fingerprint = source.fingerprint()
    keys = {e: experiment_key(e, fingerprint, precision) for e in experiments}
    outcomes = []
    with executor_factory(source, precision, report) as executor:
        measured = _measure_each(
            experiments,
            executor,
            report,
            lambda e: FolderCellStore(out, source, fingerprint, precision, e),
        )
        for experiment, result in zip(experiments, measured, strict=True):
            if isinstance(result, LayerbookError):
                outcomes.append(Outcome(experiment, "failed", str(result), result.trace))
            elif experiment_key(experiment, fingerprint, precision) != keys[experiment]:
                outcomes.append(Outcome(experiment, "failed", SOURCES_CHANGED))
            else:
                stored = make_stored_result(experiment, source.name, keys[experiment], result)
                results.write(_path_in_folder(out, experiment.id), stored)
                outcomes.append(Outcome(experiment, "new"))
    return tuple(outcomes)


def _refuse_to_overwrite(out: Path, experiment: Experiment) -> None:
    """Raise UsageError if a folder has the result of another chapter under the same name."""
    path = _path_in_folder(out, experiment.id)
    with suppress(StoreError):
        chapter = results.read_header(path).chapter
        if chapter != experiment.chapter:
            raise UsageError(
                f"{path} is the result of {chapter}/{experiment.id}, which {experiment.address} "
                "would overwrite; choose another folder for --out"
            )


def _measure_each(
    experiments: Sequence[Experiment],
    executor: Executor,
    report: Reporter,
    cell_stores: Callable[[Experiment], CellStore],
) -> Iterator[Result | LayerbookError]:
    """Measure all experiments but sweeps together, then yield each result, running the sweeps."""
    measured = executor.measure([e for e in experiments if e.sweep is None])
    for experiment in experiments:
        if experiment.sweep is None:
            yield measured[experiment]
        else:
            yield run_sweep(experiment, executor, cell_stores(experiment), report)


def compare_and_save(
    project: Project,
    status: ExperimentStatus,
    current_key: Key,
    result: Result | LayerbookError,
    report: Reporter,
) -> Outcome:
    """Save a result, unless the stored one has the same numbers.

    current_key: the key after measuring. The result is dropped if it is not that of `status`.
    """
    experiment, key = status.experiment, status.key
    if isinstance(result, LayerbookError):
        return Outcome(experiment, "failed", str(result), result.trace)
    if current_key != key:
        return Outcome(experiment, "failed", SOURCES_CHANGED)
    path, model = project.result_path(experiment), project.model_name(experiment)
    old = results.load_or_none(path, type(result), lambda error: report.info(str(error)))
    outcome = Outcome(experiment, "new")
    if old is not None and old.key.spec == key.spec:
        differences = compare_results(old.result, result, tolerance_of(key.precision))
        if differences:
            outcome = Outcome(experiment, "differs", _list_differences(differences))
        else:
            outcome = Outcome(experiment, "same")
    if old is not None and outcome.verdict == "same":
        results.update_key(path, old, key)
    else:
        results.write(path, make_stored_result(experiment, model, key, result))
    digest = results.read_header(path).digest
    project.cache.record_computed(model, experiment.chapter, experiment.id, key.digest, digest)
    return outcome


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

    def __init__(self, project: Project, report: Reporter, *, force: bool) -> None:
        self.project, self.report, self.force = project, report, force
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
            outcome = compare_and_save(self.project, status, keys[cell], result, self.report)
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


class FolderCellStore:
    """Stores the results of a sweep's cells in a folder outside of any book."""

    def __init__(
        self,
        out: Path,
        source: sources.ModelSource,
        fingerprint: sources.Fingerprint,
        precision: Precision,
        sweep: Experiment,
    ) -> None:
        self.out, self.source, self.fingerprint = out, source, fingerprint
        self.precision = precision
        self.code = analysis_code_digest(type(sweep.analysis).__module__)

    def cells_to_measure(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        return [cell for cell in chunk if self._load(cell) is None]

    def collect(self, chunk: Sequence[Experiment], measured: Measurements) -> Measurements:
        for cell, result in measured.items():
            if not isinstance(result, LayerbookError):
                model = sources.resolve(cell.model).name if cell.model else self.source.name
                stored = make_stored_result(cell, model, self._key(cell), result)
                results.write(_path_in_folder(self.out, cell.id), stored)
        lost = RunError("its result was removed during the run; run it again")
        return {cell: measured.get(cell) or self._load(cell) or lost for cell in chunk}

    def _key(self, cell: Experiment) -> Key:
        return experiment_key(cell, self.fingerprint, self.precision, self.code)

    def _load(self, cell: Experiment) -> Result | None:
        """Return a cell's result if it has the current key."""
        path = _path_in_folder(self.out, cell.id)
        with suppress(StoreError):
            if results.read_header(path).key == self._key(cell):
                return results.load(path, cell.result_type).result
        return None


def _path_in_folder(out: Path, id: str) -> Path:
    """Return the path of a result. Raises OutsideError if a link in `out` leads elsewhere."""
    path = results.path_in_folder(out, id)
    resolve_inside(out, path)
    return path


def load_spec_file(path: Path, model: str | None, report: Reporter) -> LoadedSpec:
    """Load one chapter spec, in a book or not. Raises SpecError."""
    book = _book_around(path)
    if model is None and book is not None:
        source = sources.resolve_as(book.model, book.model_name)
    else:
        source = sources.resolve(sources.DEFAULT_MODEL if model is None else model)
    download_hub_model(source, report)
    own = own_code(path.resolve().parent.parent) if book is not None else NO_CODE
    experiments = load_chapter(path, source.limits(check_chats=True), own).experiments
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


def describe_plan(
    source: sources.ModelSource, experiments: Sequence[Experiment]
) -> PlanDescription:
    """Describe the cost of running these experiments, without loading the model.

    Lengths are known only if the tokenizer is on this machine.
    """
    run_plan = make_plan(
        request
        for experiment in experiments
        for part in _runnable_parts(experiment)
        for request in part.analysis.runs().values()
    )
    token_ids = None
    if directory := source.local_dir():
        from layerbook.model.tokenizer import ModelTokenizer

        tokenizer = ModelTokenizer.load(directory)

        def token_ids(prompt: Prompt) -> TokenIds:
            return tokenizer.encode(prompt).ids

    cost = plan_cost(run_plan, token_ids)
    return PlanDescription(cost, tuple(map(_describe_request, run_plan.requests)))


def _runnable_parts(experiment: Experiment) -> Iterator[Experiment]:
    """Yield an experiment, or the cells of a sweep."""
    if experiment.sweep is None:
        yield experiment
    else:
        yield from (cell for _, cell in sweep_cells(experiment))


def _describe_request(request: Request) -> str:
    prompt: Prompt | None = getattr(request, "prompt", None)
    description = type(request).__name__
    if prompt is not None:
        description += f" {_describe_prompt(prompt)}"
    if sites := sorted(str(site) for site in getattr(request, "keep", ())):
        description += f" keeping {', '.join(sites)}"
    return description


def _describe_prompt(prompt: Prompt) -> str:
    if prompt.generated is not None:
        step = "" if prompt.frame is None else f", as step {prompt.frame} sees it"
        return f"[what follows {_describe_prompt(prompt.generated.prompt)}{step}]"
    if prompt.ids:
        return f"[{len(prompt.ids)} ids]"
    if prompt.special:
        return f"[{prompt.special}]"
    text = prompt.text if prompt.text is not None else prompt.messages[-1].content
    if len(text) > MAX_PROMPT_WIDTH:
        text = text[: MAX_PROMPT_WIDTH - 1] + "…"
    shuffled = "" if prompt.shuffle_seed is None else f" (ids shuffled, seed {prompt.shuffle_seed})"
    return repr(text) + shuffled
