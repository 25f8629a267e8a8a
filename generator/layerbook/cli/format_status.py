"""Format the outcomes of `run`, `status`, `verify` and `clean`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layerbook.book.contents import Experiment
from layerbook.cli.output import json_value, summarize_counts
from layerbook.core.text import first_few, listed, pluralize
from layerbook.store.cache import CleanReport
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.key_changes import Change
from layerbook.store.orphans import Orphan

if TYPE_CHECKING:
    from layerbook.compare.verify import ExperimentCheck
    from layerbook.runner.run import Outcome

OUTCOMES = {
    "new": "new",
    "same": "unchanged",
    "differs": "changed and replaced",
    "failed": "failed",
}

VERDICTS = {
    "same": "gave the same numbers again",
    "differs": "differ",
    "failed": "failed",
    "not current": "have no current result to compare with",
}
MAX_SKIPPED = 3
"""The names in the line on what was skipped."""
MAX_DIFFERENCE = 300
"""The characters of the first difference in the table of `verify`."""

ChangesByAddress = Mapping[str, Sequence[Change]]


def outcome_lines(outcomes: Sequence[Outcome], folder: str) -> Iterator[str]:
    """Yield the experiments that failed or changed, then the counts and the folder of results."""
    if not outcomes:
        yield "Every result is current."
        return
    texts = {
        "differs": "differs from the previous result, which was replaced",
        "failed": "failed",
    }
    for outcome in outcomes:
        if outcome.verdict in texts:
            yield f"{outcome.experiment.address}: {texts[outcome.verdict]}: {outcome.detail}"
    counts = summarize_counts([outcome.verdict for outcome in outcomes], OUTCOMES)
    yield f"{pluralize(len(outcomes), 'experiment')} ran: {counts} ({folder})"


def skipped_lines(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Yield a line with the experiments that the model cannot run, if there are any."""
    skipped = [experiment.address for experiment in experiments if experiment.inapplicable]
    if skipped:
        count = pluralize(len(skipped), "experiment")
        yield f"Skipped {count} that this model cannot run: {listed(skipped, MAX_SKIPPED)}"


def status_lines(
    statuses: Sequence[ExperimentStatus], changes: ChangesByAddress, files: Sequence[str] | None
) -> Iterator[str]:
    """Yield experiments and outdated `files` of the site (None: not checked), then the counts."""
    width = max((len(status.experiment.address) for status in statuses), default=0)
    for status in statuses:
        address = status.experiment.address
        summary = first_few(changes[address])
        state = f"{status.freshness.state} ({summary})" if summary else str(status.freshness)
        yield f"{address:<{width}}  {state}"
    for file in files or ():
        yield f"site/{file}: out of date"
    outdated = sum(not status.freshness.current for status in statuses)
    site = "" if files is None else "; site/ is up to date"
    if files:
        site = f"; {pluralize(len(files), 'file')} of site/ out of date"
    yield f"{pluralize(len(statuses), 'experiment')}, {outdated} not current{site}"


def orphan_lines(orphans: Sequence[Orphan]) -> Iterator[str]:
    """Yield the results of experiments that the book no longer has."""
    for path in orphan_paths(orphans):
        yield f"{path}: the book has no such experiment"
    if orphans:
        count = pluralize(len(orphans), "result")
        yield f"{count} without an experiment; `layerbook clean --orphans` removes them"


def orphan_paths(orphans: Sequence[Orphan]) -> list[str]:
    """Return the paths of results; a line feed in a name is shown as an escape."""
    return [orphan.path.as_posix().replace("\n", "\\u000a") for orphan in orphans]


def removed_lines(orphans: Sequence[Orphan]) -> Iterator[str]:
    """Yield the removed results, which belonged to no experiment."""
    yield from orphan_paths(orphans)
    if orphans:
        yield f"Removed {pluralize(len(orphans), 'result')} without an experiment."
    else:
        yield "Every result belongs to an experiment; there was nothing to remove."


def clean_lines(report: CleanReport) -> Iterator[str]:
    """Yield what was removed from the working cache, and what stays there."""
    kinds = [
        f"{kind} ({pluralize(count, 'file')})" for kind, count in report.removed.items() if count
    ]
    yield f"Removed {listed(kinds, len(kinds))}." if kinds else "There was nothing to remove."
    if report.kept_notes:
        notes = pluralize(report.kept_notes, "note")
        reason = "with --all, the next build runs these experiments again"
        yield f"Kept {notes} on results that were computed here; {reason}."


def status_data(
    model: str,
    statuses: Sequence[ExperimentStatus],
    changes: ChangesByAddress,
    files: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the status of results as data for JSON."""
    experiments = [
        {
            "experiment": status.experiment.address,
            "state": status.freshness.state,
            "current": status.freshness.current,
            "changed": list(status.freshness.changed),
            "changes": [change.as_dict() for change in changes[status.experiment.address]],
            "reason": status.freshness.reason,
        }
        for status in statuses
    ]
    data = {"model": model, "experiments": experiments}
    return data if files is None else data | {"pages": list(files)}


def verification_lines(checks: Sequence[ExperimentCheck]) -> Iterator[str]:
    """Yield a table of the experiments, then the counts."""
    rows = [
        ("experiment", "verdict", "where"),
        *((check.address, check.verdict, _detail(check)) for check in checks),
    ]
    address_width, verdict_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for address, verdict, where in rows:
        yield f"{address:<{address_width}}  {verdict:<{verdict_width}}  {where}".rstrip()
    yield ""
    counts = summarize_counts([check.verdict for check in checks], VERDICTS)
    yield f"{pluralize(len(checks), 'experiment')}: {counts}"


def verification_data(model: str, checks: Sequence[ExperimentCheck]) -> dict[str, Any]:
    """Return the outcome as data for JSON."""
    experiments = []
    for check in checks:
        fields = json_value(dataclasses.asdict(check))
        experiments.append({"experiment": fields.pop("address"), **fields})
    return {"model": model, "same": all_same(checks), "experiments": experiments}


def all_same(checks: Sequence[ExperimentCheck]) -> bool:
    """Return whether every experiment gave the committed result again."""
    return all(check.verdict == "same" for check in checks)


def _detail(check: ExperimentCheck) -> str:
    """Return the first difference and the number of others, or why nothing was compared."""
    if not check.differences:
        return check.detail
    first, others = str(check.differences[0]), len(check.differences) - 1
    if len(first) > MAX_DIFFERENCE:
        first = f"{first[:MAX_DIFFERENCE]}…"
    return f"{first}{f'; and {others} more' if others else ''}"
