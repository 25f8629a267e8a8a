"""Compare two sets of results of a book: numbers, verdicts, figures and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from layerbook.book.claims.check import CheckError
from layerbook.book.contents import Experiment
from layerbook.compare import prose
from layerbook.compare.prose import ProseVariant, SentenceChange, SourceUse
from layerbook.compare.result_set import ResultSet
from layerbook.core.errors import LayerbookError, SpecError, StoreError, UsageError
from layerbook.core.language import gettext, mark
from layerbook.plotting.pool import DrawingPool
from layerbook.site.claims import ModelClaim
from layerbook.site.experiment_view import (
    ExperimentView,
    ExperimentViews,
    describe_unusable,
    load_view,
)
from layerbook.site.figure_cache import content_digest
from layerbook.site.prose.chapter_text import prose_path
from layerbook.site.site_parts import load_site_parts
from layerbook.store import results
from layerbook.store.comparison import Difference, compare_results, tolerance_of
from layerbook.store.key_changes import ABSENT, diff_keys, diff_values
from layerbook.store.project import Project, sweep_cells

State = Literal["same", "changed", "added", "removed", "unreadable"]

VERDICTS = (mark("holds"), mark("fails"), mark("inapplicable"))
"""The verdicts that need no reason."""


@dataclass(frozen=True)
class ExperimentDiff:
    """The differences of one experiment.

    sources: the parts of the key that changed. note: why a result is missing or cannot be read.
    """

    address: str
    state: State
    numbers: tuple[Difference, ...] = ()
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class VerdictFlip:
    """A claim with two verdicts: `holds`, `fails`, or why it is undecided."""

    file: str
    line: int
    experiment: str
    says: str
    old: str
    new: str


@dataclass(frozen=True)
class FigureChange:
    """A figure whose data differs, or that exists on only one side."""

    experiment: str
    figure: str
    state: Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Diff:
    """All differences. `notes` say which prose cannot be compared, and why."""

    old: str
    new: str
    experiments: tuple[ExperimentDiff, ...]
    claims: tuple[VerdictFlip, ...] = ()
    figures: tuple[FigureChange, ...] = ()
    sentences: tuple[SentenceChange, ...] = ()
    uses: tuple[SourceUse, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Return whether all numbers are equal, even if their sources differ."""
        return all(experiment.state == "same" for experiment in self.experiments)


def diff(project: Project, old: ResultSet, new: ResultSet) -> Diff:
    """Compare two sets of results under the current specs and prose of the book.

    Notes, sentences and the reasons for a verdict are in the current language.

    Raises UsageError if the sets have no chapter in common.
    """
    old, new = replace(old, rest=new), replace(new, rest=old)
    comparison = _Comparison(project, old, new)
    addresses = comparison.addresses()
    if not addresses:
        raise UsageError(f"{old.label} and {new.label} hold results of different chapters")
    outcome = Diff(old.label, new.label, tuple(map(comparison.diff_experiment, addresses)))
    if outcome.same:
        return outcome
    changed = [each.address for each in outcome.experiments if each.state != "same"]
    sentences, notes = comparison.diff_prose()
    return replace(
        outcome,
        claims=tuple(comparison.verdict_flips()),
        figures=tuple(comparison.figure_changes(changed)),
        sentences=tuple(sentences),
        uses=tuple(comparison.find_uses(changed)),
        notes=tuple(notes),
    )


class _Comparison:
    """The experiments of a book with their results on two sides."""

    def __init__(self, project: Project, old: ResultSet, new: ResultSet) -> None:
        self.project, self.old, self.new = project, old, new
        self.experiments = {experiment.address: experiment for experiment in project.experiments()}
        self.old_views = {a: _load_view(e, old) for a, e in self.experiments.items()}
        self.new_views = {a: _load_view(e, new) for a, e in self.experiments.items()}

    def addresses(self) -> list[str]:
        """Return the book's experiments that have a result, then results without an experiment.

        If a side was written by `run --out`, only the results of its chapter are compared.
        """
        addresses = {*self.old.addresses(), *self.new.addresses()}
        existing = {a for a in addresses if self.old.covers(a) and self.new.covers(a)}
        own = [address for address in self.experiments if address in existing]
        return own + sorted(existing - self.experiments.keys())

    def diff_experiment(self, address: str) -> ExperimentDiff:
        """Compare the results of one experiment."""
        old_path, new_path = self.old.result_path(address), self.new.result_path(address)
        if not old_path.exists() or not new_path.exists():
            note = self.experiments[address].inapplicable if address in self.experiments else ""
            return ExperimentDiff(address, "removed" if old_path.exists() else "added", note=note)
        try:
            old, new = results.read_header(old_path), results.read_header(new_path)
            numbers = tuple(self._value_changes(address, old_path, new_path))
        except StoreError as error:
            path = getattr(error, "path", old_path.parent)
            note = f"{path}: {describe_unusable(error)}"
            return ExperimentDiff(address, "unreadable", note=note)
        sources = tuple(map(str, diff_keys(old, new.spec, new.key)))
        return ExperimentDiff(address, "changed" if numbers else "same", numbers, sources)

    def _value_changes(self, address: str, old_path: Path, new_path: Path) -> Iterator[Difference]:
        old, new = self.old_views.get(address), self.new_views.get(address)
        if old and new and old.envelope and new.envelope:
            yield from _compare(old.envelope, new.envelope)
            yield from self._diff_cells(old.experiment)
        else:  # results of another book, or of another version of the analysis
            for each in diff_values(results.read_numbers(old_path), results.read_numbers(new_path)):
                values = (None if value is ABSENT else value for value in (each.old, each.new))
                yield Difference(each.path, *values)

    def _diff_cells(self, experiment: Experiment) -> Iterator[Difference]:
        """Compare the cells of a sweep. Raises StoreError for one that cannot be read."""
        if experiment.sweep is None:
            return
        for cell, cell_experiment in sweep_cells(experiment):
            paths = [side.path_of_experiment(cell_experiment) for side in (self.old, self.new)]
            old, new = (gettext("a result") if path.exists() else None for path in paths)
            if old and new:
                loaded = (results.load(path, cell_experiment.result_type) for path in paths)
                yield from (each.prefixed(cell.description) for each in _compare(*loaded))
            elif old or new:
                yield Difference(cell.description, old, new)

    def diff_prose(self) -> tuple[list[SentenceChange], list[str]]:
        """Return the sentences that differ, and notes on prose that cannot be compared."""
        try:
            # Figures are drawn only when a page is written, which does not happen here.
            parts = load_site_parts(self.project, DrawingPool(1))
        except SpecError as error:  # in the theme, the bibliography or the glossary
            problem = error.problems[0]
            return [], [gettext("the sentences cannot be compared: {problem}", problem=problem)]
        old, new = ProseVariant(parts, self.old_views), ProseVariant(parts, self.new_views)
        sentences: list[SentenceChange] = []
        notes = []
        for chapter in self.project.book.chapters:
            try:
                file = str(prose_path(self.project, chapter))
                texts = old.sentences(chapter), new.sentences(chapter)
                sentences += prose.pair_changes(file, *texts)
            except SpecError as error:
                note = gettext(
                    "the prose of {chapter} does not fit both sides: {problem}",
                    chapter=chapter.name,
                    problem=error.problems[0],
                )
                notes.append(note)
            sentences += prose.caption_changes(chapter, old, new)
        return sentences, notes

    def find_uses(self, changed: Sequence[str]) -> Iterator[SourceUse]:
        """Yield the lines of prose and specs that use experiments that changed."""
        for chapter in self.project.book.chapters:
            yield from prose.find_uses(self.project, chapter, changed)

    def verdict_flips(self) -> Iterator[VerdictFlip]:
        """Yield the claims whose verdicts differ."""
        for address, experiment in self.experiments.items():
            for index, claim in enumerate(experiment.claims):
                old = _describe_verdict(self.old_views, address, index)
                new = _describe_verdict(self.new_views, address, index)
                if old != new:
                    says = claim.says.strip()
                    yield VerdictFlip(experiment.file, claim.line, address, says, old, new)

    def figure_changes(self, changed: Sequence[str]) -> Iterator[FigureChange]:
        """Yield the figures of experiments that changed, if their data did."""
        for address in changed:
            if address not in self.experiments:
                continue
            old = _content_digests(self.old_views[address])
            new = _content_digests(self.new_views[address])
            for name in dict.fromkeys([*old, *new]):
                if name not in old:
                    yield FigureChange(address, name, "added")
                elif name not in new:
                    yield FigureChange(address, name, "removed")
                elif old[name] != new[name]:
                    yield FigureChange(address, name, "changed")


def _compare(
    old: results.StoredResult[Any], new: results.StoredResult[Any]
) -> tuple[Difference, ...]:
    tolerance = tolerance_of(old.key.precision, new.key.precision)
    return compare_results(old.result, new.result, tolerance)


def _load_view(experiment: Experiment, side: ResultSet) -> ExperimentView:
    """Load an experiment with its result on one side, or with the reason why it has none."""
    view = load_view(experiment, side.path_of_experiment)
    if view.envelope is None and experiment.inapplicable:
        return replace(view, unavailable_reason=experiment.inapplicable, inapplicable=True)
    try:
        view.figures  # noqa: B018 (cached: an error belongs to this result)
    except StoreError:
        reason = gettext("a cell of its sweep has no usable result")
    # `figures` is for the parameters of the spec; a result of another spec may not fit them.
    except LayerbookError as error:
        cause = error.__cause__ or error
        problem = f"{type(cause).__name__}: {cause}"
        reason = gettext("its figures cannot be built: {problem}", problem=problem)
    else:
        return view
    return ExperimentView(experiment, side.path_of_experiment, unavailable_reason=reason)


def _describe_verdict(views: ExperimentViews, address: str, index: int) -> str:
    try:
        judgement = ModelClaim(views, address, index).judge()
    except CheckError as error:
        reason = gettext("the check does not fit the result: {problem}", problem=error.message)
        return gettext("undecided: {reason}", reason=reason)
    except LayerbookError as error:
        return gettext("undecided: {reason}", reason=error)
    if judgement.state == "open":
        return gettext("undecided: {reason}", reason=judgement.note)
    return gettext(judgement.state)


def _content_digests(view: ExperimentView) -> dict[str, str]:
    return {name: content_digest(figure) for name, figure in view.figures.items()}
