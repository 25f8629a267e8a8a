"""Format the outcome of `verify`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from layerbook.cli.output import json_value, summarize_counts
from layerbook.compare.verify import ExperimentCheck
from layerbook.core.text import pluralize

MAX_DIFFERENCE = 300
VERDICTS = {
    "same": "gave the same numbers again",
    "differs": "differ",
    "failed": "failed",
    "not current": "have no current result to compare with",
}


def verification_lines(checks: Sequence[ExperimentCheck]) -> list[str]:
    """Return a table of the experiments, then the counts."""
    rows = [
        ("experiment", "verdict", "where"),
        *((check.address, check.verdict, _detail(check)) for check in checks),
    ]
    address_width, verdict_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    table = [
        f"{address:<{address_width}}  {verdict:<{verdict_width}}  {where}".rstrip()
        for address, verdict, where in rows
    ]
    counts = summarize_counts([check.verdict for check in checks], VERDICTS)
    return [*table, "", f"{pluralize(len(checks), 'experiment')}: {counts}"]


def verification_data(model: str, checks: Sequence[ExperimentCheck]) -> dict[str, Any]:
    """Return the outcome as data for JSON."""
    experiments = [
        {
            "experiment": check.address,
            "verdict": check.verdict,
            "differences": [json_value(dataclasses.asdict(d)) for d in check.differences],
            "detail": check.detail,
        }
        for check in checks
    ]
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
