"""The record of what `verify` found, committed beside the results: `experiments/verification/MODEL.json`.

It holds neither date nor machine, gaps only as the power of ten that they stay below, and of times one digit, which
stays while it is about right; so verifying again leaves it as it is. An entry speaks of the result with its digest and
of no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from layerbook.core.errors import StoreError
from layerbook.store import atomic, json_format, tolerance
from layerbook.store.project import Project

VERIFICATION_FOLDER = Path("experiments") / "verification"
MIN_SECONDS, SIMILAR_TIME_FACTOR = (
    0.1,
    3.0,
)  # seconds; and how many times as long is still about as long
TOLERANCE = {"absolute": tolerance.ATOL, "relative": tolerance.RTOL}


@dataclass(frozen=True)
class VerificationEntry:
    """What verifying found of one result: `gap` is a round_up_to_power_of_ten of the largest, `place` where it differs, if it does.

    seconds: its share of a run with the most of the `threads`, to one digit.
    """

    digest: str
    threads: tuple[int, ...]
    verdict: Literal["agrees", "differs"]
    gap: float
    place: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class VerificationRecord:
    """The entries by address, and the tolerance that they were compared with."""

    tolerance: Mapping[str, float] = field(default_factory=lambda: dict(TOLERANCE))
    entries: Mapping[str, VerificationEntry] = field(default_factory=dict)


def record_path(project: Project) -> Path:
    """Where the record of a project's model lies."""
    return project.root / VERIFICATION_FOLDER / f"{project.source.name}.json"


def read_record(project: Project) -> VerificationRecord:
    """The record; an empty one where there is none. Raises StoreError for one that is damaged."""
    path = record_path(project)
    try:
        data = json.loads(path.read_bytes())
        entries = {name: _entry(found) for name, found in data["experiments"].items()}
        return VerificationRecord(
            {name: float(data["tolerance"][name]) for name in TOLERANCE}, entries
        )
    except FileNotFoundError:
        return VerificationRecord()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: is no record of a verification; delete it and run `layerbook verify`"
        ) from error


def write_record(
    project: Project,
    found: Mapping[str, VerificationEntry],
    known: Collection[str],
) -> Path:
    """Note what was found, beside the entries of experiments that were not looked at and are still `known`.

    Of a result that was verified before and agrees again, both speak: all threads, and the wider bound.
    """
    before = read_record(project)
    old = before.entries if before.tolerance == TOLERANCE else {}
    merged = {
        name: _merge_entries(old.get(name), found[name]) if name in found else old[name]
        for name in {**old, **found}
    }
    experiments = {name: asdict(merged[name]) for name in known if name in merged}
    data = {"tolerance": TOLERANCE, "experiments": experiments}
    atomic.write(record_path(project), json_format.encode(_listed(data)))
    return record_path(project)


def round_up_to_power_of_ten(gap: float) -> float:
    """The least power of ten that a gap does not exceed: 3e-7 -> 1e-6; 0 stays 0, and what is infinite so."""
    if gap == 0 or not math.isfinite(gap):
        return gap
    exponent = (
        math.floor(math.log10(gap)) - 1
    )  # from below, since the logarithm may be off beside a power
    while float(f"1e{exponent}") < gap:
        exponent += 1
    return float(f"1e{exponent}")


def format_power_of_ten(value: float) -> str:
    """A power of ten, or a number near one, as people write it: `1e-5`."""
    digits, _, exponent = f"{value:.0e}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def round_seconds(seconds: float | None) -> float | None:
    """To one digit, as 0.4 or 20.0, and never less than LEAST: what is shorter is mostly noise."""
    return None if seconds is None else max(MIN_SECONDS, float(f"{seconds:.0e}"))


def _merge_entries(old: VerificationEntry | None, new: VerificationEntry) -> VerificationEntry:
    if old is None or old.digest != new.digest:
        return new
    if (
        old.seconds
        and new.seconds
        and 1 / SIMILAR_TIME_FACTOR <= new.seconds / old.seconds <= SIMILAR_TIME_FACTOR
    ):
        new = replace(
            new, seconds=old.seconds
        )  # another run takes another time, and no file need change for that
    if (old.verdict, new.verdict) != ("agrees", "agrees"):
        return new
    threads = tuple(sorted({*old.threads, *new.threads}))
    seconds = (
        new.seconds if max(new.threads) == threads[-1] and new.seconds is not None else old.seconds
    )
    return VerificationEntry(new.digest, threads, "agrees", max(old.gap, new.gap), "", seconds)


def _entry(data: Mapping[str, Any]) -> VerificationEntry:
    return VerificationEntry(**{**data, "threads": tuple(data["threads"])})


def _listed(value: Any) -> Any:
    """Tuples as lists, which the layout takes."""
    if isinstance(value, Mapping):
        return {name: _listed(part) for name, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value
