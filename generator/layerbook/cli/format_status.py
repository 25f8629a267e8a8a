"""What the commands print: plans, outcomes and freshness as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerbook.core.text import pluralize
from layerbook.model.plan import PlanCost
from layerbook.runner.run import Outcome
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.key_changes import Change, changes_since_measured, summarize
from layerbook.store.project import Project


@dataclass(frozen=True)
class BookStatus:
    """The state of a book's results, and what changed, by address."""

    work: Sequence[ExperimentStatus]
    changes: Mapping[str, Sequence[Change]]


def book_status(project: Project, work: Sequence[ExperimentStatus]) -> BookStatus:
    """Look at the results of a book; nothing runs."""
    changes = {one.experiment.address: changes_since_measured(project, one) for one in work}
    return BookStatus(work, changes)


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
    """One line an experiment, one for each page that differs (None: not looked at), then the counts."""
    lines = []
    for w in book_status.work:
        name = w.experiment.address
        moved = summarize(book_status.changes[name])
        state = f"{w.freshness.state} ({moved})" if moved else str(w.freshness)
        lines.append((name, state))
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
    ]


def status_json(model: str, book_status: BookStatus, pages: Sequence[str] | None) -> str:
    """The same for programs."""
    found = []
    for w in book_status.work:
        name = w.experiment.address
        found.append(
            {
                "experiment": name,
                "state": w.freshness.state,
                "current": w.freshness.usable,
                "changed": list(w.freshness.changed),
                "changes": [change.as_dict() for change in book_status.changes[name]],
                "reason": w.freshness.reason,
            }
        )
    shown = {"model": model, "experiments": found}
    return json.dumps(
        shown | ({} if pages is None else {"pages": list(pages)}), indent=2, ensure_ascii=False
    )

