"""The public API, `import layerbook as lb`."""

from __future__ import annotations

import doctest
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import layerbook as lb
import pytest
from fixtures.small_book import layerbook, write_small_book
from layerbook.core.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.model
def test_examples_of_the_documentation_run(real_model_dir: Path) -> None:
    """Every example of the guide's page gives the output that is printed there."""
    with chdir(ROOT):
        outcome = doctest.testfile(
            str(ROOT / "docs/guide/templates/pages/api.md"), module_relative=False
        )
    assert outcome.attempted > 8
    assert outcome.failed == 0


def test_importing_loads_nothing_heavy() -> None:
    """The import loads neither torch nor numpy, an analysis class no torch."""
    script = (
        "import sys, layerbook as lb; print('numpy' in sys.modules); "
        "lb.NextToken; print('torch' in sys.modules)"
    )
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert completed.stdout.split() == ["False", "False"], completed.stderr


def test_lists_every_analysis() -> None:
    """`dir(lb)` has the functions and the analysis classes."""
    assert {"load_model", "measure", "load_results", "NextToken", "TokenMap"} <= set(dir(lb))


def test_unknown_names_are_attribute_errors() -> None:
    """A misspelt analysis is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="NextTokens"):
        _ = lb.NextTokens
    assert not hasattr(lb, "no_such_function")


def test_layers_are_resolved_for_the_model(tiny_model_dir: Path) -> None:
    """`all` and negative numbers become the layers of the model; others are refused."""
    model = lb.load_model(str(tiny_model_dir))
    every = lb.measure(lb.AttentionPattern(prompts=["The cat"], layers="all"), model)
    last = lb.measure(lb.AttentionPattern(prompts=["The cat"], layers=[-1]), model)
    assert every.result.layers == (0, 1)
    assert last.result.layers == (1,)
    assert (last.result.prompts[0].weights == every.result.prompts[0].weights[1:]).all()
    with pytest.raises(UsageError, match="layers: there is no layer 2"):
        lb.measure(lb.AttentionPattern(prompts=["The cat"], layers=[2]), model)


def test_figures_are_shown_and_saved(tiny_model_dir: Path, tmp_path: Path) -> None:
    """A chart is one SVG; a token strip, which is text on a page, is shown by its description."""
    model = lb.load_model(str(tiny_model_dir))
    chart = lb.measure(lb.NextToken(prompts=["The cat"], top_k=2), model).figures["prompt-0"]
    chart.save(tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8") == chart.svgs()[0]
    assert chart._repr_html_() == chart.svgs()[0]
    strip = lb.measure(lb.Tokenize(prompts=["The cat"]), model).figures["tokens"]
    assert strip.svgs() == ()
    assert strip.alt in strip._repr_html_()
    with pytest.raises(UsageError, match="0 drawings"):
        strip.save(tmp_path / "strip.svg")


def test_results_of_a_book_are_the_committed_ones(tiny_model_dir: Path, tmp_path: Path) -> None:
    """A new measurement in another batch equals the stored results."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    layerbook("run", "--quiet", cwd=book, check=True)
    results = lb.load_results(book)
    assert list(results) == ["next/sum", "next/pattern", "words/cut", "words/cat"]
    stored = results["next/pattern"]
    measured = lb.measure(stored.analysis, lb.load_model(str(tiny_model_dir)))
    assert measured.result.model_dump_json() == stored.result.model_dump_json()
    with pytest.raises(KeyError):
        results["next/nothing"]
