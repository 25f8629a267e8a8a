"""The drawing pool: the same drawings from any number of processes."""

from __future__ import annotations

import multiprocessing

import pytest
from fixtures.sample_figures import growing_frames, make_bars
from layerbook.core.figures import Table
from layerbook.plotting.pool import DrawingJob, DrawingPool, render_job


def make_jobs(count: int) -> dict[str, DrawingJob]:
    """Jobs by key, each with bars of its own."""
    return {f"key-{i}": DrawingJob(f"fig-{i}", make_bars(1.0, float(i))) for i in range(count)}


def test_many_figures_are_drawn_in_processes() -> None:
    """The drawings equal those drawn in this process, and no process is left."""
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
def test_few_figures_or_one_process_start_none(processes: int, count: int) -> None:
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
