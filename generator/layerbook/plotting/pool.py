"""Draw figures: a few in this process, many in a pool of processes."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from threading import Thread

from layerbook.core import language
from layerbook.core.figures import Frames, MatplotlibFigure, Picture
from layerbook.core.language import ENGLISH, Language

_MIN_JOBS = 12  # starting processes for fewer takes longer than drawing

Drawing = tuple[str, ...]
"""The SVGs of a figure: one, or one per frame."""


@dataclass(frozen=True)
class DrawingJob:
    """A figure to draw; `id` must be unique on its page.

    language: that of the words that the drawing adds.
    """

    id: str
    figure: Picture | Frames
    language: Language = ENGLISH


def render_job(job: DrawingJob) -> Drawing:
    """Draw the figure of a job."""
    from layerbook.plotting.render import render_for_pages

    with language.use(job.language):
        return render_for_pages(job.figure, job.id)


class DrawingPool:
    """Draw jobs in up to `processes` processes, started once there are `min_jobs` jobs.

    A context manager: no process outlives it.
    """

    def __init__(self, processes: int, *, min_jobs: int = _MIN_JOBS) -> None:
        self._processes, self._min_jobs = processes, min_jobs
        self._executor: ProcessPoolExecutor | None = None
        self._starter: Thread | None = None
        self._workers: set[BaseProcess] = set()
        self._waiting: dict[str, DrawingJob] = {}
        self._own: dict[str, DrawingJob] = {}
        self._futures: dict[str, Future[Drawing]] = {}

    def expect(self, jobs: int) -> None:
        """Start the processes early, so that they import matplotlib, if there are enough jobs."""
        if self._executor or self._processes < 2 or jobs < self._min_jobs:
            return
        # Spawned, not forked: torch's threads would not survive a fork.
        context = multiprocessing.get_context("spawn")
        with _safe_import_path():
            self._executor = ProcessPoolExecutor(
                self._processes, mp_context=context, initializer=_init_worker
            )
            self._starter = Thread(target=self._start_workers, args=[self._executor])
            self._starter.start()
            self._starter.join()

    def submit(self, key: str, job: DrawingJob) -> None:
        """Add a job; `results` returns its drawing under `key`.

        Drawings by an analysis run in this process, since others do not have the book's own code.
        """
        if isinstance(job.figure, MatplotlibFigure):
            self._own[key] = job
            return
        self._waiting[key] = job
        self.expect(len(self._waiting))
        if self._executor is not None:
            for waiting_key, waiting_job in self._waiting.items():
                self._futures[waiting_key] = self._executor.submit(render_job, waiting_job)
            self._waiting.clear()

    def results(self) -> dict[str, Drawing]:
        """Return the drawings of all jobs submitted since the last call; a few are drawn here."""
        drawings = {key: render_job(job) for key, job in (self._waiting | self._own).items()}
        drawings |= {key: future.result() for key, future in self._futures.items()}
        self._waiting.clear()
        self._own.clear()
        self._futures.clear()
        return drawings

    def __enter__(self) -> DrawingPool:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._starter is not None:
            self._starter.join()
        if kind is not None:
            for worker in self._workers:  # their drawings are not needed, and they write no files
                worker.terminate()
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _start_workers(self, executor: ProcessPoolExecutor) -> None:
        """Start the processes in a thread, since Ctrl-C interrupts the main thread only.

        The processes inherit the thread's blocked SIGINT, so that they always ignore Ctrl-C.
        """
        from layerbook.plotting.render import import_libraries

        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        earlier_children = set(multiprocessing.active_children())
        for _ in range(self._processes):
            executor.submit(import_libraries)
        self._workers = set(multiprocessing.active_children()) - earlier_children


@contextmanager
def _safe_import_path() -> Iterator[None]:
    """Start Python processes that import nothing from the working directory, a book's folder."""
    name = "PYTHONSAFEPATH"
    previous = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous


def _init_worker() -> None:
    Thread(target=_exit_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal
    gc.disable()  # drawings leave too little garbage to be worth collecting
    atexit.register(gc.freeze)  # else Python would look for garbage in all libraries at exit


def _exit_with_parent() -> None:
    """End this process when the build's process ends, even if that is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
