"""Run a book's experiments again from nothing, and compare with the results that are committed; none is replaced."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from generator import aside
from generator.analysis import Result
from generator.errors import LayerbookError, SpecError
from generator.experiments import Experiment
from generator.measuring import need_libraries
from generator.project import Project, Work
from generator.reporting import Reporter
from generator.run import measure
from generator.store import compare, results
from generator.timings import address_of
from generator.verification import Entry, bound

Verdict = Literal["agrees", "differs", "failed", "not current"]


@dataclass(frozen=True)
class Checked:
    """One experiment: its verdict over all runs, the largest gap and where, and the gap by the number of threads.

    apart: the first place beyond the tolerance. detail: what stands there, why it failed, or what it is instead of
    current. digest: of the result that was compared.
    """

    address: str
    verdict: Verdict
    gap: float = 0.0
    place: str = ""
    gaps: Mapping[int, float] | None = None
    apart: str = ""
    detail: str = ""
    digest: str = ""

    def entry(self, threads: Sequence[int]) -> Entry | None:
        """What the record keeps of it; None where nothing was compared."""
        if self.verdict == "failed" or self.verdict == "not current":
            return None
        return Entry(self.digest, tuple(threads), self.verdict, bound(self.gap), self.apart)


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


def verify(
    project: Project, everything: Sequence[Work], work: Sequence[Work], threads: Sequence[int], report: Reporter
) -> Verified:
    """Run the experiments of `work` once for each number of threads, each time with the model loaded anew.

    Nothing is taken from the working cache, and no result is written. Raises ModelError where the model cannot be had.
    """
    able = [one for one in work if one.freshness.usable]
    found: dict[int, Mapping[Experiment, Result | LayerbookError]] = {}
    if able:
        need_libraries()
        from generator.model.threads import threads as computing_with

        for count in threads:
            with computing_with(count):
                found[count] = measure(project.source, [one.experiment for one in able], report)
    checked = tuple(_checked(project, one, found) for one in work)
    shown = {n: _shown(project, everything, measured) for n, measured in found.items() if _moved(checked, n)}
    return Verified(tuple(threads), checked, shown)


def _checked(
    project: Project, work: Work, found: Mapping[int, Mapping[Experiment, Result | LayerbookError]]
) -> Checked:
    experiment, address = work.experiment, address_of(work.experiment)
    if not work.freshness.usable:
        return Checked(address, "not current", detail=str(work.freshness))
    path = project.entry(experiment)
    try:
        committed, digest = results.load(path, experiment.analysis.result_type), results.head(path).digest
    except LayerbookError as error:
        return Checked(address, "not current", detail=str(error))
    compared: dict[int, compare.Comparison] = {}
    for count, measured in found.items():
        new = measured[experiment]
        if isinstance(new, LayerbookError):
            return Checked(address, "failed", detail=str(new), digest=digest)
        compared[count] = compare.agree(committed.result, new)
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
    )


def _moved(checked: Sequence[Checked], threads: int) -> bool:
    """Whether any number of this run is not the committed one to the last bit, so that pages may differ."""
    return any(one.verdict == "differs" or (one.gaps or {}).get(threads) for one in checked)


def _shown(
    project: Project, work: Sequence[Work], measured: Mapping[Experiment, Result | LayerbookError]
) -> tuple[aside.Shown, ...]:
    """Where the book, laid out from what was measured now, reads differently."""
    with tempfile.TemporaryDirectory(prefix="layerbook-") as folder:
        places: dict[Experiment, Path] = {}
        for experiment, result in measured.items():
            if isinstance(result, LayerbookError):
                continue
            committed: results.Envelope[Any] = results.load(project.entry(experiment), experiment.analysis.result_type)
            places[experiment] = results.save(Path(folder), replace(committed, result=result))
        before = aside.pages(project, work, {})
        try:
            return aside.differing(before, aside.pages(project, work, places))
        except SpecError as error:  # prose that no longer fits, as a claim about a token that is not there
            return tuple(aside.Shown(one.file, str(one.line), "", one.message) for one in error.problems)
