"""The messages between a run and the workers of a Dask scheduler: JSON, and arrays as safetensors.

Nothing is unpickled, so a bad message cannot run code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from layerbook.book.contents import Experiment
from layerbook.core import registry
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, ModelError, RunError, UsageError
from layerbook.core.own_code import is_own
from layerbook.core.requests import Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.store import arrays

SOURCES = (sources.BundleSource, sources.DirectorySource, sources.GGUFSource, sources.HubSource)
SOURCE_TYPES: Mapping[str, type[sources.ModelSource]] = {kind.kind: kind for kind in SOURCES}
SOURCE_FIELDS = ("name", "location", "revision", "sha256")
EXPERIMENT_FIELDS = tuple("chapter id title analysis_name file line last_line model".split())


OWN_MODEL = ""
# The errors of a malformed message: its parts are used without a check of their types.
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class MessageError(ModelError):
    """An unreadable message, from a different version of Layerbook."""


@dataclass(frozen=True)
class Job:
    """Experiments for a worker, and all that their results depend on apart from their specs.

    models: fingerprints by name; that of `source`, the book's own model, is under OWN_MODEL.
    code: the digests of analyses by module.
    versions: those of numeric libraries.
    """

    source: sources.ModelSource
    precision: Precision
    models: Mapping[str, Fingerprint]
    code: Mapping[str, str]
    versions: Mapping[str, str]
    experiments: Sequence[Experiment]


def encode_job(job: Job) -> bytes:
    """Encode a job for a worker, without captions and claims.

    Raises UsageError for an analysis of the book's own, whose code workers do not have.
    """
    for experiment in job.experiments:
        if is_own(type(experiment.analysis)):
            raise UsageError(
                f"{experiment.address}: {experiment.analysis_name} is code of the book, which "
                "workers do not have; run it first, with --only and without --executor"
            )
    source = {name: getattr(job.source, name) for name in SOURCE_FIELDS}
    experiments = [
        {name: getattr(experiment, name) for name in EXPERIMENT_FIELDS}
        | {"parameters": experiment.analysis.model_dump(mode="json")}
        for experiment in job.experiments
    ]
    message = vars(job) | {
        "source": {"kind": job.source.kind, **source},
        "models": {name: asdict(fingerprint) for name, fingerprint in job.models.items()},
        "experiments": experiments,
    }
    return json.dumps(message).encode()


def decode_job(data: bytes) -> Job:
    """Decode a job. Raises MessageError."""
    try:
        message = json.loads(data)
        source = message["source"]
        message["source"] = SOURCE_TYPES[source.pop("kind")](**source)
        message["models"] = {name: Fingerprint(**m) for name, m in message["models"].items()}
        message["experiments"] = [_decode_experiment(e) for e in message["experiments"]]
        return Job(**message)
    except (*MALFORMED, LayerbookError) as error:
        raise MessageError(f"a job cannot be read ({error})") from error


def _decode_experiment(fields: dict[str, Any]) -> Experiment:
    analysis_type = registry.find(fields["analysis_name"])
    analysis = analysis_type.model_validate(fields.pop("parameters"))
    return Experiment(
        **fields, analysis=analysis, evidence="", badges={}, original=False, captions={}, claims=()
    )


def encode_results(results: Sequence[Result | LayerbookError]) -> bytes:
    """Encode the results of a job, or the errors in their place."""
    return json.dumps({"results": [_encode_result(result) for result in results]}).encode()


def encode_refusal(error: LayerbookError) -> bytes:
    """Encode the error that ended a job."""
    return json.dumps({"refusal": str(error)}).encode()


def decode_results(
    data: bytes, experiments: Sequence[Experiment]
) -> dict[Experiment, Result | LayerbookError]:
    """Decode what a worker answered. Raises ModelError if it refused the job, MessageError."""
    try:
        message = json.loads(data)
        if "refusal" in message:
            raise ModelError(str(message["refusal"]))
        pairs = zip(experiments, message["results"], strict=True)
        return {experiment: _decode_result(entry, experiment) for experiment, entry in pairs}
    except MALFORMED as error:
        raise MessageError(
            f"a worker's answer cannot be read ({error}); it needs the same version of layerbook"
        ) from error


def _encode_result(result: Result | LayerbookError) -> dict[str, Any]:
    if isinstance(result, LayerbookError):
        return {"error": str(result), "trace": result.trace}
    sidecar = arrays.pack_sidecar("result", result)
    data = base64.b64encode(sidecar.data).decode() if sidecar else ""
    return {"fields": arrays.dump(result, sidecar), "arrays": data}


def _decode_result(entry: dict[str, Any], experiment: Experiment) -> Result | LayerbookError:
    if "error" in entry:
        return RunError(str(entry["error"]), str(entry["trace"]))
    packed = base64.b64decode(entry["arrays"], validate=True)
    fields = arrays.resolve_references(entry["fields"], lambda name: packed)
    try:
        result = experiment.result_type.model_validate(fields)
    except ValidationError as error:
        raise MessageError(
            f"a worker returned an invalid result of {experiment.address}: {error}"
        ) from error
    arrays.make_read_only(result)
    return result
