"""Builds in child processes that are killed, at any time or step, or whose disk refuses.

The children are forked from a process that has imported all that a build needs and has computed nothing, so that a
child starts at once and torch has no threads yet that a fork would lose.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})
MAKING = frozenset({"open", "os.mkdir"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PRELOADED = (
    "torch",
    "transformers.models.llama.modeling_llama",
    "transformers.generation.utils",
    "sklearn.decomposition",
    "pyarrow.parquet",
    "generator.build",
    "generator.binding",
    "generator.cli",
    "generator.figures.draw",
    "generator.model.execute",
    "killing",
)


@dataclass(frozen=True)
class Moment:
    """When to kill: before the `at`th step on the disk, once a file has `at` bytes, or after `at` seconds.

    Or what the disk refuses instead: `full` from the `at`th step on, `large` files of more than `at` bytes, or any
    change below `at`, a folder that is `read-only`.
    """

    kind: Literal["step", "bytes", "time", "full", "large", "read-only"]
    at: float | str


@dataclass(frozen=True)
class Ended:
    """How a build ended: its exit code, or None where it was killed; what it said; the steps and seconds it took."""

    code: int | None
    said: str
    steps: int
    seconds: float


def context() -> ForkServerContext:
    """The context whose processes come warm."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(list(PRELOADED))
    return made


@dataclass(frozen=True)
class Running:
    """A build that is under way in a child of its own."""

    child: BaseProcess
    log: Path
    started: float

    def end(self, after: float | None = None) -> Ended:
        """Wait for it; where it is still running `after` seconds, kill it."""
        if after is not None:
            self.child.join(after)
            self.child.kill()
        self.child.join(120)
        assert self.child.exitcode is not None, "the build hangs"
        seconds = time.perf_counter() - self.started
        killed = self.child.exitcode in (-signal.SIGKILL, -signal.SIGXFSZ)
        assert killed or self.child.exitcode >= 0, f"ended by signal {-self.child.exitcode}"
        said, _, steps = self.log.read_text(encoding="utf-8", errors="replace").rpartition("steps ")
        return Ended(None if killed else self.child.exitcode, said, int(steps or 0) if not killed else 0, seconds)


def begin(book: Path, warm: ForkServerContext, moment: Moment | None = None, name: str = "said") -> Running:
    """Start `layerbook build`, of cells in chunks of two; what it says goes to a file of that name beside the book."""
    log = book.with_name(f"{name}.txt")
    log.write_text("")
    child = warm.Process(target=_build, args=(book, log, moment))
    child.start()
    return Running(child, log, time.perf_counter())


def build(book: Path, warm: ForkServerContext, moment: Moment | None = None) -> Ended:
    """`layerbook build` from its start to its end, or to that moment."""
    timed = moment is not None and moment.kind == "time"
    return begin(book, warm, moment).end(float(moment.at) if moment is not None and timed else None)


def _build(book: Path, log: Path, moment: Moment | None) -> None:
    from generator import plan, sweeping
    from generator.cli import main
    from generator.model import execute

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with log.open("w", encoding="utf-8") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    sweeping.CHUNK = 2
    # The last digit of a number depends on what shares its batch, and that on what a kill left to be done.
    execute.batches = lambda passes, *_: [[one] for one in passes]  # type: ignore[assignment,misc]
    plan._without_prefixes = lambda by_ids: by_ids.values()  # type: ignore[assignment]
    steps = _counted(book, moment)
    if moment is not None and moment.kind in ("bytes", "large"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if moment.kind == "bytes" else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(moment.at), int(moment.at)))
    code: object = 1
    try:
        main(["build", "--quiet", "--jobs", "1", "--book", str(book)], prog_name="layerbook")
    except SystemExit as end:
        code = end.code
    print(f"steps {steps[0]}", flush=True)  # noqa: T201 - the parent reads it
    os._exit(code if isinstance(code, int) else 1)


def _counted(book: Path, moment: Moment | None) -> list[int]:
    """Counts the steps that change the book's folder, and at the moment kills this process or refuses."""
    steps, inside = [0], str(book)
    kind, at = (moment.kind, moment.at) if moment is not None else ("", 0)

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event not in STEPS or not os.fspath(str(details[0])).startswith(inside):
            return
        if event == "open" and not (isinstance(details[2], int) and details[2] & WRITING):
            return
        steps[0] += 1
        if kind == "step" and steps[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "full" and steps[0] >= float(at) and event in MAKING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if kind == "read-only" and str(details[0]).startswith(str(at)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    sys.addaudithook(watch)
    return steps
