"""Run experiments: plan, execute, measure, compare with what is there, keep.

torch is imported only once something must run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from layerbook.book.loader import Experiment, claim_problems, load_chapter
from layerbook.book.sweep import Swept
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, Problem, SpecError, UsageError
from layerbook.core.progress import Reporter
from layerbook.core.requests import Prompt, Request
from layerbook.model import download as obtain
from layerbook.model import sources
from layerbook.model.plan import Cost, Ids, cost, plan
from layerbook.model.stopwatch import Stopwatch
from layerbook.runner.executors import Opener, local
from layerbook.runner.local import Measured
from layerbook.runner.outcome import CHANGED, Outcome, envelope, settle
from layerbook.runner.sweep import Folder, NoShelf, Shelf, refresh_sweep, run_sweep
from layerbook.runner.timings import address_of, keep, taken
from layerbook.store import results
from layerbook.store.changes import remember_closures
from layerbook.store.keys import engine_closure
from layerbook.store.project import Project, Work, cells_of, key_of

__all__ = ["Outcome", "check_files", "measure", "open_file", "planned", "refresh", "run_file"]


def refresh(
    project: Project,
    work: Sequence[Work],
    report: Reporter,
    force: bool = False,
    watch: Stopwatch | None = None,
    opener: Opener = local,
) -> tuple[Outcome, ...]:
    """Run these experiments and bring their results up to date, one outcome each; equal numbers keep their bytes.

    Of a sweep those cells run that are not current, all with `force`. Call it under the project's lock. A failure of
    one experiment is an outcome, not an error. Raises SpecError where checks name fields that no result has, ModelError
    where the model cannot be had. What the run took is kept in the working cache; `watch` hears it too.
    """
    if not work:
        return ()
    if problems := claim_problems([w.experiment for w in work]):
        raise SpecError(problems)
    watch = Stopwatch() if watch is None else watch
    wanted = [w.experiment for w in work if not isinstance(w.experiment.analysis, Swept)]
    outcomes = {}
    with opener(project.source, report, watch) as executor:
        measured = executor.measure(wanted)
        now = project.keys(wanted)
        for w in work:
            one = w.experiment
            if isinstance(one.analysis, Swept):
                outcomes[one] = refresh_sweep(project, w, executor, report, force)
            else:
                outcomes[one] = settle(project, w, now[one], measured[one], report)
    remember_closures(project.cache, work)
    known = {address_of(experiment) for experiment in project.experiments()}
    keep(project.cache, project.source.name, taken(watch, [w.experiment for w in work]), known)
    return tuple(outcomes.values())


def measure(
    source: sources.ModelSource,
    wanted: Sequence[Experiment],
    report: Reporter,
    opener: Opener = local,
    shelves: Callable[[Experiment], Shelf] = lambda experiment: NoShelf(),
    watch: Stopwatch | None = None,
) -> Measured:
    """The result of each experiment, or the error that it ended with; nothing is read from disk or kept.

    shelves: who sees the cells of a sweep as they are measured. watch: hears what it takes.
    """
    found: dict[Experiment, Result | LayerbookError] = {}
    with opener(source, report, Stopwatch() if watch is None else watch) as executor:
        found |= executor.measure([one for one in wanted if not isinstance(one.analysis, Swept)])
        for one in wanted:
            if isinstance(one.analysis, Swept):
                found[one] = run_sweep(one, executor, shelves(one), report)
    return {one: found[one] for one in wanted}


def run_file(
    path: Path,
    out: Path,
    model: str | None,
    report: Reporter,
    watch: Stopwatch | None = None,
    opener: Opener = local,
) -> tuple[Outcome, ...]:
    """Run one chapter spec, in a book or out of any, and write `OUT/ID.json` for each of its experiments."""
    source, wanted = open_file(path, model, report)
    _check_folder(out)
    fingerprint = sources.fingerprint(source)
    before = {experiment: key_of(experiment, fingerprint) for experiment in wanted}
    outcomes = []
    with opener(source, report, Stopwatch() if watch is None else watch) as executor:
        found = dict(
            executor.measure([one for one in wanted if not isinstance(one.analysis, Swept)])
        )
        for experiment in wanted:
            if isinstance(experiment.analysis, Swept):
                shelf = Folder(
                    out,
                    source,
                    fingerprint,
                    engine_closure(type(experiment.analysis.one).__module__),
                )
                found[experiment] = run_sweep(experiment, executor, shelf, report)
            result = found[experiment]
            if isinstance(result, LayerbookError):
                outcomes.append(Outcome(experiment, "failed", str(result)))
            elif key_of(experiment, fingerprint) != before[experiment]:
                outcomes.append(Outcome(experiment, "failed", CHANGED))
            else:
                made = envelope(experiment, source.name, before[experiment], result)
                results.write(results.place(out, experiment.id), made)
                outcomes.append(Outcome(experiment, "new"))
    return tuple(outcomes)


def _check_folder(out: Path) -> None:
    """Said before the model runs, not after: the results need a folder that can be."""
    for folder in (out, *out.parents):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: {folder} is a file; the results need a folder")


def open_file(
    path: Path, model: str | None, report: Reporter
) -> tuple[sources.ModelSource, tuple[Experiment, ...]]:
    source = sources.resolve(_model_beside(path) if model is None else model)
    if sources.at_hand(source) is None and source.kind == "hub":
        obtain.obtain(source, report)
    found = load_chapter(path, sources.limits(source)).experiments
    if problems := claim_problems(found):
        raise SpecError(problems)
    return source, found


def check_files(paths: Sequence[Path], model: str | None, report: Reporter) -> int:
    """Check chapter specs, in a book or not; the number of experiments in them. SpecError with all their problems."""
    problems: list[Problem] = []
    count = 0
    for path in paths:
        try:
            count += len(open_file(path, model, report)[1])
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return count


def _model_beside(path: Path) -> str:
    """The model of the book that a spec lies in; the default model for a spec by itself."""
    from layerbook.book.loader import book_model

    root = path.resolve().parent.parent
    if (
        path.resolve().parent.name == "experiments"
        and (root / "experiments" / "book.yaml").is_file()
    ):
        return book_model(root)
    return sources.DEFAULT_MODEL


def planned(
    source: sources.ModelSource, wanted: Sequence[Experiment]
) -> tuple[Cost, tuple[str, ...]]:
    """What running these experiments would take, and the passes as lines; the model itself is not loaded.

    Lengths are known only where the tokenizer is on this machine already.
    """
    made = plan(
        request for e in wanted for one in _cells(e) for request in one.analysis.runs().values()
    )
    ids_of = None
    if directory := sources.at_hand(source):
        from layerbook.model.tokenizer import ModelTokenizer

        tokenizer = ModelTokenizer.load(directory)

        def ids_of(prompt: Prompt) -> Ids:
            return tokenizer.encode(prompt)[0]

    return cost(made, ids_of), tuple(_line(request) for request in made.requests)


def _cells(experiment: Experiment) -> Iterator[Experiment]:
    """What of an experiment runs: itself, or the cells of its sweep."""
    if isinstance(experiment.analysis, Swept):
        yield from (cell for _, cell in cells_of(experiment))
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
