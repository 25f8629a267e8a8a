"""The differences between two keys: old and new parameters, modules, weights and libraries.

A result holds the spec that it was measured for, but only one digest of all its code. If that code
was ever used on this machine, the working cache holds the digest of each of its modules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from layerbook.core.text import shorten
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.comparison import Difference
from layerbook.store.keys import Key, read_module_digests

MAX_VALUE_WIDTH = 48
_HEX = re.compile(r"[0-9a-f]{16,}")


class Absent:
    """The type of ABSENT, the value of a parameter that one side does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


@dataclass(frozen=True)
class Change:
    """A change of one parameter or library `name`, or of a whole component if `name` is empty.

    modules: the modules whose code changed, if they are known.
    """

    component: str
    name: str
    old: Any
    new: Any
    modules: tuple[str, ...] = ()

    @property
    def is_of_library(self) -> bool:
        """Return whether only a library has another version."""
        return self.component == "versions"

    def __str__(self) -> str:
        name = f"{self.name} " if self.name else ""
        modules = f" in {', '.join(self.modules)}" if self.modules else ""
        return f"{self.component}: {name}{_shorten(self.old)} -> {_shorten(self.new)}{modules}"

    def as_dict(self) -> dict[str, Any]:
        """Return the change for JSON, with null for an absent value."""
        old, new = (None if value is ABSENT else value for value in (self.old, self.new))
        data = {"component": self.component, "name": self.name, "old": old, "new": new}
        return data | ({"modules": list(self.modules)} if self.modules else {})


def diff_keys(
    header: results.ResultHeader, spec: Mapping[str, Any], new: Key
) -> tuple[Change, ...]:
    """Return the changes from the spec and key of a result to a new spec and key."""
    old = header.key
    changes: list[Change] = []
    if old.spec != new.spec:
        differences = list(diff_values(header.spec, spec))
        differences = differences or [Difference("", old.spec, new.spec)]
        changes += [Change("spec", each.path, each.old, each.new) for each in differences]
    for name in ("code", "weights", "tokenizer", "precision"):
        if getattr(old, name) != getattr(new, name):
            changes.append(Change(name, "", getattr(old, name), getattr(new, name)))
    versions = sorted(diff_values(old.versions, new.versions), key=lambda each: each.path)
    changes += [Change("versions", each.path, each.old, each.new) for each in versions]
    return tuple(changes)


def diff_values(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """Yield the differences between two pieces of plain data, with ABSENT for a missing value.

    A change of type counts, even from 1 to 1.0 or true, since JSON distinguishes them.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{path}.{name}".removeprefix(".")
            yield from diff_values(old.get(name, ABSENT), new.get(name, ABSENT), inner)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        for i in range(max(len(old), len(new))):
            old_part, new_part = (v[i] if i < len(v) else ABSENT for v in (old, new))
            yield from diff_values(old_part, new_part, f"{path}[{i}]")
    elif type(old) is not type(new) or old != new:
        yield Difference(path, old, new)


def add_changed_modules(cache: WorkingCache, changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return changes, that of the code with the names of the modules, if they are known."""
    return tuple(
        replace(change, modules=_changed_modules(cache, change.old, change.new))
        if change.component == "code"
        else change
        for change in changes
    )


def _changed_modules(cache: WorkingCache, old_code: str, new_code: str) -> tuple[str, ...]:
    old, new = (read_module_digests(cache, code) for code in (old_code, new_code))
    if not old or not new:
        return ()
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _shorten(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    is_digest = isinstance(value, str) and _HEX.search(value)
    text = value if is_digest else json.dumps(value, ensure_ascii=False)
    text = _HEX.sub(lambda match: match[0][:8], text)
    return shorten(text, MAX_VALUE_WIDTH)
