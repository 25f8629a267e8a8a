"""Messages between a run and Dask's workers: they mean the same on both sides, and run nothing."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from layerbook.book.loader import Experiment
from layerbook.core.errors import ModelError, RunError
from layerbook.model.sources import DirectorySource, Fingerprint
from layerbook.runner.dask_messages import (
    JobRequirements,
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
    """The committed book, which uses every analysis."""
    return open_project(ROOT)


@pytest.fixture(scope="module")
def experiments(project: Project) -> list[Experiment]:
    """Its experiments but sweeps, whose cells are sent."""
    return [experiment for experiment in project.experiments() if experiment.sweep is None]


def test_jobs_come_back(project: Project, experiments: list[Experiment]) -> None:
    """Every analysis has the same parameters on the other side."""
    source = DirectorySource("name", "/folder", "revision", "0" * 64)
    versions = {"torch": "2"}
    models = {"": Fingerprint("a", "b")}
    requirements = JobRequirements(source, project.precision, models, {"m": "c"}, versions)
    decoded, received = decode_job(encode_job(requirements, experiments))
    assert decoded == requirements and type(decoded.source) is DirectorySource
    assert [e.analysis for e in received] == [e.analysis for e in experiments]
    assert [(e.address, e.file, e.line) for e in received] == [
        (e.address, e.file, e.line) for e in experiments
    ]


def test_results_come_back(project: Project, experiments: list[Experiment]) -> None:
    """Bit by bit, arrays of their own files included, and read-only."""
    stored = {
        e: results.load(project.result_path(e), e.result_type).result
        for e in experiments
        if project.result_path(e).exists()
    }
    assert len(stored) > 20
    received = decode_results(encode_results(list(stored.values())), list(stored))
    for experiment, result in stored.items():
        other = received[experiment]
        assert not isinstance(other, RunError)
        assert type(other) is type(result) and not compare_results(result, other)
        flags = [
            value.flags.writeable for value in vars(other).values() if isinstance(value, np.ndarray)
        ]
        assert not any(flags)


def test_errors_come_back(experiments: list[Experiment]) -> None:
    """An experiment's own, with its traceback, and one that ended the job."""
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
def test_other_answers_are_errors(data: bytes, experiments: list[Experiment]) -> None:
    """Pickles among them."""
    with pytest.raises(MessageError):
        decode_results(data, experiments[:1])
    with pytest.raises(MessageError):
        decode_job(data)


def test_an_array_that_is_not_its_reference_is_an_error(experiments: list[Experiment]) -> None:
    """Its digest is checked as that of a stored one."""
    reference = {"file": "f", "array": "a", "shape": [1], "dtype": "float32", "sha256": "0"}
    message = {"results": [{"fields": {"weights": reference}, "arrays": "AAAA"}]}
    with pytest.raises(MessageError, match="not the ones"):
        decode_results(json.dumps(message).encode(), experiments[:1])
