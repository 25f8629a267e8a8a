"""What the commands print: plans, outcomes and freshness as lines or as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerbook.core.text import pluralize
from layerbook.model.plan import PlanCost
from layerbook.runner.estimate import Basis, Estimate, Forecast, forecast
from layerbook.runner.run import Outcome
from layerbook.runner.timings import address_of
from layerbook.store.changes import Change, changes_since_measured, summary
from layerbook.store.project import ExperimentStatus, Project


@dataclass(frozen=True)
class BookStatus:
    """How a book's results stand: what moved, by address, and what running them would take."""

    work: Sequence[ExperimentStatus]
    changes: Mapping[str, Sequence[Change]]
    forecast: Forecast


def book_status(project: Project, work: Sequence[ExperimentStatus]) -> BookStatus:
    """Look at the results of a book; nothing runs."""
    changes = {address_of(one.experiment): changes_since_measured(project, one) for one in work}
    return BookStatus(work, changes, forecast(project, work))


def plan_lines(cost: PlanCost, requests: Sequence[str]) -> list[str]:
    """Each distinct request, then the counts."""
    batches = f"in {cost.batches:,} batch{'' if cost.batches == 1 else 'es'}"
    tokens = f"of {pluralize(cost.tokens, 'token')} {batches}" if cost.tokens else batches
    return [
        *requests,
        f"{pluralize(cost.requested, 'request')}, {cost.unique_requests:,} of them distinct",
        f"{pluralize(cost.generations, 'generation')}, of at most {pluralize(cost.new_tokens, 'new token')} together",
        f"{cost.passes:,} forward pass{'' if cost.passes == 1 else 'es'} {tokens}",
    ]


def outcome_lines(outcomes: Sequence[Outcome], kept: str) -> list[str]:
    """One line for each experiment that failed or whose numbers moved, then the counts."""
    if not outcomes:
        return ["Every result is current."]
    lines = []
    for outcome in outcomes:
        name = f"{outcome.experiment.chapter}/{outcome.experiment.id}"
        if outcome.verdict == "differs":
            lines.append(
                f"{name}: differs from the result that was there, which is replaced: {outcome.detail}"
            )
        elif outcome.verdict == "failed":
            lines.append(f"{name}: failed: {outcome.detail}")
    words = {
        "new": "new",
        "agrees": "agree with what was there, whose bytes stay",
        "differs": "differ and were replaced",
        "failed": "failed",
    }
    counts = [
        (sum(o.verdict == verdict for o in outcomes), text) for verdict, text in words.items()
    ]
    shown = ", ".join(f"{count} {text}" for count, text in counts if count)
    return [*lines, f"{pluralize(len(outcomes), 'experiment')} ran: {shown} ({kept})"]


def status_lines(book_status: BookStatus, pages: Sequence[str] | None) -> list[str]:
    """One line an experiment, one for each page that differs (None: not looked at), then the counts and the time."""
    lines = []
    for w in book_status.work:
        name = address_of(w.experiment)
        moved = summary(book_status.changes[name])
        state = f"{w.freshness.state} ({moved})" if moved else str(w.freshness)
        lines.append((name, f"{state}{_estimate_suffix(book_status.forecast.estimates.get(name))}"))
    width = max((len(name) for name, _ in lines), default=0)
    told = [f"{name:<{width}}  {state}" for name, state in lines]
    told += [f"site/{page}: not what the sources give" for page in pages or ()]
    bad = sum(not w.freshness.usable for w in book_status.work)
    book = "" if pages is None else "; site/ is what the sources give"
    if pages:
        book = f"; {pluralize(len(pages), 'file')} of site/ not what the sources give"
    return [
        *told,
        f"{pluralize(len(book_status.work), 'experiment')}, {bad} not current{book}",
        *_total_estimate_lines(book_status.forecast),
    ]


def status_json(model: str, book_status: BookStatus, pages: Sequence[str] | None) -> str:
    """The same for programs; an estimate is there for what a run would run."""
    found = []
    for w in book_status.work:
        name = address_of(w.experiment)
        estimate = book_status.forecast.estimates.get(name)
        found.append(
            {
                "experiment": name,
                "state": w.freshness.state,
                "current": w.freshness.usable,
                "changed": list(w.freshness.changed),
                "changes": [change.as_dict() for change in book_status.changes[name]],
                "reason": w.freshness.reason,
                "estimate": None if estimate is None else dataclasses.asdict(estimate),
            }
        )
    whole = book_status.forecast
    together = {"seconds": whole.seconds, "loading": whole.loading}
    together |= {basis: whole.number(basis) for basis in ("timed", "counted", "unknown")}
    shown = {"model": model, "experiments": found, "estimate": together}
    return json.dumps(
        shown | ({} if pages is None else {"pages": list(pages)}), indent=2, ensure_ascii=False
    )


def approximate_duration(seconds: float) -> str:
    """A duration as an estimate is told: two figures are more than it deserves."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _estimate_suffix(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    if estimate.seconds is None:
        return f"; time unknown here ({estimate.counts})"
    return f"; {approximate_duration(estimate.seconds)}"


def _total_estimate_lines(found: Forecast) -> list[str]:
    """How long a run would take, and what that rests on."""
    if not found.estimates:
        return []
    words: dict[Basis, str] = {
        "timed": "timed here before",
        "counted": "counted from the plan, at the pace of runs here",
        "unknown": "unknown here",
    }
    rests = [(found.number(basis), text) for basis, text in words.items()]
    basis = ", ".join(f"{count} {text}" for count, text in rests if count)
    who = pluralize(len(found.estimates), "experiment")
    if found.seconds is None:
        return [
            f"A run would run {who}; how long that takes is unknown here, where nothing like it was timed yet"
        ]
    loading = (
        f", {found.loading:.0f} s of it loading the model"
        if found.loading and found.loading >= 0.5
        else ""
    )
    beside = " beside those unknown" if found.number("unknown") else ""
    return [f"A run would run {who}: {approximate_duration(found.seconds)}{beside}{loading} ({basis})"]
