"""The committed record of `layerbook verify`: `experiments/verification/MODEL.json`.

It has no date and no machine, gaps rounded up to a power of ten, and times rounded to one digit,
so that verifying again leaves it unchanged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.store import json_format, tolerance
from layerbook.store.project import Project

VERIFICATION_FOLDER = Path("experiments") / "verification"
MIN_SECONDS = 0.1
SIMILAR_TIME_FACTOR = 3.0
TOLERANCE = {"absolute": tolerance.ATOL, "relative": tolerance.RTOL}


@dataclass(frozen=True)
class VerificationEntry:
    """The verification of the result with this `digest`.

    gap: the largest one, rounded up to a power of ten. place: the path where it differs.
    seconds: its share of a run with the most `threads`, to one digit.
    """

    digest: str
    threads: tuple[int, ...]
    verdict: Literal["agrees", "differs"]
    gap: float
    place: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class VerificationRecord:
    """The tolerance of a verification, and its entries by the addresses of experiments."""

    tolerance: dict[str, float] = field(default_factory=lambda: dict(TOLERANCE))
    experiments: dict[str, VerificationEntry] = field(default_factory=dict)


_RECORD = TypeAdapter(VerificationRecord)


def record_path(project: Project) -> Path:
    """Return the path of the record of a project's model."""
    return project.root / VERIFICATION_FOLDER / f"{project.source.name}.json"


def read_record(project: Project) -> VerificationRecord:
    """Read the record; return an empty one if there is none. Raises StoreError if damaged."""
    path = record_path(project)
    try:
        return _RECORD.validate_python(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return VerificationRecord()
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path}: is not a record of a verification; delete it and run `layerbook verify`"
        ) from error


def write_record(
    project: Project, new: Mapping[str, VerificationEntry], addresses: Collection[str]
) -> Path:
    """Add new entries to the record, and drop those of experiments not in `addresses`."""
    record = read_record(project)
    old = record.experiments if record.tolerance == TOLERANCE else {}
    merged = dict(old)
    for address, entry in new.items():
        merged[address] = _merge_entries(old.get(address), entry)
    current = {address: merged[address] for address in addresses if address in merged}
    data = _RECORD.dump_python(VerificationRecord(experiments=current), mode="json")
    atomic.write(record_path(project), json_format.encode(data))
    return record_path(project)


def round_up_to_power_of_ten(gap: float) -> float:
    """Return the least power of ten that is not below a gap: 3e-7 -> 1e-6; 0 and inf stay."""
    if gap == 0 or not math.isfinite(gap):
        return gap
    exponent = math.floor(math.log10(gap)) - 1  # the logarithm may be off beside a power of ten
    while float(f"1e{exponent}") < gap:
        exponent += 1
    return float(f"1e{exponent}")


def format_power_of_ten(value: float) -> str:
    """Format a number to one digit: `1e-5`."""
    digits, _, exponent = f"{value:.0e}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def round_seconds(seconds: float | None) -> float | None:
    """Round to one digit, and up to MIN_SECONDS: shorter times are mostly noise."""
    return None if seconds is None else max(MIN_SECONDS, float(f"{seconds:.0e}"))


def _merge_entries(old: VerificationEntry | None, new: VerificationEntry) -> VerificationEntry:
    """Combine two entries of the same result if both agree: all threads, and the larger gap."""
    if old is None or old.digest != new.digest:
        return new
    if old.seconds and new.seconds:
        ratio = new.seconds / old.seconds
        if 1 / SIMILAR_TIME_FACTOR <= ratio <= SIMILAR_TIME_FACTOR:
            new = replace(new, seconds=old.seconds)  # keep the file unchanged
    if (old.verdict, new.verdict) != ("agrees", "agrees"):
        return new
    threads = tuple(sorted({*old.threads, *new.threads}))
    use_new_time = new.seconds is not None and max(new.threads) == threads[-1]
    seconds = new.seconds if use_new_time else old.seconds
    return replace(new, threads=threads, gap=max(old.gap, new.gap), place="", seconds=seconds)
