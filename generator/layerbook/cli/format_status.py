"""What the commands print: plans, outcomes and freshness as lines or as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerbook.core.progress import counted
from layerbook.model.plan import Cost
from layerbook.runner.estimate import Basis, Estimate, Forecast, forecast
from layerbook.runner.run import Outcome
from layerbook.runner.timings import address_of
from layerbook.store.changes import Change, changes_of, summary
from layerbook.store.project import Project, Work


@dataclass(frozen=True)
class Look:
    """How a book's results stand: what moved, by address, and what running them would take."""

    work: Sequence[Work]
    changes: Mapping[str, Sequence[Change]]
    forecast: Forecast


def look(project: Project, work: Sequence[Work]) -> Look:
    """Look at the results of a book; nothing runs."""
    changes = {address_of(one.experiment): changes_of(project, one) for one in work}
    return Look(work, changes, forecast(project, work))


def plan_lines(cost: Cost, requests: Sequence[str]) -> list[str]:
    """Each distinct request, then the counts."""
    batches = f"in {cost.batches:,} batch{'' if cost.batches == 1 else 'es'}"
    tokens = f"of {counted(cost.tokens, 'token')} {batches}" if cost.tokens else batches
    return [
        *requests,
        f"{counted(cost.asked, 'request')}, {cost.distinct:,} of them distinct",
        f"{counted(cost.generations, 'generation')}, of at most {counted(cost.new_tokens, 'new token')} together",
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
    return [*lines, f"{counted(len(outcomes), 'experiment')} ran: {shown} ({kept})"]


def status_lines(look: Look, pages: Sequence[str] | None) -> list[str]:
    """One line an experiment, one for each page that differs (None: not looked at), then the counts and the time."""
    lines = []
    for w in look.work:
        name = address_of(w.experiment)
        moved = summary(look.changes[name])
        state = f"{w.freshness.state} ({moved})" if moved else str(w.freshness)
        lines.append((name, f"{state}{_expected(look.forecast.estimates.get(name))}"))
    width = max((len(name) for name, _ in lines), default=0)
    told = [f"{name:<{width}}  {state}" for name, state in lines]
    told += [f"site/{page}: not what the sources give" for page in pages or ()]
    bad = sum(not w.freshness.usable for w in look.work)
    book = "" if pages is None else "; site/ is what the sources give"
    if pages:
        book = f"; {counted(len(pages), 'file')} of site/ not what the sources give"
    return [
        *told,
        f"{counted(len(look.work), 'experiment')}, {bad} not current{book}",
        *_together(look.forecast),
    ]


def status_json(model: str, look: Look, pages: Sequence[str] | None) -> str:
    """The same for programs; an estimate is there for what a run would run."""
    found = []
    for w in look.work:
        name = address_of(w.experiment)
        estimate = look.forecast.estimates.get(name)
        found.append(
            {
                "experiment": name,
                "state": w.freshness.state,
                "current": w.freshness.usable,
                "changed": list(w.freshness.changed),
                "changes": [change.as_dict() for change in look.changes[name]],
                "reason": w.freshness.reason,
                "estimate": None if estimate is None else dataclasses.asdict(estimate),
            }
        )
    whole = look.forecast
    together = {"seconds": whole.seconds, "loading": whole.loading}
    together |= {basis: whole.number(basis) for basis in ("timed", "counted", "unknown")}
    shown = {"model": model, "experiments": found, "estimate": together}
    return json.dumps(
        shown | ({} if pages is None else {"pages": list(pages)}), indent=2, ensure_ascii=False
    )


def about(seconds: float) -> str:
    """A duration as an estimate is told: two figures are more than it deserves."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _expected(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    if estimate.seconds is None:
        return f"; time unknown here ({estimate.counts})"
    return f"; {about(estimate.seconds)}"


def _together(found: Forecast) -> list[str]:
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
    who = counted(len(found.estimates), "experiment")
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
    return [f"A run would run {who}: {about(found.seconds)}{beside}{loading} ({basis})"]
