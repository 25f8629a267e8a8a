"""Time a run: loading the model, each step of the model, and each experiment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from layerbook.core.requests import Request
from layerbook.model.plan import make_plan, merge_key

StepKind = Literal["generating", "passes"]


@dataclass(frozen=True)
class ExperimentTime:
    """The seconds of an experiment: its shares of the model's steps, and its own measuring."""

    generating: float = 0.0
    passes: float = 0.0
    measuring: float = 0.0

    @property
    def total(self) -> float:
        """The sum of its seconds; loading the model is not counted."""
        return self.generating + self.passes + self.measuring


@dataclass(frozen=True)
class StepTime:
    """One step of the model: a group of texts generated together, or a batch of passes."""

    kind: StepKind
    rows: int
    tokens: int
    seconds: float
    experiments: tuple[str, ...]


@dataclass
class Timer:
    """Collects the times of one run; experiments are named by address, `chapter/id`."""

    loading: float = 0.0
    steps: list[StepTime] = field(default_factory=list)
    experiments: dict[str, ExperimentTime] = field(default_factory=dict)
    _owners: dict[object, dict[str, None]] = field(default_factory=dict)

    def set_requests(self, requests: Iterable[tuple[str, Iterable[Request]]]) -> None:
        """Set the requests of each experiment; experiments share the time of a common request."""
        self._owners = {}
        for address, needed in requests:
            for request in make_plan(needed).requests:
                self._owners.setdefault(merge_key(request), {})[address] = None

    def add_step(
        self,
        kind: StepKind,
        rows: Sequence[Sequence[Request]],
        row_tokens: Sequence[int],
        seconds: float,
    ) -> None:
        """Add a step and divide its seconds over its rows by their tokens.

        The seconds of a row are divided equally over the experiments that need it.
        """
        tokens = sum(row_tokens)
        experiments: set[str] = set()
        for requests, count in zip(rows, row_tokens, strict=True):
            owners: dict[str, None] = {}
            for request in requests:
                owners |= self._owners.get(merge_key(request), {})
            for address in owners:
                self._add(address, kind, seconds * count / tokens / len(owners))
            experiments.update(owners)
        self.steps.append(StepTime(kind, len(rows), tokens, seconds, tuple(sorted(experiments))))

    @contextmanager
    def time_loading(self) -> Iterator[None]:
        """Time the block as loading a model."""
        started = time.perf_counter()
        yield
        self.loading += time.perf_counter() - started

    @contextmanager
    def time_measuring(self, address: str) -> Iterator[None]:
        """Time the block as measuring an experiment, even if it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._add(address, "measuring", time.perf_counter() - started)

    def _add(self, address: str, part: str, seconds: float) -> None:
        times = self.experiments.get(address, ExperimentTime())
        self.experiments[address] = replace(times, **{part: getattr(times, part) + seconds})
