"""Where figures are drawn: here for a few, in processes of their own for many."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal

from generator.figure import Chart, Diagram, Frames, Shapes

MANY = 12
"""With fewer figures to draw, starting processes takes longer than drawing."""


@dataclass(frozen=True)
class Job:
    """One figure to be drawn under an id: a picture, the pictures of a sequence, or the decoder in a special form."""

    how: Literal["picture", "frames", "diagram"]
    id: str
    figure: Chart | Diagram | Shapes | Frames
    compact: bool = False
    links: tuple[tuple[str, str], ...] = ()


def drawn(job: Job) -> tuple[str, ...]:
    """The SVGs of a job, one but for sequences."""
    from generator.figures import draw

    if isinstance(job.figure, Frames):
        return draw.frames(job.figure, job.id)
    if isinstance(job.figure, Diagram) and job.how == "diagram":
        return (draw.diagram(job.figure, job.id, compact=job.compact, links=dict(job.links)),)
    return (draw.picture(job.figure, job.id),)


@dataclass
class Pending:
    """A job that was handed in; `result` waits for it, or draws it where nobody else does."""

    job: Job
    future: Future[tuple[str, ...]] | None = None

    def result(self) -> tuple[str, ...]:
        """The SVGs."""
        return self.future.result() if self.future else drawn(self.job)


class Workshop:
    """Takes jobs in and draws them with up to `processes` processes, which are started once there are many.

    A context manager, so that no process outlives the build.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: Executor | None = None
        self._waiting: list[Pending] = []

    def open(self) -> None:
        """Start the processes, ahead of the jobs: they import matplotlib while this one waits for the model."""
        if self._pool is None and self._processes > 1:
            # Spawned, not forked: torch's threads would not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, mp_context=context, initializer=_ignore_interrupts)
            for _ in range(self._processes):
                self._pool.submit(_prepare)

    def begin(self, job: Job) -> Pending:
        """Hand a job in."""
        pending = Pending(job)
        self._waiting.append(pending)
        if len(self._waiting) >= MANY:
            self.open()
        if self._pool is not None:
            for one in self._waiting:
                one.future = self._pool.submit(drawn, one.job)
            self._waiting.clear()
        return pending

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the build that owns this one ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # nothing here makes garbage worth the time that looking for it takes


def _prepare() -> None:
    from generator.figures import draw

    draw.prepare()
