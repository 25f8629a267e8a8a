"""Rendering figures with a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layerbook.core.errors import LayerbookError
from layerbook.core.figures import Axis, Bars, Heatmap
from layerbook.plotting import pool
from layerbook.plotting.pool import DrawingJob, DrawingPool
from layerbook.site.figure_cache import FigureRenderer, content_digest
from layerbook.store.cache import WorkingCache


def heatmap(shift: float = 0.0) -> Heatmap:
    """Return a small heat map."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(shift)
    return Heatmap(values, Axis("row"), Axis("column"), value="share", alt="A small map.")


def drawing(renderer: FigureRenderer, shift: float = 0.0) -> str:
    """Return the placeholder of the heat map."""
    return renderer.pictures(DrawingJob("one", heatmap(shift)))[0]


def bars(*values: float) -> Bars:
    """Return a few bars."""
    return Bars(
        tuple("abc"[: len(values)]), values, Axis("letter"), Axis("count"), alt="A few bars."
    )


def test_takes_pictures_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another figure with the same id is drawn."""
    with DrawingPool(1) as drawing_pool:
        first = FigureRenderer(WorkingCache(tmp_path), drawing_pool)
        page = first.fill_placeholders(f"<p>{drawing(first)}</p>")
    assert page.startswith("<p><svg") and "<!--drawing" not in page

    monkeypatch.setattr(pool, "render_job", lambda job: pytest.fail("drawn again"))
    with DrawingPool(1) as drawing_pool:
        again = FigureRenderer(WorkingCache(tmp_path), drawing_pool)
        assert again.fill_placeholders(f"<p>{drawing(again)}</p>") == page
        other = drawing(again, 0.5)
        with pytest.raises(pytest.fail.Exception, match="drawn again"):
            again.fill_placeholders(other)


def test_placeholders_in_a_template_of_the_book(tmp_path: Path) -> None:
    """One without a picture stays a comment; thousands of one picture are an error."""
    with DrawingPool(1) as drawing_pool:
        renderer = FigureRenderer(WorkingCache(tmp_path), drawing_pool)
        placeholder = drawing(renderer)
        others = f"<!--drawing {'0' * 64} 0-->{placeholder.replace(' 0-->', ' 9-->')}"
        assert renderer.fill_placeholders(placeholder + others).endswith(f"</svg>{others}")
        with pytest.raises(LayerbookError, match="larger than 50 MB"):
            renderer.fill_placeholders(placeholder * 20_000)


def test_digests_depend_on_every_field() -> None:
    """Values, their types, labels and alt texts count."""
    figures = [
        heatmap(),
        heatmap(0.25),
        bars(1.0, 2.0),
        bars(1.0),
        Bars(("a", "b"), (1.0, 2.0), Axis("letter"), Axis("count"), alt="Other words."),
        Bars(("ab", ""), (1.0, 2.0), Axis("letter"), Axis("count"), alt="A few bars."),
    ]
    assert len({content_digest(figure) for figure in figures}) == len(figures)
    assert content_digest(heatmap()) == content_digest(heatmap())
