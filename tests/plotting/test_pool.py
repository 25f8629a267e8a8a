"""The drawing pool gives the same drawings with any number of processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.poison import poison
from fixtures.sample_figures import growing_frames, make_bars
from layerbook.core.figures import Table
from layerbook.plotting.pool import DrawingJob, DrawingPool, render_job


def make_jobs(count: int) -> dict[str, DrawingJob]:
    """Jobs by key, each with bars of its own."""
    return {f"key-{i}": DrawingJob(f"fig-{i}", make_bars(1.0, float(i))) for i in range(count)}


def test_many_figures_are_drawn_in_parallel() -> None:
    """Drawings equal those of this process, and no process is left."""
    jobs = {**make_jobs(3), "frames": DrawingJob("frames", growing_frames())}
    with DrawingPool(2, min_jobs=4) as pool:
        for key, job in jobs.items():
            pool.submit(key, job)
        assert len(multiprocessing.active_children()) == 2
        drawings = pool.results()
    assert drawings == {key: render_job(job) for key, job in jobs.items()}
    assert len(drawings["frames"]) == 5
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("processes", "count"), [(1, 5), (4, 3)])
def test_few_figures_start_no_processes(processes: int, count: int) -> None:
    """Fewer jobs than `min_jobs`, or a single process, are drawn in this process."""
    with DrawingPool(processes, min_jobs=4) as pool:
        for key, job in make_jobs(count).items():
            pool.submit(key, job)
        drawings = pool.results()
        assert not multiprocessing.active_children()
    assert len(drawings) == count and "<svg" in drawings["key-0"][0]


def test_results_returns_each_drawing_once() -> None:
    """A second call returns only what was submitted since the first."""
    with DrawingPool(1) as pool:
        pool.submit("a", DrawingJob("fig-a", make_bars(1.0)))
        assert set(pool.results()) == {"a"}
        pool.submit("b", DrawingJob("fig-b", make_bars(2.0)))
        assert set(pool.results()) == {"b"}


def test_errors_in_processes_are_raised_in_the_build() -> None:
    """An error in another process is raised by `results`."""
    table = Table(("a",), ((1,),))
    with DrawingPool(2, min_jobs=1) as pool:
        pool.submit("wrong", DrawingJob("wrong", table))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Table"):
            pool.results()


SCRIPT = """
import os, sys, time
from layerbook.plotting.pool import DrawingPool

if __name__ == "__main__":
    with DrawingPool(2, min_jobs=1) as pool:
        pool.expect(1)
        print(*(worker.pid for worker in pool._workers), flush=True)
        if "wait" in sys.argv:
            time.sleep(100)
"""


def start_script(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a process of its own with a drawing pool; it prints the ids of its processes."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "book").mkdir()
    poison(tmp_path / "book", tmp_path / "imported")
    os.mkfifo(tmp_path / "book" / "matplotlibrc")  # blocks who reads it
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=tmp_path / "book",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_do_not_import_from_the_working_directory(tmp_path: Path) -> None:
    """A book may have a file such as `pickle.py`."""
    process = start_script(tmp_path)
    pids, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert len(pids.split()) == 2
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_processes_end_with_a_killed_build(tmp_path: Path) -> None:
    """Even after SIGKILL."""
    process = start_script(tmp_path, "wait")
    assert process.stdout is not None
    pids = process.stdout.readline().split()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    running = [pid for pid in pids if is_running(pid)]
    for pid in running:
        os.kill(int(pid), signal.SIGKILL)
    process.communicate()
    assert not running


def is_running(pid: str) -> bool:
    """Return whether a process runs, and is not only waiting to be reaped."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
