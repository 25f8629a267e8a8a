"""Figures through the working cache and the processes that draw: equal pictures, drawn once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from layerbook.site.figure_cache import FigureRenderer, figure_digest
from layerbook.core.figures import Axis, Bars, Frame, Frames, Heatmap, Table
from layerbook.store.cache import WorkingCache
from layerbook.plotting.pool import MIN_JOBS_FOR_POOL, DrawingJob, DrawingPool, render_job


def heatmap(shift: float = 0.0) -> Heatmap:
    """A small map."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(shift)
    return Heatmap(values, Axis("row"), Axis("column"), value="share", alt="A small map.")


def bars(*values: float) -> Bars:
    """A few bars."""
    return Bars(tuple("abc"[: len(values)]), values, Axis("letter"), Axis("count"), alt="A few bars.")


def test_many_figures_are_drawn_elsewhere_and_are_the_same() -> None:
    """Past the threshold processes draw; their pictures equal those drawn here, in the order asked for."""
    frames = Frames(tuple(Frame(str(i), heatmap(i)) for i in range(3)), alt="Three maps.")
    jobs = [DrawingJob("picture", f"f-{i}", heatmap(i)) for i in range(MIN_JOBS_FOR_POOL)] + [DrawingJob("frames", "steps", frames)]
    with DrawingPool(2) as drawing_pool:
        pending = [drawing_pool.submit(job) for job in jobs]
        assert all(one.future is not None for one in pending)
        assert multiprocessing.active_children()
        found = [one.result() for one in pending]
    assert found == [render_job(job) for job in jobs]
    assert len(found[-1]) == 3
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("processes", "count"), [(1, MIN_JOBS_FOR_POOL + 3), (4, MIN_JOBS_FOR_POOL - 1)])
def test_few_figures_or_one_process_start_none(processes: int, count: int) -> None:
    """Starting a process would take longer, or was not wanted."""
    with DrawingPool(processes) as drawing_pool:
        pending = [drawing_pool.submit(DrawingJob("picture", f"f-{i}", bars(1.0, float(i)))) for i in range(count)]
        assert not multiprocessing.active_children()
        assert "<svg" in pending[-1].result()[0]


def test_a_drawer_that_fails_says_so_in_the_build() -> None:
    """What goes wrong in another process is raised where the picture is asked for."""
    with DrawingPool(2) as drawing_pool:
        drawing_pool.start()
        pending = drawing_pool.submit(DrawingJob("picture", "wrong", Table(("a",), ((1,),))))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Table"):
            pending.result()


def test_what_was_drawn_is_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second rendering fills its marks without drawing; another figure under the same id is drawn."""
    with DrawingPool(1) as drawing_pool:
        first = FigureRenderer(WorkingCache(tmp_path), drawing_pool)
        page = first.fill_placeholders(f"<p>{first.html(heatmap(), 'one')}</p>")
    assert page.startswith("<p><svg") and "<!--drawing" not in page

    monkeypatch.setattr("layerbook.plotting.pool.render_job", lambda job: pytest.fail("drawn again"))
    with DrawingPool(1) as drawing_pool:
        again = FigureRenderer(WorkingCache(tmp_path), drawing_pool)
        assert again.fill_placeholders(f"<p>{again.html(heatmap(), 'one')}</p>") == page
        other = again.html(heatmap(0.5), "one")
        with pytest.raises(pytest.fail.Exception, match="drawn again"):
            again.fill_placeholders(other)


def test_equal_figures_have_equal_digests_and_others_do_not() -> None:
    """Every field counts: values, their type, labels, alt texts; and nothing runs together."""
    figures = [
        heatmap(),
        heatmap(0.25),
        bars(1.0, 2.0),
        bars(1.0),
        Bars(("a", "b"), (1.0, 2.0), Axis("letter"), Axis("count"), alt="Other words."),
        Bars(("ab", ""), (1.0, 2.0), Axis("letter"), Axis("count"), alt="A few bars."),
    ]
    assert len({figure_digest(figure) for figure in figures}) == len(figures)
    assert figure_digest(heatmap()) == figure_digest(heatmap())
