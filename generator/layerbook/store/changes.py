"""What moved in a result's key since it was measured: parameters, modules, weights, libraries, each old and new.

The entry holds the spec that it was measured for, so its parameters can be compared. Of the code it holds one digest;
which modules it was made of is known where this machine ran it, from the working cache.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerbook.core.errors import StoreError
from layerbook.store import keys, results
from layerbook.store.cache import WorkingCache
from layerbook.store.project import ExperimentStatus, Project, code_digest, code_modules

BLOB_KIND = "closures"
MAX_LISTED = 3
MAX_VALUE_WIDTH = 48
_HEX = re.compile(r"[0-9a-f]{16,}")


class Absent:
    """The value of what is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


@dataclass(frozen=True)
class Change:
    """One thing that moved: the parameter of the spec, the library, or, where `name` is empty, the whole component.

    old and new: plain values of a spec, versions, digests; ABSENT for a parameter on one side only. modules: of the
    code, those that changed, as far as this machine knows.
    """

    component: str
    name: str
    old: Any
    new: Any
    modules: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = (
            f"{self.component}: "
            + (f"{self.name} " if self.name else "")
            + f"{_short(self.old)} -> {_short(self.new)}"
        )
        return f"{said} in {', '.join(self.modules)}" if self.modules else said

    def as_dict(self) -> dict[str, Any]:
        """For JSON, where what is absent is null."""
        found: dict[str, Any] = {"component": self.component, "name": self.name}
        found |= {
            "old": None if self.old is ABSENT else self.old,
            "new": None if self.new is ABSENT else self.new,
        }
        return found | ({"modules": list(self.modules)} if self.modules else {})


def changes_since_measured(project: Project, work: ExperimentStatus) -> tuple[Change, ...]:
    """What moved since the entry of an experiment was measured; nothing where it is current, missing or unreadable."""
    if not work.freshness.changed:
        return ()
    try:
        header = results.read_header(project.result_path(work.experiment))
    except StoreError:
        return ()
    return diff_keys(
        (header.spec, header.key),
        (work.experiment.spec(), work.key),
        lambda: _modules(project.cache, work, header.key.code),
    )


def diff_keys(
    before: tuple[Mapping[str, Any], keys.Key],
    after: tuple[Mapping[str, Any], keys.Key],
    modules: Callable[[], tuple[str, ...]] = tuple,
) -> tuple[Change, ...]:
    """What moved from one spec and key to another; `modules` is asked which changed, where the code did."""
    (old_spec, old), (new_spec, new) = before, after
    found: list[Change] = []
    if old.spec != new.spec:
        found += [Change("spec", *moved) for moved in diff_values(old_spec, new_spec)]
    if old.code != new.code:
        found.append(Change("code", "", old.code, new.code, modules()))
    found += [
        Change(name, "", getattr(old, name), getattr(new, name))
        for name in ("weights", "tokenizer")
        if getattr(old, name) != getattr(new, name)
    ]
    versions = diff_values(old.versions, new.versions)
    return (*found, *(Change("versions", *moved) for moved in sorted(versions)))


def diff_values(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places where two pieces of plain data part, as `prompts[1]` or `sampling.top_k`, and what each holds there.

    A change of type is one, also of 1 to 1.0 or to true, since JSON tells them apart.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from diff_values(
                old.get(name, ABSENT), new.get(name, ABSENT), f"{path}.{name}".removeprefix(".")
            )
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        for i in range(max(len(old), len(new))):
            mine, theirs = (side[i] if i < len(side) else ABSENT for side in (old, new))
            yield from diff_values(mine, theirs, f"{path}[{i}]")
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def record_module_digests(cache: WorkingCache, work: Sequence[ExperimentStatus]) -> None:
    """Keep which modules these experiments' code is made of, one record an analysis, for when some have changed."""
    for place, one in {_place(one): one for one in work}.items():
        if _record(cache, place).get("code") == one.key.code:
            continue
        closures = _closures(one)
        digests = {module: keys.json_digest(parts) for module, parts in closures.items()}
        if code_digest(one.experiment, digests) == one.key.code:  # else it was edited meanwhile
            record = {"code": one.key.code, "modules": _together(closures)}
            cache.put_blob(BLOB_KIND, place, json.dumps(record).encode())


def summary(changes: Sequence[Change]) -> str:
    """The first few in words, then how many more there are."""
    more = len(changes) - MAX_LISTED
    return "; ".join(map(str, changes[:MAX_LISTED])) + (f"; and {more} more" if more > 0 else "")


def _modules(cache: WorkingCache, work: ExperimentStatus, code: str) -> tuple[str, ...]:
    record = _record(cache, _place(work))
    if record.get("code") != code:
        return ()
    old, new = record["modules"], _together(_closures(work))
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _closures(work: ExperimentStatus) -> dict[str, dict[str, str]]:
    """The modules of each closure that an experiment's code is made of, with their digests."""
    return {module: keys.analysis_code_modules(module) for module in code_modules(work.experiment)}


def _together(closures: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: digest for parts in closures.values() for name, digest in parts.items()}


def _place(work: ExperimentStatus) -> str:
    return " ".join(code_modules(work.experiment))


def _record(cache: WorkingCache, module: str) -> dict[str, Any]:
    found = json.loads(cache.get_blob(BLOB_KIND, module) or b"{}")
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    if isinstance(value, Absent):
        return "absent"
    text = (
        value
        if isinstance(value, str) and _HEX.search(value)
        else json.dumps(value, ensure_ascii=False)
    )
    text = _HEX.sub(lambda found: found[0][:8], text)
    return text if len(text) <= MAX_VALUE_WIDTH else text[: MAX_VALUE_WIDTH - 1] + "…"
