"""Names of figures that are known before results exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.book.figure_names import (
    analysis_name_patterns,
    can_begin_figure,
    can_have_figure,
    readable_names,
)
from layerbook.core import registry
from layerbook.core.errors import StoreError
from layerbook.store import results
from layerbook.store.project import Project, open_project

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> Project:
    """The book of this repository."""
    return open_project(ROOT)


def test_figures_of_committed_results_have_known_names(project: Project) -> None:
    """Every figure of an analysis or sweep is among the declared names, and so is its caption."""
    count = 0
    for experiment in project.experiments():
        try:
            stored = results.load(project.result_path(experiment), experiment.result_type)
        except StoreError:  # the results of an older version
            continue
        for name in experiment.figures(stored.result):
            assert can_have_figure(experiment, name), (experiment.address, name)
            count += 1
        for name in experiment.captions:
            assert can_begin_figure(experiment, name), (experiment.address, name)
    assert count > 100


def test_unexpected_names_are_unknown(project: Project) -> None:
    """For an analysis with a part that only the result knows, and for a sweep."""
    experiments = {experiment.address: experiment for experiment in project.experiments()}
    noise, sums = experiments["case-gram/noise"], experiments["case-sums/sums"]
    assert can_have_figure(noise, "prompt-0-layer-29-mean")
    assert can_begin_figure(noise, "prompt-0-layer-29") and can_begin_figure(noise, "prompt")
    for name in ("promt-0-layer-29-mean", "prompt-0", "prompt-0-layer-29-median"):
        assert not can_have_figure(noise, name)
    assert not can_begin_figure(noise, "promt")
    assert can_have_figure(sums, "share") and not can_have_figure(sums, "prompt-0")


def test_names_in_messages_contain_no_patterns() -> None:
    """A star replaces a number that only the result knows."""
    names = readable_names(analysis_name_patterns(registry.find("attention-pattern")))
    assert names == ["layer-*-mean", "prompt-*-layer-*-mean", "prompt-*-layer-*-heads"]


def test_every_analysis_declares_its_figure_names() -> None:
    """No pattern matches every name."""
    for name in registry.names():
        assert "figures" in vars(registry.find(name))
        assert analysis_name_patterns(registry.find(name)) != (".+",), name
