"""Run a book's experiments again from nothing, and compare with the results that are committed; none is replaced."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from layerbook.book.loader import Experiment
from layerbook.compare import pages as aside
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, SpecError, StoreError
from layerbook.core.progress import Reporter
from layerbook.model.stopwatch import Stopwatch
from layerbook.runner.local import Measured, need_libraries
from layerbook.runner.run import measure
from layerbook.runner.timings import address_of, taken
from layerbook.store import results
from layerbook.store import tolerance as compare
from layerbook.store.project import Project, Work
from layerbook.store.verification import Entry, Turn, bound, rounded, turns

Verdict = Literal["agrees", "differs", "failed", "not current"]


@dataclass(frozen=True)
class Checked:
    """One experiment: its verdict over all runs, the largest gap and where, and the gap by the number of threads.

    apart: the first place beyond the tolerance. detail: what stands there, why it failed, or what it is instead of
    current. digest: of the result that was compared. seconds: its share of the run with the most threads.
    """

    address: str
    verdict: Verdict
    gap: float = 0.0
    place: str = ""
    gaps: Mapping[int, float] | None = None
    apart: str = ""
    detail: str = ""
    digest: str = ""
    seconds: float | None = None

    def entry(self, threads: Sequence[int]) -> Entry | None:
        """What the record keeps of it; None where nothing was compared."""
        if self.verdict == "failed" or self.verdict == "not current":
            return None
        return Entry(
            self.digest,
            tuple(threads),
            self.verdict,
            bound(self.gap),
            self.apart,
            rounded(self.seconds),
        )


@dataclass(frozen=True)
class Verified:
    """What every experiment came to, and, by the number of threads, where pages would read differently."""

    threads: tuple[int, ...]
    checked: tuple[Checked, ...]
    shown: Mapping[int, tuple[aside.Shown, ...]]

    @property
    def same(self) -> bool:
        """Whether every experiment agrees; digits that pages round may still turn."""
        return all(one.verdict == "agrees" for one in self.checked)

    def turned(self, everything: Sequence[Work]) -> tuple[Turn, ...] | None:
        """The words of pages that would turn; None where not every experiment was compared."""
        compared = {one.address for one in self.checked if one.verdict in ("agrees", "differs")}
        if compared != {address_of(one.experiment) for one in everything}:
            return None
        return turns(
            {n: [(one.place, one.old, one.new) for one in shown] for n, shown in self.shown.items()}
        )


def verify(
    project: Project,
    everything: Sequence[Work],
    work: Sequence[Work],
    threads: Sequence[int],
    report: Reporter,
) -> Verified:
    """Run the experiments of `work` once for each number of threads, each time with the model loaded anew.

    Nothing is taken from the working cache, and no result is written. Raises ModelError where the model cannot be had.
    """
    able = [one for one in work if one.freshness.usable]
    found: dict[int, Clean] = {}
    shown: dict[int, tuple[aside.Shown, ...]] = {}
    if able:
        need_libraries()
        from layerbook.model.threads import threads as computing_with

        for count in threads:
            with tempfile.TemporaryDirectory(prefix="layerbook-") as folder:
                with computing_with(count):
                    found[count] = _clean(
                        project, [one.experiment for one in able], Path(folder), report
                    )
                if found[count].moved:
                    shown[count] = _shown(project, everything, Path(folder))
    return Verified(tuple(threads), tuple(_checked(project, one, found) for one in work), shown)


@dataclass(frozen=True)
class Clean:
    """One run of everything, compared: by experiment how it compares, or why there is nothing to compare.

    seconds: by address, its share of the run; loading the model is nobody's.
    """

    compared: Mapping[Experiment, compare.Comparison | LayerbookError]
    seconds: Mapping[str, float]

    @property
    def moved(self) -> bool:
        """Whether any number is not the committed one to the last bit, so that pages may differ."""
        return any(
            isinstance(c, compare.Comparison) and (c.differences or c.largest)
            for c in self.compared.values()
        )


def _clean(project: Project, wanted: Sequence[Experiment], folder: Path, report: Reporter) -> Clean:
    """Measure everything anew, compare, and lay down in `folder` what differs to the last bit."""
    witnesses = {one: Witness(project, folder) for one in wanted}
    watch = Stopwatch()
    measured = measure(project.source, wanted, report, shelves=witnesses.__getitem__, watch=watch)
    compared: dict[Experiment, compare.Comparison | LayerbookError] = {}
    for one, result in measured.items():
        if isinstance(result, LayerbookError):
            compared[one] = result
        else:
            compared[one] = witnesses[one].against(one, result).joined(witnesses[one].cells)
    shares = taken(watch, wanted).shares
    return Clean(compared, {address: share.total for address, share in shares.items()})


class Witness:
    """Sees each result as it is measured and keeps of it only how it compares with the committed one.

    cells: how the cells of a sweep compare, together.
    """

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.cells = compare.Comparison((), 0.0)

    def todo(self, chunk: Sequence[Experiment]) -> Sequence[Experiment]:
        """All of them."""
        return chunk

    def found(self, chunk: Sequence[Experiment], measured: Measured) -> Measured:
        """As they were measured, and compared on the way; a cell that failed is its sweep's to tell."""
        for one in chunk:
            result = measured[one]
            if not isinstance(result, LayerbookError):
                self.cells = self.cells.joined(self.against(one, result).within(one.id))
        return measured

    def against(self, one: Experiment, result: Result) -> compare.Comparison:
        """With what is committed; what differs at all is laid down in the folder, as a result of the book."""
        path = self.project.entry(one)
        try:
            committed = results.load(path, one.analysis.result_type)
        except StoreError as error:
            return compare.Comparison(
                (compare.Difference("its result", str(error), "measured now"),), 0.0
            )
        found = compare.agree(committed.result, result)
        if found.largest or found.differences:
            results.write(
                self.folder / path.relative_to(self.project.results),
                replace(committed, result=result),
            )
        return found


def _checked(project: Project, work: Work, found: Mapping[int, Clean]) -> Checked:
    experiment, address = work.experiment, address_of(work.experiment)
    if not work.freshness.usable:
        return Checked(address, "not current", detail=str(work.freshness))
    try:
        digest = results.head(project.entry(experiment)).digest
    except LayerbookError as error:
        return Checked(address, "not current", detail=str(error))
    compared: dict[int, compare.Comparison] = {}
    for count, clean in found.items():
        one = clean.compared[experiment]
        if isinstance(one, LayerbookError):
            return Checked(address, "failed", detail=str(one), digest=digest)
        compared[count] = one
    widest = max(compared.values(), key=lambda one: one.largest)
    apart = [difference for one in compared.values() for difference in one.differences]
    return Checked(
        address=address,
        verdict="differs" if apart else "agrees",
        gap=widest.largest,
        place=widest.place,
        gaps={count: one.largest for count, one in compared.items()},
        apart=apart[0].path if apart else "",
        detail=str(apart[0]) if apart else "",
        digest=digest,
        seconds=found[max(found)].seconds.get(address),
    )


def _shown(project: Project, work: Sequence[Work], folder: Path) -> tuple[aside.Shown, ...]:
    """Where the book, laid out from what was measured now, reads differently."""
    before = aside.pages(project, work)
    try:
        return aside.differing(before, aside.pages(project, work, folder))
    except (
        SpecError
    ) as error:  # prose that no longer fits, as a claim about a token that is not there
        return tuple(
            aside.Shown(one.file, str(one.line), "", one.message) for one in error.problems
        )
