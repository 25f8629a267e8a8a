"""Compare results on disk with their sources; only the headers of results are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from layerbook.book.contents import Experiment
from layerbook.core.errors import StoreError, UsageError, did_you_mean
from layerbook.store import results
from layerbook.store.cache import WorkingCache
from layerbook.store.key_changes import Change, diff_keys
from layerbook.store.keys import Key
from layerbook.store.project import Project, cells_with_figures

State = Literal["fresh", "stale", "missing", "unreadable", "uncomputed", "inapplicable"]


@dataclass(frozen=True)
class Freshness:
    """The state of a result.

    fresh: current, and computed on this machine.
    uncomputed: current, but computed elsewhere or with other libraries, which are in `changes`.
    stale: there are `changes` of other components.
    missing: there is no file.
    unreadable: for the given `reason`.
    inapplicable: the model cannot run the experiment, for the given `reason`.
    """

    state: State
    changes: tuple[Change, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        detail = "; ".join(self.changed) or self.reason
        return f"{self.state} ({detail})" if detail else self.state

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of components that changed, of libraries with both versions."""
        libraries = [f"{c.name} {c.old} -> {c.new}" for c in self.changes if c.is_of_library]
        components = dict.fromkeys(c.component for c in self.changes if not c.is_of_library)
        return (*components, *([f"versions: {', '.join(libraries)}"] if libraries else []))

    @property
    def usable(self) -> bool:
        """Return whether a book built without the model may show the result as current."""
        return self.state in ("fresh", "uncomputed")

    @property
    def current(self) -> bool:
        """Return whether a committed book is complete without another run."""
        return self.usable or self.state == "inapplicable"

    @property
    def settled(self) -> bool:
        """Return whether this machine has nothing to run."""
        return self.state in ("fresh", "inapplicable")


@dataclass(frozen=True)
class ExperimentStatus:
    """An experiment, its current key, and the state of its result."""

    experiment: Experiment
    key: Key
    freshness: Freshness


def check_freshness(
    path: Path, spec: Mapping[str, Any], key: Key, cache: WorkingCache
) -> Freshness:
    """Compare the result at `path` with the current spec and key of its experiment."""
    try:
        header = results.read_header(path)
    except results.ResultFileError as error:
        if error.reason == "missing":
            return Freshness("missing")
        return Freshness("unreadable", reason=error.message)
    except StoreError as error:
        return Freshness("unreadable", reason=str(error))
    changes = diff_keys(header, spec, key)
    if not header.key.same_sources(key):
        return Freshness("stale", changes)
    if not results.has_own_header(path, header):
        return Freshness("unreadable", reason="its header was edited; run the experiment again")
    if cache.was_computed(header.name, key.digest, header.digest):
        return Freshness("fresh")
    return Freshness("uncomputed", changes)


def check_status(project: Project) -> tuple[ExperimentStatus, ...]:
    """Return the status of every experiment, in the order of the book."""
    cells = {e: cells_with_figures(e) for e in project.experiments()}
    keys = project.compute_keys([*cells, *(cell for group in cells.values() for cell in group)])
    states = {
        e: Freshness("inapplicable", reason=e.inapplicable)
        if e.inapplicable
        else check_freshness(project.result_path(e), e.spec(), key, project.cache)
        for e, key in keys.items()
    }
    return tuple(
        ExperimentStatus(e, keys[e], _include_cells(states[e], group, states))
        for e, group in cells.items()
    )


def _include_cells(
    freshness: Freshness, cells: Sequence[Experiment], states: Mapping[Experiment, Freshness]
) -> Freshness:
    """Return a sweep's state: unreadable if a cell that its views show is unusable."""
    if freshness.usable:
        for cell in cells:
            if not states[cell].usable:
                return Freshness("unreadable", reason=f"its cell {cell.id} is {states[cell]}")
    return freshness


def select(
    work: Sequence[ExperimentStatus], only: Sequence[str], *, force: bool
) -> tuple[ExperimentStatus, ...]:
    """Return the experiments to run: those that are not fresh, or with `force` all that can run.

    only: names of chapters and experiments to narrow them to. Raises UsageError for a name that
    matches nothing.
    """
    names = {name for status in work for name in _names(status.experiment)}
    for name in only:
        if name not in names:
            suggestion = did_you_mean(name, names)
            raise UsageError(f"--only {name}: no chapter or experiment of that name{suggestion}")
    return tuple(
        status
        for status in work
        if (not only or set(only) & set(_names(status.experiment)))
        and status.freshness.state != "inapplicable"
        and (force or not status.freshness.settled)
    )


def _names(experiment: Experiment) -> tuple[str, str, str]:
    return experiment.chapter, experiment.id, f"{experiment.chapter}/{experiment.id}"
