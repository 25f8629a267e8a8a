"""What a worker of a cluster does: it measures chunks of experiments with a model of its own, loaded once.

A result goes into a book under a key, so a worker first makes sure that it would have computed the same key: from the
same weights, with the same code and the same libraries.
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock

from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, ModelError
from layerbook.core.progress import SilentReporter
from layerbook.model import sources
from layerbook.runner.local import LocalExecutor
from layerbook.store import code_digest, keys


@dataclass(frozen=True)
class JobRequirements:
    """What the results of a job depend on beside their specs; `code` is the closure of each analysis, by module.

    others: the models, by name, that some of its experiments run on instead.
    """

    source: sources.ModelSource
    fingerprint: sources.Fingerprint
    code: Mapping[str, str]
    versions: Mapping[str, str]
    others: Mapping[str, sources.Fingerprint]


@dataclass(frozen=True)
class Failure:
    """Why an experiment has no result, as text: it travels between processes."""

    message: str


JobResults = tuple[Result | Failure, ...]

_loaded_executor: tuple[Mapping[str, sources.Fingerprint], LocalExecutor] | None = (
    None  # what it has loaded, by name; "" its own
)
_measure_lock = Lock()  # the hooks of a pass sit on the model itself: one chunk at a time, however many threads there are


def run_job(sent: bytes) -> bytes:
    """What `measure` gives, or one Failure for all of it where it raises; as bytes, which any scheduler can carry."""
    try:
        requirements, wanted = pickle.loads(sent)
    except Exception as error:  # what another layerbook's pickles raise here has no bounds
        return pickle.dumps(
            Failure(f"{_here()} cannot read what it is sent ({error}); it needs the same layerbook")
        )
    try:
        return pickle.dumps(measure(requirements, wanted))
    except LayerbookError as error:
        return pickle.dumps(Failure(str(error)))


def measure(requirements: JobRequirements, wanted: tuple[Experiment, ...]) -> JobResults:
    """The result of each experiment, in their order. ModelError where this worker's would not be the caller's."""
    with _measure_lock:
        _check(requirements)
        measured = _executor_for(requirements).measure(wanted, SilentReporter())
        return tuple(_answer(measured[one]) for one in wanted)


def job_requirements(
    source: sources.ModelSource, fingerprint: sources.Fingerprint, wanted: Sequence[Experiment]
) -> JobRequirements:
    """The terms as this process would have them now."""
    modules = sorted({type(one.analysis).__module__ for one in wanted})
    code = {module: code_digest.analysis_code_digest(module) for module in modules}
    names = sorted({one.model for one in wanted if one.model})
    others = {name: sources.resolve(name).fingerprint() for name in names}
    return JobRequirements(source, fingerprint, code, dict(keys.numeric_library_versions()), others)


def _answer(found: Result | LayerbookError) -> Result | Failure:
    return Failure(str(found)) if isinstance(found, LayerbookError) else found


def _check(requirements: JobRequirements) -> None:
    """That code and libraries are the caller's; ModelError says what is not."""
    here = dict(keys.numeric_library_versions())
    moved = [
        f"{name} {here.get(name, 'absent')}"
        for name, its in requirements.versions.items()
        if here.get(name) != its
    ]
    if moved:
        asked = ", ".join(
            f"{name} {its}" for name, its in requirements.versions.items() if here.get(name) != its
        )
        raise ModelError(f"{_here()} has {', '.join(moved)}; the run was started with {asked}")
    for module, closure in requirements.code.items():
        if _closure(module) != closure:
            raise ModelError(
                f"{_here()} has other code for {module}: install the same and restart it"
            )


@cache
def _closure(module: str) -> str:
    """As the code stood when it was imported here, near enough: an edit afterwards does not change what runs."""
    return code_digest.analysis_code_digest(module)


def _executor_for(requirements: JobRequirements) -> LocalExecutor:
    """The models of this process, each loaded when a job first needs it; let go where one is to be another now."""
    global _loaded_executor
    wanted = {"": requirements.fingerprint, **requirements.others}
    loaded = _loaded_executor[0] if _loaded_executor else {}
    if _loaded_executor is None or any(
        loaded.get(name, one) != one for name, one in wanted.items()
    ):
        _loaded_executor, loaded = None, {}  # the old and the new at once might not fit
    for name in wanted.keys() - loaded.keys():
        _check_model(sources.resolve(name) if name else requirements.source, wanted[name])
    _loaded_executor = (
        {**loaded, **wanted},
        _loaded_executor[1]
        if _loaded_executor
        else LocalExecutor(requirements.source, SilentReporter()),
    )
    return _loaded_executor[1]


def _check_model(source: sources.ModelSource, wanted: sources.Fingerprint) -> None:
    """That a model is the caller's, digest by digest; ModelError says what is not."""
    found = _found(source)
    if found != wanted:
        here, asked = found.weights, wanted.weights
        what = f"({here}, not {asked})" if here != asked else "(its tokenizer differs)"
        raise ModelError(f"{_here()} has another model at {source.location} {what}")


def _found(source: sources.ModelSource) -> sources.Fingerprint:
    """What the model is on this machine, fetched and converted where it was not here yet."""
    try:
        source.prepare()
        return source.fingerprint()
    except (LayerbookError, OSError) as error:
        raise ModelError(f"{_here()} cannot have the model {source.name}: {error}") from error


def _here() -> str:
    return f"the worker on {platform.node()}"
