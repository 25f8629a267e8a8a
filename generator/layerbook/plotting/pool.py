"""Where figures are drawn: here for a few, in processes of their own for many."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Literal

from layerbook.core.figures import Chart, Diagram, Frames, MatrixChain

MIN_JOBS_FOR_POOL = 12
"""With fewer figures to draw, starting processes takes longer than drawing."""


@dataclass(frozen=True)
class DrawingJob:
    """One figure to be drawn under an id: a picture, the pictures of a sequence, or the decoder in a special form."""

    kind: Literal["picture", "frames", "diagram"]
    id: str
    figure: Chart | Diagram | MatrixChain | Frames
    compact: bool = False
    links: tuple[tuple[str, str], ...] = ()


def render_job(job: DrawingJob) -> tuple[str, ...]:
    """The SVGs of a job, one but for sequences."""
    from layerbook.plotting import render

    if isinstance(job.figure, Frames):
        return render.render_frames(job.figure, job.id)
    if isinstance(job.figure, Diagram) and job.kind == "diagram":
        return (render.render_diagram(job.figure, job.id, compact=job.compact, links=dict(job.links)),)
    return (render.render_figure(job.figure, job.id),)


@dataclass
class PendingDrawing:
    """A job that was handed in; `result` waits for it, or draws it where nobody else does."""

    job: DrawingJob
    future: Future[tuple[str, ...]] | None = None

    def result(self) -> tuple[str, ...]:
        """The SVGs."""
        return self.future.result() if self.future else render_job(self.job)


class DrawingPool:
    """Takes jobs in and draws them with up to `processes` processes, which are started once there are many.

    A context manager, so that no process outlives the build.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: Executor | None = None
        self._started: set[BaseProcess] = set()
        self._waiting: list[PendingDrawing] = []

    def start(self) -> None:
        """Start the processes, ahead of the jobs: they import matplotlib while this one waits for the model."""
        if self._pool is None and self._processes > 1:
            # Spawned, not forked: torch's threads would not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self._processes, mp_context=context, initializer=_init_worker
            )
            others = set(multiprocessing.active_children())
            with _sigint_deferred():
                for _ in range(self._processes):
                    self._pool.submit(_import_libraries)
                self._started = set(multiprocessing.active_children()) - others

    def submit(self, job: DrawingJob) -> PendingDrawing:
        """Hand a job in."""
        pending = PendingDrawing(job)
        self._waiting.append(pending)
        if len(self._waiting) >= MIN_JOBS_FOR_POOL:
            self.start()
        if self._pool is not None:
            for one in self._waiting:
                one.future = self._pool.submit(render_job, one.job)
            self._waiting.clear()
        return pending

    def __enter__(self) -> DrawingPool:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._pool is not None:
            if kind is not None:
                for (
                    process
                ) in self._started:  # nobody wants what they are drawing, and they write no files
                    process.terminate()
            self._pool.shutdown(cancel_futures=True)


@contextmanager
def _sigint_deferred() -> Iterator[None]:
    """Processes started meanwhile never hear Ctrl-C, not even while they start; this one obeys it afterwards.

    Else a helper that is still importing, or waits for its start to be told whole, would end in a traceback.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    mask = (
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if hasattr(signal, "pthread_sigmask")
        else None
    )
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
    if heard:
        before(*heard[0])


def _init_worker() -> None:
    """Ctrl-C reaches every process of the terminal; the build that owns this one ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # nothing here makes garbage worth the time that looking for it takes


def _import_libraries() -> None:
    from layerbook.plotting import render

    render.import_libraries()
