"""The list of all claims, with the verdict of each model.

It shows the book's own model, and those with results for the same specs in experiments/results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from layerbook.book.claims.check import CheckError
from layerbook.book.contents import Experiment
from layerbook.core.language import gettext
from layerbook.site import blocks, pages
from layerbook.site.claims import ModelClaim, claims_of
from layerbook.site.experiment_view import ExperimentView, ExperimentViews, load_view
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import PageIds
from layerbook.site.provenance import hex_digest
from layerbook.store import results
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project


@dataclass(frozen=True)
class ModelResults:
    """A model, the digest of its weights, and its results."""

    name: str
    digest: str
    views: ExperimentViews


def load_other_models(
    project: Project, statuses: Sequence[ExperimentStatus]
) -> tuple[ModelResults, ...]:
    """Load the results that other models have for the book's experiments, sorted by model."""
    models = []
    for folder in project.other_model_dirs():
        views = {s.experiment.address: _load_other_view(folder.name, s, project) for s in statuses}
        digests = {hex_digest(v.envelope.key.weights) for v in views.values() if v.envelope}
        if digests:
            models.append(ModelResults(folder.name, ", ".join(sorted(digests)), views))
    return tuple(models)


def _load_other_view(model: str, status: ExperimentStatus, project: Project) -> ExperimentView:
    """Load another model's result if it has the experiment's current spec and code."""

    def result_path(experiment: Experiment) -> Path:
        return results.result_path(project.results_root, model, experiment.chapter, experiment.id)

    view = load_view(status.experiment, result_path)
    if view.envelope is None:
        return view
    key = view.envelope.key
    changed = [name for name in ("spec", "code") if getattr(key, name) != getattr(status.key, name)]
    if not results.has_own_header(result_path(status.experiment), view.envelope):
        changed.append("header")
    if changed:
        return replace(view, envelope=None, unavailable_reason=f"stale ({', '.join(changed)})")
    return view


@dataclass(frozen=True)
class ClaimList:
    """All claims of a book.

    models: the book's own first.
    shown_ids: the HTML ids of the claims that each chapter shows.
    """

    models: Sequence[ModelResults]
    shown_ids: Mapping[str, Set[str]]
    math: MathRenderer

    def page(self, chapters: Sequence[pages.NavChapter], ids: PageIds) -> pages.ClaimsPage:
        """Return the page; its sections get unused `ids`.

        Raises SpecError for a claim that cannot be checked on the book's model.
        """
        rows: dict[str, list[pages.ClaimRow]] = {}
        for claim in claims_of(self.models[0].views):
            rows.setdefault(claim.view.experiment.chapter, []).append(self._row(claim))
        with_claims = [chapter for chapter in chapters if chapter.name in rows]
        all_rows = [row for chapter in with_claims for row in rows[chapter.name]]
        for row in all_rows:
            ids.add(row.id)
        for number, _ in enumerate(self.models, start=1):
            ids.add(f"model-{number}")
        sections = [
            pages.ChapterClaims(
                ids.add(chapter.name),
                chapter.number,
                chapter.title,
                chapter.href,
                tuple(rows[chapter.name]),
            )
            for chapter in with_claims
        ]
        columns = [
            pages.ModelColumn(
                model.name, model.digest, _counts([row.judgements[i] for row in all_rows])
            )
            for i, model in enumerate(self.models)
        ]
        return pages.ClaimsPage(tuple(columns), tuple(sections))

    def _row(self, claim: ModelClaim) -> pages.ClaimRow:
        own_judgement = claim.judge_own()
        other_judgements = (
            _judge_other(replace(claim, views=model.views)) for model in self.models[1:]
        )
        return pages.ClaimRow(
            id=claim.id(),
            sentence=claim.sentence(own_judgement, self.math),
            check=claim.claim.check.text,
            evidence=claim.view.experiment.evidence,
            experiment=claim.address,
            judgements=(own_judgement, *other_judgements),
            href=self._href(claim),
        )

    def _href(self, claim: ModelClaim) -> str | None:
        """Return the claim's place on its own chapter's page, else on the first that shows it."""
        own_chapter = claim.view.experiment.chapter
        for chapter in sorted(self.shown_ids, key=lambda name: name != own_chapter):
            id = claim.id(chapter)
            if id in self.shown_ids[chapter]:
                return f"{chapter}.html#{id}"
        return None


def _judge_other(claim: ModelClaim) -> blocks.Judgement:
    """Judge a claim on another model; a check that does not fit its result leaves it open."""
    try:
        return claim.judge()
    except CheckError:
        return blocks.Judgement("open", note=gettext("the check does not fit the result"))


def _counts(judgements: Sequence[blocks.Judgement]) -> tuple[blocks.Fact, ...]:
    """Count the verdicts, leaving out the rarer kinds that do not occur."""
    states = [judgement.state for judgement in judgements]
    counts = {
        gettext("Claims"): len(states),
        gettext("Hold"): states.count("holds"),
        gettext("Do not hold"): states.count("fails"),
    }
    rarer = {
        gettext("Hold or fail only just"): sum(judgement.close for judgement in judgements),
        gettext("Not decided"): states.count("open"),
        gettext("Not applicable"): states.count("inapplicable"),
    }
    counts |= {label: count for label, count in rarer.items() if count}
    return tuple(blocks.Fact(label, str(count)) for label, count in counts.items())
