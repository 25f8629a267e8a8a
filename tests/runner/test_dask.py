"""Experiments on a Dask cluster with two workers give the results of a local run."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from fixtures.dask_cluster import DaskCluster, start_cluster
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.tiny_llama import write_tiny_model
from layerbook.book.contents import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import ModelError, RunError
from layerbook.core.progress import Reporter
from layerbook.core.requests import Precision
from layerbook.model.model_folder import Fingerprint
from layerbook.runner import dask
from layerbook.runner import run as running
from layerbook.runner import sweep as sweeping
from layerbook.runner.dask import DaskExecutor, group_by_shared_prompts
from layerbook.runner.local import LocalExecutor
from layerbook.store import results
from layerbook.store.comparison import compare_results
from layerbook.store.project import Project, open_project, sweep_cells

pytestmark = pytest.mark.long

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="the extra layerbook[dask] is not installed",
)
SPEC = """\
chapter: words
title: Words
experiments:
  - id: cat
    analysis: generate
    prompts: ["The cat"]
    max_new_tokens: 5
  - id: plain
    analysis: next-token
    prompts: ["The cat", "The dog", "A"]
    top_k: 3
  - id: grid
    title: A grid
    analysis: next-token
    sweep:
      prompts: [a, b, c, d, e, f, g, h, i, j, k, l]
      top_k: [2, 3]
    measures:
      best: result.prompts[0].top[0].prob
      said: result.prompts[0].top[0].text
"""


@pytest.fixture(scope="module")
def cluster(
    forkserver: ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DaskCluster]:
    """Start two workers, which every test leaves alive."""
    with start_cluster(tmp_path_factory.mktemp("dask"), forkserver, 2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def local_book(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the book and run it without a cluster."""
    folder = write_small_book(tmp_path_factory.mktemp("here"), tiny_model_dir)
    (folder / "experiments" / "words.yaml").write_text(SPEC)
    layerbook("run", cwd=folder, check=True)
    return folder


@pytest.fixture
def book(local_book: Path, tmp_path: Path) -> Path:
    """Copy the book without its results."""
    shutil.copytree(
        local_book, tmp_path / "book", ignore=shutil.ignore_patterns("results", ".layerbook")
    )
    return tmp_path / "book"


def read_results(book: Path) -> Mapping[str, Result]:
    """Return the results of a book by experiment id, those of cells included."""
    project = open_project(book)
    experiments = list(project.experiments())
    experiments += [
        cell
        for experiment in experiments
        if experiment.sweep is not None
        for _, cell in sweep_cells(experiment)
    ]
    return {
        experiment.id: results.load(project.result_path(experiment), experiment.result_type).result
        for experiment in experiments
    }


def assert_same(first_book: Path, second_book: Path) -> None:
    """Assert that two books have exactly the same results."""
    first, second = read_results(first_book), read_results(second_book)
    assert list(first) == list(second)
    assert len(first) > 24
    for id, result in first.items():
        assert not compare_results(result, second[id]), id


def plain_experiments(project: Project) -> list[Experiment]:
    """Return the experiments that are not sweeps."""
    return [experiment for experiment in project.experiments() if experiment.sweep is None]


def connect(
    cluster: DaskCluster, project: Project, precision: Precision
) -> AbstractContextManager[DaskExecutor]:
    """Open an executor on the workers."""
    return closing(DaskExecutor(cluster.address, project.source, precision, Reporter()))


@needs_dask
def test_two_workers_give_the_results_of_a_local_run(
    local_book: Path, book: Path, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers measure all experiments and cells, and the results are current afterwards."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 5)
    with monkeypatch.context() as patched:
        patched.setattr(LocalExecutor, "measure", None)
        completed = layerbook("run", "--executor", cluster.executor, cwd=book)
    assert completed.returncode == 0, completed.stderr
    assert_same(local_book, book)
    assert "Every result is current." in layerbook("run", cwd=book).stdout


@needs_dask
def test_runs_a_sweep_over_models(book: Path, cluster: DaskCluster, tmp_path: Path) -> None:
    """Each worker loads both models, and is refused cells of a model with other weights."""
    (tmp_path / "other").mkdir()
    other_model = write_tiny_model(tmp_path / "other", initializer_range=0.4)
    model_line = re.search(
        r"^model: (.*)$", (book / "experiments" / "book.yaml").read_text(), re.MULTILINE
    )
    assert model_line
    spec = book / "experiments" / "words.yaml"
    spec.write_text(SPEC.replace("top_k: [2, 3]", f"model: [{model_line[1]}, {other_model}]"))
    for name, options in (("far", ("--executor", cluster.executor)), ("near", ())):
        layerbook("run", spec, "--out", tmp_path / name, *options, cwd=book, check=True)
    on_cluster, local = (read_tree(tmp_path / name) for name in ("far", "near"))
    assert set(on_cluster) == set(local) and len(on_cluster) == 3 + 24
    far_best, near_best = (
        json.loads((tmp_path / name / "grid.json").read_bytes())["columns"]["best"]
        for name in ("far", "near")
    )
    assert far_best == pytest.approx(near_best, rel=1e-4)
    assert all(abs(first - second) > 1e-3 for first, second in itertools.pairwise(near_best))

    write_tiny_model(other_model, initializer_range=0.8)
    assert (
        layerbook(
            "run", spec, "--out", tmp_path / "changed", "--executor", cluster.executor, cwd=book
        ).returncode
        == 0
    )
    changed = json.loads((tmp_path / "changed" / "grid.json").read_bytes())["columns"]["best"]
    assert changed[::2] == pytest.approx(near_best[::2], rel=1e-4)
    assert all(
        abs(first - second) > 1e-3
        for first, second in zip(changed[1::2], near_best[1::2], strict=True)
    )


@needs_dask
def test_runs_a_spec_outside_a_book(book: Path, cluster: DaskCluster, tmp_path: Path) -> None:
    """`run SPEC --out DIR` writes the same files as a local run."""
    spec = book / "experiments" / "words.yaml"
    for name, options in (("far", ("--executor", cluster.executor)), ("near", ())):
        layerbook("run", spec, "--out", tmp_path / name, *options, cwd=book, check=True)
    assert set(read_tree(tmp_path / "far")) == set(read_tree(tmp_path / "near"))
    assert len(read_tree(tmp_path / "far")) == 3 + 24


@needs_dask
def test_killed_worker_loses_no_results(
    local_book: Path,
    book: Path,
    forkserver: ForkServerContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker is killed while it holds chunks; the other worker measures them."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    wait, chunks_done = dask._wait, 0
    victim_tasks: list[str] = []
    with start_cluster(tmp_path / "dask", forkserver, 2) as new_cluster:
        killed_worker = new_cluster.workers[0]

        def kill() -> None:
            from distributed import Client

            client = Client(new_cluster.address, set_as_default=False)
            workers = client.scheduler_info()["workers"]
            address = next(worker for worker, info in workers.items() if str(info["id"]) == "0")
            while not victim_tasks:
                victim_tasks.extend(
                    [*client.processing().get(address, ()), *client.has_what().get(address, ())]
                )
                time.sleep(0.02)
            killed_worker.kill()

        def wait_and_kill(chunk: Sequence[Experiment], future: Any) -> Any:
            nonlocal chunks_done
            if len(chunk) == 2 and future is not None:
                chunks_done += 1
                if chunks_done == 3:
                    # Stopped, it keeps the chunks that it is given next.
                    assert killed_worker.pid is not None
                    os.kill(killed_worker.pid, signal.SIGSTOP)
                    threading.Thread(target=kill).start()
            return wait(chunk, future)

        monkeypatch.setattr(dask, "_wait", wait_and_kill)
        completed = layerbook("run", "--executor", new_cluster.executor, cwd=book)
        killed_worker.join(10)
        assert killed_worker.exitcode == -signal.SIGKILL
    assert completed.returncode == 0, completed.stderr + completed.stdout
    assert victim_tasks
    assert_same(local_book, book)


@needs_dask
def test_failing_experiment_does_not_stop_the_others(
    local_book: Path, cluster: DaskCluster
) -> None:
    """An exception in an analysis is its experiment's error, with the message of a local run."""
    project = open_project(local_book)
    working = next(e for e in plain_experiments(project) if e.id == "plain")
    broken = type(working)(
        **(vars(working) | {"analysis": working.analysis.model_copy(update={"top_k": 10**6})})
    )
    with closing(
        DaskExecutor(cluster.address, project.source, project.precision, Reporter())
    ) as executor:
        measured = executor.measure([broken, working])
    failure = measured[broken]
    assert isinstance(failure, RunError)
    assert str(failure) == str(LocalExecutor(project.source, Reporter()).measure([broken])[broken])
    assert "ValueError" in str(failure)
    assert isinstance(measured[working], Result)


@needs_dask
def test_workers_use_the_precision_of_the_book(local_book: Path, cluster: DaskCluster) -> None:
    """One worker changes its precision from job to job."""
    project = open_project(local_book)
    experiment = next(e for e in plain_experiments(project) if e.id == "plain")
    for precision in ("float32", "float64"):
        with closing(
            DaskExecutor(cluster.address, project.source, precision, Reporter())
        ) as executor:
            measured = executor.measure([experiment])[experiment]
        local = LocalExecutor(project.source, Reporter(), precision=precision)
        assert (
            measured.model_dump_json() == local.measure([experiment])[experiment].model_dump_json()
        )


@needs_dask
def test_refuses_a_worker_with_another_model(local_book: Path, cluster: DaskCluster) -> None:
    """Its numbers would be stored under the key of our model."""
    project = open_project(local_book)
    executor = DaskExecutor(cluster.address, project.source, "float64", Reporter())
    executor.fingerprint = Fingerprint("sha256:others", project.fingerprint.tokenizer)
    with pytest.raises(
        ModelError, match=r"has another model at .* \(sha256:[0-9a-f]+, not sha256:others\)"
    ):
        executor.measure(plain_experiments(project))
    executor.close()


@needs_dask
@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("keys.numeric_library_versions", "has torch .*; the run was started with torch 0"),
        ("code_digest.analysis_code_digest", "has different code"),
    ],
)
def test_refuses_a_worker_with_other_code(
    local_book: Path,
    cluster: DaskCluster,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    message: str,
) -> None:
    """A key covers the code and the versions of numeric libraries."""
    project = open_project(local_book)
    changed: Any = {"torch": "0"} if function == "keys.numeric_library_versions" else "other"
    monkeypatch.setattr(f"layerbook.store.{function}", lambda *_: changed)
    with (
        closing(
            DaskExecutor(cluster.address, project.source, project.precision, Reporter())
        ) as executor,
        pytest.raises(ModelError, match=message),
    ):
        executor.measure(plain_experiments(project))


@needs_dask
def test_limits_chunks_in_progress(local_book: Path, cluster: DaskCluster) -> None:
    """At most two chunks per worker are in progress; results come back in order."""
    project = open_project(local_book)
    experiment = next(e for e in plain_experiments(project) if e.id == "plain")
    chunks_taken = 0

    def chunks() -> Iterator[list[Experiment]]:
        nonlocal chunks_taken
        for _ in range(20):
            chunks_taken += 1
            yield [type(experiment)(**vars(experiment))]

    with closing(
        DaskExecutor(cluster.address, project.source, project.precision, Reporter())
    ) as executor:
        chunks_ahead = [
            chunks_taken - chunks_returned
            for chunks_returned, _ in enumerate(executor.measure_chunks(chunks()))
        ]
    assert len(chunks_ahead) == 20
    assert max(chunks_ahead) == 4


@needs_dask
def test_empty_chunks_need_no_scheduler(local_book: Path) -> None:
    """A sweep whose cells are all current opens no connection."""
    executor = DaskExecutor(
        "tcp://127.0.0.1:9", open_project(local_book).source, "float64", Reporter()
    )
    assert list(executor.measure_chunks(itertools.repeat((), 3))) == [{}, {}, {}]
    assert executor.measure([]) == {}


@needs_dask
def test_unreachable_scheduler_is_reported(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command exits with 2 and says what to do; with nothing to run, it does not connect."""
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    completed = layerbook("run", "--executor", f"dask://{address}", cwd=book)
    assert completed.returncode == 2
    assert f"layerbook: no Dask scheduler answers at tcp://{address}" in completed.stderr
    layerbook("run", "--only", "next", cwd=book, check=True)
    assert (
        layerbook("run", "--only", "next", "--executor", f"dask://{address}", cwd=book).returncode
        == 0
    )


@needs_dask
def test_worker_without_layerbook_is_reported(
    book: Path, forkserver: ForkServerContext, tmp_path: Path
) -> None:
    """The command exits with 2 and says what to install; the worker stays alive."""
    with start_cluster(tmp_path / "dask", forkserver, 1, without_layerbook=True) as new_cluster:
        completed = layerbook("run", "--executor", new_cluster.executor, cwd=book)
        assert new_cluster.workers[0].is_alive()
    assert completed.returncode == 2
    assert "the Dask workers cannot run this" in completed.stderr


@needs_dask
def test_lost_scheduler_ends_the_run(
    book: Path, forkserver: ForkServerContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command exits with 1 and keeps what was measured."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    collect = running.SavedCells.collect
    with start_cluster(tmp_path / "dask", forkserver, 1) as new_cluster:

        def kill_and_collect(self: Any, *arguments: Any) -> Any:
            new_cluster.scheduler.kill()
            return collect(self, *arguments)

        monkeypatch.setattr(running.SavedCells, "collect", kill_and_collect)
        completed = layerbook("run", "--executor", new_cluster.executor, cwd=book)
    assert completed.returncode == 1
    assert "lost the Dask scheduler; finished results are kept" in completed.stderr, (
        completed.stderr
    )
    assert list((book / "experiments" / "results").rglob("plain.json"))
    assert list((book / "experiments" / "results").rglob("grid.*.json"))


def test_missing_dask_extra_is_reported(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command exits with 2 and says what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else find(name)
    )
    completed = layerbook("run", "--executor", "dask://127.0.0.1:9", cwd=book)
    assert completed.returncode == 2
    assert "needs the package distributed: pip install 'layerbook[dask]'" in completed.stderr


@pytest.mark.parametrize(
    "name", ["", "dask", "dask://", "dask://host", "dask:host:1", "ray://host:1", "tcp://host:1"]
)
def test_refuses_unknown_executors(book: Path, name: str) -> None:
    """The command exits with 2 before anything runs."""
    for command in ("run", "build"):
        completed = layerbook(command, "--executor", name, cwd=book)
        assert completed.returncode == 2
        assert f"--executor {name}: give the address of a Dask scheduler" in completed.stderr


def test_executor_and_no_run_exclude_each_other(book: Path) -> None:
    """`--no-run` needs no executor."""
    completed = layerbook("build", "--no-run", "--executor", "dask://host:1", cwd=book)
    assert completed.returncode == 2
    assert "--executor is for running experiments, and --no-run runs nothing" in completed.stderr


def test_groups_experiments_by_shared_prompts(local_book: Path) -> None:
    """Experiments with a common prompt share a pass; the others are spread."""
    project = open_project(local_book)
    groups = [
        sorted(experiment.id for experiment in group)
        for group in group_by_shared_prompts(plain_experiments(project), 3)
    ]
    assert sorted(groups) == [["cat", "plain", "sum"], ["pattern"]]
    assert [len(group) for group in group_by_shared_prompts(plain_experiments(project), 1)] == [4]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a self-signed certificate and its key to a folder."""
    folder = tmp_path_factory.mktemp("certificates")
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key -out cert"
    subprocess.run(["openssl", *options.split()], cwd=folder, check=True, capture_output=True)
    return folder


@needs_dask
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")
def test_tls_certificates_are_used(
    local_book: Path,
    book: Path,
    forkserver: ForkServerContext,
    certificates: Path,
    tmp_path: Path,
) -> None:
    """Certificates come from Dask's own settings; without them nothing is sent."""
    import dask as dask_library

    files = {"ca-file": certificates / "cert", "client.cert": certificates / "cert"}
    files["client.key"] = certificates / "key"
    options = [f"--tls-ca-file={certificates / 'cert'}", f"--tls-cert={certificates / 'cert'}"]
    options.append(f"--tls-key={certificates / 'key'}")
    with start_cluster(tmp_path / "dask", forkserver, 1, tls=options) as cluster:
        assert cluster.executor.startswith("dask+tls://127.0.0.1:")
        refused = layerbook("run", "--executor", cluster.executor, cwd=book)
        assert refused.returncode == 2 and "needs certificates" in refused.stderr
        settings = {f"distributed.comm.tls.{name}": str(path) for name, path in files.items()}
        with dask_library.config.set(settings):
            completed = layerbook("run", "--executor", cluster.executor, cwd=book)
    assert completed.returncode == 0, completed.stderr
    assert_same(local_book, book)
