"""Run the experiments that need it: survey, plan, execute, measure, compare, keep.

Reads as a list of verbs; the effects live on the floor below. torch is imported only once something must run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from generator import catalog, experiments
from generator.analysis import Limits, Result
from generator.capture import Captures, Prompt, Request
from generator.errors import LayerbookError, RunError, SpecError, UsageError, did_you_mean
from generator.experiments import Book, Chapter, Experiment
from generator.model import obtain, sources
from generator.plan import Cost, Plan, cost, plan
from generator.reporting import Reporter
from generator.store import cache, compare, keys, results, status

if TYPE_CHECKING:
    from generator.model.execute import Execution

RESULTS = Path("experiments") / "results"
Verdict = Literal["new", "agrees", "differs", "failed"]


@dataclass(frozen=True)
class Project:
    """A book's folder, its specs as loaded for one model, and what that model is."""

    root: Path
    book: Book
    source: sources.ModelSource
    fingerprint: sources.Fingerprint

    @property
    def results(self) -> Path:
        """Where this project keeps its results."""
        return self.root / RESULTS

    def experiments(self) -> tuple[Experiment, ...]:
        """All experiments, in the order of the book."""
        return tuple(e for chapter in self.book.chapters for e in chapter.experiments)


@dataclass(frozen=True)
class Work:
    """One experiment, what its result depends on, and whether it must run."""

    experiment: Experiment
    key: keys.Key
    freshness: status.Freshness


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment that ran."""

    experiment: Experiment
    verdict: Verdict
    detail: str = ""


def open_project(root: Path, model: str | None = None) -> Project:
    """Load every spec of a book, checked against its model's limits.

    Raises SpecError with all problems at once, UsageError for an unknown model.
    """
    source = sources.resolve(model or experiments.book_model(root))
    book = experiments.load_book(root, sources.limits(source))
    return Project(root, book, source, sources.fingerprint(source))


def survey(project: Project) -> tuple[Work, ...]:
    """For each experiment, whether its committed result is what the sources would give. Nothing runs."""
    known = cache.Cache(project.root)
    work = []
    for experiment in project.experiments():
        key = key_of(experiment, project.fingerprint)
        path = results.path_of(project.results, project.source.name, experiment.chapter, experiment.id)
        work.append(Work(experiment, key, status.freshness(path, key, known)))
    return tuple(work)


def key_of(experiment: Experiment, fingerprint: sources.Fingerprint) -> keys.Key:
    """What the result of an experiment depends on."""
    module = type(experiment.analysis).__module__
    return keys.key_for(module, experiment.spec(), fingerprint.weights, fingerprint.tokenizer)


def chosen(work: Sequence[Work], only: Sequence[str], force: bool) -> tuple[Work, ...]:
    """The experiments to run: those not computed here as they now stand, narrowed by `only`, all with `force`.

    Raises UsageError for a name in `only` that matches nothing.
    """
    named = [w for w in work if not only or any(_matches(w.experiment, name) for name in only)]
    known = {w.experiment.chapter for w in work} | {f"{w.experiment.chapter}/{w.experiment.id}" for w in work}
    for name in only:
        if not any(_matches(w.experiment, name) for w in work):
            raise UsageError(f"--only {name}: no chapter or experiment of that name{did_you_mean(name, known)}")
    return tuple(w for w in named if force or w.freshness.state != "fresh")


def _matches(experiment: Experiment, name: str) -> bool:
    return name in (experiment.chapter, experiment.id, f"{experiment.chapter}/{experiment.id}")


def requests_of(wanted: Sequence[Experiment]) -> dict[tuple[Experiment, str], Request]:
    """Every request of these experiments, by experiment and name."""
    return {(e, name): request for e in wanted for name, request in e.analysis.runs().items()}
