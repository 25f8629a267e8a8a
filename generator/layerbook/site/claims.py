"""The claims of experiments, with their verdicts, and the list of all claims.

The list shows the verdicts of the book's own model, and of those with results for the same specs
in experiments/results.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
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
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.provenance import hex_digest
from layerbook.store import results
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project

# An unclosed tag runs to the end, or else each opening would search the rest of the text again.
_VALUE = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)", re.DOTALL)


@dataclass(frozen=True)
class ModelClaim:
    """A claim, to be judged by the results of one model.

    views: the book's experiments with these results.
    index: its place among the claims of the experiment at `address`.
    """

    views: ExperimentViews
    address: str
    index: int

    @property
    def view(self) -> ExperimentView:
        """The experiment that the claim is about."""
        return self.views[self.address]

    @property
    def claim(self) -> Claim:
        """The sentence and the check, as the spec has them."""
        return self.view.experiment.claims[self.index]

    @property
    def evidence(self) -> str:
        """The badge of the claim, or else the badge of its experiment."""
        return self.claim.evidence or self.view.experiment.evidence

    @property
    def by_definition(self) -> bool:
        """True if the claim holds by construction, so that no run could refute it."""
        return self.evidence == "definition"

    @property
    def needed_addresses(self) -> list[str]:
        """The experiments whose results the check needs, its own first."""
        references = self.claim.check.references
        return [self.address, *(self.view.resolve(reference.name) for reference in references)]

    def id(self, chapter: str = "") -> str:
        """Return its HTML id on the page of a chapter or, without one, in the list of claims."""
        return f"claim-{name_on_page(self.address, chapter, self.views)}-{self.index}"

    def judge(self) -> blocks.Judgement:
        """Check the claim; it is open if a result is missing, inapplicable if there can be none.

        Raises CheckError if the check does not fit the results.
        """
        for address in self.needed_addresses:
            view = self.views[address]
            if view.envelope is None:
                reason = view.unavailable_reason.partition(": `")[0]  # without the remedy
                note = reason if address == self.address else f"{address}: {reason}"
                return blocks.Judgement("inapplicable" if view.inapplicable else "open", note=note)
        names = names_for_text(self.view, self._result)
        verdict = self.claim.check.evaluate(names["result"], names["r"])
        return blocks.Judgement(
            "holds" if verdict.holds else "fails",
            describe_margin(verdict),
            close=verdict.margin is not None and verdict.margin.close and not self.by_definition,
            values=verdict.values,
        )

    def judge_own(self) -> blocks.Judgement:
        """Judge a claim on the book's own model. Raises SpecError at the check."""
        try:
            return self.judge()
        except CheckError as error:
            raise SpecError([self.claim.problem(error)]) from error

    def sentence(self, judgement: blocks.Judgement, math: MathRenderer) -> Inline:
        """Return the sentence; unless the claim is decided, dots stand for its values.

        Raises SpecError if it cannot be rendered.
        """
        claim, file = self.claim, self.view.experiment.file
        if judgement.decided:
            names = names_for_text(self.view, self._result)
            return render_caption(TextPiece(file, claim.line, claim.says), names, math)
        words = _VALUE.sub("…", claim.says)
        return Inline(escape_text(words), words)

    def for_page(self, chapter: str, math: MathRenderer) -> blocks.ClaimView:
        """Return the claim with its verdict on the book's model, for the page of a chapter.

        Raises SpecError at its line if it cannot be judged or rendered.
        """
        judgement = self.judge_own()
        return blocks.ClaimView(
            sentence=self.sentence(judgement, math),
            check=self.claim.check.text,
            judgement=judgement,
            id=self.id(chapter),
            claims_href=f"claims.html#{self.id()}",
            by_definition=self.by_definition,
        )

    def _result(self, address: str) -> Result:
        return self.views[address].result


def claims_of(views: ExperimentViews) -> Iterable[ModelClaim]:
    """Return all claims of a book, in its order."""
    return (
        ModelClaim(views, view.address, index)
        for view in views.values()
        for index in range(len(view.experiment.claims))
    )


def describe_margin(verdict: Verdict) -> str:
    """Return `holds by 0.21 (34 %)`, `fails by 3`, or `exact` if there is no margin.

    Leaves out a share of 100 % or more: no small change would flip the verdict.
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


def claims_page(
    models: Sequence[ModelResults],
    shown_ids: Mapping[str, Set[str]],
    chapters: Sequence[pages.NavChapter],
    ids: PageIds,
    math: MathRenderer,
) -> pages.ClaimsPage:
    """Return the list of all claims, with the verdict of each model.

    models: the book's own first. shown_ids: the HTML ids of the claims that each chapter shows.
    ids: of the page; its sections get unused ones.
    Raises SpecError for a claim that cannot be checked on the book's model.
    """
    rows: dict[str, list[pages.ClaimRow]] = {chapter.name: [] for chapter in chapters}
    for claim in claims_of(models[0].views):
        others = (replace(claim, views=model.views) for model in models[1:])
        own_judgement = claim.judge_own()
        row = pages.ClaimRow(
            id=claim.id(),
            sentence=claim.sentence(own_judgement, math),
            check=claim.claim.check.text,
            evidence=claim.evidence,
            experiment=claim.address,
            judgements=(own_judgement, *map(_judge_other, others)),
            href=_find_place(claim, shown_ids),
        )
        rows[claim.view.experiment.chapter].append(row)
    all_rows = [row for chapter in chapters for row in rows[chapter.name]]
    for id in (*(row.id for row in all_rows), *(f"model-{n + 1}" for n in range(len(models)))):
        ids.add(id)
    refuted_id, close_id = ids.add("refuted"), ids.add("only-just")
    sections = tuple(
        pages.ChapterClaims(
            id=ids.add(chapter.name),
            number=chapter.number,
            title=chapter.title,
            href=chapter.href,
            rows=tuple(rows[chapter.name]),
        )
        for chapter in chapters
        if rows[chapter.name]
    )
    columns = tuple(
        pages.ModelColumn(
            model.name,
            model.digest,
            _counts([(row.judgements[i], row.evidence == "definition") for row in all_rows]),
        )
        for i, model in enumerate(models)
    )
    return pages.ClaimsPage(columns, sections, refuted_id, close_id)


def _find_place(claim: ModelClaim, shown_ids: Mapping[str, Set[str]]) -> str | None:
    """Return the claim's place on its own chapter's page, else on the first that shows it."""
    own_chapter = claim.view.experiment.chapter
    for chapter in sorted(shown_ids, key=lambda name: name != own_chapter):
        id = claim.id(chapter)
        if id in shown_ids[chapter]:
            return f"{chapter}.html#{id}"
    return None


def _judge_other(claim: ModelClaim) -> blocks.Judgement:
    """Judge a claim on another model; a check that does not fit its result leaves it open."""
    try:
        return claim.judge()
    except CheckError:
        return blocks.Judgement("open", note=gettext("the check does not fit the result"))


def _counts(verdicts: Sequence[tuple[blocks.Judgement, bool]]) -> tuple[blocks.Fact, ...]:
    """Count the verdicts, leaving out the rarer kinds that do not occur.

    verdicts: each with whether its claim is true by definition. Those that hold count apart,
    because no run could refute them.
    """
    states = [
        "definition" if by_definition and judgement.state == "holds" else judgement.state
        for judgement, by_definition in verdicts
    ]
    counts = {
        gettext("Claims"): len(states),
        gettext("Hold"): states.count("holds"),
        gettext("Do not hold"): states.count("fails"),
    }
    rarer = {
        gettext("Hold by definition"): states.count("definition"),
        gettext("Hold or fail only just"): sum(judgement.close for judgement, _ in verdicts),
        gettext("Not decided"): states.count("open"),
        gettext("Not applicable"): states.count("inapplicable"),
    }
    counts |= {label: count for label, count in rarer.items() if count}
    return tuple(blocks.Fact(label, str(count)) for label, count in counts.items())
