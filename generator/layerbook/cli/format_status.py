"""Format plans, the outcomes of runs, and the status of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layerbook.book.contents import Experiment
from layerbook.cli.output import summarize_counts
from layerbook.core.text import listed, pluralize
from layerbook.store.cache import CleanReport
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.key_changes import Change, summarize
from layerbook.store.orphans import Orphan

if TYPE_CHECKING:
    from layerbook.runner.run import Outcome

OUTCOMES = {
    "new": "new",
    "same": "unchanged",
    "differs": "changed and replaced",
    "failed": "failed",
}

MAX_SKIPPED = 3
"""The names in the line on what was skipped."""

ChangesByAddress = Mapping[str, Sequence[Change]]


def outcome_lines(outcomes: Sequence[Outcome], folder: str) -> list[str]:
    """List the experiments that failed or changed, then the counts and the folder of results."""
    if not outcomes:
        return ["Every result is current."]
    texts = {
        "differs": "differs from the previous result, which was replaced",
        "failed": "failed",
    }
    lines = [
        f"{outcome.experiment.address}: {texts[outcome.verdict]}: {outcome.detail}"
        for outcome in outcomes
        if outcome.verdict in texts
    ]
    counts = summarize_counts([outcome.verdict for outcome in outcomes], OUTCOMES)
    return [*lines, f"{pluralize(len(outcomes), 'experiment')} ran: {counts} ({folder})"]


def skipped_lines(experiments: Sequence[Experiment]) -> list[str]:
    """Return a line with the experiments that the model cannot run, if there are any."""
    skipped = [experiment.address for experiment in experiments if experiment.inapplicable]
    if not skipped:
        return []
    count = pluralize(len(skipped), "experiment")
    return [f"Skipped {count} that this model cannot run: {listed(skipped, MAX_SKIPPED)}"]


def status_lines(
    statuses: Sequence[ExperimentStatus], changes: ChangesByAddress, files: Sequence[str] | None
) -> list[str]:
    """List experiments and outdated `files` of the site (None: not checked), then the counts."""
    lines = []
    width = max((len(status.experiment.address) for status in statuses), default=0)
    for status in statuses:
        address = status.experiment.address
        summary = summarize(changes[address])
        state = f"{status.freshness.state} ({summary})" if summary else str(status.freshness)
        lines.append(f"{address:<{width}}  {state}")
    lines += [f"site/{file}: out of date" for file in files or ()]
    outdated = sum(not status.freshness.current for status in statuses)
    if files is None:
        site = ""
    elif files:
        site = f"; {pluralize(len(files), 'file')} of site/ out of date"
    else:
        site = "; site/ is up to date"
    return [*lines, f"{pluralize(len(statuses), 'experiment')}, {outdated} not current{site}"]


def orphan_lines(orphans: Sequence[Orphan]) -> list[str]:
    """List the results of experiments that the book no longer has."""
    if not orphans:
        return []
    lines = [f"{path}: the book has no such experiment" for path in orphan_paths(orphans)]
    count = pluralize(len(orphans), "result")
    return [*lines, f"{count} without an experiment; `layerbook clean --orphans` removes them"]


def orphan_paths(orphans: Sequence[Orphan]) -> list[str]:
    """Return the paths of results; a line feed in a name is shown as an escape."""
    return [orphan.path.as_posix().replace("\n", "\\u000a") for orphan in orphans]


def removed_lines(orphans: Sequence[Orphan]) -> list[str]:
    """List the removed results, which belonged to no experiment."""
    if not orphans:
        return ["Every result belongs to an experiment; there was nothing to remove."]
    count = pluralize(len(orphans), "result")
    return [*orphan_paths(orphans), f"Removed {count} without an experiment."]


def clean_lines(report: CleanReport) -> list[str]:
    """List what was removed from the working cache, and what stays there."""
    kinds = [
        f"{kind} ({pluralize(count, 'file')})" for kind, count in report.removed.items() if count
    ]
    lines = [f"Removed {listed(kinds, len(kinds))}." if kinds else "There was nothing to remove."]
    if report.kept_notes:
        notes = pluralize(report.kept_notes, "note")
        reason = "with --all, the next build runs these experiments again"
        lines.append(f"Kept {notes} on results that were computed here; {reason}.")
    return lines


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
