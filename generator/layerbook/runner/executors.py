"""Where experiments are measured, by the name that the command line has for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from layerbook.core.errors import UsageError
from layerbook.core.progress import Reporter
from layerbook.model.sources import ModelSource
from layerbook.model.timer import Timer
from layerbook.runner.dask_client import DaskExecutor
from layerbook.runner.local import Executor, LocalExecutor

ExecutorFactory = Callable[[ModelSource, Reporter, Timer], AbstractContextManager[Executor]]
DASK_ADDRESS = re.compile(r"dask://(?P<place>(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5})/?")


def executor_for(name: str | None) -> ExecutorFactory:
    """What opens an executor; without a name the one that works here. UsageError for a name that is none."""
    if name is None:
        return local_executor
    address = DASK_ADDRESS.fullmatch(name)
    if address is None:
        raise UsageError(
            f"--executor {name}: should be dask://HOST:PORT, the address of a Dask scheduler"
        )
    place = f"tcp://{address['place']}"

    @contextmanager  # what the workers took is theirs to know
    def remote(source: ModelSource, report: Reporter, timer: Timer) -> Iterator[Executor]:
        cluster = DaskExecutor(place, source, report)
        try:
            yield cluster
        finally:
            cluster.close()

    return remote


@contextmanager
def local_executor(
    source: ModelSource, report: Reporter, timer: Timer
) -> Iterator[Executor]:
    """This process."""
    yield LocalExecutor(source, report, timer)
