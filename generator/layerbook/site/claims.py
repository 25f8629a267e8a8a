"""Claims on pages: their verdicts, and the list of all claims by model.

The list shows the book's own model and those with results for the same specs under
experiments/results.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from layerbook.book.claims.check import CheckError, Verdict
from layerbook.book.contents import Claim, Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import SpecError
from layerbook.core.language import gettext
from layerbook.site import blocks, pages
from layerbook.site.experiment_view import (
    ExperimentView,
    ExperimentViews,
    load_view,
    name_on_page,
    names_for_text,
)
from layerbook.site.prose import filters
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.provenance import hex_digest
from layerbook.store import results
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project

_VALUE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def describe_margin(verdict: Verdict) -> str:
    """Return `holds by 0.21 (34 %)`, `fails by 3`, or `exact` if there is no margin.

    Leaves out a meaningless share: one side is zero, or their signs differ.
    """
    margin, holds = verdict.margin, verdict.holds
    if margin is None:
        return gettext("exact")
    if margin.absolute == 0:
        return gettext("holds with nothing to spare" if holds else "fails with nothing to spare")
    distance = format_quantity(margin.absolute)
    words = gettext("holds by {distance}" if holds else "fails by {distance}", distance=distance)
    if margin.relative >= 1:
        return words
    return f"{words} ({filters.percent(margin.relative, 0 if margin.relative >= 0.1 else 1)})"


def format_quantity(number: float) -> str:
    """Format a distance with two significant digits, integers in full."""
    if number.is_integer() and number < 1e15:
        return filters.integer(int(number))
    if not 1e-4 <= number < 1e15:
        return filters.scientific(number)
    return filters.num(number, max(0, 1 - math.floor(math.log10(number))))


def claim_id(address: str, index: int, addresses: Iterable[str], chapter: str = "") -> str:
    """Return the HTML id of a claim on the page of a chapter, or in the list of all claims."""
    return f"claim-{name_on_page(address, chapter, addresses)}-{index}"


def needed_addresses(view: ExperimentView, index: int) -> list[str]:
    """Return the experiments whose results a claim needs, its own first."""
    references = view.experiment.claims[index].check.references
    return [view.address, *(view.resolve(reference.name) for reference in references)]


def judge_claim(view: ExperimentView, index: int, views: ExperimentViews) -> blocks.Judgement:
    """Check a claim; it is open if a result is missing, inapplicable if there can be none.

    Raises CheckError if the check does not fit the results.
    """
    for address in needed_addresses(view, index):
        if views[address].envelope is None:
            reason = views[address].unavailable_reason.partition(": `")[0]  # without the remedy
            note = reason if address == view.address else f"{address}: {reason}"
            if views[address].inapplicable:
                return blocks.Judgement("inapplicable", note=note)
            return blocks.Judgement("open", note=note)
    names = names_for_text(view, partial(_result_of, views))
    verdict = view.experiment.claims[index].check.evaluate(names["result"], names["r"])
    return blocks.Judgement(
        "holds" if verdict.holds else "fails",
        describe_margin(verdict),
        close=verdict.margin is not None and verdict.margin.close,
        values=verdict.values,
    )


def _result_of(views: ExperimentViews, address: str) -> Result:
    return views[address].result


def _judge_own_claim(view: ExperimentView, index: int, views: ExperimentViews) -> blocks.Judgement:
    """Judge a claim on the book's own model. Raises SpecError at the check."""
    try:
        return judge_claim(view, index, views)
    except CheckError as error:
        raise SpecError([view.experiment.claims[index].problem(error)]) from error


def _sentence(
    view: ExperimentView, claim: Claim, views: ExperimentViews, math: MathRenderer
) -> Inline:
    names = names_for_text(view, partial(_result_of, views))
    return render_caption(claim.says, view.experiment.file, claim.line, names, math)


def _sentence_for(
    judgement: blocks.Judgement,
    view: ExperimentView,
    claim: Claim,
    views: ExperimentViews,
    math: MathRenderer,
) -> Inline:
    """Return the sentence of a claim; one that is not decided has dots in place of its values."""
    if judgement.decided:
        return _sentence(view, claim, views, math)
    words = _VALUE.sub("…", claim.says)
    return Inline(escape_text(words), words)


def claim_view(
    view: ExperimentView, index: int, views: ExperimentViews, math: MathRenderer
) -> blocks.ClaimView:
    """Return a claim with its verdict. Raises SpecError at its line if it cannot be checked."""
    claim = view.experiment.claims[index]
    judgement = _judge_own_claim(view, index, views)
    return blocks.ClaimView(
        sentence=_sentence_for(judgement, view, claim, views, math),
        check=claim.check.text,
        judgement=judgement,
        claims_href=f"claims.html#{claim_id(view.address, index, views)}",
    )


def check_claim(
    view: ExperimentView, index: int, views: ExperimentViews, math: MathRenderer
) -> None:
    """Raise SpecError if a claim with results cannot be judged or its sentence not rendered."""
    claim = view.experiment.claims[index]
    if _judge_own_claim(view, index, views).decided:
        _sentence(view, claim, views, math)


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
        rows = {chapter.name: tuple(self._rows(chapter.name)) for chapter in chapters}
        all_rows = [row for of_chapter in rows.values() for row in of_chapter]
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
                rows[chapter.name],
            )
            for chapter in chapters
            if rows[chapter.name]
        ]
        columns = [
            pages.ModelColumn(
                model.name, model.digest, _counts([row.judgements[i] for row in all_rows])
            )
            for i, model in enumerate(self.models)
        ]
        return pages.ClaimsPage(tuple(columns), tuple(sections))

    def _rows(self, chapter: str) -> list[pages.ClaimRow]:
        return [
            self._row(view, index)
            for view in self.models[0].views.values()
            if view.experiment.chapter == chapter
            for index in range(len(view.experiment.claims))
        ]

    def _row(self, view: ExperimentView, index: int) -> pages.ClaimRow:
        claim, views = view.experiment.claims[index], self.models[0].views
        own = _judge_own_claim(view, index, views)
        others = [_judge_other(model, view.address, index) for model in self.models[1:]]
        return pages.ClaimRow(
            id=claim_id(view.address, index, views),
            sentence=_sentence_for(own, view, claim, views, self.math),
            check=claim.check.text,
            evidence=view.experiment.evidence,
            experiment=view.address,
            judgements=(own, *others),
            href=self._href(view.address, index),
        )

    def _href(self, address: str, index: int) -> str | None:
        """Return the claim's place on its own chapter's page, else on the first that shows it."""
        own_chapter = address.partition("/")[0]
        for chapter in sorted(self.shown_ids, key=lambda name: name != own_chapter):
            id = claim_id(address, index, self.models[0].views, chapter)
            if id in self.shown_ids[chapter]:
                return f"{chapter}.html#{id}"
        return None


def _judge_other(model: ModelResults, address: str, index: int) -> blocks.Judgement:
    """Judge a claim on another model; a check that does not fit its result leaves it open."""
    try:
        return judge_claim(model.views[address], index, model.views)
    except CheckError:
        return blocks.Judgement("open", note=gettext("the check does not fit the result"))


def _counts(judgements: Sequence[blocks.Judgement]) -> tuple[blocks.Fact, ...]:
    """Count the verdicts, leaving out optional verdicts that do not occur."""
    states = [judgement.state for judgement in judgements]
    close, undecided = sum(judgement.close for judgement in judgements), states.count("open")
    counts = {
        gettext("Claims"): len(states),
        gettext("Hold"): states.count("holds"),
        gettext("Do not hold"): states.count("fails"),
    }
    counts |= {gettext("Hold or fail only just"): close} if close else {}
    counts |= {gettext("Not decided"): undecided} if undecided else {}
    inapplicable = states.count("inapplicable")
    counts |= {gettext("Not applicable"): inapplicable} if inapplicable else {}
    return tuple(blocks.Fact(label, str(count)) for label, count in counts.items())
