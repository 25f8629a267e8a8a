"""What the commands print of durations: tables for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from layerbook.cli.tables import table
from layerbook.core.text import pluralize
from layerbook.runner.timings import StepTime, Timings

HOW = (
    "A batch's time is divided equally over its passes, that of texts written side by side by their tokens, and a",
    "pass's time equally over the experiments that needed it. Loading the model is nobody's.",
)
SHOWN = 4
MOST_STEPS = 25


def timing_lines(known: Timings) -> list[str]:
    """A table of the experiments, the longest first, then the steps of the last run."""
    if not known.shares:
        return ["Nothing was timed on this machine yet."]
    shares = sorted(known.shares.items(), key=lambda item: -item[1].total)
    rows: list[tuple[str, ...]] = [("experiment", "writing", "passes", "measuring", "together")]
    rows += [
        (name, *(f"{s:.2f} s" for s in (one.generating, one.passes, one.measuring, one.total)))
        for name, one in shares
    ]
    sums = [
        sum(getattr(one, name) for _, one in shares)
        for name in ("generating", "passes", "measuring", "total")
    ]
    rows.append(("together", *(f"{s:.2f} s" for s in sums)))
    loaded = [] if known.loading is None else [f"Loading the model took {known.loading:.2f} s."]
    steps = [("step of the last run", "seconds", "for")]
    longest = sorted(known.steps, key=lambda one: -one.seconds)[:MOST_STEPS]
    shown = [one for one in known.steps if one in longest]
    steps += [(_step(one), f"{one.seconds:.2f} s", _some(one.experiments)) for one in shown]
    others = [one for one in known.steps if one not in longest]
    more = (
        [f"and {pluralize(len(others), 'shorter step')}, {sum(one.seconds for one in others):.2f} s"]
        if others
        else []
    )
    return [*table(rows), *HOW, *loaded, "", *table(steps, right=(1,)), *more]


def timing_json(model: str, known: Timings) -> str:
    """The same for programs, in seconds."""
    shares = {
        name: dataclasses.asdict(one) | {"total": one.total} for name, one in known.shares.items()
    }
    steps = [dataclasses.asdict(one) for one in known.steps]
    found = {
        "model": model,
        "loading": known.loading,
        "experiments": shares,
        "steps": steps,
        "pace": dict(known.pace),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def _step(step: StepTime) -> str:
    if step.kind == "generating":
        return f"{pluralize(step.rows, 'text')} of {pluralize(step.tokens, 'token')} together"
    passes = f"{step.rows:,} pass{'' if step.rows == 1 else 'es'}"
    return f"{passes}, {pluralize(step.tokens, 'token')} with padding"


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
