"""The record of what `verify` found, committed beside the results: `experiments/verification/MODEL.json`.

It holds neither date nor machine, gaps only as the power of ten that they stay below, and of times one digit, which
stays while it is about right; so verifying again leaves it as it is. An entry speaks of the result with its digest and
of no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

from layerbook.core.errors import StoreError
from layerbook.store import atomic
from layerbook.store import json_format as layout
from layerbook.store import tolerance as compare
from layerbook.store.project import Project

FOLDER = Path("experiments") / "verification"
LEAST, ABOUT = 0.1, 3.0  # seconds; and how many times as long is still about as long
TOLERANCE = {"absolute": compare.ATOL, "relative": compare.RTOL}


@dataclass(frozen=True)
class Entry:
    """What verifying found of one result: `gap` is a bound of the largest, `place` where it differs, if it does.

    seconds: its share of a run with the most of the `threads`, to one digit.
    """

    digest: str
    threads: tuple[int, ...]
    verdict: Literal["agrees", "differs"]
    gap: float
    place: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Turn:
    """Words of a page that a clean run would write differently, most often a last digit that rounds the other way."""

    place: str
    old: str
    new: str
    threads: tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """The entries by address, the tolerance that they were compared with, and the words that would turn.

    turned: None where not every experiment was compared together, so that nobody knows.
    """

    tolerance: Mapping[str, float] = field(default_factory=lambda: dict(TOLERANCE))
    entries: Mapping[str, Entry] = field(default_factory=dict)
    turned: tuple[Turn, ...] | None = None


def path_of(project: Project) -> Path:
    """Where the record of a project's model lies."""
    return project.root / FOLDER / f"{project.source.name}.json"


def read(project: Project) -> Record:
    """The record; an empty one where there is none. Raises StoreError for one that is damaged."""
    path = path_of(project)
    try:
        data = json.loads(path.read_bytes())
        entries = {name: _entry(found) for name, found in data["experiments"].items()}
        turned = data.get("turned")
        turns = (
            None
            if turned is None
            else tuple(Turn(**one | {"threads": tuple(one["threads"])}) for one in turned)
        )
        return Record({name: float(data["tolerance"][name]) for name in TOLERANCE}, entries, turns)
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: is no record of a verification; delete it and run `layerbook verify`"
        ) from error


def write(
    project: Project,
    found: Mapping[str, Entry],
    known: Collection[str],
    turned: Sequence[Turn] | None = None,
) -> Path:
    """Note what was found, beside the entries of experiments that were not looked at and are still `known`.

    Of a result that was verified before and agrees again, both speak: all threads, and the wider bound. `turned` of a
    run that saw every experiment replaces what was there; without one, that stays.
    """
    before = read(project)
    old = before.entries if before.tolerance == TOLERANCE else {}
    merged = {
        name: _merged(old.get(name), found[name]) if name in found else old[name]
        for name in {**old, **found}
    }
    experiments = {name: asdict(merged[name]) for name in known if name in merged}
    turned = before.turned if turned is None else turned
    told = None if turned is None else [asdict(one) for one in turned]
    data = {"tolerance": TOLERANCE, "turned": told, "experiments": experiments}
    atomic.write(path_of(project), layout.encode(_listed(data)))
    return path_of(project)


def turns(shown: Mapping[int, Iterable[tuple[str, str, str]]]) -> tuple[Turn, ...]:
    """The words that differ, from places with their old and new lines by the number of threads; equal ones as one."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for threads, places in shown.items():
        for place, old, new in places:
            mine, theirs = old.split(), new.split()
            for tag, a, b, c, d in SequenceMatcher(
                None, mine, theirs, autojunk=False
            ).get_opcodes():
                if tag != "equal":
                    using = found.setdefault(
                        (place, " ".join(mine[a:b]), " ".join(theirs[c:d])), []
                    )
                    if threads not in using:
                        using.append(threads)
    return tuple(Turn(*words, tuple(using)) for words, using in found.items())


def bound(gap: float) -> float:
    """The least power of ten that a gap does not exceed: 3e-7 -> 1e-6; 0 stays 0, and what is infinite so."""
    if gap == 0 or not math.isfinite(gap):
        return gap
    exponent = (
        math.floor(math.log10(gap)) - 1
    )  # from below, since the logarithm may be off beside a power
    while float(f"1e{exponent}") < gap:
        exponent += 1
    return float(f"1e{exponent}")


def power(value: float) -> str:
    """A power of ten, or a number near one, as people write it: `1e-5`."""
    digits, _, exponent = f"{value:.0e}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def rounded(seconds: float | None) -> float | None:
    """To one digit, as 0.4 or 20.0, and never less than LEAST: what is shorter is mostly noise."""
    return None if seconds is None else max(LEAST, float(f"{seconds:.0e}"))


def _merged(old: Entry | None, new: Entry) -> Entry:
    if old is None or old.digest != new.digest:
        return new
    if old.seconds and new.seconds and 1 / ABOUT <= new.seconds / old.seconds <= ABOUT:
        new = replace(
            new, seconds=old.seconds
        )  # another run takes another time, and no file need change for that
    if (old.verdict, new.verdict) != ("agrees", "agrees"):
        return new
    threads = tuple(sorted({*old.threads, *new.threads}))
    seconds = (
        new.seconds if max(new.threads) == threads[-1] and new.seconds is not None else old.seconds
    )
    return Entry(new.digest, threads, "agrees", max(old.gap, new.gap), "", seconds)


def _entry(data: Mapping[str, Any]) -> Entry:
    return Entry(**{**data, "threads": tuple(data["threads"])})


def _listed(value: Any) -> Any:
    """Tuples as lists, which the layout takes."""
    if isinstance(value, Mapping):
        return {name: _listed(part) for name, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value
