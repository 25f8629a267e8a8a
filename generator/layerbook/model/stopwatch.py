"""What a run notes of its own duration: seconds by step of the model and by experiment. No number of a result passes
through here, and none of this is ever written beside one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from layerbook.core.requests import Request

StepKind = Literal["generating", "passes"]
STEP_KINDS: tuple[StepKind, ...] = ("generating", "passes")


@dataclass(frozen=True)
class TimedStep:
    """One thing the model did at once: a group of texts written side by side, or a batch of passes.

    row_requests: for each text or pass, the requests that it answered. row_weights: by row, its part of the work. tokens: those
    that were written, or went through the model, padding included. seconds: by the wall clock.
    """

    kind: StepKind
    row_requests: tuple[tuple[Request, ...], ...]
    row_weights: tuple[float, ...]
    tokens: int
    seconds: float

    def row_seconds(self) -> tuple[float, ...]:
        """The seconds of the step, divided over its rows by their weights; together they are all of it."""
        whole = sum(self.row_weights)
        return tuple(
            self.seconds * (weight / whole if whole else 1 / len(self.row_weights))
            for weight in self.row_weights
        )


@dataclass
class Stopwatch:
    """What one run took: loading the model, each step, and the measuring of each experiment by its address.

    requests: those of each experiment that was measured. measure_counts: how often it was, once but for the cells of a
    sweep.
    """

    loading_seconds: float = 0.0
    steps: list[TimedStep] = field(default_factory=list)
    measuring_seconds: dict[str, float] = field(default_factory=dict)
    measure_counts: dict[str, int] = field(default_factory=dict)
    requests: dict[str, list[Request]] = field(default_factory=dict)

    @contextmanager
    def time_loading(self) -> Iterator[None]:
        """Time what is done inside as loading the model."""
        started = time.perf_counter()
        yield
        self.loading_seconds += time.perf_counter() - started

    @contextmanager
    def time_measuring(self, address: str, requests: Iterable[Request]) -> Iterator[None]:
        """Time what is done inside as the measuring of `chapter/id`, which asked for these, also where it fails."""
        self.requests.setdefault(address, []).extend(requests)
        self.measure_counts[address] = self.measure_counts.get(address, 0) + 1
        started = time.perf_counter()
        try:
            yield
        finally:
            self.measuring_seconds[address] = (
                self.measuring_seconds.get(address, 0.0) + time.perf_counter() - started
            )
