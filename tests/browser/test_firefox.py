"""The book in Firefox, opened from disk; skipped where Firefox is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.files import write_files
from fixtures.firefox import Firefox, firefox, firefox_path
from fixtures.gguf_file import write_gguf
from fixtures.live_numbers import compare, load_torch, run_torch
from fixtures.live_page import load_file, write_page
from layerbook.model.convert import convert
from layerbook.site.assets import assets

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not firefox_path(), reason="Firefox is not installed"),
]
IDS = [int(id) for id in np.random.default_rng(20240917).integers(3, 300, size=75)]
FORMULA = """\
<!DOCTYPE html><meta charset="utf-8"><title>Formula</title>
<link rel="stylesheet" href="assets/book.css"><link rel="stylesheet" href="assets/math.css">
<main><p>A line.</p><p>A <math><msub><mi>W</mi><mi>Q</mi></msub></math> line.</p></main>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Start one Firefox for all tests here."""
    with firefox(tmp_path_factory.mktemp("profile")) as session:
        yield session


@pytest.mark.parametrize("worker", [True, False])
def test_numbers_are_pytorchs(
    page: Firefox, tiny_model_dir: Path, tmp_path: Path, worker: bool
) -> None:
    """The model in the page gives them from disk, under the page's policy, in WebAssembly."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized="Q4_1")
    (tmp_path / "converted").mkdir()
    convert(gguf, tmp_path / "converted")
    page.open(write_page(tmp_path))
    load_file(page, gguf, worker=worker)
    calls = page.evaluate("() => live.calls.constructor.name")
    assert calls == ("WorkerCalls" if worker else "PageCalls")
    if not worker:
        name = page.evaluate("() => live.calls.engine.matrices.constructor.name")
        assert name == "WasmMatrices"
    compare(page, run_torch(load_torch(tmp_path / "converted"), IDS), IDS)


def test_formula_does_not_make_its_line_taller(page: Firefox, tmp_path: Path) -> None:
    """Firefox gives a formula the height of its font, which is far more than that of its signs."""
    write_files(tmp_path, assets({}))
    (tmp_path / "formula.html").write_text(FORMULA, encoding="utf-8")
    page.open(tmp_path / "formula.html")
    heights = page.evaluate("""async () => {
      await document.fonts.load("20px 'Layerbook Math'");
      return Array.from(document.querySelectorAll("p"), (p) => p.getBoundingClientRect().height);
    }""")
    assert heights[1] < 1.2 * heights[0]
