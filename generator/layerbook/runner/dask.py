"""Measure experiments on the workers of a Dask scheduler.

Dask distributes the chunks, and reassigns those of a worker that died. A worker only measures if
its model, code and libraries match the caller's, because they are part of the keys of results.
"""

from __future__ import annotations

import importlib.util
import logging
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING

from layerbook.book.contents import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, ModelError, RunError, UsageError
from layerbook.core.progress import Reporter
from layerbook.core.requests import Forward, Generate, Precision
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.model.plan import make_plan
from layerbook.runner import dask_messages as messages
from layerbook.runner.dask_messages import OWN_MODEL, Job, MessageError
from layerbook.runner.local import LocalExecutor, Measurements
from layerbook.store import code_digest, keys

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
CHUNKS_PER_WORKER = 2  # one being measured and one waiting


class DaskExecutor:
    """Measures experiments on a scheduler's workers; connects when it first needs them."""

    def __init__(
        self, address: str, source: sources.ModelSource, precision: Precision, report: Reporter
    ) -> None:
        self.address, self.source, self.report = address, source, report
        self.precision = precision

    @cached_property
    def client(self) -> Client:
        """The connection. Raises UsageError if there is no scheduler, or no Dask here."""
        if importlib.util.find_spec("distributed") is None:
            raise UsageError(
                "--executor dask://... needs the package distributed: pip install 'layerbook[dask]'"
            )
        from distributed import Client

        for name in ("distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # this module reports the errors
        try:
            client = Client(
                self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="layerbook"
            )
        except TypeError as error:  # Dask raises it if it has no certificates
            raise UsageError(
                f"{self.address} needs certificates, from Dask's settings distributed.comm.tls: "
                f"{error}"
            ) from error
        except (OSError, ValueError) as error:
            raise UsageError(
                f"no Dask scheduler answers at {self.address} ({error}); start one with "
                "`dask scheduler`, workers with `dask worker ADDRESS --nthreads 1`"
            ) from error
        if not client.nthreads():
            self.report.info(f"No worker has joined {self.address} yet; waiting for one")
        return client

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the book's model on this machine."""
        return self.source.fingerprint()

    def close(self) -> None:
        """Close the connection; the scheduler drops pending work."""
        if "client" in vars(self):
            self.client.close()

    def measure(self, experiments: Sequence[Experiment]) -> Measurements:
        """Return the result of each experiment; those that share passes go to one worker."""
        if not experiments:
            return {}
        chunks = group_by_shared_prompts(experiments, self._max_chunks())
        results: dict[Experiment, Result | LayerbookError] = {}
        with self.report.task(f"Measuring at {self.address}", len(experiments)) as task:
            for measured in self.measure_chunks(chunks):
                results |= measured
                task.advance(len(measured))
        return results

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """Measure chunk by chunk, in order, with a few chunks per worker in progress."""
        under_way: deque[tuple[Sequence[Experiment], futures.Future[bytes] | None]] = deque()
        for chunk in chunks:
            under_way.append((chunk, self._submit(chunk) if chunk else None))
            while under_way and (under_way[0][1] is None or len(under_way) >= self._max_chunks()):
                yield _wait(*under_way.popleft())
        while under_way:
            yield _wait(*under_way.popleft())

    def _max_chunks(self) -> int:
        client = self.client
        with _translate_dask_errors():
            workers = len(client.nthreads())  # can change during the run
        return CHUNKS_PER_WORKER * max(1, workers)

    def _submit(self, chunk: Sequence[Experiment]) -> futures.Future[bytes]:
        message, client = messages.encode_job(self._job(chunk)), self.client
        with _translate_dask_errors():
            workers: futures.Executor = client.get_executor(pure=False)
            return workers.submit(_worker_task(), message)

    def _job(self, chunk: Sequence[Experiment]) -> Job:
        """Return a job with the models, code and libraries of this process."""
        names = sorted({experiment.model for experiment in chunk if experiment.model})
        models = {name: sources.resolve(name).fingerprint() for name in names}
        models[OWN_MODEL] = self.fingerprint
        modules = sorted({type(experiment.analysis).__module__ for experiment in chunk})
        code = {module: code_digest.analysis_code_digest(module) for module in modules}
        versions = dict(keys.numeric_library_versions())
        return Job(self.source, self.precision, models, code, versions, chunk)


@contextmanager
def _translate_dask_errors() -> Iterator[None]:
    """Translate Dask's exceptions into Layerbook errors."""
    from distributed.client import ClosedClientError

    try:
        yield
    except (futures.CancelledError, ClosedClientError, OSError) as error:
        raise RunError(
            "lost the Dask scheduler; finished results are kept, so run this again"
        ) from error
    except ImportError as error:
        raise UsageError(
            f"the Dask workers cannot run this ({error}): install the same version of layerbook "
            "there"
        ) from error


def _wait(chunk: Sequence[Experiment], future: futures.Future[bytes] | None) -> Measurements:
    """Return the results of a chunk. Raises ModelError if the worker refused it."""
    if future is None:
        return {}
    from distributed import KilledWorker

    try:
        with _translate_dask_errors():
            answer = future.result()
    except KilledWorker as error:
        count = pluralize(error.allowed_failures + 1, "worker")
        failure = RunError(
            f"{count} died one after the other while they measured this or a chunk beside it; "
            "do they have enough memory?"
        )
        return dict.fromkeys(chunk, failure)
    return messages.decode_results(answer, chunk)


def _worker_task() -> Callable[[bytes], bytes]:
    """Return the function that a worker runs.

    A nested function travels by value. So the scheduler does not need this package, and a worker
    without it fails the task and lives on.
    """

    def task(data: bytes) -> bytes:
        from layerbook.runner.dask import JOB_RUNNER

        return JOB_RUNNER.run(data)

    return task


class JobRunner:
    """Runs the jobs of a worker; keeps the models, which are loaded when first needed."""

    def __init__(self) -> None:
        self._lock = Lock()  # one job at a time, because a pass puts hooks on the model
        self._models: dict[str, Fingerprint] = {}
        self._executor: LocalExecutor | None = None

    def run(self, data: bytes) -> bytes:
        """Run a job; return its results, or the error that ended it, all of them encoded."""
        try:
            with self._lock:
                job = messages.decode_job(data)
                _check_code(job)
                measured = self._executor_for(job).measure(job.experiments)
        except MessageError as error:
            problem = f"{_this_worker()} cannot read the job it received ({error})"
            refusal = ModelError(f"{problem}; it needs the same version of layerbook")
            return messages.encode_refusal(refusal)
        except LayerbookError as error:
            return messages.encode_refusal(error)
        return messages.encode_results([measured[experiment] for experiment in job.experiments])

    def _executor_for(self, job: Job) -> LocalExecutor:
        """Return an executor with the models of a job; replace it if one of them changed."""
        changed = any(job.models.get(name, model) != model for name, model in self._models.items())
        if changed or (self._executor and self._executor.precision != job.precision):
            self._executor, self._models = None, {}  # old and new models may not fit together
        for name in job.models.keys() - self._models.keys():
            _check_model(sources.resolve(name) if name else job.source, job.models[name])
        self._models.update(job.models)
        if self._executor is None:
            self._executor = LocalExecutor(job.source, Reporter(), precision=job.precision)
        return self._executor


JOB_RUNNER = JobRunner()


def _check_code(job: Job) -> None:
    """Raise ModelError unless code and libraries are the same as the caller's."""
    installed = keys.numeric_library_versions()
    names = [name for name, v in job.versions.items() if installed.get(name, "absent") != v]
    if names:
        local_versions = ", ".join(f"{name} {installed.get(name, 'absent')}" for name in names)
        required = ", ".join(f"{name} {job.versions[name]}" for name in names)
        raise ModelError(
            f"{_this_worker()} has {local_versions}; the run was started with {required}"
        )
    for module, digest in job.code.items():
        if _imported_code_digest(module) != digest:
            raise ModelError(
                f"{_this_worker()} has different code for {module}: install the same version and "
                "restart it"
            )


@cache
def _imported_code_digest(module: str) -> str:
    """Return the code digest at the first call: later edits do not affect imported code."""
    return code_digest.analysis_code_digest(module)


def _check_model(source: sources.ModelSource, required: Fingerprint) -> None:
    """Raise ModelError unless a model, downloaded if necessary, is the same as the caller's."""
    try:
        source.prepare()
        local_fingerprint = source.fingerprint()
    except (LayerbookError, OSError) as error:
        raise ModelError(f"{_this_worker()} cannot get the model {source.name}: {error}") from error
    if local_fingerprint.weights != required.weights:
        difference = f"({local_fingerprint.weights}, not {required.weights})"
    elif local_fingerprint != required:
        difference = "(its tokenizer differs)"
    else:
        return
    raise ModelError(f"{_this_worker()} has another model at {source.location} {difference}")


def _this_worker() -> str:
    return f"the worker on {platform.node()}"


def group_by_shared_prompts(
    experiments: Sequence[Experiment], max_groups: int
) -> list[list[Experiment]]:
    """Split experiments into groups of similar size; those that share a prompt stay together."""
    clusters: list[tuple[set[object], list[Experiment]]] = []
    for experiment in experiments:
        requests = make_plan(experiment.analysis.runs().values()).requests
        prompts: set[object] = {r.prompt for r in requests if isinstance(r, Forward | Generate)}
        related = [cluster for cluster in clusters if cluster[0] & prompts]
        clusters = [cluster for cluster in clusters if not cluster[0] & prompts]
        members = [experiment]
        for related_prompts, related_experiments in related:
            prompts |= related_prompts
            members += related_experiments
        clusters.append((prompts, members))
    groups: list[list[Experiment]] = [[] for _ in range(max_groups)]
    for _, members in sorted(clusters, key=lambda cluster: -len(cluster[1])):
        min(groups, key=len).extend(members)
    return [group for group in groups if group]
