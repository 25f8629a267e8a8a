"""Figures through the working cache and the processes that draw: equal pictures, drawn once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from layerbook.site.figure_cache import Drawings, digest
from layerbook.core.figures import Axis, Bars, Frame, Frames, Heatmap, Table
from layerbook.store.cache import Cache
from layerbook.plotting.pool import MANY, Job, Workshop, drawn


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
    jobs = [Job("picture", f"f-{i}", heatmap(i)) for i in range(MANY)] + [Job("frames", "steps", frames)]
    with Workshop(2) as workshop:
        pending = [workshop.begin(job) for job in jobs]
        assert all(one.future is not None for one in pending)
        assert multiprocessing.active_children()
        found = [one.result() for one in pending]
    assert found == [drawn(job) for job in jobs]
    assert len(found[-1]) == 3
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("processes", "count"), [(1, MANY + 3), (4, MANY - 1)])
def test_few_figures_or_one_process_start_none(processes: int, count: int) -> None:
    """Starting a process would take longer, or was not wanted."""
    with Workshop(processes) as workshop:
        pending = [workshop.begin(Job("picture", f"f-{i}", bars(1.0, float(i)))) for i in range(count)]
        assert not multiprocessing.active_children()
        assert "<svg" in pending[-1].result()[0]


def test_a_drawer_that_fails_says_so_in_the_build() -> None:
    """What goes wrong in another process is raised where the picture is asked for."""
    with Workshop(2) as workshop:
        workshop.open()
        pending = workshop.begin(Job("picture", "wrong", Table(("a",), ((1,),))))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Table"):
            pending.result()


def test_what_was_drawn_is_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second rendering fills its marks without drawing; another figure under the same id is drawn."""
    with Workshop(1) as workshop:
        first = Drawings(Cache(tmp_path), workshop)
        page = first.filled(f"<p>{first.html(heatmap(), 'one')}</p>")
    assert page.startswith("<p><svg") and "<!--drawing" not in page

    monkeypatch.setattr("layerbook.plotting.pool.drawn", lambda job: pytest.fail("drawn again"))
    with Workshop(1) as workshop:
        again = Drawings(Cache(tmp_path), workshop)
        assert again.filled(f"<p>{again.html(heatmap(), 'one')}</p>") == page
        other = again.html(heatmap(0.5), "one")
        with pytest.raises(pytest.fail.Exception, match="drawn again"):
            again.filled(other)


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
    assert len({digest(figure) for figure in figures}) == len(figures)
    assert digest(heatmap()) == digest(heatmap())
