"""Two sets of results of one book compared: numbers, verdicts of claims, figures, and the sentences that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from layerbook.book.claims.check import CheckError, Verdict
from layerbook.book.loader import Experiment
from layerbook.book.sweep import Swept
from layerbook.compare import prose as sentences
from layerbook.compare.prose import Sentence, Telling, Use
from layerbook.compare.result_set import Side
from layerbook.core.errors import LayerbookError, SpecError, StoreError
from layerbook.runner.timings import address_of
from layerbook.site.claims_page import decided
from layerbook.site.experiment_view import Exhibit
from layerbook.site.figure_cache import digest
from layerbook.store import results
from layerbook.store import tolerance as compare
from layerbook.store.changes import ABSENT, between, moved_values
from layerbook.store.project import Project, cells_of

State = Literal["same", "changed", "added", "removed", "unreadable"]


@dataclass(frozen=True)
class Moved:
    """A value that differs: of an array the worst element. gap: |old - new| of numbers; beyond: more than tolerated."""

    path: str
    old: Any
    new: Any
    gap: float | None
    beyond: bool


@dataclass(frozen=True)
class Compared:
    """One experiment on both sides; `sources` are the components of the key that moved, `note` what keeps it unread."""

    address: str
    state: State
    numbers: tuple[Moved, ...] = ()
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Turned:
    """A claim whose verdict is not the same on both sides: holds, fails, or why it is undecided."""

    file: str
    line: int
    experiment: str
    says: str
    old: str
    new: str


@dataclass(frozen=True)
class Redrawn:
    """A figure whose data is not the same, or that only one side has."""

    experiment: str
    figure: str
    state: Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Diff:
    """All that differs; `notes` say which chapters could not be told with one side's results."""

    old: str
    new: str
    experiments: tuple[Compared, ...]
    claims: tuple[Turned, ...]
    figures: tuple[Redrawn, ...]
    sentences: tuple[Sentence, ...]
    uses: tuple[Use, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both sides say the same, whatever they were made from."""
        return all(one.state == "same" for one in self.experiments)


Exhibits = Mapping[str, Exhibit]


def diff(project: Project, old: Side, new: Side) -> Diff:
    """Compare two sides, with the specs and the prose of the book as they stand. Nothing runs, nothing is drawn."""
    wanted = {address_of(experiment): experiment for experiment in project.experiments()}
    mine, theirs = _exhibits(wanted, old), _exhibits(wanted, new)
    addresses = [a for a in wanted if old.entry(a).is_file() or new.entry(a).is_file()]
    addresses += sorted({*old.addresses(), *new.addresses()} - wanted.keys())
    experiments = tuple(_compared(address, old, new, mine, theirs) for address in addresses)
    changed = [one.address for one in experiments if one.state != "same"]
    said: list[Sentence] = []
    asked: list[Use] = []
    notes: list[str] = []
    if changed:
        tellings = Telling(project, old, mine), Telling(project, new, theirs)
        for chapter in project.book.chapters:
            asked += sentences.uses(project, chapter, changed)
            try:
                said += sentences.differing(chapter, *tellings)
            except SpecError as error:
                said += sentences.differing_words(chapter, *tellings)
                notes.append(
                    f"the prose of {chapter.name} cannot be told on both sides: {error.problems[0]}"
                )
    return Diff(
        old=old.label,
        new=new.label,
        experiments=experiments,
        claims=_turned(wanted, mine, theirs) if changed else (),
        figures=_redrawn([a for a in changed if a in wanted], mine, theirs),
        sentences=tuple(said),
        uses=tuple(asked),
        notes=tuple(notes),
    )


def _exhibits(wanted: Mapping[str, Experiment], side: Side) -> dict[str, Exhibit]:
    """Every experiment of the book with its result on one side, or with what keeps it from being read."""

    def cells(cell: Experiment) -> Any:
        return results.load(side.entry_of(cell), cell.analysis.result_type).result

    found: dict[str, Exhibit] = {}
    for address, experiment in wanted.items():
        try:
            envelope = results.load(side.entry(address), experiment.analysis.result_type)
            exhibit = Exhibit(experiment, envelope, cells=cells)
            _ = (
                exhibit.figures
            )  # they are described here, where a failure is known to be this result's
        except StoreError as error:
            missing = isinstance(error, results.EntryError) and error.reason == "missing"
            exhibit = Exhibit(experiment, None, "no result" if missing else str(error))
        # An analysis describes results for its own parameters; what it makes of another model's or spec's is open.
        except Exception as error:
            exhibit = Exhibit(
                experiment,
                None,
                f"its figures cannot be described: {type(error).__name__}: {error}",
            )
        found[address] = exhibit
    return found


def _compared(address: str, old: Side, new: Side, mine: Exhibits, theirs: Exhibits) -> Compared:
    try:
        heads = [
            results.head(side.entry(address)) if side.entry(address).exists() else None
            for side in (old, new)
        ]
        if heads[0] is None or heads[1] is None:
            return Compared(address, "added" if heads[0] is None else "removed")
        before, after = heads[0], heads[1]
        sources = tuple(map(str, between((before.spec, before.key), (after.spec, after.key))))
        one, other = (
            side[address].envelope if address in side else None for side in (mine, theirs)
        )
        if one is not None and other is not None:
            apart = compare.agree(one.result, other.result, 0.0, 0.0).differences
            numbers = [
                _moved(difference.path, difference.old, difference.new) for difference in apart
            ]
            numbers += _cells(mine[address].experiment, old, new)
        else:  # of another book, or written for another form of its analysis: as plain data
            plain = [results.numbers(side.entry(address)) for side in (old, new)]
            numbers = [_moved(*moved) for moved in moved_values(plain[0], plain[1])]
    except StoreError as error:
        return Compared(address, "unreadable", note=str(error))
    return Compared(address, "changed" if numbers else "same", tuple(numbers), sources)


def _cells(experiment: Experiment, old: Side, new: Side) -> Iterator[Moved]:
    """What differs in the cells of a sweep, the grid being the book's; a cell that neither side has is no difference.

    Raises StoreError for one that cannot be read.
    """
    if not isinstance(experiment.analysis, Swept):
        return
    for cell, one in cells_of(experiment):
        places = [side.entry_of(one) for side in (old, new)]
        before, after = ("a result" if place.exists() else None for place in places)
        if before and after:
            mine, theirs = (
                results.load(place, one.analysis.result_type).result for place in places
            )
            apart = compare.agree(mine, theirs, 0.0, 0.0).within(cell.name).differences
            yield from (
                _moved(difference.path, difference.old, difference.new) for difference in apart
            )
        elif before or after:
            yield Moved(cell.name, before, after, None, True)


def _moved(path: str, old: Any, new: Any) -> Moved:
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in (old, new)):
        gap = abs(float(new) - float(old))
        exact = isinstance(old, int) and isinstance(new, int)
        return Moved(
            path, old, new, gap, exact or not gap <= compare.ATOL + compare.RTOL * abs(float(old))
        )
    return Moved(path, None if old is ABSENT else old, None if new is ABSENT else new, None, True)


def _turned(
    wanted: Mapping[str, Experiment], mine: Exhibits, theirs: Exhibits
) -> tuple[Turned, ...]:
    found = []
    for address, experiment in wanted.items():
        for index, claim in enumerate(experiment.claims):
            old, new = (_verdict(side, address, index) for side in (mine, theirs))
            if old != new:
                found.append(
                    Turned(experiment.file, claim.line, address, claim.says.strip(), old, new)
                )
    return tuple(found)


def _verdict(side: Exhibits, address: str, index: int) -> str:
    try:
        verdict = decided(side[address], index, side)
    except (CheckError, LayerbookError) as error:
        return f"undecided: {error}"
    if isinstance(verdict, Verdict):
        return "holds" if verdict.holds else "fails"
    return f"undecided: {verdict}"


def _redrawn(changed: list[str], mine: Exhibits, theirs: Exhibits) -> tuple[Redrawn, ...]:
    found = []
    for address in changed:
        old, new = _figures(mine[address]), _figures(theirs[address])
        for name in dict.fromkeys([*old, *new]):
            if name not in old or name not in new:
                found.append(Redrawn(address, name, "removed" if name in old else "added"))
            elif old[name] != new[name]:
                found.append(Redrawn(address, name, "changed"))
    return tuple(found)


def _figures(exhibit: Exhibit) -> dict[str, str]:
    """The digests of what an experiment's figures show."""
    return {name: digest(figure) for name, figure in exhibit.figures.items()}
