"""Format the outcome of `verify`."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from layerbook.cli.output import format_table, summarize_counts
from layerbook.compare.verify import ExperimentCheck, Verification
from layerbook.core.text import pluralize
from layerbook.store.verification import TOLERANCE, format_power_of_ten


def verification_lines(verification: Verification, record: Path | None) -> list[str]:
    """Return a table of the experiments, then the counts."""
    threads = ", ".join(map(str, verification.threads))
    header = ("experiment", "verdict", "largest gap", "threads", "where")
    rows = [_row(check, threads) for check in verification.experiments]
    absolute, relative = (format_power_of_ten(TOLERANCE[name]) for name in ("absolute", "relative"))
    texts = {
        "agrees": f"agree within {absolute} plus {relative} of their size",
        "differs": "differ",
        "failed": "failed",
        "not current": "have no current result to compare with",
    }
    counts = summarize_counts([check.verdict for check in verification.experiments], texts)
    noted = f"; noted in {record}" if record else ""
    summary = f"{pluralize(len(rows), 'experiment')}: {counts}{noted}"
    return [*format_table([header, *rows], right=[2]), "", summary]


def verification_data(model: str, verification: Verification) -> dict[str, Any]:
    """Return the same as data; a gap that is not finite is None."""
    experiments = []
    for check in verification.experiments:
        fields = dataclasses.asdict(check)
        gaps = {str(n): _finite_or_none(gap) for n, gap in (check.gaps or {}).items()}
        fields |= {"gap": _finite_or_none(check.gap), "gaps": gaps}
        experiments.append({"experiment": fields.pop("address")} | fields)
    return {
        "model": model,
        "tolerance": TOLERANCE,
        "threads": verification.threads,
        "experiments": experiments,
    }


def _row(check: ExperimentCheck, threads: str) -> tuple[str, ...]:
    place = check.place if check.verdict == "agrees" else check.detail
    if check.verdict not in ("agrees", "differs"):
        return check.address, check.verdict, "", "", place
    gap = f"{check.gap:.1e}" if check.gap else "none"
    return check.address, check.verdict, gap, threads, place


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
