"""Format the outcome of `verify`: a table and the counts, or JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

from layerbook.cli.tables import table
from layerbook.compare.verify import Verification
from layerbook.core.text import pluralize
from layerbook.store.verification import TOLERANCE, format_power_of_ten


def verification_lines(found: Verification, record: Path | None) -> list[str]:
    """Return a table with a row for each experiment, then the counts."""
    threads = ", ".join(map(str, found.threads))
    absolute, relative = (format_power_of_ten(TOLERANCE[name]) for name in ("absolute", "relative"))
    rows = [("experiment", "verdict", "largest gap", "threads", "where")]
    for one in found.experiments:
        gap = f"{one.gap:.1e}" if one.gap else "none"
        compared = one.verdict in ("agrees", "differs")
        place = one.detail if one.verdict != "agrees" else one.place
        rows.append(
            (one.address, one.verdict, gap if compared else "", threads if compared else "", place)
        )
    counts = [
        (sum(one.verdict == verdict for one in found.experiments), text)
        for verdict, text in (
            (
                "agrees",
                f"agree within {absolute} plus {relative} of their size",
            ),
            ("differs", "differ"),
            ("failed", "failed"),
            ("not current", "have no current result to compare with"),
        )
    ]
    ended = ", ".join(f"{count} {text}" for count, text in counts if count)
    noted = f"; noted in {os.fspath(record)}" if record else ""
    return [
        *table(rows, right=(2,)),
        "",
        f"{pluralize(len(found.experiments), 'experiment')}: {ended}{noted}",
    ]


def verification_json(model: str, found: Verification) -> str:
    """The same for programs; a gap that is no number is null."""
    experiments = []
    for one in found.experiments:
        gaps = {str(n): _finite_or_none(gap) for n, gap in (one.gaps or {}).items()}
        told = {name: value for name, value in dataclasses.asdict(one).items() if name != "address"}
        experiments.append(
            {"experiment": one.address} | told | {"gap": _finite_or_none(one.gap), "gaps": gaps}
        )
    data = {
        "model": model,
        "tolerance": TOLERANCE,
        "threads": found.threads,
        "experiments": experiments,
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
