"""The plan on other machines: chunks of experiments as tasks of a Dask scheduler that is there already.

Dask does what it is for: it spreads the tasks, and gives those of a worker that died to another one. Here is only what
is sent, how much of it at a time, and what its errors mean.
"""

from __future__ import annotations

import importlib.util
import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, ModelError, RunError, UsageError
from layerbook.core.progress import Reporter
from layerbook.core.requests import Forward, Generate
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.model.plan import make_plan
from layerbook.runner import dask_worker as worker
from layerbook.runner.local import Measurements

CONNECT_SECONDS = 10
CHUNKS_PER_WORKER = 2  # chunks under way for each worker: one in hand and one at hand, so that none waits and memory stays flat


class DaskExecutor:
    """A scheduler and its workers, which must have the same layerbook and libraries; nothing is asked before needed."""

    def __init__(self, address: str, source: sources.ModelSource, report: Reporter) -> None:
        self.address, self.source, self.report = address, source, report

    @cached_property
    def client(self) -> Any:
        """The connection. UsageError where there is no scheduler, or no Dask on this side."""
        if importlib.util.find_spec("distributed") is None:
            raise UsageError(
                "--executor dask://... needs the package distributed: pip install 'layerbook[dask]'"
            )
        from distributed import Client

        for name in ("distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(
                logging.CRITICAL
            )  # what they would say is told as an error here
        try:
            client = Client(
                self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="layerbook"
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                f"no Dask scheduler answers at {self.address} ({error}); start one with `dask scheduler`, "
                "workers with `dask worker ADDRESS --nthreads 1`"
            ) from error
        if not client.nthreads():
            self.report.info(f"No worker has joined {self.address} yet; waiting for one")
        return client

    @cached_property
    def fingerprint(self) -> sources.Fingerprint:
        """What the model is, as this side sees it."""
        return self.source.fingerprint()

    def close(self) -> None:
        """Let go of the scheduler, which forgets what was still to do."""
        if "client" in self.__dict__:
            self.client.close()

    def measure(self, wanted: Sequence[Experiment]) -> Measurements:
        """The result of each experiment; those that share passes go to one worker together."""
        if not wanted:
            return {}
        chunks = group_by_shared_prompts(wanted, self._room())
        found: dict[Experiment, Result | LayerbookError] = {}
        with self.report.task(f"Measuring at {self.address}", len(wanted)) as task:
            for measured in self.measure_chunks(chunks):
                found |= measured
                task.advance(len(measured))
        return {one: found[one] for one in wanted}

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """Chunk by chunk, in their order, a few for each worker under way at a time."""
        under_way: deque[tuple[Sequence[Experiment], Any]] = deque()
        for chunk in chunks:
            under_way.append((chunk, self._submitted(chunk) if chunk else None))
            while under_way and (under_way[0][1] is None or len(under_way) >= self._room()):
                yield _gather(*under_way.popleft())
        while under_way:
            yield _gather(*under_way.popleft())

    def _room(self) -> int:
        """How many chunks may be under way; workers come and go."""
        client = self.client
        with _translate_dask_errors():
            return CHUNKS_PER_WORKER * max(1, len(client.nthreads()))

    def _submitted(self, chunk: Sequence[Experiment]) -> Any:
        # Words and claims stay here, and with them the places in files that they point to.
        bare = tuple(replace(one, captions={}, claims=()) for one in chunk)
        requirements = worker.job_requirements(self.source, self.fingerprint, chunk)
        client = self.client
        with _translate_dask_errors():
            return client.submit(_task(), pickle.dumps((requirements, bare)), pure=False)


@contextmanager
def _translate_dask_errors() -> Iterator[None]:
    """What Dask raises, for people."""
    from distributed.client import ClosedClientError

    try:
        yield
    except (CancelledError, ClosedClientError, OSError) as error:
        raise RunError(
            "the Dask scheduler is gone; what was measured is kept, so run it again"
        ) from error
    except ImportError as error:
        raise UsageError(
            f"the Dask workers lack what a run needs ({error}): install the same layerbook there"
        ) from error


def _task() -> Callable[[bytes], bytes]:
    """What a worker is sent to do. A function inside of another travels by value, so that only workers, and only while
    they do it, need to know this package: a scheduler does not, and a worker without it fails the task, not itself.
    """

    def task(sent: bytes) -> bytes:
        from layerbook.runner import dask_worker as worker

        return worker.run_job(sent)

    return task


def _gather(chunk: Sequence[Experiment], future: Any) -> Measurements:
    """What came of a chunk. ModelError where a worker met what ends a run here as well, or is not as this side is."""
    if future is None:
        return {}
    from distributed import KilledWorker

    try:
        with _translate_dask_errors():
            answers: worker.JobResults | worker.Failure = pickle.loads(future.result())
    except KilledWorker as error:
        tries = f"{pluralize(error.allowed_failures + 1, 'worker')} died one after the other while they measured it"
        return {
            one: RunError(f"{tries}, or one that ran beside it; is their memory enough?")
            for one in chunk
        }
    finally:
        future.release()
    if isinstance(answers, worker.Failure):
        raise ModelError(answers.message)
    return {one: _found(answer) for one, answer in zip(chunk, answers, strict=True)}


def _found(answer: Result | worker.Failure) -> Result | LayerbookError:
    return RunError(answer.message) if isinstance(answer, worker.Failure) else answer


def group_by_shared_prompts(wanted: Sequence[Experiment], most: int) -> list[list[Experiment]]:
    """At most `most` groups of about one size; experiments with a prompt in common, and so passes, are in one."""
    sharing: list[tuple[set[object], list[Experiment]]] = []
    for one in wanted:
        requests = make_plan(one.analysis.runs().values()).requests
        prompts: set[object] = {
            request.prompt for request in requests if isinstance(request, Forward | Generate)
        }
        joined = [group for group in sharing if group[0] & prompts]
        sharing = [group for group in sharing if not group[0] & prompts]
        members = [member for group in joined for member in group[1]]
        sharing.append((prompts.union(*(group[0] for group in joined)), [*members, one]))
    spread: list[list[Experiment]] = [[] for _ in range(most)]
    for _, members in sorted(sharing, key=lambda group: -len(group[1])):
        min(spread, key=len).extend(members)
    return [group for group in spread if group]
