"""What the commands print: plans, outcomes and freshness as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from generator.plan import Cost
from generator.project import Work
from generator.reporting import counted
from generator.run import Outcome


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
            lines.append(f"{name}: differs from the result that was there, which is replaced: {outcome.detail}")
        elif outcome.verdict == "failed":
            lines.append(f"{name}: failed: {outcome.detail}")
    words = {
        "new": "new",
        "agrees": "agree with what was there, whose bytes stay",
        "differs": "differ and were replaced",
        "failed": "failed",
    }
    counts = [(sum(o.verdict == verdict for o in outcomes), text) for verdict, text in words.items()]
    shown = ", ".join(f"{count} {text}" for count, text in counts if count)
    return [*lines, f"{counted(len(outcomes), 'experiment')} ran: {shown} ({kept})"]


def status_lines(work: Sequence[Work], pages: Sequence[str] | None) -> list[str]:
    """One line an experiment, one for each page that differs (None: not looked at), then the counts."""
    names = [f"{w.experiment.chapter}/{w.experiment.id}" for w in work]
    width = max(map(len, names), default=0)
    lines = [f"{name:<{width}}  {w.freshness}" for name, w in zip(names, work, strict=True)]
    lines += [f"site/{page}: not what the sources give" for page in pages or ()]
    bad = sum(not w.freshness.usable for w in work)
    book = "" if pages is None else "; site/ is what the sources give"
    if pages:
        book = f"; {counted(len(pages), 'file')} of site/ not what the sources give"
    return [*lines, f"{counted(len(work), 'experiment')}, {bad} not current{book}"]


def status_json(model: str, work: Sequence[Work], pages: Sequence[str] | None) -> str:
    """The same for programs."""
    found = [
        {
            "experiment": f"{w.experiment.chapter}/{w.experiment.id}",
            "state": w.freshness.state,
            "current": w.freshness.usable,
            "changed": list(w.freshness.changed),
            "reason": w.freshness.reason,
        }
        for w in work
    ]
    shown = {"model": model, "experiments": found} | ({} if pages is None else {"pages": list(pages)})
    return json.dumps(shown, indent=2, ensure_ascii=False)
