"""Messages to and from Dask's workers round-trip, and cannot run code."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layerbook.book.contents import Experiment
from layerbook.core.errors import ModelError, RunError
from layerbook.model.model_folder import Fingerprint
from layerbook.model.sources import DirectorySource
from layerbook.runner.dask_messages import (
    Job,
    MessageError,
    decode_job,
    decode_results,
    encode_job,
    encode_refusal,
    encode_results,
)
from layerbook.store import results
from layerbook.store.comparison import compare_results
from layerbook.store.project import Project, open_project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> Project:
    """Open the committed book, which uses every analysis."""
    return open_project(ROOT)


@pytest.fixture(scope="module")
def experiments(project: Project) -> list[Experiment]:
    """Return its experiments without sweeps, which are sent as cells."""
    return [experiment for experiment in project.experiments() if experiment.sweep is None]


def test_jobs_round_trip(project: Project, experiments: list[Experiment]) -> None:
    """Workers get the same experiments, parameters and requirements."""
    source = DirectorySource("name", "/folder", "revision", "0" * 64)
    versions = {"torch": "2"}
    models = {"": Fingerprint("a", "b")}
    job = Job(source, project.precision, models, {"m": "c"}, versions, experiments)
    decoded = decode_job(encode_job(job))
    assert replace(decoded, experiments=experiments) == job
    assert type(decoded.source) is DirectorySource
    assert [e.analysis for e in decoded.experiments] == [e.analysis for e in experiments]
    assert [(e.address, e.file, e.line) for e in decoded.experiments] == [
        (e.address, e.file, e.line) for e in experiments
    ]


def test_results_round_trip(project: Project, experiments: list[Experiment]) -> None:
    """Numbers are equal bit by bit, arrays in separate files included, and read-only."""
    stored = {
        e: results.load(project.result_path(e), e.result_type).result
        for e in experiments
        if project.result_path(e).exists()
    }
    assert len(stored) > 20
    received = decode_results(encode_results(list(stored.values())), list(stored))
    for experiment, result in stored.items():
        decoded = received[experiment]
        assert not isinstance(decoded, RunError)
        assert type(decoded) is type(result) and not compare_results(result, decoded)
        flags = [
            value.flags.writeable
            for value in vars(decoded).values()
            if isinstance(value, np.ndarray)
        ]
        assert not any(flags)


def test_errors_round_trip(experiments: list[Experiment]) -> None:
    """An error of one experiment keeps its traceback; an error of the job is raised."""
    message = encode_results([RunError("no", "trace")])
    error = decode_results(message, experiments[:1])[experiments[0]]
    assert isinstance(error, RunError) and (str(error), error.trace) == ("no", "trace")
    with pytest.raises(ModelError, match="other weights"):
        decode_results(encode_refusal(ModelError("other weights")), experiments)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(RunError("pickled")),
        b"",
        b"[]",
        b"{}",
        b'{"results": []}',
        b'{"results": [7]}',
        b'{"results": [{"fields": {}, "arrays": ""}]}',
        b'{"results": [{"fields": {}, "arrays": "%"}]}',
        b'{"results": ' + b"[" * 100_000,
    ],
)
def test_refuses_malformed_messages(data: bytes, experiments: list[Experiment]) -> None:
    """Neither side accepts pickles, other JSON or broken base64."""
    with pytest.raises(MessageError):
        decode_results(data, experiments[:1])
    with pytest.raises(MessageError):
        decode_job(data)


def test_refuses_arrays_with_another_digest(experiments: list[Experiment]) -> None:
    """A received array must match its reference, as a stored one must."""
    reference = {"file": "f", "array": "a", "shape": [1], "dtype": "float32", "sha256": "0"}
    message = {"results": [{"fields": {"weights": reference}, "arrays": "AAAA"}]}
    with pytest.raises(MessageError, match="not those"):
        decode_results(json.dumps(message).encode(), experiments[:1])
