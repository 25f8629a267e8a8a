"""What runs took on this machine, kept in the working cache: by experiment, by pass, and as the pace of the model.

A pass may serve many experiments. The time of a batch is divided equally over its rows, which are padded to one width;
that of texts written side by side, by the tokens written; and a row's time, equally over the experiments that needed
it. So the shares of all experiments add up to the time of the run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layerbook.book.loader import Experiment
from layerbook.core.requests import ChatMessage, Request, Site
from layerbook.model.plan import plan
from layerbook.model.stopwatch import STEP_KINDS, Stopwatch, TimedStep
from layerbook.store.cache import WorkingCache
from layerbook.store.keys import json_digest

BLOB = "timings"
REMEMBERED = 20_000
"""Requests whose passes are remembered: many times those of a book."""


@dataclass(frozen=True)
class Share:
    """An experiment's part of a run, in seconds: of the texts written, of the passes, and its own measuring.

    measured: how often, once but for a sweep, whose cells are measured one by one.
    """

    analysis: str
    generating: float
    passes: float
    measuring: float
    measured: int = 1

    @property
    def total(self) -> float:
        """All of it; loading the model is nobody's."""
        return self.generating + self.passes + self.measuring


@dataclass(frozen=True)
class StepTime:
    """One step of the last run: how many rows and tokens it had, its seconds, and the experiments it served."""

    kind: str
    rows: int
    tokens: int
    seconds: float
    experiments: tuple[str, ...]


@dataclass(frozen=True)
class Timings:
    """What is known of one model on this machine.

    loading: seconds. shares: by address, from the last run of each experiment. steps: of the last run. requests: for
    each request that was answered, the row that did it and that row's seconds. pace: seconds a token, by kind.
    """

    loading: float | None = None
    shares: Mapping[str, Share] = field(default_factory=dict)
    steps: tuple[StepTime, ...] = ()
    requests: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    pace: Mapping[str, float] = field(default_factory=dict)


def name_of(request: Request) -> str:
    """A request by what makes the model work, alike in every process: all but the sites that it keeps."""
    return json_digest(_plain(request))[:16]


def names_of(requests: Iterable[Request]) -> dict[str, Request]:
    """The distinct requests among these by name, those that they refer to included."""
    return {name_of(request): request for request in plan(requests).requests}


def taken(stopwatch: Stopwatch, ran: Sequence[Experiment]) -> Timings:
    """What one run took, divided over the experiments that ran; cells count for their sweep."""
    spent: dict[str, dict[str, float]] = {
        address: dict.fromkeys(STEP_KINDS, 0.0) for address in map(address_of, ran)
    }
    owners: dict[str, dict[str, None]] = {}
    for address, asked in stopwatch.requests.items():
        for name in names_of(asked):
            owners.setdefault(name, {})[address] = None
    requests: dict[str, tuple[str, float]] = {}
    steps: list[StepTime] = []
    for step in stopwatch.steps:
        served: dict[str, None] = {}
        for row, seconds in zip(step.row_requests, step.row_seconds(), strict=True):
            names = [name_of(request) for request in row]
            for_whom = {address: None for name in names for address in owners.get(name, ())}
            for address in for_whom:
                spent[address][step.kind] += seconds / len(for_whom)
            served |= for_whom
            requests |= {name: (names[0], seconds) for name in names}
        steps.append(
            StepTime(
                step.kind,
                len(step.row_requests),
                step.tokens,
                step.seconds,
                tuple(a for a in spent if a in served),
            )
        )
    shares = {}
    for address, experiment in ((address_of(e), e) for e in ran):
        if address in stopwatch.measure_counts:
            measuring, count = (
                stopwatch.measuring_seconds[address],
                stopwatch.measure_counts[address],
            )
            shares[address] = Share(
                experiment.analysis_name, **spent[address], measuring=measuring, measured=count
            )
    return Timings(
        stopwatch.loading_seconds, shares, tuple(steps), requests, _pace(stopwatch.steps)
    )


def keep(cache: WorkingCache, model: str, found: Timings, known: Collection[str]) -> None:
    """Remember what a run took beside what is known of other experiments, as far as their addresses are `known`."""
    if not found.shares:
        return
    before = read(cache, model)
    shares = {name: share for name, share in before.shares.items() if name in known} | dict(
        found.shares
    )
    requests = {name: row for name, row in before.requests.items() if name not in found.requests}
    requests.update(found.requests)
    latest = dict(list(requests.items())[-REMEMBERED:])
    whole = Timings(found.loading, shares, found.steps, latest, {**before.pace, **found.pace})
    cache.put_blob(BLOB, model, json.dumps(dataclasses.asdict(whole)).encode())


def read(cache: WorkingCache, model: str) -> Timings:
    """What is known of a model on this machine; nothing, where what was kept has another form."""
    try:
        data = json.loads(cache.get_blob(BLOB, model) or b"{}")
        return Timings(
            loading=data.get("loading"),
            shares={name: Share(**share) for name, share in data.get("shares", {}).items()},
            steps=tuple(
                StepTime(**{**one, "experiments": tuple(one["experiments"])})
                for one in data.get("steps", ())
            ),
            requests={
                name: (row, seconds) for name, (row, seconds) in data.get("requests", {}).items()
            },
            pace=data.get("pace", {}),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Timings()


def address_of(experiment: Experiment) -> str:
    """`chapter/id`."""
    return f"{experiment.chapter}/{experiment.id}"


def _pace(steps: Sequence[TimedStep]) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind in STEP_KINDS:
        tokens = sum(step.tokens for step in steps if step.kind == kind)
        if tokens:
            found[kind] = sum(step.seconds for step in steps if step.kind == kind) / tokens
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Site):
        return str(value)
    if isinstance(value, ChatMessage):
        return [value.role, value.content]
    if dataclasses.is_dataclass(value):
        own = [one.name for one in dataclasses.fields(value) if one.name != "keep"]
        return [type(value).__name__, *(_plain(getattr(value, name)) for name in own)]
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
