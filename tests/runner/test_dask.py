"""Experiments run on a Dask scheduler with two workers give the results of a local run."""

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
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.tiny_llama import write_tiny_model
from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import ModelError, RunError
from layerbook.core.progress import SilentReporter
from layerbook.model.sources import Fingerprint
from layerbook.runner import dask
from layerbook.runner import run as running
from layerbook.runner import sweep as sweeping
from layerbook.runner.dask import DaskExecutor, group_by_shared_prompts
from layerbook.runner.local import LocalExecutor
from layerbook.store import results
from layerbook.store.comparison import compare_results
from layerbook.store.project import Project, open_project, sweep_cells

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


@dataclass
class DaskCluster:
    """A scheduler and workers, each a process of its own."""

    address: str
    scheduler: subprocess.Popen[str]
    workers: list[subprocess.Popen[str]]

    @property
    def executor(self) -> str:
        """As the command line takes it."""
        return self.address.replace("tcp", "dask").replace("tls", "dask+tls")


def started(log: IO[str], *arguments: str, without: bool = False) -> subprocess.Popen[str]:
    """A process of Dask's command line; `without` this package, which it then cannot import."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    hidden = "sys.modules['layerbook'] = None; " if without else ""
    script = f"import sys; {hidden}from dask.__main__ import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=log, stderr=log, env=environment
    )


@contextmanager
def start_cluster(
    folder: Path, count: int, without: bool = False, tls: Sequence[str] = ()
) -> Iterator[DaskCluster]:
    """Start a scheduler on a free port, with `count` workers that may lack this package.

    The scheduler never has the package: it only carries bytes. tls: options with certificates.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("w") as log:
        protocol = "tls" if tls else "tcp"
        place = ("--host", f"{protocol}://127.0.0.1", "--port", "0", "--no-dashboard", *tls)
        running = [started(log, "scheduler", *place, without=True)]
        try:
            address = wait_for_log(folder / "log", r"Scheduler at:\s+(t\w+://\S+)")[0]
            folders = (
                "--local-directory",
                str(folder),
                "--nthreads",
                "2",
                "--no-dashboard",
                "--no-nanny",
                *tls,
            )
            for i in range(count):
                running.append(
                    started(log, "worker", address, *folders, "--name", str(i), without=without)
                )
            wait_for_log(folder / "log", f"Starting established connection to {protocol}", count)
            yield DaskCluster(address, running[0], running[1:])
        finally:
            for process in running:
                process.kill()
            for process in running:
                process.wait()


def wait_for_log(log: Path, pattern: str, count: int = 1) -> list[str]:
    """What the log says, once it has said it so often."""
    end = time.monotonic() + 120
    while len(found := re.findall(pattern, log.read_text())) < count:
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Two workers that every test leaves alive."""
    with start_cluster(tmp_path_factory.mktemp("dask"), 2) as found:
        yield found


@pytest.fixture(scope="module")
def here(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, run without a cluster."""
    folder = write_small_book(tmp_path_factory.mktemp("here"), tiny_model_dir)
    (folder / "experiments" / "words.yaml").write_text(SPEC)
    done = layerbook("run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def book(here: Path, tmp_path: Path) -> Path:
    """The same book without results."""
    shutil.copytree(here, tmp_path / "book", ignore=shutil.ignore_patterns("results", ".layerbook"))
    return tmp_path / "book"


def found(book: Path) -> Mapping[str, Result]:
    """Every result of a book by the id of its experiment, those of cells included."""
    project = open_project(book)
    every = list(project.experiments())
    every += [cell for one in every if one.sweep is not None for _, cell in sweep_cells(one)]
    return {one.id: results.load(project.result_path(one), one.result_type).result for one in every}


def assert_same(one: Path, other: Path) -> None:
    """Two books have the same results exactly."""
    mine, theirs = found(one), found(other)
    assert list(mine) == list(theirs)
    assert len(mine) > 24
    for id, result in mine.items():
        assert not compare_results(result, theirs[id]), id


def plain(project: Project) -> list[Experiment]:
    """The experiments that are no sweeps."""
    return [one for one in project.experiments() if one.sweep is None]


@needs_dask
def test_a_run_on_two_workers_gives_what_a_run_here_gives(
    here: Path, book: Path, cloud: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Experiments and cells are measured by workers only, and are current afterwards."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 5)
    with monkeypatch.context() as patched:
        patched.setattr(LocalExecutor, "measure", None)
        done = layerbook("run", "--executor", cloud.executor, cwd=book)
    assert done.returncode == 0, done.stderr
    assert_same(here, book)
    assert "Every result is current." in layerbook("run", cwd=book).stdout


@needs_dask
def test_a_sweep_over_models_runs_there_too(book: Path, cloud: DaskCluster, tmp_path: Path) -> None:
    """Each worker loads the other model as well; one that has other weights there is refused."""
    (tmp_path / "other").mkdir()
    other = write_tiny_model(tmp_path / "other", initializer_range=0.4)
    own = re.search(
        r"^model: (.*)$", (book / "experiments" / "book.yaml").read_text(), re.MULTILINE
    )
    assert own
    spec = book / "experiments" / "words.yaml"
    spec.write_text(SPEC.replace("top_k: [2, 3]", f"model: [{own[1]}, {other}]"))
    for out, more in (("far", ("--executor", cloud.executor)), ("near", ())):
        assert layerbook("run", spec, "--out", tmp_path / out, *more, cwd=book).returncode == 0
    far, near = (read_tree(tmp_path / name) for name in ("far", "near"))
    assert set(far) == set(near) and len(far) == 3 + 24
    far_best, near_best = (
        json.loads((tmp_path / name / "grid.json").read_bytes())["columns"]["best"]
        for name in ("far", "near")
    )
    assert far_best == pytest.approx(near_best, rel=1e-4)
    assert all(abs(one - another) > 1e-3 for one, another in itertools.pairwise(near_best))

    write_tiny_model(other, initializer_range=0.8)
    assert (
        layerbook(
            "run", spec, "--out", tmp_path / "changed", "--executor", cloud.executor, cwd=book
        ).returncode
        == 0
    )
    changed = json.loads((tmp_path / "changed" / "grid.json").read_bytes())["columns"]["best"]
    assert changed[::2] == pytest.approx(near_best[::2], rel=1e-4)
    assert all(
        abs(one - another) > 1e-3
        for one, another in zip(changed[1::2], near_best[1::2], strict=True)
    )


@needs_dask
def test_a_spec_outside_of_a_book_runs_there_too(
    book: Path, cloud: DaskCluster, tmp_path: Path
) -> None:
    """`run SPEC --out DIR` writes the same files, whose numbers agree."""
    spec = book / "experiments" / "words.yaml"
    for out, more in (("far", ("--executor", cloud.executor)), ("near", ())):
        assert layerbook("run", spec, "--out", tmp_path / out, *more, cwd=book).returncode == 0
    assert set(read_tree(tmp_path / "far")) == set(read_tree(tmp_path / "near"))
    assert len(read_tree(tmp_path / "far")) == 3 + 24


@needs_dask
def test_a_worker_that_is_killed_half_way_costs_nothing_but_time(
    here: Path, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed while it has chunks to measure or to hand over; the other measures them."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    answered, done_before = dask._wait, 0
    held: list[str] = []
    with start_cluster(tmp_path / "dask", 2) as two:
        victim = two.workers[0]

        def kill() -> None:
            from distributed import Client

            client = Client(two.address, set_as_default=False)
            everyone = client.scheduler_info()["workers"]
            address = next(at for at, info in everyone.items() if str(info["id"]) == "0")
            while not held:
                held.extend(
                    [*client.processing().get(address, ()), *client.has_what().get(address, ())]
                )
                time.sleep(0.02)
            victim.kill()

        def watched(chunk: Sequence[Experiment], future: Any) -> Any:
            nonlocal done_before
            if len(chunk) == 2 and future is not None:
                done_before += 1
                if done_before == 3:
                    victim.send_signal(
                        signal.SIGSTOP
                    )  # so that what it is given next stays in its hands
                    threading.Thread(target=kill).start()
            return answered(chunk, future)

        monkeypatch.setattr(dask, "_wait", watched)
        done = layerbook("run", "--executor", two.executor, cwd=book)
        assert victim.wait(10) == -signal.SIGKILL
    assert done.returncode == 0, done.stderr + done.stdout
    assert held
    assert_same(here, book)


@needs_dask
def test_an_experiment_that_fails_stops_no_other(here: Path, cloud: DaskCluster) -> None:
    """An exception of an analysis is its experiment's error, with the message of a local run."""
    project = open_project(here)
    one = next(e for e in plain(project) if e.id == "plain")
    broken = type(one)(
        **(vars(one) | {"analysis": one.analysis.model_copy(update={"top_k": 10**6})})
    )
    with running.executor_for(cloud.executor)(
        project.source, project.precision, SilentReporter()
    ) as there:
        measured = there.measure([broken, one])
    failure = measured[broken]
    assert isinstance(failure, RunError)
    assert str(failure) == str(
        LocalExecutor(project.source, SilentReporter()).measure([broken])[broken]
    )
    assert "ValueError" in str(failure)
    assert isinstance(measured[one], Result)


@needs_dask
def test_a_worker_computes_with_the_precision_of_the_book(here: Path, cloud: DaskCluster) -> None:
    """One worker changes its precision from job to job."""
    project = open_project(here)
    one = next(e for e in plain(project) if e.id == "plain")
    for precision in ("float32", "float64"):
        with running.executor_for(cloud.executor)(
            project.source, precision, SilentReporter()
        ) as there:
            measured = there.measure([one])[one]
        local = LocalExecutor(project.source, SilentReporter(), precision=precision)
        assert measured.model_dump_json() == local.measure([one])[one].model_dump_json()


@needs_dask
def test_a_worker_with_another_model_is_refused(here: Path, cloud: DaskCluster) -> None:
    """Its numbers would be kept under the key of ours."""
    project = open_project(here)
    there = DaskExecutor(cloud.address, project.source, "float64", SilentReporter())
    there.fingerprint = Fingerprint("sha256:others", project.fingerprint.tokenizer)
    with pytest.raises(
        ModelError, match=r"has another model at .* \(sha256:[0-9a-f]+, not sha256:others\)"
    ):
        there.measure(plain(project))
    there.close()


@needs_dask
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("keys.numeric_library_versions", "has torch .*; the run was started with torch 0"),
        ("code_digest.analysis_code_digest", "has other code"),
    ],
)
def test_a_worker_with_other_code_or_libraries_is_refused(
    here: Path, cloud: DaskCluster, monkeypatch: pytest.MonkeyPatch, what: str, message: str
) -> None:
    """Both are part of a key."""
    project = open_project(here)
    other: Any = {"torch": "0"} if what == "keys.numeric_library_versions" else "other"
    monkeypatch.setattr(f"layerbook.store.{what}", lambda *_: other)
    with (
        running.executor_for(cloud.executor)(
            project.source, project.precision, SilentReporter()
        ) as there,
        pytest.raises(ModelError, match=message),
    ):
        there.measure(plain(project))


@needs_dask
def test_only_a_few_chunks_are_under_way(here: Path, cloud: DaskCluster) -> None:
    """However long a sweep is: two for each worker; and what comes back is in order."""
    project = open_project(here)
    one = next(e for e in plain(project) if e.id == "plain")
    taken = 0

    def chunks() -> Iterator[list[Experiment]]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield [type(one)(**vars(one))]

    with running.executor_for(cloud.executor)(
        project.source, project.precision, SilentReporter()
    ) as there:
        ahead = [taken - given for given, _ in enumerate(there.measure_chunks(chunks()))]
    assert len(ahead) == 20
    assert max(ahead) == 4


@needs_dask
def test_chunks_with_nothing_to_do_reach_no_scheduler(here: Path) -> None:
    """A sweep that is current is looked at without a connection."""
    there = DaskExecutor(
        "tcp://127.0.0.1:9", open_project(here).source, "float64", SilentReporter()
    )
    assert list(there.measure_chunks(itertools.repeat((), 3))) == [{}, {}, {}]
    assert there.measure([]) == {}


@needs_dask
def test_no_scheduler_is_an_error_for_people(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with what to do; where there is nothing to run, none is looked for."""
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    done = layerbook("run", "--executor", f"dask://{address}", cwd=book)
    assert done.returncode == 2
    assert f"layerbook: no Dask scheduler answers at tcp://{address}" in done.stderr
    assert layerbook("run", "--only", "next", cwd=book).returncode == 0
    assert (
        layerbook("run", "--only", "next", "--executor", f"dask://{address}", cwd=book).returncode
        == 0
    )


@needs_dask
def test_a_worker_without_layerbook_is_told_and_lives_on(book: Path, tmp_path: Path) -> None:
    """Exit 2, with what to install; the worker may be somebody else's as well."""
    with start_cluster(tmp_path / "dask", 1, without=True) as one:
        done = layerbook("run", "--executor", one.executor, cwd=book)
        assert one.workers[0].poll() is None
    assert done.returncode == 2
    assert "the Dask workers lack what a run needs" in done.stderr


@needs_dask
def test_a_scheduler_that_goes_away_ends_the_run(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1; what was measured is kept."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    kept = running.ProjectCellStore.collect
    with start_cluster(tmp_path / "dask", 1) as one:

        def gone(self: Any, *arguments: Any) -> Any:
            one.scheduler.kill()
            return kept(self, *arguments)

        monkeypatch.setattr(running.ProjectCellStore, "collect", gone)
        done = layerbook("run", "--executor", one.executor, cwd=book)
    assert done.returncode == 1
    assert "the Dask scheduler is gone; what was measured is kept" in done.stderr, done.stderr
    assert list((book / "experiments" / "results").rglob("plain.json"))
    assert list((book / "experiments" / "results").rglob("grid.*.json"))


def test_the_extra_that_is_missing_is_named(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else find(name)
    )
    done = layerbook("run", "--executor", "dask://127.0.0.1:9", cwd=book)
    assert done.returncode == 2
    assert "needs the package distributed: pip install 'layerbook[dask]'" in done.stderr


@pytest.mark.parametrize(
    "name", ["", "dask", "dask://", "dask://host", "dask:host:1", "ray://host:1", "tcp://host:1"]
)
def test_an_executor_that_is_none_is_refused(book: Path, name: str) -> None:
    """Exit 2 before anything runs."""
    for command in ("run", "build"):
        done = layerbook(command, "--executor", name, cwd=book)
        assert done.returncode == 2
        assert f"--executor {name}: should be dask://HOST:PORT" in done.stderr


def test_nothing_runs_where_nothing_is_to_run(book: Path) -> None:
    """`--no-run` has no use for an executor."""
    done = layerbook("build", "--no-run", "--executor", "dask://host:1", cwd=book)
    assert done.returncode == 2
    assert "--executor is for running experiments, and --no-run runs nothing" in done.stderr


def test_experiments_that_share_passes_go_together(here: Path) -> None:
    """A prompt in common is a pass in common; the rest is spread."""
    project = open_project(here)
    groups = [
        sorted(one.id for one in group) for group in group_by_shared_prompts(plain(project), 3)
    ]
    assert sorted(groups) == [["cat", "plain", "sum"], ["pattern"]]
    assert [len(group) for group in group_by_shared_prompts(plain(project), 1)] == [4]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key -out cert"
    subprocess.run(["openssl", *options.split()], cwd=folder, check=True, capture_output=True)
    return folder


@needs_dask
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")
def test_a_run_over_tls(here: Path, book: Path, certificates: Path, tmp_path: Path) -> None:
    """With certificates from Dask's own settings; without them nothing is sent."""
    import dask as dask_library

    files = {"ca-file": certificates / "cert", "client.cert": certificates / "cert"}
    files["client.key"] = certificates / "key"
    options = [f"--tls-ca-file={certificates / 'cert'}", f"--tls-cert={certificates / 'cert'}"]
    options.append(f"--tls-key={certificates / 'key'}")
    with start_cluster(tmp_path / "dask", 1, tls=options) as cluster:
        assert cluster.executor.startswith("dask+tls://127.0.0.1:")
        without = layerbook("run", "--executor", cluster.executor, cwd=book)
        assert without.returncode == 2 and "needs certificates" in without.stderr
        settings = {f"distributed.comm.tls.{name}": str(path) for name, path in files.items()}
        with dask_library.config.set(settings):
            done = layerbook("run", "--executor", cluster.executor, cwd=book)
    assert done.returncode == 0, done.stderr
    assert_same(here, book)
