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
KINDS: tuple[StepKind, ...] = ("generating", "passes")


@dataclass(frozen=True)
class Step:
    """One thing the model did at once: a group of texts written side by side, or a batch of passes.

    rows: for each text or pass, the requests that it answered. weights: by row, its part of the work. tokens: those
    that were written, or went through the model, padding included. seconds: by the wall clock.
    """

    kind: StepKind
    rows: tuple[tuple[Request, ...], ...]
    weights: tuple[float, ...]
    tokens: int
    seconds: float

    def row_seconds(self) -> tuple[float, ...]:
        """The seconds of the step, divided over its rows by their weights; together they are all of it."""
        whole = sum(self.weights)
        return tuple(
            self.seconds * (weight / whole if whole else 1 / len(self.weights))
            for weight in self.weights
        )


@dataclass
class Stopwatch:
    """What one run took: loading the model, each step, and the measuring of each experiment by its address.

    asked: the requests of each experiment that was measured. measured: how often it was, once but for the cells of a
    sweep.
    """

    loading: float = 0.0
    steps: list[Step] = field(default_factory=list)
    measuring: dict[str, float] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)
    asked: dict[str, list[Request]] = field(default_factory=dict)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Time what is done inside as loading the model."""
        started = time.perf_counter()
        yield
        self.loading += time.perf_counter() - started

    @contextmanager
    def measure(self, address: str, requests: Iterable[Request]) -> Iterator[None]:
        """Time what is done inside as the measuring of `chapter/id`, which asked for these, also where it fails."""
        self.asked.setdefault(address, []).extend(requests)
        self.measured[address] = self.measured.get(address, 0) + 1
        started = time.perf_counter()
        try:
            yield
        finally:
            self.measuring[address] = (
                self.measuring.get(address, 0.0) + time.perf_counter() - started
            )
