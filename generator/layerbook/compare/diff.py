"""Two sets of results of one book compared: numbers, verdicts of claims, figures, and the sentences that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from layerbook.book.claims.check import CheckError, Verdict
from layerbook.book.loader import Experiment
from layerbook.compare import prose
from layerbook.compare.prose import ProseVariant, SentenceChange, SourceUse
from layerbook.compare.result_set import ResultSet
from layerbook.core.errors import LayerbookError, SpecError, StoreError
from layerbook.site.claims_page import verdict_or_reason
from layerbook.site.experiment_view import ExperimentView
from layerbook.site.figure_cache import figure_digest
from layerbook.store import results, tolerance
from layerbook.store.key_changes import ABSENT, diff_keys, diff_values
from layerbook.store.project import Project, sweep_cells

State = Literal["same", "changed", "added", "removed", "unreadable"]


@dataclass(frozen=True)
class ValueChange:
    """A value that differs: of an array the worst element. gap: |old - new| of numbers; beyond: more than tolerated."""

    path: str
    old: Any
    new: Any
    gap: float | None
    beyond: bool


@dataclass(frozen=True)
class ExperimentDiff:
    """One experiment on both sides; `sources` are the components of the key that moved, `note` what keeps it unread."""

    address: str
    state: State
    numbers: tuple[ValueChange, ...] = ()
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class VerdictFlip:
    """A claim whose verdict is not the same on both sides: holds, fails, or why it is undecided."""

    file: str
    line: int
    experiment: str
    says: str
    old: str
    new: str


@dataclass(frozen=True)
class FigureChange:
    """A figure whose data is not the same, or that only one side has."""

    experiment: str
    figure: str
    state: Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Diff:
    """All that differs; `notes` say which chapters could not be told with one side's results."""

    old: str
    new: str
    experiments: tuple[ExperimentDiff, ...]
    claims: tuple[VerdictFlip, ...]
    figures: tuple[FigureChange, ...]
    sentences: tuple[SentenceChange, ...]
    uses: tuple[SourceUse, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both sides say the same, whatever they were made from."""
        return all(one.state == "same" for one in self.experiments)


ViewsByAddress = Mapping[str, ExperimentView]


def diff(project: Project, old: ResultSet, new: ResultSet) -> Diff:
    """Compare two sides, with the specs and the prose of the book as they stand. Nothing runs, nothing is drawn."""
    wanted = {experiment.address: experiment for experiment in project.experiments()}
    mine, theirs = _load_views(wanted, old), _load_views(wanted, new)
    addresses = [a for a in wanted if old.result_path(a).is_file() or new.result_path(a).is_file()]
    addresses += sorted({*old.addresses(), *new.addresses()} - wanted.keys())
    experiments = tuple(_diff_experiment(address, old, new, mine, theirs) for address in addresses)
    changed = [one.address for one in experiments if one.state != "same"]
    said: list[SentenceChange] = []
    asked: list[SourceUse] = []
    notes: list[str] = []
    if changed:
        tellings = ProseVariant(project, old, mine), ProseVariant(project, new, theirs)
        for chapter in project.book.chapters:
            asked += prose.find_uses(project, chapter, changed)
            try:
                said += prose.sentence_changes(chapter, *tellings)
            except SpecError as error:
                said += prose.caption_changes(chapter, *tellings)
                notes.append(
                    f"the prose of {chapter.name} cannot be told on both sides: {error.problems[0]}"
                )
    return Diff(
        old=old.label,
        new=new.label,
        experiments=experiments,
        claims=_verdict_flips(wanted, mine, theirs) if changed else (),
        figures=_figure_changes([a for a in changed if a in wanted], mine, theirs),
        sentences=tuple(said),
        uses=tuple(asked),
        notes=tuple(notes),
    )


def _load_views(wanted: Mapping[str, Experiment], side: ResultSet) -> dict[str, ExperimentView]:
    """Every experiment of the book with its result on one side, or with what keeps it from being read."""

    def cells(cell: Experiment) -> Any:
        return results.load(side.path_of_experiment(cell), cell.result_type).result

    found: dict[str, ExperimentView] = {}
    for address, experiment in wanted.items():
        try:
            envelope = results.load(side.result_path(address), experiment.result_type)
            experiment_view = ExperimentView(experiment, envelope, load_cell=cells)
            _ = (
                experiment_view.figures
            )  # they are described here, where a failure is known to be this result's
        except StoreError as error:
            missing = isinstance(error, results.ResultFileError) and error.reason == "missing"
            experiment_view = ExperimentView(experiment, None, "no result" if missing else str(error))
        # An analysis describes results for its own parameters; what it makes of another model's or spec's is open.
        except Exception as error:
            experiment_view = ExperimentView(
                experiment,
                None,
                f"its figures cannot be described: {type(error).__name__}: {error}",
            )
        found[address] = experiment_view
    return found


def _diff_experiment(address: str, old: ResultSet, new: ResultSet, mine: ViewsByAddress, theirs: ViewsByAddress) -> ExperimentDiff:
    try:
        heads = [
            results.read_header(side.result_path(address)) if side.result_path(address).exists() else None
            for side in (old, new)
        ]
        if heads[0] is None or heads[1] is None:
            return ExperimentDiff(address, "added" if heads[0] is None else "removed")
        before, after = heads[0], heads[1]
        sources = tuple(map(str, diff_keys((before.spec, before.key), (after.spec, after.key))))
        one, other = (
            side[address].envelope if address in side else None for side in (mine, theirs)
        )
        if one is not None and other is not None:
            apart = tolerance.compare_results(one.result, other.result, 0.0, 0.0).differences
            numbers = [
                _value_change(difference.path, difference.old, difference.new) for difference in apart
            ]
            numbers += _diff_cells(mine[address].experiment, old, new)
        else:  # of another book, or written for another form of its analysis: as plain data
            plain = [results.read_numbers(side.result_path(address)) for side in (old, new)]
            numbers = [_value_change(*moved) for moved in diff_values(plain[0], plain[1])]
    except StoreError as error:
        return ExperimentDiff(address, "unreadable", note=str(error))
    return ExperimentDiff(address, "changed" if numbers else "same", tuple(numbers), sources)


def _diff_cells(experiment: Experiment, old: ResultSet, new: ResultSet) -> Iterator[ValueChange]:
    """What differs in the cells of a sweep, the grid being the book's; a cell that neither side has is no difference.

    Raises StoreError for one that cannot be read.
    """
    if experiment.sweep is None:
        return
    for cell, one in sweep_cells(experiment):
        places = [side.path_of_experiment(one) for side in (old, new)]
        before, after = ("a result" if place.exists() else None for place in places)
        if before and after:
            mine, theirs = (
                results.load(place, one.result_type).result for place in places
            )
            apart = tolerance.compare_results(mine, theirs, 0.0, 0.0).prefixed(cell.description).differences
            yield from (
                _value_change(difference.path, difference.old, difference.new) for difference in apart
            )
        elif before or after:
            yield ValueChange(cell.description, before, after, None, True)


def _value_change(path: str, old: Any, new: Any) -> ValueChange:
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in (old, new)):
        gap = abs(float(new) - float(old))
        exact = isinstance(old, int) and isinstance(new, int)
        return ValueChange(
            path, old, new, gap, exact or not gap <= tolerance.ATOL + tolerance.RTOL * abs(float(old))
        )
    return ValueChange(path, None if old is ABSENT else old, None if new is ABSENT else new, None, True)


def _verdict_flips(
    wanted: Mapping[str, Experiment], mine: ViewsByAddress, theirs: ViewsByAddress
) -> tuple[VerdictFlip, ...]:
    found = []
    for address, experiment in wanted.items():
        for index, claim in enumerate(experiment.claims):
            old, new = (_verdict_text(side, address, index) for side in (mine, theirs))
            if old != new:
                found.append(
                    VerdictFlip(experiment.file, claim.line, address, claim.says.strip(), old, new)
                )
    return tuple(found)


def _verdict_text(side: ViewsByAddress, address: str, index: int) -> str:
    try:
        verdict = verdict_or_reason(side[address], index, side)
    except (CheckError, LayerbookError) as error:
        return f"undecided: {error}"
    if isinstance(verdict, Verdict):
        return "holds" if verdict.holds else "fails"
    return f"undecided: {verdict}"


def _figure_changes(changed: list[str], mine: ViewsByAddress, theirs: ViewsByAddress) -> tuple[FigureChange, ...]:
    found = []
    for address in changed:
        old, new = _figure_digests(mine[address]), _figure_digests(theirs[address])
        for name in dict.fromkeys([*old, *new]):
            if name not in old or name not in new:
                found.append(FigureChange(address, name, "removed" if name in old else "added"))
            elif old[name] != new[name]:
                found.append(FigureChange(address, name, "changed"))
    return tuple(found)


def _figure_digests(experiment_view: ExperimentView) -> dict[str, str]:
    """The digests of what an experiment's figures show."""
    return {name: figure_digest(figure) for name, figure in experiment_view.figures.items()}
