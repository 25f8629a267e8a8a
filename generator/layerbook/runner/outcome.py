"""What becomes of a measured result: compared with the entry that is there, and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError
from layerbook.core.progress import Reporter
from layerbook.store import results, tolerance
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.keys import Key
from layerbook.store.project import Project

Verdict = Literal["new", "agrees", "differs", "failed"]
SOURCES_CHANGED = "its sources changed while it ran; run it again"


@dataclass(frozen=True)
class Outcome:
    """What became of one experiment that ran; `detail` says why it failed or where it differs."""

    experiment: Experiment
    verdict: Verdict
    detail: str = ""


def compare_and_save(
    project: Project,
    work: ExperimentStatus,
    now: Key,
    found: Result | LayerbookError,
    report: Reporter,
) -> Outcome:
    """Keep a result: the entry's own bytes where the numbers agree, new ones otherwise."""
    experiment, key = work.experiment, work.key
    if isinstance(found, LayerbookError):
        return Outcome(experiment, "failed", str(found))
    if now != key:
        return Outcome(experiment, "failed", SOURCES_CHANGED)
    path = project.result_path(experiment)
    old = results.load_or_none(path, type(found), lambda problem: report.info(str(problem)))
    model = project.model_name(experiment)
    fresh = make_stored_result(experiment, model, key, found)
    outcome = Outcome(experiment, "new")
    if old is not None and old.key.spec == key.spec:
        compared = tolerance.compare_results(old.result, found)
        outcome = (
            Outcome(experiment, "agrees") if compared.same else _differing(experiment, compared)
        )
    if old is not None and outcome.verdict == "agrees":
        results.update_key(path, old, key)
    else:
        results.write(path, fresh)
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


def _differing(experiment: Experiment, compared: tolerance.Comparison) -> Outcome:
    shown = "; ".join(str(difference) for difference in compared.differences[:3])
    more = len(compared.differences) - 3
    return Outcome(experiment, "differs", f"{shown}; and {more} more" if more > 0 else shown)
