"""What the commands print: plans, outcomes and freshness as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from generator.plan import Cost
from generator.project import Work
from generator.run import Outcome


def plan_lines(cost: Cost, requests: Sequence[str]) -> list[str]:
    """Each distinct request, then the counts."""
    tokens = f"of {cost.tokens} tokens in {cost.batches} batches" if cost.tokens else f"in {cost.batches} batches"
    return [
        *requests,
        f"{cost.asked} requests, {cost.distinct} of them distinct",
        f"{cost.generations} generations, of at most {cost.new_tokens} new tokens together",
        f"{cost.passes} forward passes {tokens}",
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
    return [*lines, f"{len(outcomes)} experiments ran: {shown} ({kept})"]


def status_lines(work: Sequence[Work], pages: Sequence[str] | None) -> list[str]:
    """One line an experiment, one for each page that differs (None: not looked at), then the counts."""
    names = [f"{w.experiment.chapter}/{w.experiment.id}" for w in work]
    width = max(map(len, names), default=0)
    lines = [f"{name:<{width}}  {w.freshness}" for name, w in zip(names, work, strict=True)]
    lines += [f"site/{page}: not what the sources give" for page in pages or ()]
    bad = sum(not w.freshness.usable for w in work)
    return [*lines, f"{len(work)} experiments, {bad} not current" + (f"; {len(pages)} files differ" if pages else "")]


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
