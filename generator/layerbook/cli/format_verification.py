"""What `verify` prints: a table, the places of pages that would read differently, and the counts; or JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

from layerbook.cli.tables import cut_around_difference, table
from layerbook.compare.pages import PageChange
from layerbook.compare.verify import Verification
from layerbook.core.progress import pluralize
from layerbook.store.verification import TOLERANCE, format_power_of_ten

TEXT_WIDTH = 76
MAX_LISTED = 40


def verification_lines(found: Verification, record: Path | None) -> list[str]:
    """One line an experiment, one for each place of a page whose shown digits turn, then the counts."""
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
        *(
            line
            for count in found.threads
            for line in _page_change_lines(count, found.page_changes.get(count, ()))
        ),
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
    turned = [(count, one) for count, places in found.page_changes.items() for one in places]
    data = {
        "model": model,
        "tolerance": TOLERANCE,
        "threads": found.threads,
        "experiments": experiments,
        "shown": [
            {"threads": n, "place": one.place, "old": one.old, "new": one.new} for n, one in turned
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _page_change_lines(threads: int, shown: tuple[PageChange, ...]) -> list[str]:
    using = pluralize(threads, "thread")
    if not shown:
        return [f"With {using} every page would read the same."]
    lines = [f"With {using}, {pluralize(len(shown), 'place')} of the book would read differently:"]
    for one in shown[:MAX_LISTED]:
        old, new = cut_around_difference(one.old, one.new, TEXT_WIDTH)
        lines.append(f"  {one.place}: {old!r} -> {new!r}")
    return lines + ([f"  and {len(shown) - MAX_LISTED} more"] if len(shown) > MAX_LISTED else [])


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
