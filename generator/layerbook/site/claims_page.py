"""The list of all claims: what holds, on which model, and how far each is from turning over.

Beside the book's own model stand the others whose results lie under experiments/results, as far as they were measured
for the specs as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from layerbook.site.prose.render import render_caption
from layerbook.site.claim_words import describe_margin
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import (
    ClaimRow,
    ChapterClaims,
    ClaimsPage,
    Judgement,
    ModelColumn,
    NavChapter,
)
from layerbook.book.claims.check import CheckError, Verdict
from layerbook.core.errors import SpecError, StoreError, UsageError
from layerbook.site.experiment_view import ExperimentView
from layerbook.site.chapter_views import claim_id, evidence
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project
from layerbook.store import results

ExperimentViews = Mapping[str, ExperimentView]


@dataclass(frozen=True)
class ModelResults:
    """A model and its results, by the address of the experiment."""

    name: str
    digest: str
    experiment_views: ExperimentViews


def load_other_models(
    project: Project, statuses: Sequence[ExperimentStatus]
) -> tuple[ModelResults, ...]:
    """Models with results of the book's experiments under experiments/results, the book's own left out, by name."""
    found = []
    for folder in project.other_model_dirs():
        experiment_views: dict[str, ExperimentView] = {}
        digests: set[str] = set()
        for one in statuses:
            experiment_view, digest = _load_other_result(folder.name, one, project)
            experiment_views[experiment_view.address] = experiment_view
            digests |= {digest} if digest else set()
        if digests:
            found.append(ModelResults(folder.name, ", ".join(sorted(digests)), experiment_views))
    return tuple(found)


def _load_other_result(
    model: str, status: ExperimentStatus, project: Project
) -> tuple[ExperimentView, str]:
    """An experiment with another model's result, where it was measured by this code for this spec; its weights."""
    experiment = status.experiment
    path = results.result_path(project.results_root, model, experiment.chapter, experiment.id)
    try:
        header = results.read_header(path)
        if stale := [
            c for c in ("spec", "code") if getattr(header.key, c) != getattr(status.key, c)
        ]:
            return ExperimentView(experiment, None, f"stale ({', '.join(stale)})"), ""
        return ExperimentView(
            experiment, results.load(path, experiment.result_type)
        ), header.key.weights
    except StoreError as error:
        missing = isinstance(error, results.ResultFileError) and error.reason == "missing"
        return ExperimentView(experiment, None, "no result" if missing else "unreadable"), ""


def claim_namespace(
    experiment_view: ExperimentView, experiment_views: ExperimentViews
) -> dict[str, Any]:
    """What the checks and sentences of an experiment may ask for."""

    def result(name: str) -> Any:
        other = experiment_views[_address(name, experiment_view)]
        if other.envelope is None:
            raise UsageError(f"{other.address}: {other.unavailable_reason}")
        return other.envelope.result

    return {
        "result": experiment_view.envelope.result if experiment_view.envelope else None,
        "r": result,
    }


def verdict_or_reason(
    experiment_view: ExperimentView, index: int, experiment_views: ExperimentViews
) -> Verdict | str:
    """The verdict on a claim, or what keeps one from it: a result that is not there.

    Raises CheckError where the check does not fit the results.
    """
    check = experiment_view.experiment.claims[index].check
    for address in (
        experiment_view.address,
        *(_address(one.name, experiment_view) for one in check.references),
    ):
        needed = experiment_views[address]
        if needed.envelope is None:
            unavailable_reason = needed.unavailable_reason.partition(": `")[
                0
            ]  # what it is, without what helps
            return (
                unavailable_reason
                if needed is experiment_view
                else f"{address}: {unavailable_reason}"
            )
    names = claim_namespace(experiment_view, experiment_views)
    return check.evaluate(names["result"], names["r"])


def _address(name: str, experiment_view: ExperimentView) -> str:
    return name if "/" in name else f"{experiment_view.experiment.chapter}/{name}"


def claims_page(
    models: Sequence[ModelResults],
    chapters: Sequence[NavChapter],
    claim_ids_by_chapter: Mapping[str, Set[str]],
    math: MathRenderer,
) -> ClaimsPage:
    """The page; `models` begins with the book's own, `claim_ids_by_chapter` has the ids of the claims that each chapter shows.

    Raises SpecError for each check that cannot be decided on the book's own model.
    """
    listed = []
    for chapter in chapters:
        own = [
            e for e in models[0].experiment_views.values() if e.experiment.chapter == chapter.name
        ]
        rows = [
            _row(e, i, models, claim_ids_by_chapter, math)
            for e in own
            for i in range(len(e.experiment.claims))
        ]
        if rows:
            listed.append(
                ChapterClaims(
                    chapter.name, chapter.number, chapter.title, chapter.href, tuple(rows)
                )
            )
    judgements = [row.judgements for chapter in listed for row in chapter.rows]
    columns = [
        ModelColumn(m.name, m.digest, _counts([row[i] for row in judgements]))
        for i, m in enumerate(models)
    ]
    return ClaimsPage(tuple(columns), tuple(listed))


def _row(
    experiment_view: ExperimentView,
    index: int,
    models: Sequence[ModelResults],
    claim_ids_by_chapter: Mapping[str, Set[str]],
    math: MathRenderer,
) -> ClaimRow:
    experiment = experiment_view.experiment
    claim = experiment.claims[index]
    sentence: str | Inline = Inline(escape_text(claim.says), claim.says)
    try:
        own = verdict_or_reason(experiment_view, index, models[0].experiment_views)
    except CheckError as error:
        raise SpecError([claim.problem(error)]) from error
    if isinstance(own, Verdict):
        names = claim_namespace(experiment_view, models[0].experiment_views)
        sentence = render_caption(claim.says, experiment.file, claim.line, names, math)
    return ClaimRow(
        id=claim_id(experiment_view, index, ""),
        sentence=sentence,
        check=claim.check.text,
        values=own.values if isinstance(own, Verdict) else (),
        evidence=evidence(experiment),
        experiment=experiment_view.address,
        judgements=(
            _judgement(own),
            *(_other_judgement(model, experiment_view.address, index) for model in models[1:]),
        ),
        href=_claim_href(experiment_view, index, claim_ids_by_chapter),
    )


def _other_judgement(model: ModelResults, address: str, index: int) -> Judgement:
    """Another model's judgement; a check that does not fit its result is told here, since it stops no book."""
    try:
        return _judgement(
            verdict_or_reason(model.experiment_views[address], index, model.experiment_views)
        )
    except CheckError as error:
        return Judgement("open", note=error.message)


def _judgement(found: Verdict | str) -> Judgement:
    if isinstance(found, str):
        return Judgement("open", note=found)
    close = found.margin is not None and found.margin.close
    return Judgement("holds" if found.holds else "fails", describe_margin(found), close)


def _claim_href(
    experiment_view: ExperimentView, index: int, claim_ids_by_chapter: Mapping[str, Set[str]]
) -> str | None:
    """Where the claim is shown: on its own chapter's page, else on the first that shows it."""
    own = experiment_view.experiment.chapter
    for chapter in sorted(claim_ids_by_chapter, key=lambda name: name != own):
        if (id := claim_id(experiment_view, index, chapter)) in claim_ids_by_chapter[chapter]:
            return f"{chapter}.html#{id}"
    return None


def _counts(judged: Sequence[Judgement]) -> tuple[tuple[str, str], ...]:
    """How many hold, do not, only just do either, and are undecided; of the last two only where there are any."""
    states = [one.state for one in judged]
    close, undecided = sum(one.close for one in judged), states.count("open")
    found = [
        ("Claims", len(judged)),
        ("Hold", states.count("holds")),
        ("Do not hold", states.count("fails")),
    ]
    found += [("Hold or fail only just", close)] if close else []
    found += [("Not decided", undecided)] if undecided else []
    return tuple((label, str(count)) for label, count in found)
