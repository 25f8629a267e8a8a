"""Run experiments: plan, execute, measure, compare with what is there, keep.

torch is imported only once something must run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from generator.analysis import Result
from generator.capture import Prompt, Request
from generator.changes import remember_closures
from generator.errors import LayerbookError, ModelError, Problem, RunError, SpecError, UsageError
from generator.experiments import Experiment, claim_problems, load_chapter
from generator.model import obtain, sources
from generator.plan import Cost, Ids, cost, plan
from generator.project import Project, Work, key_of
from generator.reporting import Reporter
from generator.stopwatch import Stopwatch
from generator.store import compare, results
from generator.store.keys import Key
from generator.timings import address_of, keep, taken

if TYPE_CHECKING:
    from generator.model.adapter import LoadedModel

Verdict = Literal["new", "agrees", "differs", "failed"]
CHANGED = "its sources changed while it ran; run it again"
Measured = Mapping[Experiment, Result | LayerbookError]


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment that ran; `detail` says why it failed or where it differs."""

    experiment: Experiment
    verdict: Verdict
    detail: str = ""


def refresh(
    project: Project, work: Sequence[Work], report: Reporter, watch: Stopwatch | None = None
) -> tuple[Outcome, ...]:
    """Run these experiments and bring their results up to date, one outcome each; equal numbers keep their bytes.

    Call it under the project's lock. A failure of one experiment is an outcome, not an error; ModelError where the
    model cannot be had. What the run took is kept in the working cache; `watch` hears it too.
    """
    if not work:
        return ()
    wanted, watch = [w.experiment for w in work], watch or Stopwatch()
    measured = measure(project.source, wanted, report, watch)
    known = {address_of(experiment) for experiment in project.experiments()}
    keep(project.cache, project.source.name, taken(watch, wanted), known)
    now = project.keys(wanted)
    remember_closures(project.cache, work)
    return tuple(_settle(project, w, now[w.experiment], measured[w.experiment], report) for w in work)


def measure(
    source: sources.ModelSource, wanted: Sequence[Experiment], report: Reporter, watch: Stopwatch | None = None
) -> Measured:
    """The result of each experiment, or the error that it ended with. Every distinct pass runs once for all."""
    watch = watch or Stopwatch()
    model = _load(source, report, watch)
    failed: dict[Experiment, LayerbookError] = {}
    for experiment in wanted:
        if error := _unfit(experiment, model):
            failed[experiment] = error
    able = [experiment for experiment in wanted if experiment not in failed]
    return failed | _measure(model, able, report, watch) if able else failed


def need_libraries() -> None:
    """Raise ModelError where what runs the model is not installed: before a download that would be for nothing."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise ModelError(f"running the model needs {name}: pip install 'layerbook[model]'")


def _load(source: sources.ModelSource, report: Reporter, watch: Stopwatch) -> LoadedModel:
    need_libraries()
    directory = obtain.obtain(source, report)
    with report.task("Loading the model", None), watch.load():
        from generator.model.adapter import LoadedModel
        from generator.model.timed import TimedModel

        return TimedModel.around(LoadedModel.load(directory, source.name), watch)


def _unfit(experiment: Experiment, model: LoadedModel) -> LayerbookError | None:
    """Why an experiment cannot run on this model, found before the passes that others share with it."""
    try:
        for request in experiment.analysis.runs().values():
            for prompt, more in _prompts(request):
                length = len(model.tokenizer.encode(prompt)[0]) + more
                if length > model.config.max_position_embeddings:
                    limit = model.config.max_position_embeddings
                    raise ModelError(f"{length} tokens do not fit the model's context of {limit}")
    except LayerbookError as error:
        return RunError(f"{experiment.file}:{experiment.line}: {experiment.id}: {error}")
    return None


def _prompts(request: Request) -> list[tuple[Prompt, int]]:
    """The prompts that a request encodes, each with how many tokens may follow it."""
    prompt = getattr(request, "prompt", None)
    if prompt is None:
        return []
    if prompt.generated is not None:
        return _prompts(prompt.generated)
    return [(prompt, getattr(request, "max_new_tokens", 0))]


def _measure(
    model: LoadedModel, wanted: Sequence[Experiment], report: Reporter, watch: Stopwatch
) -> dict[Experiment, Any]:
    from generator.model.execute import Execution

    asked = {experiment: experiment.analysis.runs() for experiment in wanted}
    made = plan(request for requests in asked.values() for request in requests.values())
    execution = Execution(model, made)
    counted = cost(made, execution.ids)
    with report.task("Running the model", counted.generations + counted.batches) as task:
        for step in execution.steps():
            task.note(step)
            task.advance()
    found: dict[Experiment, Any] = {}
    with report.task("Measuring", len(wanted)) as task:
        for experiment, requests in asked.items():
            task.note(f"{experiment.chapter}/{experiment.id}")
            try:
                with watch.measure(address_of(experiment)):
                    captures = {name: execution.capture(request) for name, request in requests.items()}
                    found[experiment] = experiment.analysis.measure(captures)
            # An analysis may be the lecturer's own: whatever it raises is this experiment's failure, no other's.
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                found[experiment] = RunError(f"{experiment.file}:{experiment.line}: {experiment.id}: {said}")
            task.advance()
    return found


def _settle(project: Project, work: Work, now: Key, found: Result | LayerbookError, report: Reporter) -> Outcome:
    """Keep a result: the entry's own bytes where the numbers agree, new ones otherwise."""
    experiment, key = work.experiment, work.key
    if isinstance(found, LayerbookError):
        return Outcome(experiment, "failed", str(found))
    if now != key:
        return Outcome(experiment, "failed", CHANGED)
    path = project.entry(experiment)
    old = results.load_or_none(path, type(found), lambda problem: report.say(str(problem)))
    fresh = _envelope(experiment, project.source.name, key, found)
    outcome = Outcome(experiment, "new")
    if old is not None and old.key.spec == key.spec:
        compared = compare.agree(old.result, found)
        outcome = Outcome(experiment, "agrees") if compared.same else _differing(experiment, compared)
    if old is not None and outcome.verdict == "agrees":
        results.rekey(path, old, key)
    else:
        results.write(path, fresh)
    digest = results.head(path).digest
    project.cache.remember(project.source.name, experiment.chapter, experiment.id, key.digest, digest)
    return outcome


def _envelope(experiment: Experiment, model: str, key: Key, result: Result) -> results.Envelope[Result]:
    return results.Envelope(
        id=experiment.id,
        chapter=experiment.chapter,
        analysis=experiment.name,
        model=model,
        spec=experiment.spec(),
        key=key,
        result=result,
    )


def _differing(experiment: Experiment, compared: compare.Comparison) -> Outcome:
    shown = "; ".join(str(difference) for difference in compared.differences[:3])
    more = len(compared.differences) - 3
    return Outcome(experiment, "differs", f"{shown}; and {more} more" if more > 0 else shown)


def run_file(
    path: Path, out: Path, model: str | None, report: Reporter, watch: Stopwatch | None = None
) -> tuple[Outcome, ...]:
    """Run one chapter spec, in a book or out of any, and write `OUT/ID.json` for each of its experiments."""
    source, wanted = open_file(path, model, report)
    _check_folder(out)
    fingerprint = sources.fingerprint(source)
    before = {experiment: key_of(experiment, fingerprint) for experiment in wanted}
    outcomes = []
    for experiment, found in measure(source, wanted, report, watch).items():
        if isinstance(found, LayerbookError):
            outcomes.append(Outcome(experiment, "failed", str(found)))
            continue
        if key_of(experiment, fingerprint) != before[experiment]:
            outcomes.append(Outcome(experiment, "failed", CHANGED))
            continue
        results.write(out / f"{experiment.id}.json", _envelope(experiment, source.name, before[experiment], found))
        outcomes.append(Outcome(experiment, "new"))
    return tuple(outcomes)


def _check_folder(out: Path) -> None:
    """Said before the model runs, not after: the results need a folder that can be."""
    for folder in (out, *out.parents):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: {folder} is a file; the results need a folder")


def open_file(path: Path, model: str | None, report: Reporter) -> tuple[sources.ModelSource, tuple[Experiment, ...]]:
    source = sources.resolve(_model_beside(path) if model is None else model)
    if sources.at_hand(source) is None and source.kind == "hub":
        obtain.obtain(source, report)
    return source, load_chapter(path, sources.limits(source)).experiments


def check_files(paths: Sequence[Path], model: str | None, report: Reporter) -> int:
    """Check chapter specs, in a book or not; the number of experiments in them. SpecError with all their problems."""
    problems: list[Problem] = []
    count = 0
    for path in paths:
        try:
            found = open_file(path, model, report)[1]
            count += len(found)
            problems += claim_problems(found)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return count


def _model_beside(path: Path) -> str:
    """The model of the book that a spec lies in; the default model for a spec by itself."""
    from generator.experiments import book_model

    root = path.resolve().parent.parent
    if path.resolve().parent.name == "experiments" and (root / "experiments" / "book.yaml").is_file():
        return book_model(root)
    return sources.DEFAULT_MODEL


def planned(source: sources.ModelSource, wanted: Sequence[Experiment]) -> tuple[Cost, tuple[str, ...]]:
    """What running these experiments would take, and the passes as lines; the model itself is not loaded.

    Lengths are known only where the tokenizer is on this machine already.
    """
    made = plan(request for e in wanted for request in e.analysis.runs().values())
    ids_of = None
    if directory := sources.at_hand(source):
        from generator.model.tokenizer import ModelTokenizer

        tokenizer = ModelTokenizer.load(directory)

        def ids_of(prompt: Prompt) -> Ids:
            return tokenizer.encode(prompt)[0]

    return cost(made, ids_of), tuple(_line(request) for request in made.requests)


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
