"""Run experiments: plan, execute, measure, compare with what is there, keep.

torch is imported only once something must run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from layerbook.book.loader import Experiment, find_missing_claim_fields, load_chapter
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, Problem, SpecError, UsageError
from layerbook.core.progress import Reporter
from layerbook.core.requests import Prompt, Request
from layerbook.model import sources
from layerbook.model.plan import PlanCost, TokenIds, make_plan, plan_cost
from layerbook.model.timer import Timer
from layerbook.runner.executors import ExecutorFactory, local_executor
from layerbook.runner.local import Measurements
from layerbook.runner.outcome import SOURCES_CHANGED, Outcome, compare_and_save, make_stored_result
from layerbook.runner.sweep import CellStore, FolderCellStore, NullStore, refresh_sweep, run_sweep
from layerbook.store import results
from layerbook.store.code_digest import analysis_code_digest
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.key_changes import record_module_digests
from layerbook.store.keys import experiment_key
from layerbook.store.project import Project, sweep_cells

__all__ = [
    "Outcome",
    "check_spec_files",
    "measure",
    "describe_plan",
    "load_spec_file",
    "run_experiments",
    "run_file",
]


def run_experiments(
    project: Project,
    work: Sequence[ExperimentStatus],
    report: Reporter,
    force: bool = False,
    timer: Timer | None = None,
    executor_factory: ExecutorFactory = local_executor,
) -> tuple[Outcome, ...]:
    """Run these experiments and bring their results up to date, one outcome each; equal numbers keep their bytes.

    Of a sweep those cells run that are not current, all with `force`. Call it under the project's lock. A failure of
    one experiment is an outcome, not an error. Raises SpecError where checks name fields that no result has, ModelError
    where the model cannot be had. `timer` collects what the run took.
    """
    if not work:
        return ()
    if problems := find_missing_claim_fields([w.experiment for w in work]):
        raise SpecError(problems)
    wanted = [w.experiment for w in work if w.experiment.sweep is None]
    outcomes = {}
    with executor_factory(project.source, report, timer or Timer()) as executor:
        measured = executor.measure(wanted)
        now = project.compute_keys(wanted)
        for w in work:
            one = w.experiment
            if one.sweep is not None:
                outcomes[one] = refresh_sweep(project, w, executor, report, force)
            else:
                outcomes[one] = compare_and_save(project, w, now[one], measured[one], report)
    record_module_digests(project.cache, work)
    return tuple(outcomes.values())


def measure(
    source: sources.ModelSource,
    wanted: Sequence[Experiment],
    report: Reporter,
    executor_factory: ExecutorFactory = local_executor,
    cell_stores: Callable[[Experiment], CellStore] = lambda experiment: NullStore(),
    timer: Timer | None = None,
) -> Measurements:
    """The result of each experiment, or the error that it ended with; nothing is read from disk or kept.

    shelves: who sees the cells of a sweep as they are measured. timer: collects what it takes.
    """
    found: dict[Experiment, Result | LayerbookError] = {}
    with executor_factory(
        source, report, timer or Timer()
    ) as executor:
        found |= executor.measure([one for one in wanted if one.sweep is None])
        for one in wanted:
            if one.sweep is not None:
                found[one] = run_sweep(one, executor, cell_stores(one), report)
    return {one: found[one] for one in wanted}


def run_file(
    path: Path,
    out: Path,
    model: str | None,
    report: Reporter,
    timer: Timer | None = None,
    executor_factory: ExecutorFactory = local_executor,
) -> tuple[Outcome, ...]:
    """Run one chapter spec, in a book or out of any, and write `OUT/ID.json` for each of its experiments."""
    source, wanted = load_spec_file(path, model, report)
    _check_folder(out)
    fingerprint = source.fingerprint()
    before = {experiment: experiment_key(experiment, fingerprint) for experiment in wanted}
    outcomes = []
    with executor_factory(
        source, report, timer or Timer()
    ) as executor:
        found = dict(executor.measure([one for one in wanted if one.sweep is None]))
        for experiment in wanted:
            if experiment.sweep is not None:
                cell_store = FolderCellStore(
                    out,
                    source,
                    fingerprint,
                    analysis_code_digest(type(experiment.analysis).__module__),
                )
                found[experiment] = run_sweep(experiment, executor, cell_store, report)
            result = found[experiment]
            if isinstance(result, LayerbookError):
                outcomes.append(Outcome(experiment, "failed", str(result)))
            elif experiment_key(experiment, fingerprint) != before[experiment]:
                outcomes.append(Outcome(experiment, "failed", SOURCES_CHANGED))
            else:
                made = make_stored_result(experiment, source.name, before[experiment], result)
                results.write(results.path_in_folder(out, experiment.id), made)
                outcomes.append(Outcome(experiment, "new"))
    return tuple(outcomes)


def _check_folder(out: Path) -> None:
    """Said before the model runs, not after: the results need a folder that can be."""
    for folder in (out, *out.parents):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: {folder} is a file; the results need a folder")


def load_spec_file(
    path: Path, model: str | None, report: Reporter
) -> tuple[sources.ModelSource, tuple[Experiment, ...]]:
    source = sources.resolve(_model_beside(path) if model is None else model)
    if source.local_dir() is None and source.kind == "hub":
        source.prepare(report)
    found = load_chapter(path, source.limits()).experiments
    if problems := find_missing_claim_fields(found):
        raise SpecError(problems)
    return source, found


def check_spec_files(paths: Sequence[Path], model: str | None, report: Reporter) -> int:
    """Check chapter specs, in a book or not; the number of experiments in them. SpecError with all their problems."""
    problems: list[Problem] = []
    count = 0
    for path in paths:
        try:
            count += len(load_spec_file(path, model, report)[1])
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return count


def _model_beside(path: Path) -> str:
    """The model of the book that a spec lies in; the default model for a spec by itself."""
    from layerbook.book.loader import read_model_name

    root = path.resolve().parent.parent
    if (
        path.resolve().parent.name == "experiments"
        and (root / "experiments" / "book.yaml").is_file()
    ):
        return read_model_name(root)
    return sources.DEFAULT_MODEL


def describe_plan(
    source: sources.ModelSource, wanted: Sequence[Experiment]
) -> tuple[PlanCost, tuple[str, ...]]:
    """What running these experiments would take, and the passes as lines; the model itself is not loaded.

    Lengths are known only where the tokenizer is on this machine already.
    """
    made = make_plan(
        request for e in wanted for one in _cells(e) for request in one.analysis.runs().values()
    )
    ids_of = None
    if directory := source.local_dir():
        from layerbook.model.tokenizer import ModelTokenizer

        tokenizer = ModelTokenizer.load(directory)

        def ids_of(prompt: Prompt) -> TokenIds:
            return tokenizer.encode(prompt).ids

    return plan_cost(made, ids_of), tuple(_line(request) for request in made.requests)


def _cells(experiment: Experiment) -> Iterator[Experiment]:
    """What of an experiment runs: itself, or the cells of its sweep."""
    if experiment.sweep is not None:
        yield from (cell for _, cell in sweep_cells(experiment))
    else:
        yield experiment


def _line(request: Request) -> str:
    kind = type(request).__name__
    prompt = getattr(request, "prompt", None)
    shown = "" if prompt is None else f" {_cited(prompt)}"
    kept = sorted(str(site) for site in getattr(request, "keep", ()))
    return f"{kind}{shown}" + (f" keeping {', '.join(kept)}" if kept else "")


def _cited(prompt: Prompt) -> str:
    if prompt.generated is not None:
        step = "" if prompt.frame is None else f", as step {prompt.frame} sees it"
        return f"[what follows {_cited(prompt.generated.prompt)}{step}]"
    if prompt.ids:
        return f"[{len(prompt.ids)} ids]"
    if prompt.special:
        return f"[{prompt.special}]"
    text = prompt.text if prompt.text is not None else prompt.messages[-1].content
    shuffled = "" if prompt.shuffle_seed is None else f" (ids shuffled, seed {prompt.shuffle_seed})"
    return repr(text if len(text) <= 40 else text[:39] + "…") + shuffled
